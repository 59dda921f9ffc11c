"""Tables for people. On a terminal rich lays them out; elsewhere plain columns do, which take no import of rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from registry_git.cli.safe import visible, visible_lines
from registry_git.cli.sheets import coloured

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 4096  # where nobody's window sets a limit, no line is cut or folded
_GAP = "   "


def console() -> Console:
    """Standard output: colours only on a terminal, folded only where a window has a width."""
    from rich.console import Console

    width = None if _has_width() else _WIDE
    return Console(highlight=False, markup=False, emoji=False, width=width, no_color=not coloured(sys.stdout))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Prints rows under their headings, or the sentence `empty` when there are none.

    Args:
        columns: headings; one that starts with `>` is aligned to the right, one with `!` is never folded.
        rows: cells as users wrote them.
        empty: what to say without rows.
    """
    filled = [[visible(cell) for cell in row] for row in rows]
    if not filled:
        console().print(empty)
        return
    encoding = (sys.stdout.encoding or "").lower()
    if not _has_width() and not coloured(sys.stdout) and encoding.startswith("utf"):
        lines = plain_lines(columns, filled)
        if lines is not None:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            return
    _show_rich(columns, filled)


def plain_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The lines of the table as rich would print them without colours; None when they are too long for that.

    A thousand lines take rich half a second, and its import a tenth.
    """
    whole = [[column.lstrip(">!") for column in columns], *rows]
    widths = [max(map(_width, cells)) for cells in zip(*whole, strict=True)]
    total = sum(widths) + len(_GAP) * (len(widths) - 1)
    if total > _WIDE:
        return None
    right = [">" in column[:2] for column in columns]
    lines = [_GAP.join(map(_padded, cells, widths, right)) for cells in whole]
    return [lines[0], "\u2500" * total, *lines[1:]]


def _padded(cell: str, width: int, right: bool) -> str:
    cell = cell.rstrip()  # as rich does
    fill = " " * (width - _width(cell))
    return f"{fill}{cell}" if right else f"{cell}{fill}"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _has_width() -> bool:
    return sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))


def _show_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    bold = "bold" if coloured(sys.stdout) else ""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style=bold)
    for column in columns:
        table.add_column(
            column.lstrip(">!"),
            justify="right" if ">" in column[:2] else "left",
            no_wrap="!" in column[:2],
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def show_diff(diff: str) -> None:
    """Prints a unified diff, in colour on a terminal."""
    if coloured(sys.stdout):
        from rich.syntax import Syntax

        console().print(
            Syntax(visible_lines(diff), "diff", theme="ansi_dark", background_color="default", word_wrap=True)
        )
    else:
        sys.stdout.write(visible_lines(diff))
