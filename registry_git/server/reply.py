"""An answer as it goes out: made once, sent in two messages, without a framework's objects around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from registry_git.server.problems import problem

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = tuple[tuple[bytes, bytes], ...]

_BODILESS = (204, 304)  # what no length is said of, either


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers as HTTP wants them (names in lower case), body; `html`: whether a browser shows it as a page."""

    status: int
    headers: RawHeaders
    body: bytes = b""
    html: bool = False


def make_reply(status: int, body: bytes, headers: Mapping[str, str], media: str = "") -> Reply:
    """A reply. `media` is its type; a text's is UTF-8."""
    return _reply(status, body, _encoded(headers, media), media)


def state_reply(status: int, body: bytes, tag: str, media: str) -> Reply:
    """A reply that shows the state with this tag (empty: none), and says nothing else in its headers."""
    return _reply(status, body, _state_headers(tag, media), media)


@lru_cache(maxsize=32)
def _state_headers(tag: str, media: str) -> RawHeaders:
    """The same for every answer until the registry moves."""
    return _encoded(caching(tag), media)


def _encoded(headers: Mapping[str, str], media: str) -> RawHeaders:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    if media:
        if media.startswith("text/") and "charset" not in media:
            media += "; charset=utf-8"
        raw.append((b"content-type", media.encode("latin-1")))
    return tuple(raw)


def _reply(status: int, body: bytes, headers: RawHeaders, media: str) -> Reply:
    if status not in _BODILESS:
        headers = (*headers, (b"content-length", b"%d" % len(body)))
    return Reply(status, headers, body, html=media.startswith("text/html"))


def failed(error: BaseException) -> Reply:
    """What tells a client about an error."""
    status, body, headers = problem(error)
    return make_reply(status, body, headers, "application/json")


async def send_reply(send: Send, reply: Reply, more: RawHeaders = ()) -> None:
    """Sends a reply, with more headers."""
    await send({"type": "http.response.start", "status": reply.status, "headers": (*reply.headers, *more)})
    await send({"type": "http.response.body", "body": reply.body})


def caching(tag: str) -> dict[str, str]:
    """The headers of what shows the state with this tag; empty: of what shows none."""
    headers = {"cache-control": "private, no-cache" if tag else "no-store"}
    if tag:
        headers |= {"etag": f'"{tag}"', "vary": "Authorization", "registry-commit": tag.partition("+")[0]}
    return headers


def is_known(headers: Mapping[str, str], tag: str) -> bool:
    """Whether a request says that it knows the state with this tag."""
    wanted = headers.get("if-none-match", "")
    if not wanted:
        return False
    return wanted.strip() == "*" or any(one.strip().removeprefix("W/") == f'"{tag}"' for one in wanted.split(","))


def unchanged(tag: str) -> Reply:
    """What tells a client that it knows the answer."""
    return state_reply(304, b"", tag, "")
