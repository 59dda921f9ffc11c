"""Serving until a signal says stop: then no new request is taken, and what was taken is finished and written."""

from __future__ import annotations

import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from registry_git.core.errors import Invalid, Unavailable
from registry_git.server.application import build
from registry_git.server.live import Live
from registry_git.server.service import Service
from registry_git.server.settings import Settings

_BACKLOG = 1024
_STOP_SECONDS = 30  # for requests that are still being answered
Told = Callable[[str], None]


class Server(uvicorn.Server):
    """uvicorn's server, which ends with the exit code 0 after a signal, and streams that have no end of their own."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes nothing new, ends the streams, and waits for what is being answered."""
        self._live.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on SIGTERM and SIGINT while it is entered; uvicorn's own would die by the signal afterwards."""
        try:
            before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not the main thread: whoever started it stops it by `should_exit`
            yield
            return
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; accepted connections send at once (TCP_NODELAY).

    Raises:
        Unavailable: the port is taken; Invalid: the address is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise Invalid(f"{host!r} is no address: {problem.strerror}.", hint="Try 127.0.0.1 or 0.0.0.0.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # else each answer on a kept connection waits some 40 ms for Nagle and a delayed acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise Unavailable(
            f"{host}:{port} cannot be listened at: {problem.strerror}.", hint="Try another --port."
        ) from None
    return listener


def make_server(service: Service) -> Server:
    """The server of a service; it does not run yet."""
    settings = service.settings
    config = uvicorn.Config(
        build(service).guard,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whose word counts is the guard's to say
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=_STOP_SECONDS,
        lifespan="on",
        ws="none",
    )
    return Server(config, service.live)


def serve(settings: Settings, told: Told) -> None:
    """Serves until SIGTERM or SIGINT. `told` gets the address once it is listened at.

    Raises:
        As `Service`, `listen`; Invalid: the certificate cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    service = Service(settings)
    try:
        server = make_server(service)
        try:
            server.config.load()
        except (OSError, ValueError) as problem:
            raise Invalid(f"The certificate or its key cannot be used: {problem}.", hint="Give PEM files.") from None
        listener = listen(settings.host, settings.port)
        gc.freeze()  # what is loaded by now stays: looking through it for garbage stopped everybody for 100 ms at times
    except BaseException:
        service.close()
        raise
    scheme = "https" if settings.tls_cert else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    told(f"{scheme}://{host}:{listener.getsockname()[1]}")
    server.run(sockets=[listener])
