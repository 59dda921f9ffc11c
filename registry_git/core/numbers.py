"""Tags that are numbers: what gates compare and people call metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def number(text: str) -> float | None:
    """The finite decimal number that a text is; None for anything else."""
    value = float(text) if _NUMBER.fullmatch(text) else None
    return value if value is not None and isfinite(value) else None


def metrics(tags: Mapping[str, str]) -> dict[str, float]:
    """The tags that are numbers, by name."""
    found = ((name, number(tags[name])) for name in sorted(tags))
    return {name: value for name, value in found if value is not None}
