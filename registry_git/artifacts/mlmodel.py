"""What the `MLmodel` file beside a model says of it. The model itself is never loaded or unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from registry_git.artifacts.tree import find_file
from registry_git.core.errors import RegistryError

FILE_NAME = "MLmodel"
SIZE_MAX = 1 << 20  # bytes
SIGNATURE_MAX = 100_000  # characters: a manifest has to hold it
_DEPTH_MAX = 50
_NODES_MAX = 200_000
_ALIASES_MAX = 100
_TEXT_MAX = 256
_PYFUNC = "python_function"
_FLAVOR = re.compile(r"[\w.\- ]{1,100}")
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class MLmodel:
    """The facts of an `MLmodel` file; empty where it does not say, or not in a way that can be used.

    `format` is the main flavor: the first that is not `python_function`, else that. `signature` is JSON. `warning`
    says what is wrong with the file; empty when nothing is.
    """

    format: str = ""
    flavors: tuple[str, ...] = ()
    signature: str = ""
    run_id: str = ""
    model_id: str = ""
    utc_time_created: str = ""
    warning: str = ""


def read_mlmodel(location: str) -> MLmodel | None:
    """What the `MLmodel` file in the directory says; None when there is none, or the location cannot be read at all.

    Whatever the file holds, no error comes of it: `warning` says what is wrong.
    """
    try:
        file = find_file(location, FILE_NAME)
        if file is None:
            return None
        content = b""
        for block in file.blocks():
            content += block
            if len(content) > SIZE_MAX:
                return MLmodel(warning=f"{FILE_NAME} has over {SIZE_MAX:,} bytes; it was not read.")
    except RegistryError as problem:
        return MLmodel(warning=f"{FILE_NAME} was not read: {problem.message}")
    return parse_mlmodel(content)


def parse_mlmodel(content: bytes) -> MLmodel:
    """What an `MLmodel` file of this content says; never fails."""
    try:
        text = content.decode("utf-8")
        refusal = _refusal(text)
        values = None if refusal else yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except Exception as problem:  # PyYAML's constructors raise errors of any type
        line = getattr(getattr(problem, "problem_mark", None), "line", None)
        where = "" if line is None else f" at line {line + 1}"
        return MLmodel(warning=f"{FILE_NAME} is no YAML{where}.")
    if refusal:
        return MLmodel(warning=refusal)
    if not isinstance(values, Mapping):
        return MLmodel(warning=f"{FILE_NAME} is no mapping.")
    return _facts(values)


def _refusal(text: str) -> str:
    """Why the text must not be loaded: the depth, size or merge keys that a loader would choke on; empty if none."""
    depth = aliases = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _DEPTH_MAX or nodes > _NODES_MAX or aliases > _ALIASES_MAX:
            return f"{FILE_NAME} is nested too deeply or too large; it was not read."
        if isinstance(event, yaml.ScalarEvent) and (event.value == "<<" or event.tag == "tag:yaml.org,2002:merge"):
            return f"{FILE_NAME} uses merge keys; it was not read."
    return ""


def _facts(values: Mapping[object, object]) -> MLmodel:
    warnings: list[str] = []
    flavors = _flavors(values.get("flavors"), warnings)
    return MLmodel(
        format=next((name for name in flavors if name != _PYFUNC), flavors[0] if flavors else ""),
        flavors=flavors,
        signature=_signature(values.get("signature"), warnings),
        run_id=_text(values, "run_id", warnings),
        model_id=_text(values, "model_id", warnings),
        utc_time_created=_text(values, "utc_time_created", warnings),
        warning=" ".join(warnings),
    )


def _flavors(value: object, warnings: list[str]) -> tuple[str, ...]:
    if value is None:
        warnings.append(f"{FILE_NAME} names no flavors.")
        return ()
    names = list(value) if isinstance(value, Mapping) else [None]
    good = tuple(name for name in names[:100] if isinstance(name, str) and _FLAVOR.fullmatch(name))
    if len(good) != len(names):
        warnings.append(f"Some flavors in {FILE_NAME} are no names; they were left out.")
    return good


def _signature(value: object, warnings: list[str]) -> str:
    if value is None:
        return ""
    try:
        if not isinstance(value, Mapping):
            raise ValueError
        # MLflow writes each part as JSON within the YAML
        parts = {
            part: json.loads(value[part], parse_constant=_refuse_constant)
            for part in ("inputs", "outputs", "params")
            if value.get(part) is not None
        }
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        text.encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        warnings.append(f"The signature in {FILE_NAME} is no JSON; it was left out.")
        return ""
    if len(text) > SIGNATURE_MAX:
        warnings.append(f"The signature in {FILE_NAME} has over {SIGNATURE_MAX:,} characters; it was left out.")
        return ""
    return text


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _text(values: Mapping[object, object], key: str, warnings: list[str]) -> str:
    value = values.get(key)
    if value is None:
        return ""
    # a time without quotes is one to YAML, and an id of digits is a number
    text = "" if isinstance(value, (Mapping, list, set, tuple, bytes)) else str(value)
    if not text.isprintable() or not 0 < len(text) <= _TEXT_MAX:
        warnings.append(f"{key} in {FILE_NAME} is no short text; it was left out.")
        return ""
    return text
