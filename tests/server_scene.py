"""A real server on loopback in a thread, and what its tests ask of it."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn.server

from registry_git.core.names import Actor
from registry_git.server.run import listen, make_server
from registry_git.server.service import Service
from registry_git.server.settings import Settings
from tests.registry_scene import ALICE

# For clients of http:// URLs: one that may meet https:// reads all certificates of the machine when it is made.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _LooksOften:
    """asyncio for uvicorn, which sleeps 0.1 s between two looks whether it is to stop, and once more: here a tenth."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


uvicorn.server.asyncio = _LooksOften()  # type: ignore[assignment]


def settings_of(repository: Path, **other: Any) -> Settings:
    """How the tests' servers run: on any free port, as Alice, silently; the file of accounts is beside the registry."""
    accounts = repository.with_name("accounts.json")
    plain = Settings(repository=repository, port=0, accounts=accounts, owner=Actor.parse(ALICE), access_log=False)
    return replace(plain, **other)


@contextmanager
def serving(settings: Settings) -> Iterator[httpx.Client]:
    """A running server, as a client of it."""
    with serving_with(settings) as (_, client):
        yield client


@contextmanager
def serving_with(settings: Settings) -> Iterator[tuple[Service, httpx.Client]]:
    """A running server: what it holds, and a client of it."""
    service = Service(settings)
    server = make_server(service)
    listener = listen(settings.host, settings.port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=30, verify=NO_TLS) as client:
            until = time.monotonic() + 20
            while not server.started:
                assert time.monotonic() < until, "the server did not start"
                assert thread.is_alive()
                time.sleep(0.005)
            yield service, client
    finally:
        server.should_exit = True
        thread.join(timeout=40)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def all_readers_busy(service: Service) -> Iterator[None]:
    """Inside it, whatever needs a thread to read waits."""
    gate, begun = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        begun.release()
        assert gate.wait(60)

    jobs = [service.reading.submit(wait) for _ in range(3)]
    for _ in jobs:
        begun.acquire()
    try:
        yield
    finally:
        gate.set()
        for job in jobs:
            job.result()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """The status and the error code of an answer."""
    return answer.status_code, answer.json()["error_code"]
