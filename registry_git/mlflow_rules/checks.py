"""What MLflow's registry refuses, in its own words (mlflow.utils.validation), and then what ours does."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from collections.abc import Iterable

from registry_git.core.errors import Invalid
from registry_git.core.names import TAG_KEY_MAX, TAG_VALUE_MAX, AliasName, ModelName, parse_tag_key, parse_text
from registry_git.core.search import PROMPT_TAG, Target

ALIAS_MAX = 255
LATEST = "latest"
PROMPT_TEXT_TAG = "mlflow.prompt.text"
RESULTS_DEFAULT = {Target.MODELS: 100, Target.VERSIONS: 10_000}
RESULTS_MAX = {Target.MODELS: 1_000, Target.VERSIONS: 200_000}
_OFFSET_MAX = 10**15
_ALIAS = re.compile(r"[\w\-]*")
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_TAG_KEY = re.compile(r"[/\w.\- :]*")
_BAD_TAG_KEY = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
    "slashes (/)."
)


def model_name(name: str | None, parameter: str = "name") -> ModelName:
    """The checked name of a model. Raises: Invalid."""
    if name is None or not name.strip():
        raise Invalid(f"Missing value for required parameter '{parameter}'.")
    if "/" in name or ":" in name:
        raise Invalid(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    if _resolves_elsewhere(name):
        raise Invalid(_bad_value("name", name, _bad_path(name)))
    return ModelName.parse(name)


def version_number(version: object) -> int:
    """The number of a version, which may be one that no version has. Raises: Invalid."""
    try:
        return int(version)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        raise Invalid(f"Parameter 'version' must be an integer, got '{version}'.") from None


def alias_name(alias: str | None) -> str:
    """A name that may be asked for as an alias, which `latest` is too. Raises: Invalid."""
    if not alias:
        raise Invalid("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(alias):
        raise Invalid(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    _within("Registered model alias name", ALIAS_MAX, alias)
    return alias


def new_alias_name(alias: str | None) -> AliasName:
    """A name that may be given to an alias. Raises: Invalid."""
    name = alias_name(alias)
    if name.lower() == LATEST:
        raise Invalid("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(name):
        raise Invalid(f"Version alias name '{name}' is reserved.")
    return AliasName.parse(name)


def tag_key(key: str | None) -> str:
    """The checked key of a tag, of any length. Raises: Invalid."""
    if key is None:
        raise Invalid("Missing value for required parameter 'key'.")
    if not _TAG_KEY.fullmatch(key):
        raise Invalid(_bad_value("key", key, _BAD_TAG_KEY))
    if _resolves_elsewhere(key):
        raise Invalid(_bad_value("key", key, _bad_path(key)))
    return key


def model_tag(key: str | None, value: str | None) -> tuple[str, str]:
    """A tag of a model; no value is an empty one. Raises: Invalid."""
    name = tag_key(key)
    _within("key", TAG_KEY_MAX, name)
    _within("value", TAG_VALUE_MAX, value or "")
    return parse_tag_key(name), parse_text(f"tag {name}", value or "", at_most=TAG_VALUE_MAX)


def version_tag(key: str | None, value: str | None) -> tuple[str, str]:
    """A tag of a version. Raises: Invalid, also for no value."""
    name = tag_key(key)
    if value is None:
        raise Invalid("Tag value cannot be None")
    _within("key", TAG_KEY_MAX, name)
    if name == PROMPT_TEXT_TAG and len(value) > TAG_VALUE_MAX:
        raise Invalid(f"Prompt text exceeds max length of {TAG_VALUE_MAX} characters.")
    return model_tag(name, value)


def is_prompt(keys: Iterable[str]) -> bool:
    """Whether tags with these keys are those of a prompt."""
    return PROMPT_TAG in keys


def page_size(number: object, target: Target) -> int:
    """How many results a page may hold; the default for None. Raises: Invalid."""
    if number is None:
        return RESULTS_DEFAULT[target]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise Invalid(f"Invalid value for max_results. It must be a positive integer, but got {number}")
    if number > RESULTS_MAX[target]:
        raise Invalid(
            "Invalid value for request parameter max_results. It must be at most "
            f"{RESULTS_MAX[target]}, but got value {number}"
        )
    return number


def page_offset(token: str | bytes | None) -> int:
    """Where the page of a token starts; 0 for none. Raises: Invalid."""
    if not token:
        return 0
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, ValueError):
        raise Invalid("Invalid page token, could not base64-decode") from None
    try:
        parsed = json.loads(decoded)
    except (ValueError, RecursionError):
        raise Invalid(f"Invalid page token, decoded value={decoded[:200]!r}") from None
    offset = parsed.get("offset") if isinstance(parsed, dict) else None
    if not offset:
        raise Invalid(f"Invalid page token, parsed value={parsed}")
    try:
        found = int(offset)
    except (TypeError, ValueError, OverflowError):  # 1e400 is infinite
        raise Invalid(f"Invalid page token, not stringable {offset}") from None
    if not 0 < found <= _OFFSET_MAX:
        raise Invalid(f"Invalid page token, parsed value={parsed}")
    return found


def _resolves_elsewhere(name: str) -> bool:
    norm = posixpath.normpath(name)
    return norm != name or norm == "." or norm.startswith(("..", "/"))


def _bad_path(name: str) -> str:
    return (
        "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. "
        f"This name would resolve to {posixpath.normpath(name)!r}"
    )


def _bad_value(parameter: str, value: str, why: str) -> str:
    return f"Invalid value {json.dumps(value)} for parameter '{parameter}' supplied: {why}"


def _within(what: str, most: int, text: str) -> None:
    if len(text) > most:
        raise Invalid(f"'{what}' exceeds the maximum length of {most} characters")
