"""Which tags are numbers."""

from __future__ import annotations

import pytest

from registry_git.core.numbers import metrics, number


@pytest.mark.parametrize(
    ("text", "value"), [("0.91", 0.91), ("-3", -3.0), (".5", 0.5), ("1e-3", 0.001), ("+2.", 2.0), ("007", 7.0)]
)
def test_a_decimal_number_is_one(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e999", "0x10", "1_000", " 1", "1,5", "٣", "v1"])
def test_anything_else_is_none(text: str) -> None:
    assert number(text) is None


def test_metrics_are_the_tags_that_are_numbers() -> None:
    assert metrics({"rows": "10", "auc": "0.9", "team": "risk"}) == {"auc": 0.9, "rows": 10.0}
