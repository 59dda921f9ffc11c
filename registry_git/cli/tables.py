"""Tables for people. This file imports rich, so commands import it only when they print one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from registry_git.cli.safe import visible, visible_lines
from registry_git.cli.sheets import coloured

_WIDE = 4096  # where nobody's window sets a limit, no line is cut or folded


def console() -> Console:
    """Standard output: colours only on a terminal, folded only where a window has a width."""
    known = sys.stdout.isatty() or os.environ.get("COLUMNS")
    width = None if known else _WIDE
    return Console(highlight=False, markup=False, emoji=False, width=width, no_color=not coloured(sys.stdout))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Prints rows under their headings, or the sentence `empty` when there are none.

    Args:
        columns: headings; one that starts with `>` is aligned to the right, one with `!` is never folded.
        rows: cells as users wrote them.
        empty: what to say without rows.
    """
    filled = list(rows)
    if not filled:
        console().print(empty)
        return
    bold = "bold" if coloured(sys.stdout) else ""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style=bold)
    for column in columns:
        table.add_column(
            column.lstrip(">!"),
            justify="right" if ">" in column[:2] else "left",
            no_wrap="!" in column[:2],
            overflow="fold",
        )
    for row in filled:
        table.add_row(*(Text(visible(cell)) for cell in row))
    console().print(table)


def show_diff(diff: str) -> None:
    """Prints a unified diff, in colour on a terminal."""
    if coloured(sys.stdout):
        console().print(
            Syntax(visible_lines(diff), "diff", theme="ansi_dark", background_color="default", word_wrap=True)
        )
    else:
        sys.stdout.write(visible_lines(diff))
