"""Writes of several threads to one repository: those that wait meanwhile are written together, by one of the threads.

A flush of the disk costs the same for one commit as for twenty. A thread that meets nobody writes as if it were alone.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from registry_git.gitstore.batch import Outcome
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.session import Session

_MOST = 64  # plans of one batch
_GATHER_SECONDS = 0.005
_GLANCE_SECONDS = 0.0003
Plan: TypeAlias = Callable[[Session], Any]
Together: TypeAlias = Callable[[Sequence[Plan], "ReflogEntry | None"], list[Outcome]]
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job:
    plan: Plan
    describe: ReflogEntry | None
    outcome: Outcome | None = None


class Turns:
    """The turns of the threads of one process at one repository."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._busy = False  # a thread writes
        self._expected = 1  # writers at a time, as the last batch showed
        self._took = 0.0  # seconds of the last batch

    def take(
        self,
        plan: Callable[[Session], T],
        describe: ReflogEntry | None,
        *,
        alone: Callable[[], T],
        together: Together,
    ) -> T:
        """What the plan returns, once it is published, by this thread or another one.

        Args:
            plan: this thread's write.
            describe: what the reference's log says about it.
            alone: writes the plan by itself.
            together: writes several plans, those of other threads among them.

        Raises:
            What the plan, or its publishing, raises.
        """
        job = _Job(plan, describe)
        with self._changed:
            self._waiting.append(job)
        try:
            while self._is_mine(job):
                with self._writing() as jobs:
                    if jobs == [job]:
                        return alone()
                    self._write(jobs, together)
        except BaseException:
            with self._changed, suppress(ValueError):
                self._waiting.remove(job)  # nobody waits for it any more
            raise
        assert job.outcome is not None  # noqa: S101 - for the type checker: nobody's turn comes but by it
        if job.outcome.error is not None:
            raise job.outcome.error
        found: T = job.outcome.value
        return found

    def _is_mine(self, job: _Job) -> bool:
        """Waits until the job is done (False) or it is this thread's turn to write (True)."""
        with self._changed:
            while job.outcome is None and self._busy:
                self._changed.wait()
            if job.outcome is not None:
                return False
            self._busy = True
            return True

    @contextmanager
    def _writing(self) -> Iterator[list[_Job]]:
        """The jobs of one batch; then it is the turn of others."""
        jobs: list[_Job] = []
        try:
            self._gather()
            with self._changed:
                jobs += [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            begun = time.monotonic()
            yield jobs
            self._took = time.monotonic() - begun
        finally:
            with self._changed:
                self._expected = min(_MOST, len(jobs) + len(self._waiting))
                self._busy = False
                self._changed.notify_all()

    def _gather(self) -> None:
        """Waits a moment for those that were in the last batch: they are on their way back with their next write."""
        until = time.monotonic() + min(_GATHER_SECONDS, self._took / 4)
        while len(self._waiting) < self._expected and time.monotonic() < until:
            time.sleep(_GLANCE_SECONDS)

    def _write(self, jobs: list[_Job], together: Together) -> None:
        try:
            for job, outcome in zip(jobs, self._tried(jobs, together), strict=True):
                if not outcome.again:
                    job.outcome = outcome
        finally:
            # asked again as the first, or, when this thread is stopped, by the others
            with self._changed:
                self._waiting.extendleft(reversed([job for job in jobs if job.outcome is None]))

    def _tried(self, jobs: list[_Job], together: Together) -> list[Outcome]:
        try:
            return together([job.plan for job in jobs], jobs[0].describe)
        except Exception as problem:
            if len(jobs) == 1:
                return [Outcome(error=problem)]
            # what keeps one from being written (a hook's refusal) is not the others' fault
            return [self._tried([job], together)[0] for job in jobs]


_TURNS: dict[tuple[object, ...], Turns] = {}
_MAKING = threading.Lock()


def turns_at(*place: object) -> Turns:
    """The turns of this process at a repository, told by whatever must be the same for its writers."""
    key = (os.getpid(), *place)  # a fork's threads are not its parent's
    with _MAKING:
        return _TURNS.setdefault(key, Turns())
