"""JSON Schemas as fast yes-or-don't-know functions.

A predicate that answers True has proved the value valid. False says nothing: then jsonschema decides, and explains.
So a keyword that is not understood here costs time, never correctness.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

Predicate: TypeAlias = Callable[[Any], bool]

_SILENT = frozenset(("$schema", "$id", "description", "title", "type"))
_SIMPLE = _SILENT | {"minLength", "maxLength", "pattern"}
_TYPES = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,)}
_known: dict[int, tuple[dict[str, Any], Predicate]] = {}


def predicate(schema: dict[str, Any]) -> Predicate:
    """The predicate of `schema`, built once for each schema object."""
    found = _known.get(id(schema))
    if found is None:
        # The schema is kept with it, so that its id cannot become another one's.
        found = _known[id(schema)] = (schema, _built(schema))
    return found[1]


def _built(schema: dict[str, Any]) -> Predicate:
    if schema.get("type") == "object":
        return _object(schema)
    types = _TYPES.get(str(schema.get("type")))
    if types is None:
        return _unsure
    if types == (str,) and _SIMPLE.issuperset(schema):
        return _text(schema)
    tests: list[Predicate] = []
    for keyword, wanted in schema.items():
        if keyword in _SILENT:
            continue
        test = _test(keyword, wanted)
        if test is None:
            return _unsure
        tests.append(test)
    return _all_of(types, tuple(tests))


def _text(schema: dict[str, Any]) -> Predicate:
    """Texts of some length, perhaps of some form: most of what a manifest holds, so it is one call."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", sys.maxsize)
    if "pattern" not in schema:
        return lambda value: isinstance(value, str) and least <= len(value) <= most
    search = re.compile(schema["pattern"]).search
    return lambda value: isinstance(value, str) and least <= len(value) <= most and search(value) is not None


def _all_of(types: tuple[type, ...], tests: tuple[Predicate, ...]) -> Predicate:
    text = str in types  # checked names are strings too; but True is no number
    if len(tests) == 1 and len(types) == 1 and not text:
        only, single = types[0], tests[0]
        return lambda value: type(value) is only and single(value)

    def check(value: Any) -> bool:
        if type(value) not in types and not (text and isinstance(value, str)):
            return False
        for test in tests:  # noqa: SIM110 - a generator takes twice the time, and this is asked of every text
            if not test(value):
                return False
        return True

    return check


def _test(keyword: str, wanted: Any) -> Predicate | None:
    """What `keyword` asks of a value that already has the right type; None when it is not understood."""
    match keyword:
        case "const":
            return lambda value: bool(value == wanted)
        case "enum":
            return frozenset(wanted).__contains__
        case "pattern":
            search = re.compile(wanted).search
            return lambda value: search(value) is not None
        case "minLength" | "minItems":
            return lambda value: len(value) >= wanted
        case "maxLength" | "maxItems":
            return lambda value: len(value) <= wanted
        case "minimum":
            return lambda value: bool(value >= wanted)
        case "maximum":
            return lambda value: bool(value <= wanted)
        case "items":
            inner = _built(wanted)
            return lambda value: all(map(inner, value))
        case "uniqueItems" if wanted is True:
            # Only for the simple items whose equality is their identity; all else is for jsonschema.
            return lambda value: all(type(item) in (int, str) for item in value) and len(set(value)) == len(value)
        case _:
            return None


def _object(schema: dict[str, Any]) -> Predicate:
    understood = {"properties", "required", "additionalProperties", "propertyNames", "oneOf"} | _SILENT
    choices = schema.get("oneOf", ())
    if not understood.issuperset(schema) or any(set(choice) != {"required"} for choice in choices):
        return _unsure
    sets = [frozenset(choice["required"]) for choice in choices]
    required = frozenset(schema.get("required", ()))
    rest = schema.get("additionalProperties", True)
    other = _built(rest) if isinstance(rest, dict) else _unsure if rest is False else _sure
    name_test = _built(schema["propertyNames"]) if "propertyNames" in schema else None
    properties = _Properties(schema.get("properties", {}), other)

    def check(value: Any) -> bool:
        if type(value) is not dict or not required.issubset(value):
            return False
        if sets and sum(keys.issubset(value) for keys in sets) != 1:
            return False
        for name, inner in value.items():
            if not properties[name](inner) or (name_test is not None and not name_test(name)):
                return False
        return True

    return check


class _Properties(dict[str, Predicate]):
    """The predicate of each property, built when the first value has it; `other` for those that are not listed."""

    def __init__(self, schemas: dict[str, Any], other: Predicate) -> None:
        super().__init__()
        self._schemas = schemas
        self._other = other

    def __missing__(self, name: str) -> Predicate:
        if name not in self._schemas:
            return self._other  # not kept: there is no end to such names
        built = self[name] = _built(self._schemas[name])
        return built


def _unsure(_value: Any) -> bool:
    return False


def _sure(_value: Any) -> bool:
    return True
