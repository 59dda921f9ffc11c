"""Tables look the same whether rich or plain columns print them."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.cli import tables

_cells = st.lists(st.text("ab 日é🙂\n\x1b", max_size=6), min_size=3, max_size=3)


@given(rows=st.lists(_cells, min_size=1, max_size=4))
def test_plain_columns_are_what_rich_prints_where_there_is_no_terminal(rows: list[list[str]]) -> None:
    columns = ("!NAME", ">COUNT", "LAST")
    shown = [[tables.visible(cell) for cell in row] for row in rows]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.delenv("COLUMNS", raising=False)
        tables._show_rich(columns, shown)
    text = printed.getvalue()
    assert [line.rstrip() for line in tables.plain_lines(columns, shown) or ()] == [
        line.rstrip() for line in text.removesuffix("\n").split("\n")
    ]


def test_a_table_that_is_too_wide_for_plain_columns_is_for_rich() -> None:
    assert tables.plain_lines(("NAME",), [["x" * 5000]]) is None
