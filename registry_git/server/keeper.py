"""Keeps up with the world outside: what the remote has, and what the forge says became of pull requests.

It looks on an interval, and at once when the forge calls. What it finds is written like everything else: by the writer.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from registry_git.core.errors import Corrupt, RegistryError, Unavailable
from registry_git.gitstore.writer import Writer
from registry_git.registry.facade import Registry
from registry_git.server.metrics import Metrics

_LOG = logging.getLogger(__name__)
OpenRegistry = Callable[[], AbstractContextManager[Registry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the last look went: what was wrong (empty: nothing); an `alarm` is a history that was rewritten."""

    problem: str = ""
    alarm: bool = False


class Keeper:
    """A thread that looks every `seconds`, and when `wake` is called."""

    def __init__(self, writer: Writer, registry: OpenRegistry, metrics: Metrics, *, seconds: float) -> None:
        self._writer = writer
        self._registry = registry
        self._metrics = metrics
        self._seconds = seconds
        self._called = threading.Event()
        self._ending = False
        self._settled = ""
        self.health = Health()
        self.warm = False  # whether the index is built, without which a list or a search takes long
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Makes it look now, at everything."""
        self._settled = ""
        self._called.set()

    def close(self) -> None:
        """Ends the thread, after the look that it is at."""
        self._ending = True
        self._called.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending:
            self._look()
            self._called.wait(self._seconds)
            self._called.clear()

    def _look(self) -> None:
        try:
            with self._registry() as registry:
                try:
                    if registry.remote is not None:
                        self._fetch()
                except Unavailable:
                    self._warm_up(registry)  # what is here is answered, also by a server that starts meanwhile
                    raise
                self._warm_up(registry)
                self._reconcile(registry)
            health = Health()
        except RegistryError as problem:
            health = Health(problem=str(problem), alarm=isinstance(problem, Corrupt))
        except Exception as problem:
            _LOG.exception("Looking at the remote failed.")
            health = Health(problem=type(problem).__name__)
        if health.problem and health != self.health:
            _LOG.log(logging.ERROR if health.alarm else logging.WARNING, "%s", health.problem)
        self.health = health

    def _warm_up(self, registry: Registry) -> None:
        registry.activity_cursor()
        self.warm = True

    def _fetch(self) -> None:
        try:
            self._writer.refresh()
        except RegistryError:
            self._metrics.fetches.labels("failed").inc()
            raise
        self._metrics.fetches.labels("done").inc()
        self._metrics.fetched.set_to_current_time()

    def _reconcile(self, registry: Registry) -> None:
        """Writes down verdicts that pull requests brought, if anything has happened since the last time."""
        from registry_git.forges.http import Patience
        from registry_git.forges.reconcile import reconcile
        from registry_git.forges.settings import forge_of

        policy, commit = registry.policy(), registry.commit
        if policy.forge is None or commit == self._settled:
            return
        # it is asked again at the next look, and whoever stops the server does not wait for a forge that is silent
        brief = Patience(connect=5, answer=10, limit=0, back_off=())
        forge = forge_of(policy, environment=os.environ, origin=registry.remote or "", patience=brief)
        for one in reconcile(registry, forge):
            _LOG.info("Request %s: %s by %s.", one.request, one.verdict, ", ".join(one.by))
        self._settled = registry.commit
