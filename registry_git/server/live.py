"""Tells whoever listens that the registry has moved: one look for all of them, and only while there is somebody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor

from registry_git.server.state import State

LISTENERS = 500  # at most; the next one is told to come back
_LOOK_SECONDS = 0.5
_BEAT_SECONDS = 15  # so that no proxy takes the silence for an end
_LONGEST_SECONDS = 600  # then the browser comes again, and has to say anew who it is


class Live:
    """The state of the registry as a stream of server-sent events. Used in the event loop alone."""

    def __init__(self, state: State, pool: Executor) -> None:
        self._state = state
        self._pool = pool
        self._queues: set[asyncio.Queue[str]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def full(self) -> bool:
        """Whether nobody else can listen now."""
        return self._ended or len(self._queues) >= LISTENERS

    async def events(self) -> AsyncIterator[bytes]:
        """The tag of the state now, and each that it gets, as events."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._queues.add(queue)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._look())
        try:
            queue.put_nowait(await self._tag())
            until = asyncio.get_running_loop().time() + _LONGEST_SECONDS
            while not self._ended and asyncio.get_running_loop().time() < until:
                try:
                    tag = await asyncio.wait_for(queue.get(), _BEAT_SECONDS)
                except asyncio.TimeoutError:
                    yield b": still here\n\n"
                    continue
                if tag:
                    yield f"event: moved\ndata: {tag}\n\n".encode()
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """Ends all streams. Called in the event loop."""
        self._ended = True
        for queue in self._queues:
            queue.put_nowait("")

    async def _look(self) -> None:
        known = await self._tag()
        while self._queues and not self._ended:
            await asyncio.sleep(_LOOK_SECONDS)
            tag = await self._tag()
            if tag != known:
                known = tag
                for queue in self._queues:
                    queue.put_nowait(tag)

    async def _tag(self) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._state.tag)
