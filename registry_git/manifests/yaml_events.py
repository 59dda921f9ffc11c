"""Text to plain values by libyaml's events: for manifests that are not as plain as `yaml_plain` reads, or wrong.

PyYAML takes longer to import than most commands take to answer, so `yaml_reader` imports this module when it needs it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import yaml

from registry_git.core.errors import Corrupt
from registry_git.manifests.yaml_plain import WORDS
from registry_git.manifests.yaml_reader import DEPTH_MAX, DIGITS_MAX, NODES_MAX, SIZE_MAX, step

_Parser: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader

# YAML 1.1 readers, libyaml among them, end a line at these; git, editors and YAML 1.2 do not.
_HIDDEN_BREAK = re.compile("[\x85\u2028\u2029]|\r(?!\n)")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FIRST_OF_NUMBER = frozenset("0123456789+-.")


class Reading:
    """One pass over one text."""

    __slots__ = ("_lines", "_next", "_nodes", "_path")

    def __init__(self, path: str, found: dict[str, int] | None) -> None:
        """`path` is the file's name, for errors; `found` takes the line of each place (see `yaml_reader.lines`)."""
        self._path = path
        self._lines = found
        self._nodes = 0
        self._next: Callable[[], Any]

    def read(self, data: bytes) -> dict[str, Any]:
        """The mapping that the text holds. Raises: Corrupt (see `yaml_reader.read`)."""
        text = self._text(data)
        try:
            self._next = _Parser(text).get_event
            return self._document()
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            raise self._corrupt(f"This is no YAML: {problem.problem}.", mark.line if mark else -1) from None
        except yaml.reader.ReaderError as problem:
            line = data.count(b"\n", 0, problem.position)
            raise self._corrupt(f"It holds the character U+{_code(problem):04X}, which YAML forbids.", line) from None

    def _text(self, data: bytes) -> bytes:
        if len(data) > SIZE_MAX:
            raise self._corrupt(f"It has {len(data):,} bytes; a manifest has at most {SIZE_MAX:,}.")
        if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
            raise self._corrupt("It starts with a byte order mark.", 0, hint="Save it as UTF-8 without one.")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as problem:
            line = data.count(b"\n", 0, problem.start)
            raise self._corrupt("It is not UTF-8.", line, hint="Save it as UTF-8.") from None
        # Here and not from the events: libyaml compares each directive with all before it, half a second for one file.
        if data.startswith(b"%") or b"\n%" in data:
            directive = 0 if data.startswith(b"%") else data.count(b"\n", 0, data.index(b"\n%") + 1)
            raise self._corrupt("It has a YAML directive.", directive, hint="Start no line with '%'.")
        # ASCII text, which is what the registry writes, can hold only one of the hidden line breaks.
        if not text.isascii() or "\r" in text:
            found = _HIDDEN_BREAK.search(text)
            if found:
                raise self._corrupt(
                    f"It holds the hidden line break U+{ord(found[0]):04X}.",
                    text.count("\n", 0, found.start()),
                    hint="Write it as an escape in double quotes.",
                )
        return data

    def _document(self) -> dict[str, Any]:
        self._next()  # the start of the stream
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            raise self._corrupt("It is empty.", 0, hint="A manifest is a mapping.")
        root = self._next()
        if not isinstance(root, yaml.MappingStartEvent):
            raise self._corrupt("It is not a mapping.", root.start_mark.line, hint="Start with `apiVersion:`.")
        value: dict[str, Any] = self._value(root, "$", 1)
        self._next()  # the end of the document
        rest = self._next()
        if not isinstance(rest, yaml.StreamEndEvent):
            raise self._corrupt("It has a second document.", rest.start_mark.line, hint="Write one file for each.")
        return value

    def _value(self, event: Any, place: str, depth: int) -> Any:
        """The value that starts with `event`, and everything in it. Recursion ends at the depth limit."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise self._corrupt(f"It has more than {NODES_MAX:,} values.", event.start_mark.line)
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor is not None:
            raise self._corrupt("It uses an anchor or an alias.", event.start_mark.line, hint="Write the value out.")
        if event.tag is not None:
            raise self._corrupt(f"It uses the tag {event.tag!r}.", event.start_mark.line, hint="Leave tags out.")
        if self._lines is not None:
            self._lines.setdefault(place, event.start_mark.line + 1)
        if kind is yaml.ScalarEvent:
            return self._scalar(event) if event.implicit[0] else event.value
        if depth > DEPTH_MAX:
            raise self._corrupt(f"It nests deeper than {DEPTH_MAX} levels.", event.start_mark.line)
        return self._list(place, depth) if kind is yaml.SequenceStartEvent else self._dict(place, depth)

    def _list(self, place: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            found.append(self._value(event, f"{place}[{len(found)}]" if self._lines is not None else "", depth + 1))
        return found

    def _dict(self, place: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            line = event.start_mark.line
            key = self._value(event, "", 0) if type(event) is yaml.ScalarEvent else None
            if type(key) is not str:
                raise self._corrupt("A key is not a string.", line, hint="Put it in quotes.")
            if key == "<<" and event.implicit[0]:
                raise self._corrupt("It uses a merge key.", line, hint="Write the values out.")
            if key in found:
                raise self._corrupt(f"The key {key[:80]!r} is there twice.", line)
            inner = ""
            if self._lines is not None:
                self._lines[inner := step(place, key)] = line + 1
            found[key] = self._value(self._next(), inner, depth + 1)
        return found

    def _scalar(self, event: Any) -> Any:
        """A plain scalar, by the core schema."""
        text: str = event.value
        if text in WORDS:
            return WORDS[text]
        if text[0] not in _FIRST_OF_NUMBER:
            return text
        if _INT.fullmatch(text):
            if len(text) > DIGITS_MAX:
                raise self._corrupt(f"A number has more than {DIGITS_MAX:,} digits.", event.start_mark.line)
            return int(text[2:], {"o": 8, "x": 16}[text[1]]) if text[1:2] in ("o", "x") else int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise self._corrupt("A number is too large.", event.start_mark.line)
            return number
        return text

    def _corrupt(self, message: str, line: int = -1, *, hint: str = "") -> Corrupt:
        return Corrupt(message, path=self._path, line=line + 1, hint=hint)


def _code(problem: yaml.reader.ReaderError) -> int:
    character = problem.character
    return ord(character) if isinstance(character, str) else int(character)
