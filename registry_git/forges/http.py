"""Calls to a forge's API: in time, again where that is safe, no faster than the forge allows, the token kept quiet."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from registry_git.core.errors import NotFound, PermissionDenied, Unavailable
from registry_git.forges.answers import Answer
from registry_git.forges.refusals import Refusals
from registry_git.forges.token import Token

if TYPE_CHECKING:
    import ssl

    import httpx

_ANSWER_MAX = 16 << 20  # bytes; no list of reviews is longer
_PAGES_MAX = 200
_BUSY = (500, 502, 503, 504)
_RELATIVE_MAX = 10_000_000  # a limit's reset below this is in seconds from now, above it a moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long calls wait, in seconds: for a connection, for an answer, for a limit in all, and between attempts.

    `in_all`: what all calls of one `Api` may take together, from the first on; None: any time.
    """

    connect: float = 10.0
    answer: float = 30.0
    limit: float = 90.0
    back_off: tuple[float, ...] = (0.3, 1.0, 3.0)
    in_all: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """An answer with its status and headers (names in lower case)."""

    status: int
    headers: Mapping[str, str]
    body: Answer


class Api:
    """The API of one forge."""

    def __init__(
        self,
        base: str,
        *,
        token: Token | None,
        variables: str,
        scheme: str = "Bearer",
        accept: str = "application/json",
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """An API whose calls go to `base` plus their path.

        Args:
            base: a URL without a closing `/`.
            token: sent as `Authorization: <scheme> <token>`; None: nobody.
            variables: which variables may hold a token, for hints.
            scheme: `Bearer` or `token`; `Basic` where a user and a password are known.
            accept: the media type to ask for.
            patience: how long to wait.
            clock: the time in seconds since 1970.
            sleep: waits that many seconds.
        """
        self._base = base
        self._scheme = scheme
        self._token = token
        self._accept = accept
        self._patience = patience or Patience()
        self._clock = clock
        self._sleep = sleep
        self._refusals = Refusals(name=urlsplit(base).netloc, token=token, variables=variables)
        self._client: httpx.Client | None = None
        self._ends: float | None = None  # by the monotonic clock

    def get(self, path: str, **query: str | int) -> Answer:
        """The answer to GET. Raises: see `Forge`."""
        return self._call("GET", path, query=query).body

    def get_or_none(self, path: str, **query: str | int) -> Answer | None:
        """The answer to GET; None where there is nothing."""
        try:
            return self.get(path, **query)
        except NotFound:
            return None

    def get_if_shown(self, path: str, **query: str | int) -> Answer:
        """The answer to GET; one that holds None where there is nothing, or the token may not see it."""
        try:
            return self.get(path, **query)
        except (NotFound, PermissionDenied):
            return Answer(None)

    def pages(self, path: str, *, items: str = "", **query: str | int) -> Iterator[Answer]:
        """The items of a list, page after page; `items` is the key that holds them, where the answer is no list."""
        asked: dict[str, str | int] = dict(query)
        for number in range(1, _PAGES_MAX + 1):
            page = self._call("GET", path, query=asked)
            yield from page.body.items(*([items] if items else []))
            following = _next_page(page, number)
            if following is None:
                return
            asked = {**asked, **following}
        raise Unavailable(f"{self._refusals.name} lists more than {_PAGES_MAX} pages at {path}.")

    def post(self, path: str, body: Mapping[str, Any], *, again: bool = False) -> Answer:
        """The answer to POST. `again`: twice does no harm, so it is tried again when the answer is lost."""
        return self._call("POST", path, body=body, again=again).body

    def put(self, path: str, body: Mapping[str, Any], *, again: bool = False) -> Answer:
        """The answer to PUT; `again` as for `post`."""
        return self._call("PUT", path, body=body, again=again).body

    def patch(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to PATCH, which sets what it sends, so twice does no harm."""
        return self._call("PATCH", path, body=body, again=True).body

    def form(self, path: str, fields: Mapping[str, str], *, again: bool = False) -> Answer:
        """The answer to POST of a form; `again` as for `post`."""
        return self._call("POST", path, form=fields, again=again).body

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        again: bool = False,
    ) -> Page:
        """One call; after a limit, a lost connection or a busy forge again, where that does no harm."""
        pauses = list(self._patience.back_off) if again or method == "GET" else []
        waited = 0.0
        while True:
            page = None
            try:
                status, headers, content = self._send(method, path, query, body, form)
            except Unavailable:
                if not pauses:
                    raise
            else:
                page = Page(status, headers, self._parsed(content, status))
            if page is not None and page.status < 300:
                return page
            wait = None if page is None else self._limit(page)
            if wait is not None:
                waited += wait
                if waited > self._patience.limit:
                    raise self._refusals.limit(wait)
            elif page is not None and (page.status not in _BUSY or not pauses):
                raise self._refusals.of(page.status, page.body, path)
            self._sleep(pauses.pop(0) if wait is None else wait)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
        form: Mapping[str, str] | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One attempt: status, headers (names in lower case) and content. Raises: Unavailable: no answer."""
        import httpx  # slow to import, and most commands speak to no forge

        left = self._left()
        wait = httpx.Timeout(min(self._patience.answer, left), connect=min(self._patience.connect, left))
        if self._client is None:
            # a redirect could lead the token elsewhere, so none is followed
            self._client = httpx.Client(
                verify=_trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
                follow_redirects=False,
                headers={"User-Agent": "registry-git"},
            )
        try:
            with self._client.stream(
                method,
                self._base + path,
                params=dict(query) if query else None,
                json=body,
                data=dict(form) if form is not None else None,
                headers={"Accept": self._accept},
                auth=self._auth(),
                timeout=wait,
            ) as response:
                content = self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as problem:
            self._left()  # late is what it is then, however it shows
            # `from None`: the cause holds the request, and that the token
            raise self._refusals.silence(problem) from None
        return response.status_code, {key.lower(): value for key, value in response.headers.items()}, content

    def _left(self) -> float:
        """The seconds that are left for all calls together. Raises: Unavailable: none are."""
        in_all = self._patience.in_all
        if in_all is None:
            return float("inf")
        now = time.monotonic()
        if self._ends is None:
            self._ends = now + in_all
        if now >= self._ends:
            raise self._refusals.late(in_all) from None
        return self._ends - now

    def _auth(self) -> httpx.BasicAuth | Callable[[httpx.Request], httpx.Request]:
        """Adds the token when a request is sent, so that no client and no header that is shown holds it."""
        import httpx

        token = self._token
        if token is not None and self._scheme == "Basic":
            return httpx.BasicAuth(token.user, token.secret)

        def sign(request: httpx.Request) -> httpx.Request:
            if token is not None:
                request.headers["Authorization"] = f"{self._scheme} {token.secret}"
            return request

        return sign

    def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            self._left()
            if len(content) > _ANSWER_MAX:
                raise Unavailable(f"{self._refusals.name} answered more than {_ANSWER_MAX >> 20} MiB.")
        return bytes(content)

    def _parsed(self, content: bytes, status: int) -> Answer:
        if not content.strip():
            return Answer(None)
        try:
            return Answer(json.loads(content))
        except (ValueError, RecursionError):
            if status >= 300:
                return Answer(None)  # a proxy's page, not the forge's words
            raise Unavailable(
                f"{self._refusals.name} answered with something that is not JSON.",
                hint="Check that the url in registry.yaml's `forge` is the forge's, not that of a page for logging in.",
            ) from None

    def _limit(self, page: Page) -> float | None:
        """The seconds after which the forge takes calls again; None when it did not refuse for a limit."""
        headers = page.headers
        spent = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining")) == "0"
        if page.status != 429 and not (page.status == 403 and (spent or "retry-after" in headers)):
            return None
        after = headers.get("retry-after", "")
        if _is_number(after):
            return float(after)
        if after:
            try:
                return max(0.0, parsedate_to_datetime(after).timestamp() - self._clock())
            except (ValueError, TypeError):
                pass
        reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset", "")
        if _is_number(reset):
            return max(1.0, float(reset) - (self._clock() if int(reset) > _RELATIVE_MAX else 0.0))
        return 60.0  # what GitHub asks for where it names no time


@cache
def _trusted(file: str | None, directory: str | None) -> ssl.SSLContext:
    """Which certificates are trusted: those of the variables. Read once, since that takes longer than a call."""
    import httpx

    return httpx.create_ssl_context()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _next_page(page: Page, number: int) -> dict[str, str | int] | None:
    """What to ask for the next page; None after the last.

    Only the query of a `Link` header is taken: its host may be a name that is known inside the forge alone.
    """
    link = page.headers.get("link", "")
    found = re.search(r'<([^<>]*)>\s*;[^,]*\brel="?next"?', link)
    if found:
        return dict(parse_qsl(urlsplit(found[1]).query))
    following = page.headers.get("x-next-page", "")
    if not link and _is_number(following):
        return {"page": following}
    if isinstance(page.body.value, dict):
        pages = page.body.at("pagination", "pages").value
        return {"page": number + 1} if type(pages) is int and number < pages else None
    return None
