"""Fact sheets for people: names and values, one pair a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import click

from registry_git.cli.safe import visible, visible_lines
from registry_git.core.times import Timestamp


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Prints names and values as users wrote them, in one or more lines; pairs without a value are left out."""
    filled = [(name, value) for name, value in facts if value]
    width = max((len(name) for name, _ in filled), default=0)
    for name, value in filled:
        first, *others = visible_lines(value).split("\n")
        click.echo(f"{_styled(f'{name:<{width}}', dim=True)}  {first}".rstrip())
        for line in others:
            click.echo(f"{'':<{width}}  {line}".rstrip())


def show_heading(text: str) -> None:
    """Prints a heading below an empty line."""
    click.echo("\n" + _styled(visible(text), bold=True))


def coloured(stream: object) -> bool:
    """Whether colours may be printed: on a terminal that has them, unless NO_COLOR is set."""
    terminal = getattr(stream, "isatty", lambda: False)()
    return bool(terminal) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def when(milliseconds: int) -> str:
    """A time for people, in UTC: `2026-11-23 06:14`."""
    return Timestamp.of(milliseconds).text()[:16].replace("T", " ")


def who(actor: str) -> str:
    """The name of `Name <email>`."""
    return actor.rpartition(" <")[0] or actor


def short(commit: str) -> str:
    """The first eight digits of a commit."""
    return commit[:8]


def _styled(text: str, *, dim: bool = False, bold: bool = False) -> str:
    return click.style(text, dim=dim or None, bold=bold or None) if coloured(sys.stdout) else text
