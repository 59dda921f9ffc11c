"""What a model takes and gives, as rows of a table: MLflow's signature, read from its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_PARTS = ("inputs", "outputs", "params")
_DEPTH = 20  # of types within types


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column, tensor or parameter: `part` is `inputs`, `outputs` or `params`, `needed`: it may not be missing.

    `default` is that of a parameter; empty elsewhere.
    """

    part: str
    name: str
    type: str
    needed: bool
    default: str = ""


def fields_of(signature: str) -> tuple[Field, ...]:
    """The fields of a signature in their order; none where it is empty, or no signature of MLflow."""
    try:
        parts = json.loads(signature) if signature else None
    except (ValueError, RecursionError):
        return ()
    if not isinstance(parts, Mapping):
        return ()
    return tuple(field for part in _PARTS for field in _fields(part, _unpacked(parts.get(part))))


def _unpacked(value: object) -> object:
    """A part, which MLflow writes as JSON within JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _fields(part: str, value: object) -> Iterator[Field]:
    for place, one in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(one, Mapping):
            default = json.dumps(one["default"]) if part == "params" and "default" in one else ""
            yield Field(
                part=part,
                name=str(one.get("name") or f"#{place + 1}"),
                type=_type(one, _DEPTH),
                needed=bool(one.get("required", part != "params")) and not one.get("optional", False),
                default=default,
            )


def _type(one: object, depth: int) -> str:
    """The type in a few words: `double`, `tensor float32 (-1, 28, 28)`, `array of string`, `object {a: long}`."""
    if isinstance(one, str):
        return one
    if not isinstance(one, Mapping) or not depth:
        return "?"
    kind = str(one.get("type", "?"))
    tensor = one.get("tensor-spec")
    if kind == "tensor" and isinstance(tensor, Mapping):
        shape = tensor.get("shape")
        shown = f" ({', '.join(map(str, shape))})" if isinstance(shape, list) else ""
        return f"tensor {tensor.get('dtype', '?')}{shown}"
    if kind == "array":
        return f"array of {_type(one.get('items'), depth - 1)}"
    if kind == "map":
        return f"map of {_type(one.get('values'), depth - 1)}"
    if kind == "object" and isinstance(one.get("properties"), Mapping):
        inner = (f"{name}: {_type(each, depth - 1)}" for name, each in one["properties"].items())
        return f"object {{{', '.join(inner)}}}"
    shape = one.get("shape")
    return f"{kind} ({', '.join(map(str, shape))})" if isinstance(shape, list) else kind
