"""One writer for all requests: what waits is written together, a commit each, with one flush and one push."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from registry_git.core.errors import Unavailable
from registry_git.gitstore.batch import Outcome
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.session import Session
from registry_git.gitstore.store import Store

_MOST = 64  # plans of one batch
_REMEMBERED = 2_000  # manifests that one handle keeps decoded; there are several handles
_LOG = logging.getLogger(__name__)
T = TypeVar("T")
Observe = Callable[[int, float], None]


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    """A plan that waits, or (None) a wish to see what the remote has."""

    plan: Callable[[Session], Any] | None
    describe: ReflogEntry | None = None
    asked: float = field(default_factory=time.monotonic)
    done: Future[Any] = field(default_factory=Future)


class Writer:
    """Runs plans on one thread. `observe` is told of each batch: how many plans, how many seconds."""

    def __init__(self, store: Store, observe: Observe | None = None) -> None:
        self._store = store
        self._observe = observe
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._gate = threading.Lock()  # nothing is put behind the job that ends the thread
        self._closed = False
        self._fetched = float("-inf")
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether writes are taken."""
        return self._thread.is_alive() and not self._closed

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
        job = _Job(plan=plan, describe=describe)
        self._put(job)
        found: T = job.done.result()
        return found

    def refresh(self, *, at_most_seconds: float = 0.0) -> None:
        """Brings what the remote has here, unless that was done in the last seconds. Raises: as `Store.refresh`."""
        if self._store.following is None or self.seconds_since_fetch < at_most_seconds:
            return
        job = _Job(plan=None)
        self._put(job)
        job.done.result()

    def close(self) -> None:
        """Writes what waits, and takes nothing more."""
        with self._gate:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> None:
        with self._gate:
            if self._closed:
                raise Unavailable("The server is stopping.", hint="Try again in a moment.")
            self._jobs.put(job)

    def _run(self) -> None:
        again: list[_Job] = []
        ending = False
        while again or not ending:
            jobs, again = again, []
            if not jobs:
                ending = self._add(jobs, self._jobs.get())
            while len(jobs) < _MOST and not ending:
                try:
                    ending = self._add(jobs, self._jobs.get_nowait())
                except Empty:
                    break
            again = self._work(jobs)

    def _add(self, jobs: list[_Job], job: _Job | None) -> bool:
        if job is not None:
            jobs.append(job)
        return job is None

    def _work(self, jobs: list[_Job]) -> list[_Job]:
        """Does what the jobs ask; gives those that have to be asked again."""
        fetches = [job for job in jobs if job.plan is None]
        plans = [job for job in jobs if job.plan is not None]
        if fetches:
            began = time.monotonic()
            try:
                self._store.refresh()
                self._fetched = began
                _answer(fetches, [Outcome()] * len(fetches))
            except Exception as problem:
                _answer(fetches, [Outcome(error=problem)] * len(fetches))
        if not plans:
            return []
        began = time.monotonic()
        try:
            outcomes = self._write(plans)
            self._fetched = began
        except Exception as problem:
            if len(plans) == 1:
                outcomes = [Outcome(error=problem)]
            else:
                # what keeps one from being written (a hook's refusal) is not the others' fault
                outcomes = [self._alone(job) for job in plans]
        if self._observe is not None:
            self._observe(len(plans), time.monotonic() - began)
        _answer(plans, outcomes)
        return [job for job, outcome in zip(plans, outcomes, strict=True) if outcome.again]

    def _write(self, jobs: list[_Job]) -> list[Outcome]:
        return self._store.transact_all([job.plan for job in jobs if job.plan], describe=jobs[0].describe)

    def _alone(self, job: _Job) -> Outcome:
        try:
            return self._write([job])[0]
        except Exception as problem:
            return Outcome(error=problem)


def _answer(jobs: list[_Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if outcome.again:
            continue
        if outcome.error is not None:
            job.done.set_exception(outcome.error)
        else:
            job.done.set_result(outcome.value)


class QueuedStore(Store):
    """A store to read from; what is written to it goes to the writer."""

    def __init__(self, path: Path, writer: Writer) -> None:
        super().__init__(path)
        self.repository.remembers = _REMEMBERED
        self._writer = writer

    def transact(self, plan: Callable[[Session], T], *, describe: ReflogEntry | None = None) -> T:
        """As in `Store`, by the writer."""
        return self._writer.submit(plan, describe)

    def refresh(self, *, at_most_seconds: float = 0.0) -> None:
        """As in `Store`, by the writer."""
        self._writer.refresh(at_most_seconds=at_most_seconds)

    def refresh_to_read(self, *, at_most_seconds: float = 0.0) -> None:
        """Nothing: the server looks at the remote by itself, and no read waits for that."""
