"""user: who may call the server, and the tokens that they call with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say

if TYPE_CHECKING:
    from registry_git.server.accounts import Account, AccountFile, Token

_SCOPES = ("read", "write", "approve")
_DAY_MS = 86_400_000
_accounts = click.option("--accounts", metavar="FILE", help="The file of accounts. [env: REGISTRY_GIT_ACCOUNTS]")
_scope = click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(_SCOPES), help="What the token is for. [default: all]"
)
_days = click.option(
    "--days", type=click.IntRange(0, 36_500), default=90, show_default=True, help="How long it lasts; 0: for ever."
)
_note = click.option("--note", default="", metavar="TEXT", help="What it is for, to find it again in the list.")


@click.group("user", cls=LazyGroup)
def user() -> None:
    """Say who may call the server, and with which tokens."""


@user.command(
    "add", cls=RegistryCommand, example='registry-git user add "Bob <bob@acme.io>" --scope read --scope approve'
)
@click.argument("who", metavar='"NAME <EMAIL>"')
@_scope
@_days
@_note
@_accounts
@pass_invocation
def add(invocation: Invocation, who: str, scopes: tuple[str, ...], days: int, note: str, accounts: str | None) -> None:
    """Add an account with a first token, which is shown once and stored only as a hash."""
    from registry_git.core.names import Actor

    actor = Actor.parse(who)
    file = _file(accounts)
    file.add(actor)
    _give(invocation, file, actor.email, scopes, days, note)


@user.command("token", cls=RegistryCommand, example="registry-git user token bob@acme.io --days 30 --note laptop")
@click.argument("email")
@_scope
@_days
@_note
@_accounts
@pass_invocation
def token(
    invocation: Invocation, email: str, scopes: tuple[str, ...], days: int, note: str, accounts: str | None
) -> None:
    """Make another token for an account, which is shown once and stored only as a hash."""
    _give(invocation, _file(accounts), email, scopes, days, note)


@user.command("revoke", cls=RegistryCommand, example="registry-git user revoke 3f9a1c77e2")
@click.argument("which", metavar="TOKEN_ID|EMAIL")
@_accounts
@pass_invocation
def revoke(invocation: Invocation, which: str, accounts: str | None) -> None:
    """Remove a token, or an account with all of its tokens; a running server knows at once."""
    said = _file(accounts).revoke(which)
    answer(invocation, {"revoked": said}, lambda: say(f"Revoked {said}."))


@user.command("list", cls=RegistryCommand, example="registry-git user list")
@_accounts
@pass_invocation
def list_(invocation: Invocation, accounts: str | None) -> None:
    """List the accounts and what is known of their tokens, which is not the tokens themselves."""
    found = _file(accounts).accounts()
    shapes = [
        {"actor": one.actor, "email": one.actor.email, "tokens": [_token_shape(token) for token in one.tokens]}
        for one in found
    ]
    answer(invocation, shapes, lambda: _show(found))


def _file(path: str | None) -> AccountFile:
    from registry_git.server.accounts import AccountFile, default_accounts

    return AccountFile(Path(path) if path else default_accounts())


def _give(invocation: Invocation, file: AccountFile, email: str, scopes: tuple[str, ...], days: int, note: str) -> None:
    from registry_git.app import now
    from registry_git.server.permissions import Permission

    created = now()
    expires = int(created) + days * _DAY_MS if days else None
    text, made = file.add_token(
        email,
        scopes=frozenset(map(Permission, scopes or _SCOPES)),
        created=int(created),
        expires=expires,
        note=note,
    )

    def show() -> None:
        until = "for ever" if expires is None else f"until {_when(expires)} (UTC)"
        say(f"The token of {email} for {', '.join(_names(made))}, {until}. It is shown this once:")
        click.echo(text)

    answer(invocation, {"email": email, "token": text, **_token_shape(made)}, show)


def _token_shape(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "scopes": _names(token),
        "created": token.created,
        "expires": token.expires,
        "note": token.note,
    }


def _names(token: Token) -> list[str]:
    held = {scope.value for scope in token.scopes}
    return [name for name in _SCOPES if name in held]


def _when(milliseconds: int) -> str:
    from registry_git.cli.sheets import when

    return when(milliseconds)


def _show(found: tuple[Account, ...]) -> None:
    from registry_git.cli.tables import show_table

    rows = [
        (
            one.actor,
            token.id if token else "",
            ", ".join(_names(token)) if token else "no token",
            _when(token.created) if token else "",
            (_when(token.expires) if token.expires else "never") if token else "",
            token.note if token else "",
        )
        for one in found
        for token in (one.tokens or (None,))
    ]
    columns = ("WHO", "!TOKEN", "FOR", "!CREATED (UTC)", "!EXPIRES (UTC)", "NOTE")
    show_table(columns, rows, empty="No accounts. Add one with: registry-git user add")
