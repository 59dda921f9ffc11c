"""The plainest YAML, read without libyaml in a tenth of the time: what nearly every manifest is.

Mappings in steps of two spaces, one value a line, and that value a text, bare or in single quotes, a number or a list
of numbers; lists of such values and mappings, each after a dash below its key; all of it ASCII. What is any different,
or wrong, is left to `yaml_reader`, which gives the very same values for what is read here, and says what is wrong with
the rest.
"""

from __future__ import annotations

import math
import re
from typing import Any

_SIZE_MAX = 32 * 1024  # bytes; far fewer nodes than `yaml_reader` allows
_SIZE_MAX_OF_LISTS = 16 * 1024  # bytes; a list may have an item of three nodes in seven of them
_DEPTH_MAX = 8
_LISTS_MAX = 3  # lists in each other, each of which is as deep as two mappings

# Spaces and colons only between these, so that nothing ends a plain scalar early: no `: `, no ` #`.
_P = r'!"$-9;-~'  # all that is printable in ASCII but a space, a colon and #
_KEY = "[A-Za-z_][A-Za-z0-9_./-]{0,120}"
_LINE = re.compile(
    rf"^((?:  )*)(- |)(?:({_KEY}|'{_KEY}'):(?: (?=.)|$)|(?<=- )(?=.))"
    rf"(?:('[ -&(-~]*')|\[([0-9]{{1,15}}(?:, [0-9]{{1,15}})*)\]|([A-Za-z0-9_/][{_P}]*(?:[ :][{_P}]+)*))?$",
    re.MULTILINE,
)
_DIGITS = frozenset("0123456789")
_NOT_PLAIN = object()

WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{f"{sign}.{word}": math.inf for sign in ("", "+") for word in ("inf", "Inf", "INF")},
    **{f"-.{word}": -math.inf for word in ("inf", "Inf", "INF")},
}
"""The plain scalars that are no texts and no numbers either, by the core schema of YAML 1.2."""


def read_plain(data: bytes) -> dict[str, Any] | None:
    """The mapping that the text of a manifest holds; None where it is not as plain as this module reads."""
    if len(data) > _SIZE_MAX or not data.isascii() or not data.endswith(b"\n"):
        return None
    text = data.decode("ascii")
    rows = _LINE.findall(text)
    if len(rows) != text.count("\n"):  # each of them is one line
        return None
    # at two spaces a step: the mapping that lines there belong to, and the list that it is an item of
    mappings: list[dict[str, Any]] = [{}]
    lists: list[list[Any] | None] = [None]
    here, level = mappings[0], 0
    begun = ""  # the key whose value are the lines below
    for indent, dash, key, quoted, numbers, plain in rows:
        if dash:
            level = len(indent)
            place = level // 2 + 1
            if place > _LISTS_MAX or len(data) > _SIZE_MAX_OF_LISTS or len(mappings) <= place:
                return None
            if begun:
                if len(mappings) > place + 1:
                    return None
                lists[place] = mappings[place - 1][begun] = []
                begun = ""
            items = lists[place]
            if items is None:
                return None
            del mappings[place:], lists[place + 1 :]
            here = {}
            mappings.append(here)
            if not key:
                item = _scalar(quoted, numbers, plain)
                if item is _NOT_PLAIN:
                    return None
                items.append(item)
                level += 1  # which no line has: those as deep as its text are none of a mapping
                continue
            items.append(here)
            level += 2
        elif len(indent) != level:
            # a mapping that was begun has members, and other lines are never deeper than the one before
            if begun or len(indent) > level:
                return None
            level = len(indent)
            del mappings[level // 2 + 1 :], lists[level // 2 + 1 :]
            here = mappings[-1]
        begun = ""
        if key[0] == "'":  # as `on`, which is a word to readers of YAML 1.1
            key = key[1:-1]
        if key in here or key in WORDS:
            return None
        if quoted:
            here[key] = quoted[1:-1]
        elif plain and plain not in WORDS and plain[0] not in _DIGITS:
            here[key] = plain
        elif plain or numbers:
            value = _scalar(quoted, numbers, plain)
            if value is _NOT_PLAIN:
                return None
            here[key] = value
        elif len(mappings) < _DEPTH_MAX:
            here[key] = here = {}
            mappings.append(here)
            lists.append(None)
            level, begun = level + 2, key
        else:
            return None
    return None if begun else mappings[0]


def _scalar(quoted: str, numbers: str, plain: str) -> Any:
    """The value of a line, written in one of three ways."""
    if quoted:
        return quoted[1:-1]
    if numbers:
        return list(map(int, numbers.split(", ")))
    if plain in WORDS:
        return WORDS[plain]
    if plain[0] not in _DIGITS:
        return plain
    return int(plain) if plain.isdigit() and len(plain) <= 15 else _NOT_PLAIN
