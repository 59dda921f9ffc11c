"""One writer for all requests: what waits is written together, a commit each, with one flush and one push."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from registry_git.core.errors import Unavailable
from registry_git.gitstore.batch import Outcome
from registry_git.gitstore.memory import Memory
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.session import Session
from registry_git.gitstore.store import Store
from registry_git.gitstore.together import Plan, Turns

_REMEMBERED = (
    500  # entries of directories that a repository knows; there may be 40, and every write makes new directories
)
_DECODED = 4_000  # manifests that all handles keep decoded
T = TypeVar("T")
Observe = Callable[[int, float], None]


class Writer:
    """Runs plans one batch at a time, on the thread of one of those who wait: nobody is handed over to another.

    `observe` is told of each batch: how many plans, how many seconds.
    """

    def __init__(self, store: Store, observe: Observe | None = None) -> None:
        self._store = store
        store.repository.memory.manifests = _DECODED
        store.repository.remembers = _REMEMBERED
        self._observe = observe
        self._turns = Turns()
        self._changed = threading.Condition()
        self._inside = 0  # threads that write or refresh
        self._closed = False
        self._fetching = threading.Lock()
        self._fetched = float("-inf")

    @property
    def alive(self) -> bool:
        """Whether writes are taken."""
        return not self._closed

    @property
    def memory(self) -> Memory:
        """What the writer knows, for the handles that read."""
        return self._store.repository.memory

    @property
    def follows(self) -> bool:
        """Whether there is a remote."""
        return self._store.following is not None

    @property
    def seconds_since_fetch(self) -> float:
        """How long ago the remote was last seen; endless when it never was."""
        return time.monotonic() - self._fetched

    def submit(self, plan: Callable[[Session], T], describe: ReflogEntry | None) -> T:
        """Waits until the plan is published, and gives what it returned. Raises: as `Store.transact`."""

        def alone() -> T:
            with self._observed(1):
                return self._store.transact_alone(plan, describe)

        with self._entered():
            return self._turns.take(plan, describe, alone=alone, together=self._together)

    def refresh(self, *, at_most_seconds: float = 0.0) -> None:
        """Brings what the remote has here, unless that was done in the last seconds. Raises: as `Store.refresh`."""
        if self._store.following is None or self.seconds_since_fetch < at_most_seconds:
            return
        asked = time.monotonic()
        with self._entered(), self._fetching:
            if self._fetched >= asked:
                return  # somebody else has looked meanwhile
            began = time.monotonic()
            self._store.refresh()
            self._fetched = began

    def close(self) -> None:
        """Writes what waits, and takes nothing more."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._inside)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with self._changed:
            if self._closed:
                raise Unavailable("The server is stopping.", hint="Try again in a moment.")
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def _together(self, plans: Sequence[Plan], describe: ReflogEntry | None) -> list[Outcome]:
        with self._observed(len(plans)):
            return self._store.transact_all(plans, describe)

    @contextmanager
    def _observed(self, plans: int) -> Iterator[None]:
        """A batch, which begins with a look at the remote."""
        began = time.monotonic()
        done = False
        try:
            yield
            done = True
        finally:
            if done:
                self._fetched = max(self._fetched, began)
            if self._observe is not None:
                self._observe(plans, time.monotonic() - began)


class QueuedStore(Store):
    """A store to read from; what is written to it goes to the writer."""

    def __init__(self, path: Path, writer: Writer) -> None:
        super().__init__(path)
        self.repository.remembers = _REMEMBERED
        self.repository.share(writer.memory)
        self._writer = writer

    def transact(self, plan: Callable[[Session], T], *, describe: ReflogEntry | None = None) -> T:
        """As in `Store`, by the writer."""
        return self._writer.submit(plan, describe)

    def refresh(self, *, at_most_seconds: float = 0.0) -> None:
        """As in `Store`, by the writer."""
        self._writer.refresh(at_most_seconds=at_most_seconds)

    def refresh_to_read(self, *, at_most_seconds: float = 0.0) -> None:
        """Nothing: the server looks at the remote by itself, and no read waits for that."""
