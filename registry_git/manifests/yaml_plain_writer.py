"""The plainest YAML, written without libyaml in a tenth of the time: what nearly every manifest is.

Mappings of words, whole numbers, lists of either, and texts of one line in ASCII, byte for byte as libyaml writes
them. What is any different is left to `yaml_writer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

AMBIGUOUS = re.compile(
    r"[-+]?\.?[0-9].*|[-+]?\.(?:inf|nan)|~|=|<<|(?:y|n|yes|no|on|off|true|false|null)|", re.IGNORECASE | re.DOTALL
)
"""What starts like a number, a date or a time, or is a word that YAML 1.1 or 1.2 knows: it is written in quotes."""

_DEPTH_MAX = 8
_NUMBER_MAX = 10**15
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,120}")
# Spaces and colons only between these, so that nothing needs quotes: no `: `, no ` #`, no indicator at the start.
_P = r'!"$-9;-~'  # all that is printable in ASCII but a space, a colon and #
_BARE = re.compile(rf"[A-Za-z0-9_/][{_P}]*(?:[ :][{_P}]+)*")
_QUOTABLE = re.compile(r"[ -&(-~]*")
_OPENING = frozenset('{["')  # how JSON begins, which a signature is in: never a text by itself


def write_plain(value: Mapping[str, Any]) -> bytes | None:
    """The YAML text of `value`; None where it is not as plain as this module writes."""
    lines: list[str] = []
    if not value or not _write(lines, value, "", 1):
        return None
    lines.append("")
    return "\n".join(lines).encode("ascii")


def _write(lines: list[str], value: Mapping[str, Any], indent: str, depth: int) -> bool:
    for key, inner in value.items():
        if not _is_plain_key(key):
            return False
        if isinstance(inner, str):
            text = _scalar(inner)
            if text is None:
                return False
            lines.append(f"{indent}{key}: {text}")
        elif type(inner) is int and 0 <= inner < _NUMBER_MAX:
            lines.append(f"{indent}{key}: {inner}")
        elif type(inner) is dict or isinstance(inner, Mapping):
            lines.append(f"{indent}{key}:")
            if not inner or depth == _DEPTH_MAX or not _write(lines, inner, f"{indent}  ", depth + 1):
                return False
        elif not isinstance(inner, list | tuple) or not _write_list(lines, key, inner, indent):
            return False
    return True


def _write_list(lines: list[str], key: str, items: Sequence[Any], indent: str) -> bool:
    if items and all(type(one) is int and 0 <= one < _NUMBER_MAX for one in items):
        lines.append(f"{indent}{key}: [{', '.join(map(str, items))}]")
        return True
    texts = [_scalar(one) if isinstance(one, str) else None for one in items]
    if not texts or None in texts:
        return False
    lines.append(f"{indent}{key}:")
    lines += [f"{indent}- {text}" for text in texts]
    return True


def _scalar(text: str) -> str | None:
    """The text as it stands in a line; None where that takes more than quotes."""
    if type(text) is not str:
        text = str.__str__(text)  # a checked name
    if AMBIGUOUS.fullmatch(text):
        return f"'{text}'" if _QUOTABLE.fullmatch(text) else None
    if text[0] in _OPENING:
        return f"'{text}'" if text[-1] != " " and _QUOTABLE.fullmatch(text) else None
    return text if _BARE.fullmatch(text) else None


@lru_cache(maxsize=1024)
def _is_plain_key(key: object) -> bool:
    return type(key) is str and _KEY.fullmatch(key) is not None and not AMBIGUOUS.fullmatch(key)
