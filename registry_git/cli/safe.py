"""Text that people wrote, made harmless for terminals: nothing moves the cursor, hides or turns the reading order."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # they shape scripts and emoji, and hide nothing
_SUSPECT = re.compile(r"[^ -~\n]")
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}


def visible(text: str) -> str:
    r"""`text` on one line: line feeds, control characters and direction marks as `\n`, `\x07`, `\u202e`."""
    return _SUSPECT.sub(_escaped, text).replace("\n", "\\n")


def visible_lines(text: str) -> str:
    """`text` with its line feeds kept, all else as in `visible`."""
    return _SUSPECT.sub(_escaped, text)


def exact(encoded: str) -> str:
    """JSON text with every invisible character written as a JSON escape: the same value, harmless to look at."""
    return _SUSPECT.sub(_json_escaped, encoded)


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and char not in _JOINERS


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    if not _hidden(char):
        return char
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(found: re.Match[str]) -> str:
    char = found[0]
    if not _hidden(char):
        return char
    raw = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{raw[place]:02x}{raw[place + 1]:02x}" for place in range(0, len(raw), 2))
