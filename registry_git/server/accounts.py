"""Who may call: a file of accounts and the hashes of their tokens, beside the registry and never in it.

A token is `rgt_<id>_<secret>`. The id finds its record; of the secret only scrypt's hash is stored. The file is read by
its owner alone, written whole or not at all, and looked at again whenever it changed.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass, replace
from hashlib import scrypt
from pathlib import Path

from registry_git.core.errors import AlreadyExists, Invalid, NotFound
from registry_git.core.names import Actor
from registry_git.server.permissions import SCOPES, Permission
from registry_git.server.private_file import PrivateFile

ACCOUNTS_VARIABLE = "REGISTRY_GIT_ACCOUNTS"
PREFIX = "rgt_"
_ID_BYTES, _SECRET_BYTES, _SALT_BYTES = 5, 32, 16
_COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MiB and some 50 ms: for who steals the file, not for who calls
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is stored of a token. Times are milliseconds since 1970; `expires` None: it does not."""

    id: str
    salt: str
    hash: str
    scopes: frozenset[Permission]
    created: int
    expires: int | None
    note: str = ""

    def matches(self, secret: str) -> bool:
        """Whether `secret` is this token's. Takes some 50 ms."""
        return hmac.compare_digest(_hashed(secret, bytes.fromhex(self.salt)), bytes.fromhex(self.hash))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may call: the actor of what comes with one of the tokens."""

    actor: Actor
    tokens: tuple[Token, ...] = ()


Accounts = tuple[Account, ...]


def default_accounts() -> Path:
    """Where the accounts are: `REGISTRY_GIT_ACCOUNTS`, else `accounts.json` in the user's configuration directory."""
    named = os.environ.get(ACCOUNTS_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("registry-git") / "accounts.json"


class AccountFile:
    """The file of accounts. Safe to share between threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: PrivateFile[Accounts] = PrivateFile(
            path, what="file of accounts", absent=(), parse=_parsed, write=_written
        )

    def accounts(self) -> Accounts:
        """The accounts as the file holds them now; none when there is no file.

        Raises:
            Corrupt: it is no such file; Unavailable: others may read it, or we may not.
        """
        return self._file.value()

    def find(self, email: str) -> Account | None:
        """The account of an email address."""
        return next((one for one in self.accounts() if one.actor.email == email.lower()), None)

    def add(self, actor: Actor) -> None:
        """A new account without a token. Raises: AlreadyExists."""

        def change(accounts: Accounts) -> Accounts:
            if any(one.actor.email == actor.email for one in accounts):
                raise AlreadyExists(
                    f"{actor.email} has an account.",
                    hint=f"Give it a token with: registry-git user token {actor.email}",
                )
            return (*accounts, Account(actor=actor))

        self._file.change(change)

    def add_token(
        self, email: str, *, scopes: frozenset[Permission], created: int, expires: int | None, note: str = ""
    ) -> tuple[str, Token]:
        """A new token for an account: the text to hand over, which is nowhere else, and its record.

        Raises:
            NotFound: no such account; Invalid: no scope, or one that is none.
        """
        if not scopes or not scopes <= set(SCOPES):
            raise Invalid("A token needs a scope.", hint="There are read, write and approve.")
        secret, salt = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_bytes(_SALT_BYTES)
        token = Token(
            id=secrets.token_hex(_ID_BYTES),
            salt=salt.hex(),
            hash=_hashed(secret, salt).hex(),
            scopes=scopes,
            created=created,
            expires=expires,
            note=note,
        )

        def change(accounts: Accounts) -> Accounts:
            if not any(one.actor.email == email.lower() for one in accounts):
                raise NotFound(f"{email} has no account.", hint=f'Add it with: registry-git user add "NAME <{email}>"')
            return tuple(
                replace(one, tokens=(*one.tokens, token)) if one.actor.email == email.lower() else one
                for one in accounts
            )

        self._file.change(change)
        return f"{PREFIX}{token.id}_{secret}", token

    def revoke(self, which: str) -> str:
        """Removes a token by its id, or an account with all its tokens by its email address; says what went.

        Raises:
            NotFound: neither.
        """
        said: list[str] = []

        def change(accounts: Accounts) -> Accounts:
            kept: list[Account] = []
            for one in accounts:
                if one.actor.email == which.lower():
                    said.append(f"the account {one.actor.email} and its {len(one.tokens)} tokens")
                    continue
                tokens = tuple(token for token in one.tokens if token.id != which)
                if len(tokens) < len(one.tokens):
                    said.append(f"the token {which} of {one.actor.email}")
                kept.append(replace(one, tokens=tokens))
            if not said:
                raise NotFound(f"There is no token or account {which}.", hint="List them with: registry-git user list")
            return tuple(kept)

        self._file.change(change)
        return said[0]


def split_token(text: str) -> tuple[str, str] | None:
    """The id and the secret of a token, or None for text that is none."""
    head, _, secret = text.removeprefix(PREFIX).partition("_")
    known = text.startswith(PREFIX) and head.isascii() and head.isalnum() and 0 < len(secret) <= 100
    return (head, secret) if known else None


def _hashed(secret: str, salt: bytes) -> bytes:
    return scrypt(secret.encode("utf-8", "surrogateescape"), salt=salt, dklen=32, **_COST)


def _written(accounts: Accounts) -> str:
    value = {
        "format": _FORMAT,
        "accounts": [
            {
                "actor": str(one.actor),
                "tokens": [
                    {
                        "id": token.id,
                        "salt": token.salt,
                        "hash": token.hash,
                        "scopes": [scope.value for scope in SCOPES if scope in token.scopes],
                        "created": token.created,
                        "expires": token.expires,
                        "note": token.note,
                    }
                    for token in one.tokens
                ],
            }
            for one in accounts
        ],
    }
    return json.dumps(value, indent=2) + "\n"


def _parsed(text: str) -> Accounts:
    data = json.loads(text)
    if data["format"] != _FORMAT:
        raise ValueError(f"its format is {data['format']}")
    return tuple(
        Account(
            actor=Actor.parse(one["actor"]),
            tokens=tuple(
                Token(**{**token, "scopes": frozenset(map(Permission, token["scopes"]))}) for token in one["tokens"]
            ),
        )
        for one in data["accounts"]
    )
