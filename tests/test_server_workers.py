"""The threads that wait so that the event loop does not."""

from __future__ import annotations

import asyncio
import threading

import pytest

from registry_git.server.workers import Workers


def test_jobs_give_what_they_return_and_raise_what_they_raise() -> None:
    workers = Workers(2, "test")

    def divide(one: int, other: int) -> float:
        return one / other

    async def ask() -> float:
        with pytest.raises(ZeroDivisionError):
            await workers.run(divide, 1, 0)
        return await workers.run(divide, 1, 2)

    assert asyncio.run(ask()) == 0.5
    workers.close()


def test_a_job_that_waits_keeps_no_other_one_waiting_and_threads_are_not_more_than_needed() -> None:
    workers = Workers(3, "waits")
    gate = threading.Event()

    async def ask() -> None:
        slow = [workers.run(gate.wait, 60) for _ in range(2)]
        for _ in range(20):
            assert await workers.run(abs, -1) == 1
        gate.set()
        assert await asyncio.gather(*slow) == [True, True]

    asyncio.run(ask())
    assert sum(thread.name.startswith("waits-") for thread in threading.enumerate()) == 3
    workers.close()
    assert not any(thread.name.startswith("waits-") for thread in threading.enumerate())


def test_one_after_the_other_needs_one_thread() -> None:
    workers = Workers(8, "single")

    async def ask() -> set[str]:
        return {await workers.run(lambda: threading.current_thread().name) for _ in range(50)}

    assert asyncio.run(ask()) == {"single-0"}
    workers.close()


def test_what_was_handed_over_is_done_before_the_threads_end_also_when_nobody_waits_any_more() -> None:
    workers = Workers(1, "last")
    gate, done = threading.Event(), []

    async def ask() -> None:
        workers.run(gate.wait, 60)
        for number in range(10):
            workers.run(done.append, number)

    asyncio.run(ask())
    threading.Timer(0.05, gate.set).start()
    workers.close()
    assert done == list(range(10))
