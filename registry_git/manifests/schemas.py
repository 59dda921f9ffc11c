"""Holds a value against the JSON Schema of its kind and says in one sentence what is wrong and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry_git.core.errors import Corrupt
from registry_git.manifests.predicates import predicate
from registry_git.manifests.yaml_reader import lines, step

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

KINDS = (
    "RegisteredModel",
    "ModelVersion",
    "StagePointer",
    "AliasPointer",
    "TransitionRequest",
    "Comment",
    "Deployment",
    "Registry",
    "Observations",
)

_PACKAGED = Path(__file__).with_name("schemas")
_CHECKOUT = Path(__file__).parents[2] / "schemas"
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_SHOWN = 60  # characters of a wrong value in a message


def validate(kind: str, value: Mapping[str, Any], *, path: str, data: bytes) -> None:
    """Return if `value` is a valid manifest of `kind`.

    Args:
        kind: one of `KINDS`.
        value: what the manifest holds.
        path: the file's name, for errors.
        data: the text that `value` was read from, for line numbers; empty when there is none.

    Raises:
        Corrupt: it is not; the error names file, line and JSON path, and what is allowed there.
    """
    if predicate(_schema(kind))(value):
        return
    problems = list(_validator(kind).iter_errors(value))
    if problems:
        raise _corrupt(problems, path, data)


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `kind`, a fresh copy."""
    file = re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower() + ".v1.schema.json"
    directory = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    schema: dict[str, Any] = json.loads((directory / file).read_text(encoding="utf-8"))
    return schema


@cache
def _schema(kind: str) -> dict[str, Any]:
    return schema_of(kind)


@cache
def _validator(kind: str) -> Validator:
    found: Validator = _validator_class()(_schema(kind))
    return found


@cache
def _validator_class() -> Any:
    # Imported at the first manifest that is not proved valid: its import takes 50 to 80 ms.
    from jsonschema import Draft202012Validator, validators

    return validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        validators={"properties": _properties},
        # JSON Schema takes 1.0 for an integer; a version number that another reader sees as a float is none.
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
    )


def _properties(
    validator: Any, properties: dict[str, Any], instance: object, _schema: object
) -> Iterator[ValidationError]:
    """The keyword `properties`, several times as fast: jsonschema descends only to where something is wrong."""
    if not isinstance(instance, dict):
        return
    for name, value in instance.items():
        if name in properties and not predicate(properties[name])(value):
            yield from validator.descend(value, properties[name], path=name, schema_path=name)


def _corrupt(problems: list[ValidationError], path: str, data: bytes) -> Corrupt:
    where = lines(data) if data else {}
    problem = min(problems, key=lambda each: (_rank(each), where.get(_place(each), 0)))
    message, hint = _explained(problem)
    place = _place(problem)
    return Corrupt(message, path=path, json_path=place, line=where.get(place, 0), hint=hint)


def _rank(problem: ValidationError) -> int:
    """What explains most comes first: the wrong kind of file, then a misspelt key, then what is missing."""
    if list(problem.absolute_path)[:1] in (["apiVersion"], ["kind"]):
        return 0
    return {"additionalProperties": 1, "required": 3}.get(str(problem.validator), 2)


def _place(problem: ValidationError) -> str:
    place = "$"
    for part in problem.absolute_path:
        place = step(place, part)
    if problem.validator == "additionalProperties":
        unknown = _unknown(problem)
        return step(place, unknown) if unknown else place
    return place


def _unknown(problem: ValidationError) -> str:
    schema: Any = problem.schema
    instance: Any = problem.instance
    return next((str(key) for key in instance if key not in schema.get("properties", {})), "")


def _explained(problem: ValidationError) -> tuple[str, str]:
    """The sentence and the hint for a problem."""
    schema: Any = problem.schema
    allowed: Any = problem.validator_value
    instance: Any = problem.instance
    shown = _shown(instance)
    match problem.validator:
        case "additionalProperties":
            unknown, known = _unknown(problem), list(schema.get("properties", {}))
            from difflib import get_close_matches  # only a fault pays for it

            near = get_close_matches(unknown, known, n=1)
            guess = f"Did you mean {near[0]!r}? " if near else ""
            return f"The key {unknown[:_SHOWN]!r} is not known.", f"{guess}Allowed are {', '.join(known)}."
        case "required":
            missing = next(key for key in allowed if key not in instance)
            meaning = schema.get("properties", {}).get(missing, {}).get("description", "")
            return f"The key {missing!r} is missing.", f"It is needed: {meaning}" if meaning else ""
        case "type":
            return f"{shown} is not {_WORDS.get(str(allowed), str(allowed))}.", str(schema.get("description", ""))
        case "const":
            return f"{shown} is not {allowed!r}, the only value that is allowed here.", ""
        case "enum":
            return f"{shown} is not one of {', '.join(map(str, allowed))}.", ""
        case "minLength" | "maxLength" if isinstance(instance, str):
            bound = "at least" if problem.validator == "minLength" else "at most"
            return f"The text has {len(instance):,} characters; {bound} {allowed:,} are allowed.", ""
        case "minItems":
            return f"The list has {len(instance)} items; at least {allowed} are allowed.", ""
        case "uniqueItems":
            return "The list holds an item twice.", ""
        case "minimum" | "maximum":
            bound = "less than" if problem.validator == "minimum" else "more than"
            return f"{shown} is {bound} {allowed:,}.", str(schema.get("description", ""))
        case "oneOf":
            names = ", ".join(key for each in allowed for key in each.get("required", ()))
            return f"Exactly one of {names} is allowed.", ""
        case _:
            return f"{shown} is not allowed.", f"Allowed: {schema.get('description', '')}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
