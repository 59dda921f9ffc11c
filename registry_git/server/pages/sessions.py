"""Who sits at the browser: a signed cookie names the token that was shown once, and every form proves its page.

The cookie does not hold the token, and it is good only as long as the token is: one that is revoked or has expired
ends its sessions at once. What is signed is signed with a key beside the accounts, so that sessions outlive the server.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from registry_git.core.errors import PermissionDenied, RegistryError
from registry_git.server.identity import Door, Identity
from registry_git.server.private_file import PrivateFile

_LOG = logging.getLogger(__name__)
DAYS = 7  # until somebody has to sign in again
_SESSION, _VISITOR, _SAID = "registry-git-session", "registry-git-visitor", "registry-git-said"
_SAID_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A browser. `key` is its own secret; `session` the signed word about who signed in; `said` is to be told once."""

    key: str
    new: bool
    session: str
    said: str


class Sessions:
    """Cookies: read, written, verified. Safe to share between threads."""

    def __init__(self, accounts: Path, door: Door, *, secure: bool) -> None:
        """`accounts`: the file of accounts, beside which the key lies. `secure`: the pages are served over TLS."""
        self._door = door
        self._secure = secure
        self._prefix = "__Host-" if secure else ""
        self._key = _key(accounts)
        self._sessions = URLSafeTimedSerializer(self._key, salt="session")
        self._sayings = URLSafeTimedSerializer(self._key, salt="said")

    def visitor(self, headers: Mapping[str, str]) -> Visitor:
        """The browser that sent these headers (names in lower case); a new one gets a key."""
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        found = {
            name: cookies[self._prefix + name].value
            for name in (_SESSION, _VISITOR, _SAID)
            if self._prefix + name in cookies
        }
        key = found.get(_VISITOR, "")
        said = self._load(self._sayings, found.get(_SAID, ""), _SAID_SECONDS)
        return Visitor(
            key=key or secrets.token_urlsafe(18),
            new=not key,
            session=found.get(_SESSION, ""),
            said=said if isinstance(said, str) else "",
        )

    def identity(self, visitor: Visitor) -> Identity | None:
        """Who has signed in, if it still counts."""
        found = self._load(self._sessions, visitor.session, DAYS * 86_400)
        if not isinstance(found, list) or len(found) != 2 or not all(isinstance(one, str) for one in found):
            return None
        return self._door.signed_in(*found)

    def sign_in(self, identity: Identity) -> str:
        """The cookie of a session. Raises: PermissionDenied: a session needs a token."""
        mark = self._door.mark_of(identity)
        if mark is None:
            raise PermissionDenied("Only a token of an account signs in.")
        return self._cookie(_SESSION, self._sessions.dumps(list(mark)), DAYS * 86_400)

    def sign_out(self) -> str:
        """The cookie that ends a session."""
        return self._cookie(_SESSION, "", 0)

    def known(self, visitor: Visitor) -> str:
        """The cookie by which a browser is known again."""
        return self._cookie(_VISITOR, visitor.key, DAYS * 86_400)

    def saying(self, said: str) -> str:
        """The cookie of what is to be told on the next page; empty: nothing any more."""
        return self._cookie(_SAID, self._sayings.dumps(said[:500]) if said else "", _SAID_SECONDS if said else 0)

    def proof(self, visitor: Visitor) -> str:
        """What the forms of a page hold, so that no other page can send them."""
        text = json.dumps([visitor.key, visitor.session])
        return blake2b(text.encode(), key=self._key[:64], digest_size=18, person=b"form").hexdigest()

    def require_proof(self, visitor: Visitor, given: str) -> None:
        """Returns when a form came from a page of this browser. Raises: PermissionDenied."""
        if visitor.new or not hmac.compare_digest(self.proof(visitor).encode(), given.encode("utf-8", "replace")):
            raise PermissionDenied("This page is not of this session any more.", hint="Send the form again.")

    def _load(self, serializer: URLSafeTimedSerializer, text: str, seconds: int) -> Any:
        try:
            return serializer.loads(text, max_age=seconds) if text else None
        except BadSignature:
            return None

    def _cookie(self, name: str, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self._prefix}{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _key(accounts: Path) -> bytes:
    """The key that signs; without accounts nobody signs in, and one that ends with the server does."""
    fresh = secrets.token_hex(32)
    if not accounts.exists():
        return fresh.encode()
    file: PrivateFile[str] = PrivateFile(
        accounts.with_name(f"{accounts.name}.sessions"), what="key of sessions", absent="", parse=_parsed, write=str
    )
    try:
        if not file.value():
            file.change(lambda known: known or fresh)
        return file.value().encode()
    except RegistryError as problem:
        _LOG.warning("Sessions end when the server stops: %s", problem)
        return fresh.encode()


def _parsed(text: str) -> str:
    if len(text.strip()) < 64:
        raise ValueError("it is too short")
    return text.strip()
