"""LIKE without surprises: `%` is any run of characters, `_` is one, everything else is literal."""

from __future__ import annotations

import re
from functools import lru_cache

PATTERN_MAX = 2_000  # characters; keeps the worst pattern against the longest tag value well under a second


def _fold_one(char: str) -> str:
    for folded in (char.casefold(), char.lower()):
        if len(folded) == 1:
            return folded
    return char


def fold(text: str) -> str:
    """`text` without its case, character by character: as long as `text`, so that `_` still counts characters."""
    folded = text.casefold()
    return folded if len(folded) == len(text) else "".join(map(_fold_one, text))


@lru_cache(maxsize=256)
def _segments(pattern: str) -> tuple[tuple[int, re.Pattern[str]], ...]:
    """What stands between the `%` of a pattern, each with its length. No piece can backtrack: all have one length."""
    return tuple(
        (len(part), re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL))
        for part in re.split("%+", pattern)
    )


def like(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """Whether the whole of `text` fits the pattern.

    Args:
        text: any text; newlines are characters like any other.
        pattern: `%` fits any run of characters, also none; `_` fits exactly one. There is no escape.
        ignore_case: compare as ILIKE does.
    """
    if ignore_case:
        text, pattern = fold(text), fold(pattern)
    first, *rest = _segments(pattern)
    if not rest:
        return len(text) == first[0] and first[1].match(text) is not None
    *middle, last = rest
    end = len(text) - last[0]
    if end < first[0] or first[1].match(text) is None or last[1].match(text, end) is None:
        return False
    at = first[0]
    for _length, part in middle:
        # the leftmost fit leaves the most room for what follows, so there is never a reason to come back
        found = part.search(text, at, end)
        if found is None:
            return False
        at = found.end()
    return True
