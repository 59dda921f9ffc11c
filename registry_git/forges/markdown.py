"""Text of other people in Markdown that forges render: it shows as written, and nothing else happens.

A comment must not close the table and begin another, call people or tickets, give GitLab orders (`/merge`), load
images, run HTML or pass for the registry's own words. Every character that could begin any of that is written as a
character reference; behind those that forges look for in what is rendered (`@name`, `#12`) goes an invisible joiner.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_JOINER = "&#8288;"
_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#!|~&$^=:/@%]|^[+-]|(?<=(?i:www))\.|(?<=\b(?i:gh))-")
_NUMBERED = re.compile(r"^([0-9]{1,9})\.")
_REFERRING = "@#!%~$&^/-"
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def plain(text: str, *, at_most: int = 300) -> str:
    """`text` on one line, safe in a table cell and in running text; what is longer than `at_most` is cut."""
    return _NUMBERED.sub(r"\1&#46;", _MARKUP.sub(_escaped, _line(text, at_most)))


def quoted(text: str, *, at_most: int = 4000) -> str:
    """`text` as a block quotation, line by line, so that none of it can stand outside of the quotation."""
    shortened = text if len(text) <= at_most else f"{text[: at_most - 1]}…"
    lines = [plain(line, at_most=at_most) for line in shortened.split("\n")]
    return "\n".join(f"> {line}  " if line else ">" for line in lines)


def code(text: str, *, at_most: int = 300) -> str:
    """`text` in a code span, safe in a table cell: for ids, addresses and digests."""
    line = _line(text, at_most)
    if not line or "|" in line or "`" in line:
        return plain(text, at_most=at_most)  # a code span shows no escape for these
    return f"`{line}`"


def link(text: str, url: str) -> str:
    """`text` that leads to `url`; the URL as text where it is no web address that is safe to click."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~:/?#!$&'*+,;=%-]*)?", url) or len(url) > 2000:
        return code(url)
    return f"[{plain(text)}](<{url}>)"


def fenced(text: str, language: str, *, at_most: int = 20_000) -> str:
    """`text` as a block of code."""
    shortened = text if len(text) <= at_most else f"{text[:at_most]}\n…"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shortened)), default=0))
    body = "\n".join("".join(char for char in line if char == "\t" or _shows(char)) for line in shortened.split("\n"))
    return f"{fence}{language}\n{body.rstrip()}\n{fence}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table, from cells that are safe already."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _line(text: str, at_most: int) -> str:
    line = " ".join("".join(char if _shows(char) else " " for char in text).split())
    return line if len(line) <= at_most else f"{line[: at_most - 1]}…"


def _escaped(found: re.Match[str]) -> str:
    reference = f"&#{ord(found[0])};"
    return reference + _JOINER if found[0] in _REFERRING else reference


def _shows(char: str) -> bool:
    return unicodedata.category(char) not in _INVISIBLE
