"""The plainest YAML, read without libyaml in a tenth of the time: what nearly every manifest is.

Mappings in steps of two spaces, one value a line, and that value a text, bare or in single quotes, a number or a list
of numbers, all of it ASCII. What is any different, or wrong, is left to `yaml_reader`, which gives the very same values
for what is read here, and says what is wrong with the rest.
"""

from __future__ import annotations

import math
import re
from typing import Any

_SIZE_MAX = 32 * 1024  # bytes; far fewer nodes than `yaml_reader` allows
_DEPTH_MAX = 8

# Spaces and colons only between these, so that nothing ends a plain scalar early: no `: `, no ` #`.
_P = r'!"$-9;-~'  # all that is printable in ASCII but a space, a colon and #
_LINE = re.compile(
    r"^( *)([A-Za-z_][A-Za-z0-9_./-]{0,120}):"
    rf"(?: (?:('[ -&(-~]*')|\[([0-9]{{1,15}}(?:, [0-9]{{1,15}})*)\]|([A-Za-z0-9_/][{_P}]*(?:[ :][{_P}]+)*)))?$",
    re.MULTILINE,
)
_DIGITS = frozenset("0123456789")

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
    open_mappings: list[dict[str, Any]] = [{}]
    here, level, begun = open_mappings[0], 0, False
    for indent, key, quoted, numbers, plain in rows:
        if len(indent) != level:
            # a mapping that was begun has members, and other lines are never deeper than the one before
            if begun or len(indent) > level or len(indent) % 2:
                return None
            level = len(indent)
            del open_mappings[level // 2 + 1 :]
            here = open_mappings[-1]
        begun = False
        if key in here or key in WORDS:
            return None
        if quoted:
            here[key] = quoted[1:-1]
        elif plain:
            if plain in WORDS:
                here[key] = WORDS[plain]
            elif plain[0] not in _DIGITS:
                here[key] = plain
            elif plain.isdigit() and len(plain) <= 15:
                here[key] = int(plain)
            else:
                return None
        elif numbers:
            here[key] = list(map(int, numbers.split(", ")))
        elif level // 2 + 1 < _DEPTH_MAX:
            here[key] = here = {}
            open_mappings.append(here)
            level, begun = level + 2, True
        else:
            return None
    return None if begun else open_mappings[0]
