"""How two versions differ, field by field, and how two sets of manifests differ, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum

from registry_git.core.model import ModelVersion
from registry_git.core.times import Timestamp

_OWN = ("model", "version", "id")  # what differs between any two versions


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """A field in which two versions differ: its path (`tags.auc`), and its text in each (None: not there)."""

    field: str
    left: str | None
    right: str | None


def compare(left: ModelVersion, right: ModelVersion) -> list[FieldDifference]:
    """The fields that differ, in the order of the manifest; a tag is a field of its own (`tags.auc`)."""
    one, other = dict(_flat("", left)), dict(_flat("", right))
    names = [name for name in dict.fromkeys([*one, *other]) if name not in _OWN or left.model != right.model]
    return [
        FieldDifference(field=name, left=one.get(name), right=other.get(name))
        for name in names
        if one.get(name) != other.get(name)
    ]


def _flat(prefix: str, value: object) -> Iterable[tuple[str, str]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _flat(f"{prefix}.{field.name}" if prefix else field.name, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _flat(f"{prefix}.{key}", value[key])
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _flat(f"{prefix}[{place}]", item)
    elif isinstance(value, Timestamp):
        yield prefix, value.text()
    elif isinstance(value, Enum):
        yield prefix, str(value.value)
    elif value not in ("", None):
        yield prefix, str(value)


def unified(files: Iterable[tuple[str, bytes | None, bytes | None]]) -> str:
    """A unified diff of (path, before, after), as `git diff` prints it; absent files are /dev/null."""
    parts: list[str] = []
    for path, before, after in files:
        lines = difflib.unified_diff(
            _lines(before),
            _lines(after),
            fromfile=f"a/{path}" if before is not None else "/dev/null",
            tofile=f"b/{path}" if after is not None else "/dev/null",
        )
        parts += (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(parts)


def _lines(data: bytes | None) -> list[str]:
    return [] if data is None else data.decode("utf-8", errors="replace").splitlines(keepends=True)
