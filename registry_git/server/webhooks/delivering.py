"""Delivers what waits: each webhook in order, several webhooks at once, a failing one again later and later.

A receiver that has refused one event for a day (`give_up_seconds`) or says that it is gone has its webhook disabled:
to skip the event and go on would lose it silently, and to go on asking would let the rest wait for ever.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from registry_git.core.errors import Corrupt, NotFound, RegistryError
from registry_git.gitstore.store import Store
from registry_git.server.metrics import Metrics
from registry_git.server.webhooks.book import Book
from registry_git.server.webhooks.hook import Status, Webhook
from registry_git.server.webhooks.managing import may_manage
from registry_git.server.webhooks.outbox import Delivery, Outbox, Pending, Renamed
from registry_git.server.webhooks.payload import payload
from registry_git.server.webhooks.settings import WebhookSettings

_AT_ONCE = 8  # webhooks that are called at the same time
_AHEAD = 1_000  # deliveries that are looked up at once, and counted as waiting
_LOG = logging.getLogger(__name__)
if TYPE_CHECKING:
    from registry_git.server.webhooks.sending import Outcome, Sender

OpenStore = Callable[[], AbstractContextManager[Store]]


@dataclass(slots=True, kw_only=True, eq=False)
class _Standing:
    """How it stands with one place of a webhook. Written by the thread that delivers, while `busy`."""

    webhook: Webhook
    busy: bool = False
    seen: str = ""  # the state of the registry that is dealt with
    failing_since: float = 0.0
    attempts: int = 0
    not_before: float = 0.0
    waiting: int = 0
    alarm: str = ""


class Deliverer:
    """A thread that looks, and others that call. `state` says, cheaply, whether anything has happened."""

    def __init__(
        self,
        book: Book,
        outbox: Outbox,
        sender: Callable[[], Sender],
        *,
        settings: WebhookSettings,
        store: OpenStore,
        state: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        self._book = book
        self._outbox = outbox
        self._sender = sender
        self._settings = settings
        self._store = store
        self._state = state
        self._metrics = metrics
        self._standings: dict[str, _Standing] = {}
        self._called = threading.Event()
        self._ending = False
        self._lock_file: int | None = None
        self._problem = ""
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Makes it look now."""
        self._called.set()

    def close(self) -> None:
        """Ends the calls that are under way, and begins no other; what waits is delivered by the next server."""
        self._ending = True
        self._called.set()
        self._thread.join()
        self._pool.shutdown(wait=True)
        if self._lock_file is not None:
            os.close(self._lock_file)

    def _run(self) -> None:
        while not self._ending:
            problem = ""
            try:
                self._look()
            except (RegistryError, OSError) as error:
                problem = str(error)
            except Exception:
                _LOG.exception("Looking for what webhooks are to be told failed.")
            if problem and problem != self._problem:
                _LOG.error("No webhook is told of anything: %s", problem)
            self._problem = problem
            self._called.wait(self._pause())
            self._called.clear()

    def _pause(self) -> float:
        now = time.monotonic()
        soonest = min((one.not_before for one in [*self._standings.values()] if one.not_before > now), default=None)
        pause = self._settings.look_seconds
        return pause if soonest is None else max(0.0, min(pause, soonest - now))

    def _look(self) -> None:
        active = [one for one in self._book.webhooks() if one.status is Status.ACTIVE]
        places = {one.place for one in active}
        self._standings = {place: found for place, found in self._standings.items() if place in places}
        self._metrics.webhooks_waiting.set(sum(one.waiting for one in self._standings.values()))
        if not active or not self._alone():
            return
        state, now = self._state(), time.monotonic()
        for webhook in active:
            standing = self._standings.get(webhook.place)
            if standing is None or (standing.webhook != webhook and not standing.busy):
                # who changes it wants to see it tried, however long it has failed
                standing = self._standings[webhook.place] = _Standing(webhook=webhook)
            if standing.busy or standing.not_before > now or standing.seen == state:
                continue
            standing.busy = True
            self._pool.submit(self._deliver, webhook, standing, state)

    def _alone(self) -> bool:
        """Whether no other server delivers from the same directory; one that takes over tidies first."""
        if self._lock_file is None:
            fd = os.open(self._book.directory / ".deliver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return False
            self._lock_file = fd
            self._outbox.tidy(self._book.webhooks())
        return True

    def _deliver(self, webhook: Webhook, standing: _Standing, state: str) -> None:
        try:
            if self._deliver_all(webhook, standing):
                standing.seen = state
                standing.alarm = ""
        except RegistryError as error:
            # nothing is told while the place is not what it was: somebody has to look
            if str(error) != standing.alarm:
                _LOG.error("The webhook %s is told of nothing any more: %s", webhook.id, error)
            standing.alarm = str(error)
            self._later(standing)
        except Exception:
            _LOG.exception("Delivering to the webhook %s failed.", webhook.id)
            self._later(standing)
        finally:
            standing.busy = False
            self._called.set()

    def _deliver_all(self, webhook: Webhook, standing: _Standing) -> bool:
        """Delivers what waits; False when some of it still does."""
        place = self._outbox.place(webhook)
        cursor = place.load()
        with self._store() as store:
            if cursor is None:
                if not self._is_current(webhook):
                    return False  # it was disabled or deleted just now
                raise Corrupt("Its place in the history is lost.", hint="Make it DISABLED and ACTIVE: it begins anew.")
            if not may_manage(store.snapshot().policy(), webhook.by, webhook.model_name):
                self._give_up(webhook, standing, _nobody_s(webhook))
                return True
            ahead: list[Pending] = list(islice(self._outbox.pending(store, webhook, cursor), _AHEAD))
        standing.waiting = sum(isinstance(delivery, Delivery) for delivery, _ in ahead)
        self._count()
        for delivery, after in ahead:
            if self._ending or not self._is_current(webhook):
                return False
            if isinstance(delivery, Renamed):
                webhook = standing.webhook = self._renamed(webhook, delivery.name)
            elif delivery is not None:
                told = payload(webhook, delivery.event, delivery.announcement)
                outcome = self._sender().send(webhook, told, delivery.key)
                if not outcome.delivered:
                    self._failed(webhook, standing, outcome)
                    return False
                standing.attempts, standing.failing_since = 0, 0.0
                standing.waiting -= 1
                self._metrics.webhook_deliveries.labels("delivered").inc()
                self._count()
            if after != cursor:
                place.save(after)
                cursor = after
        return bool(ahead) and ahead[-1][0] is None  # else there is more than was looked up

    def _is_current(self, webhook: Webhook) -> bool:
        try:
            return self._book.webhook(webhook.id) == webhook
        except NotFound:
            return False

    def _renamed(self, webhook: Webhook, name: str) -> Webhook:
        """Keeps the new name of its model; the webhook as it is then, also where somebody else changed it meanwhile."""
        after = replace(webhook, model_name=name)
        self._book.change(webhook.id, lambda one: after if one == webhook else one)
        return after

    def _failed(self, webhook: Webhook, standing: _Standing, outcome: Outcome) -> None:
        self._metrics.webhook_deliveries.labels("failed").inc()
        now = time.monotonic()
        standing.failing_since = standing.failing_since or now
        if outcome.gone or now - standing.failing_since >= self._settings.give_up_seconds:
            self._give_up(webhook, standing, outcome)
            return
        if standing.attempts == 0:
            _LOG.warning("The webhook %s is not told: %s. It is tried again.", webhook.id, outcome)
        self._later(standing)

    def _give_up(self, webhook: Webhook, standing: _Standing, why: object) -> None:
        with suppress(NotFound):  # deleted meanwhile
            after = self._book.change(webhook.id, lambda one: disabled(one, why) if one == webhook else one)
            if after.place == webhook.place:
                return  # changed meanwhile, so it is tried as it is now
            self._outbox.place(webhook).forget()
        _LOG.error("The webhook %s is disabled, and what waited for it is dropped: %s.", webhook.id, why)
        self._metrics.webhook_deliveries.labels("dropped").inc(standing.waiting)
        standing.waiting = 0

    def _later(self, standing: _Standing) -> None:
        pause = self._settings.back_off_seconds * 2 ** min(standing.attempts, 20)
        standing.attempts += 1
        standing.not_before = time.monotonic() + min(pause, self._settings.longest_seconds)

    def _count(self) -> None:
        self._metrics.webhooks_waiting.set(sum(one.waiting for one in [*self._standings.values()]))


def disabled(webhook: Webhook, why: object) -> Webhook:
    """The webhook, with nothing waiting for it, and with the sentence that says why."""
    return replace(webhook, status=Status.DISABLED, place="", status_message=f"Disabled by the server: {why}.")


def _nobody_s(webhook: Webhook) -> str:
    """Why it is told of nothing although somebody once made it, and what to do about that."""
    why = f"{webhook.by} answers for it, and may not have it any more"
    if webhook.by is None:
        why = "it is kept since before makers were written down, so nobody answers for it, and the policy names roles"
    return f"{why}; who may have it takes it over with registry-webhooks/update and the status ACTIVE"
