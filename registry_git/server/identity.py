"""Who is calling: by a token, by a trusted proxy's word, or (on loopback, started by one person) that person."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from registry_git.core.errors import Invalid, PermissionDenied
from registry_git.core.names import Actor
from registry_git.core.times import Timestamp
from registry_git.server.accounts import Account, AccountFile, Token, split_token
from registry_git.server.permissions import SCOPES, Permission
from registry_git.server.problems import Unauthenticated

_HINT = "Send a token: Authorization: Bearer rgt_… (make one with: registry-git user token EMAIL)."
_REMEMBERED = 10_000
EVERYTHING = frozenset(SCOPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is calling and what for. `key` is what the caller is counted by; it tells no secret."""

    actor: Actor
    scopes: frozenset[Permission]
    key: str

    def require(self, permission: Permission) -> None:
        """Returns when the caller may. Raises: PermissionDenied."""
        if permission is not Permission.PUBLIC and permission not in self.scopes:
            raise PermissionDenied(
                f"This token of {self.actor.email} is not for this: it lacks the scope {permission.value}.",
                hint=f"Make one with: registry-git user token {self.actor.email} --scope {permission.value}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a request says about who sent it. `trusted`: it came from an address whose word is taken."""

    authorization: str
    user: str
    name: str
    trusted: bool


class Door:
    """Finds out who calls. Safe to share between threads."""

    def __init__(self, accounts: AccountFile, *, owner: Actor | None, clock: Callable[[], Timestamp]) -> None:
        """`owner` is who acts when nobody has to say who they are; None: everybody has to."""
        self._accounts = accounts
        self._owner = owner
        self._clock = clock
        # A secret is verified slowly once. Then a fast hash of it is known, under a key that only this process has.
        self._key = secrets.token_bytes(32)
        self._verified: dict[bytes, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def quick(self, caller: Caller) -> Identity | None:
        """Who calls, if that can be said at once; None when `identify` has to look closer."""
        if not caller.authorization:
            return self.identify(caller)
        token = _token_of(caller.authorization)
        known = self._verified.get(self._digest(token)) if token else None
        found = self._record(known[0]) if known else None
        if known is None or found is None or found[1].hash != known[1]:
            return None
        return self._identity(*found, caller.authorization)

    def identify(self, caller: Caller) -> Identity:
        """Who calls. May take 50 ms. Raises: Unauthenticated."""
        if caller.authorization:
            return self._by_token(caller.authorization)
        if caller.trusted and caller.user:
            return self._by_proxy(caller)
        owner = self._free()
        if owner is not None:
            return owner
        raise Unauthenticated("Nobody is named as the one who calls.", hint=_HINT)

    def signed_in(self, token_id: str, mark: str) -> Identity | None:
        """Who signed in with a token (see `mark_of`); None when that token is no more."""
        found = self._record(token_id)
        if found is None or not hmac.compare_digest(_mark(found[1]), mark):
            return None
        if found[1].expires is not None and self._clock() >= found[1].expires:
            return None
        return Identity(actor=found[0].actor, scopes=found[1].scopes, key=f"token {token_id}")

    def mark_of(self, identity: Identity) -> tuple[str, str] | None:
        """The id of the token by which an identity was known, and a word that only this token has; None: by none."""
        kind, _, token_id = identity.key.partition(" ")
        found = self._record(token_id) if kind == "token" else None
        return None if found is None else (token_id, _mark(found[1]))

    def _by_token(self, authorization: str) -> Identity:
        token = _token_of(authorization)
        parts = split_token(token) if token else None
        found = self._record(parts[0]) if parts else None
        if found is None or parts is None:
            owner = self._free()
            if owner is not None:
                return owner  # some clients insist on a token, so that they are given any
            raise Unauthenticated("This token is not known here.", hint=_HINT)
        with self._lock:  # one at a time: each takes 16 MiB
            right = found[1].matches(parts[1])
        if not right:
            raise Unauthenticated("This token is not known here.", hint=_HINT)
        identity = self._identity(*found, authorization)
        with self._lock:
            if len(self._verified) >= _REMEMBERED:
                self._verified.clear()
            self._verified[self._digest(token)] = (found[1].id, found[1].hash)
        return identity

    def _free(self) -> Identity | None:
        """The owner, as long as there are no accounts: with the first one everybody has to say who they are."""
        if self._owner is None or self._accounts.accounts():
            return None
        return Identity(actor=self._owner, scopes=EVERYTHING, key="owner")

    def _by_proxy(self, caller: Caller) -> Identity:
        account = self._accounts.find(caller.user)
        try:
            actor = account.actor if account else Actor.parse(f"{caller.name or caller.user} <{caller.user}>")
        except Invalid as problem:
            raise Unauthenticated(f"The proxy names nobody: {problem.message}") from None
        return Identity(actor=actor, scopes=EVERYTHING, key=f"proxy {actor.email}")

    def _record(self, token_id: str) -> tuple[Account, Token] | None:
        for account in self._accounts.accounts():
            for token in account.tokens:
                if hmac.compare_digest(token.id, token_id):
                    return account, token
        return None

    def _identity(self, account: Account, token: Token, authorization: str) -> Identity:
        if token.expires is not None and self._clock() >= token.expires:
            raise Unauthenticated(f"The token {token.id} has expired.", hint=_HINT)
        user = _basic_user(authorization)
        if user not in ("", "token", account.actor.email, account.actor.name.lower()):
            raise Unauthenticated("The token is another user's.", hint="Give the user's email address, or: token")
        return Identity(actor=account.actor, scopes=token.scopes, key=f"token {token.id}")

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "surrogateescape"), key=self._key, digest_size=32).digest()


def _mark(token: Token) -> str:
    return blake2b(token.hash.encode(), digest_size=12).hexdigest()


def caller_of(headers: Mapping[str, str], *, trusted: bool, user_header: str, name_header: str) -> Caller:
    """What a request's headers (names in lower case) say about who sent it; of others than a proxy only the token."""
    return Caller(
        authorization=headers.get("authorization", ""),
        user=headers.get(user_header.lower(), "").strip() if trusted else "",
        name=headers.get(name_header.lower(), "").strip() if trusted else "",
        trusted=trusted,
    )


def _token_of(authorization: str) -> str:
    """The token in an Authorization header: a bearer's, or the password of basic authentication; empty for neither."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return _basic(authorization)[1] if scheme.lower() == "basic" else ""


def _basic_user(authorization: str) -> str:
    return _basic(authorization)[0].lower() if authorization[:6].lower() == "basic " else ""


def _basic(authorization: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(authorization[6:].strip(), validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return "", ""
    user, _, password = text.partition(":")
    return user, password
