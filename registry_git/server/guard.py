"""What stands before every request: who may be asked for (Host), from where (Origin), how often; and after it: the log.

The browser is the danger here: it calls for whoever wrote the page that it shows. So what changes something is refused
when another page sent it, or in one of the forms that a page can send anywhere without asking.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from registry_git.core.errors import PermissionDenied, RegistryError
from registry_git.core.times import Timestamp
from registry_git.server.metrics import Metrics
from registry_git.server.problems import TooMany, for_people, problem
from registry_git.server.rates import Rate
from registry_git.server.reply import Message, RawHeaders, Receive, Reply, Scope, Send, failed, make_reply, send_reply
from registry_git.server.routing import Routes
from registry_git.server.settings import LOOPBACK_NAMES, Settings

if TYPE_CHECKING:
    from registry_git.server.serving import Serving

App = Callable[[Scope, Receive, Send], Awaitable[None]]
Told = Callable[[RegistryError], str]  # the page that says to people why something was refused

# Where the endpoints and the guard leave word for each other, in the request's scope.
HEADERS, PEER, TRUSTED, ROUTE, WHO = (f"registry_git.{name}" for name in ("headers", "peer", "trusted", "route", "who"))

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What every answer says to browsers; and what those say, too, that a browser shows as a page.
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
_DATA = (*_ALWAYS, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
_PAGE = (
    *_ALWAYS,
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        b"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # with none, browsers call the origin of a form `null`
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Guard:
    """The whole server as an ASGI application: what a route serves is asked here, all else of `app` behind it."""

    def __init__(
        self, app: App, routes: Routes[Serving], settings: Settings, metrics: Metrics, *, refusal: Told
    ) -> None:
        self._app = app
        self._refusal = refusal
        self._routes = routes
        self._settings = settings
        self._metrics = metrics
        self._rate = Rate(settings.rate)
        self._hosts = LOOPBACK_NAMES | {host.lower() for host in settings.hosts}
        self._check_hosts = settings.on_loopback or bool(settings.hosts)
        secure = ((b"strict-transport-security", b"max-age=31536000"),) if settings.tls_cert is not None else ()
        self._data_headers: RawHeaders = (*_DATA, *secure)
        self._page_headers: RawHeaders = (*_PAGE, *secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = size = 0
        try:
            reply = await self._reply(scope, receive)
            if reply is None:
                status, size = await self._elsewhere(scope, receive, send)
            else:
                status, size = reply.status, len(reply.body)
                await send_reply(send, reply, self._page_headers if reply.html else self._data_headers)
        finally:
            self._tell(scope, status or 500, size, time.perf_counter() - began)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply | None:
        """The reply of a route, or of the guard itself; None: the path and method are no route's."""
        headers = scope[HEADERS] = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        scope[PEER], scope[TRUSTED] = self._peer(scope, headers)
        try:
            self._admit(scope["method"], headers, scope[PEER])
        except RegistryError as error:
            return self._refused(headers, error)
        except Exception as error:
            return failed(error)
        found = self._routes.find(scope["method"], scope["path"])
        return await found[0].reply(scope, receive, found[1]) if found else None

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> tuple[int, int]:
        """Lets the application behind answer; the status and the size of what it said."""
        status = size = 0

        async def sent(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._page_headers]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, sent)
        return status, size

    def _refused(self, headers: Mapping[str, str], error: RegistryError) -> Reply:
        if not for_people(headers):
            return failed(error)
        status, _, more = problem(error)
        return make_reply(status, self._refusal(error).encode(), more, "text/html")

    def _peer(self, scope: Scope, headers: Mapping[str, str]) -> tuple[str, bool]:
        """The address that called, and whether its word about users counts; behind a proxy, the one that called it."""
        client = scope.get("client")
        peer = client[0] if client else ""
        if not self._settings.proxies or not self._trusts(peer):
            return peer, False
        for one in reversed(headers.get("x-forwarded-for", "").split(",")):
            if one.strip() and not self._trusts(one.strip()):
                return one.strip()[:64], True
        return peer, True

    def _trusts(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._settings.proxies)

    def _admit(self, method: str, headers: Mapping[str, str], peer: str) -> None:
        host = headers.get("host", "")
        if self._check_hosts and _host_name(host) not in self._hosts:
            raise PermissionDenied(
                f"This server is not called {_host_name(host)[:100]!r}.", hint="If it is: serve --allow-host NAME"
            )
        if method not in _SAFE:
            _refuse_foreign_pages(headers)
        wait = self._rate.wait(peer)
        if wait:
            raise TooMany("Too many requests.", seconds=math.ceil(wait))

    def _tell(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        route = scope.get(ROUTE, "none")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        self._metrics.answered(method, route, status, seconds)
        if not self._settings.access_log:
            return
        line = {
            "time": Timestamp.of(time.time_ns() // 1_000_000).text(),
            "peer": scope[PEER],
            "who": scope.get(WHO, ""),
            "method": scope["method"],
            "path": scope["path"],  # without the query: what callers put there is theirs
            "status": status,
            "bytes": size,
            "ms": round(seconds * 1000, 2),
        }
        # ASCII JSON: nothing that a caller wrote can end the line
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _refuse_foreign_pages(headers: Mapping[str, str]) -> None:
    """Returns for programs, and for pages of this server.

    Raises:
        PermissionDenied: a browser sends it for another page, or in a form that any page can send.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise PermissionDenied("A page of another site may not change anything here.")
    if origin is not None and _place(origin) != headers.get("host", "").lower():
        raise PermissionDenied("A page of another origin may not change anything here.")
    referer = headers.get("referer")
    if referer is not None and _place(referer) != headers.get("host", "").lower():
        raise PermissionDenied("A page of another origin may not change anything here.")
    browser = site is not None or origin is not None or headers.get("user-agent", "").startswith("Mozilla/")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if browser and has_body and kind != "application/json" and not (_is_form(kind) and (site or origin)):
        raise PermissionDenied("A browser's request must be application/json.", hint="Set its Content-Type.")


def _place(url: str) -> str | None:
    """Host and port of a URL, as a Host header has them; None for what is no URL."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return None


def _is_form(kind: str) -> bool:
    return kind == "application/x-www-form-urlencoded"


def _host_name(host: str) -> str:
    """The name in a Host header, without the port and the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
