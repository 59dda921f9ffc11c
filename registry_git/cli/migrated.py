"""What an import or an export did, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry_git.cli.invocation import Invocation
from registry_git.cli.output import say, say_next

if TYPE_CHECKING:
    from registry_git.registry.importing import Brought, Carried, NotCarried

_ROWS = 30  # of what was not carried; JSON tells them all


def show_exported(exported: Carried, uri: str, *, dry_run: bool) -> None:
    """Tells of an export."""
    say(f"{'Would export' if dry_run else 'Exported'} {_counts(exported) or 'nothing new'} to {uri}.")
    if exported.already:
        say(f"{exported.already:,} models and versions were there as they are here.")
    show_left(exported.not_carried, "Not carried, or not as it is here")


def _counts(done: Carried) -> str:
    return counted(
        (done.models, "model"),
        (done.versions, "version"),
        (done.stages, "stage"),
        (done.aliases, "alias"),
        (done.updates, "update"),
    )


def show_brought(invocation: Invocation, brought: Brought, *, dry_run: bool) -> None:
    """Tells of an import."""
    say(f"{'Would import' if dry_run else 'Imported'} {_counts(brought) or 'nothing new'}.")
    if brought.already:
        say(f"{brought.already:,} facts were imported before.")
    show_left(brought.not_carried, "Not carried, or not as it is in MLflow")
    if not dry_run and brought.models:
        say_next(invocation, "See them with", "list")


def counted(*amounts: tuple[int, str]) -> str:
    """`2 models, 1 alias`, without what there is none of."""
    plurals = {"alias": "aliases"}
    named = [f"{n:,} {one if n == 1 else plurals.get(one, one + 's')}" for n, one in amounts if n]
    return ", ".join(named)


def show_left(left: Sequence[NotCarried], title: str) -> None:
    """A table of what was not carried."""
    if not left:
        return
    from registry_git.cli.tables import show_table

    say(f"{title}:")
    rows = [(one.model, f"v{one.version}" if one.version else "", one.what, one.why) for one in left[:_ROWS]]
    show_table(("MODEL", "VERSION", "WHAT", "WHY"), rows, empty="")
    if len(left) > _ROWS:
        say(f"… and {len(left) - _ROWS:,} more: see them with --output json.")
