"""Plain values to text by libyaml's emitter: for what is not as plain as `yaml_plain_writer` writes.

Events go straight to the emitter: PyYAML's nodes on the way there would only cost time. It is imported by
`yaml_writer` when that needs it, since PyYAML is slow to import.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from registry_git.core.errors import Invalid
from registry_git.manifests.yaml_plain_writer import AMBIGUOUS
from registry_git.manifests.yaml_reader import DEPTH_MAX, DIGITS_MAX

_Emitter: Any = (
    yaml.cyaml.CEmitter  # type: ignore[attr-defined]
    if yaml.__with_libyaml__
    else yaml.emitter.Emitter
)
_WIDTH = 1 << 30  # never fold a line

# Lines that a literal block gives back exactly: no leading space in the first, no trailing space in any.
_LITERAL = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)(?:\n+(?:[ -~]*[!-~]))+\n?")

# Letters of all scripts, as they are read in a review. Everything invisible, or that some reader takes for a line end,
# stays an escape: U+0085, U+2028, direction marks, byte order marks.
_READABLE = re.compile(
    "[\n -~\u00a1-\u00ac\u00ae-\u0600\u0606-\u061b\u061d-\u06dc\u06de-\u070e\u0710-\u088f\u0892-\u08e1\u08e3-\u167f"
    "\u1681-\u180a\u180f-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufdff"
    "\ufe10-\ufefe\uff00-\uffee\ufffd]*"
)

_SCALAR = yaml.ScalarEvent
_STREAM_START = yaml.StreamStartEvent(encoding="utf-8")
_STREAM_END = yaml.StreamEndEvent()
_DOCUMENT_START = yaml.DocumentStartEvent(explicit=False)
_DOCUMENT_END = yaml.DocumentEndEvent(explicit=False)
_MAPPING_START = yaml.MappingStartEvent(None, None, True, flow_style=False)
_MAPPING_END = yaml.MappingEndEvent()
_BLOCK_START = yaml.SequenceStartEvent(None, None, True, flow_style=False)
_FLOW_START = yaml.SequenceStartEvent(None, None, True, flow_style=True)
_SEQUENCE_END = yaml.SequenceEndEvent()


def write_any(value: Mapping[str, Any]) -> bytes:
    """As `yaml_writer.write`, whatever the value holds. Raises: Invalid."""
    stream = io.BytesIO()
    emitter = _Emitter(stream, width=_WIDTH, allow_unicode=_is_readable(value))
    emit = emitter.emit
    emit(_STREAM_START)
    emit(_DOCUMENT_START)
    _emit(emit, value, 1)
    emit(_DOCUMENT_END)
    emit(_STREAM_END)
    return stream.getvalue()


def _is_readable(value: Any) -> bool:
    """Whether all texts can stand as they are; one emitter writes either all letters so, or none beyond ASCII."""
    if isinstance(value, str):
        return value.isascii() or _READABLE.fullmatch(value) is not None
    if isinstance(value, Mapping):
        return all(_is_readable(key) and _is_readable(inner) for key, inner in value.items())
    return all(map(_is_readable, value)) if isinstance(value, list | tuple) else True


def _emit(emit: Any, value: Any, depth: int) -> None:
    if isinstance(value, str):
        emit(_string(value))
    elif isinstance(value, Mapping):
        if depth > DEPTH_MAX:
            raise Invalid(f"The value nests deeper than {DEPTH_MAX} levels.")
        emit(_MAPPING_START)
        for key, inner in value.items():
            if not isinstance(key, str):
                raise Invalid(f"The key {key!r} is not a string.")
            emit(_string(key, literal=False))
            _emit(emit, inner, depth + 1)
        emit(_MAPPING_END)
    elif isinstance(value, list | tuple):
        if depth > DEPTH_MAX:
            raise Invalid(f"The value nests deeper than {DEPTH_MAX} levels.")
        emit(_FLOW_START if all(type(inner) is int for inner in value) else _BLOCK_START)
        for inner in value:
            _emit(emit, inner, depth + 1)
        emit(_SEQUENCE_END)
    else:
        emit(_SCALAR(None, None, (True, False), _plain(value)))


def _string(text: str, *, literal: bool = True) -> Any:
    if type(text) is not str:
        text = str.__str__(text)  # libyaml takes no names, only plain strings
    if AMBIGUOUS.fullmatch(text):
        return _SCALAR(None, None, (False, True), text, style="'")
    if "\n" in text and literal and _LITERAL.fullmatch(text):
        return _SCALAR(None, None, (False, True), text, style="|")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid("The text holds a lone surrogate, which UTF-8 cannot write.", hint="Leave it out.")
    return _SCALAR(None, None, (True, True), text)


def _plain(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Counting bits first: text of a huge number costs quadratic time.
        if value.bit_length() > DIGITS_MAX * 3:
            raise Invalid("A number has too many digits.")
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        text = repr(value)
        # YAML 1.1 takes `1e+16` for a string: it wants the dot.
        return text if "." in text or "e" not in text else text.replace("e", ".0e")
    raise Invalid(f"No manifest can hold {value!r}.")
