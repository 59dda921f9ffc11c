"""Values of the registry as what JSON and YAML can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from registry_git.core.times import Timestamp

# Fields of views that hold milliseconds as a plain int.
_TIMES = frozenset({"at", "created", "last_activity", "last_updated", "refreshed", "since", "updated"})


def plain(value: Any, field: str = "") -> Any:
    """`value` out of mappings, lists, strings, numbers, booleans and None; dataclasses become mappings.

    Times become `2026-11-23T06:14:11.412Z`, but those in fields named `*_timestamp` stay milliseconds.

    Args:
        value: what a use case gave.
        field: the name of the field that holds it.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        time = isinstance(value, Timestamp) or field in _TIMES
        return Timestamp.of(value).text() if time and not field.endswith("_timestamp") else int(value)
    if isinstance(value, float):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name), each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(one) for one in value)
    return str(value)
