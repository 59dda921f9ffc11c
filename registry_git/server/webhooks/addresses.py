"""Which addresses a webhook may reach: none that is inside, unless the configuration says so.

A name is resolved once. All of its addresses are judged, and one of those that were judged is connected to: what the
name resolves to a moment later (DNS rebinding) has no say.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore

from registry_git.core.errors import Invalid
from registry_git.server.settings import Network

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


class Forbidden(httpcore.ConnectError):
    """The address is one that webhooks may not reach."""


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host. Raises: OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def look_up(resolver: Resolve, host: str, port: int, seconds: float | None) -> Sequence[str]:
    """The addresses of a host, at least one. The system's resolver knows no limit of time, so a thread of its own asks.

    Raises:
        httpcore.ConnectError: it has none; httpcore.ConnectTimeout: it takes longer than so many seconds.
    """
    answer: Future[Sequence[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolver(host, port))
        except Exception as problem:
            answer.set_exception(problem)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        found = answer.result(timeout=seconds)
    except FutureTimeout:
        raise httpcore.ConnectTimeout(f"{host} is not resolved in time") from None
    except (OSError, UnicodeError) as problem:
        raise httpcore.ConnectError(f"{host} cannot be resolved: {problem}") from None
    if not found:
        raise httpcore.ConnectError(f"{host} has no address")
    return found


def is_inside(address: Address) -> bool:
    """Whether an address, or the IPv4 address that it stands for, is anything but a public one of one host."""
    return any(
        not one.is_global or one.is_multicast or (isinstance(one, IPv6Address) and one.is_site_local)
        for one in (address, *_embedded(address))
    )


def _embedded(address: Address) -> Iterable[Address]:
    """The IPv4 addresses that packets to an IPv6 address may end up at."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


class Fence:
    """Judges addresses. `allowed` are networks inside that may be reached all the same."""

    def __init__(self, allowed: Sequence[Network] = (), resolver: Resolve = resolve) -> None:
        self._allowed = tuple(allowed)
        self._resolver = resolver

    def admit(self, text: str) -> str:
        """The address, if it may be reached. Raises: Forbidden."""
        address = ip_address(text)
        plain = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
        if is_inside(address) and not any(plain in network for network in self._allowed):
            raise Forbidden(f"{text} is a private address, which webhooks may not reach")
        return text

    def admit_host(self, host: str) -> None:
        """Returns when a host is a name, or an address that may be reached. Raises: Invalid."""
        try:
            self.admit(host)
        except ValueError:
            return  # a name; what it resolves to is judged when it is connected to
        except Forbidden as problem:
            raise Invalid(f"{problem}.", hint="If it should be: serve --webhook-allow NETWORK") from None

    def addresses(self, host: str, port: int, seconds: float | None = None) -> list[str]:
        """The addresses of a host, when all may be reached.

        Raises:
            Forbidden; httpcore.ConnectError: it has none; httpcore.ConnectTimeout: nobody says so in these seconds.
        """
        found = look_up(self._resolver, host, port, seconds)
        try:
            return [self.admit(one) for one in found]
        except Forbidden:
            # which one is nobody's business that does not know the network
            raise Forbidden(f"{host} leads to a private address, which webhooks may not reach") from None


class FencedBackend(httpcore.NetworkBackend):
    """Connects to addresses that the fence has judged, and to no others."""

    def __init__(self, fence: Fence | None, resolver: Resolve = resolve) -> None:
        """`fence` None: wherever `resolver` leads; for what the configuration itself names."""
        self._fence = fence
        self._resolver = resolver
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to one of the host's addresses; `timeout` is for the look-up and all of them together.

        Raises:
            Forbidden, httpcore.ConnectError, httpcore.ConnectTimeout.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if self._fence is None:
            targets = look_up(self._resolver, host, port, timeout)
        else:
            targets = self._fence.addresses(host, port, timeout)
        for last, target in enumerate(targets, 1 - len(targets)):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            try:
                return self._plain.connect_tcp(target, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not last:
                    raise
        raise httpcore.ConnectTimeout(f"{host} is not reached in time")
