"""MLflow's filters and orders, read by MLflow's own parser, as the registry's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils, SearchUtils

from registry_git.core.search import (
    PROMPT_TAG,
    Attribute,
    Condition,
    Field,
    Filter,
    Operator,
    Order,
    Target,
    parse_order,
)

_RUN = Field(attribute=Attribute.RUN_ID)
_TEXT = ("=", "!=", "LIKE", "ILIKE")
_LISTED = (*_TEXT, "IN", "NOT IN")
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
T = TypeVar("T")
_LISTED_FIELDS = ("name", "run_id")


@lru_cache(maxsize=256)
def model_filter(text: str) -> Filter:
    """The conditions of a search of models. Raises: MlflowException."""
    return _filter(_parsed(SearchModelUtils.parse_search_filter, "filter", text), Target.MODELS)


@lru_cache(maxsize=256)
def version_filter(text: str) -> Filter:
    """The conditions of a search of versions. Raises: MlflowException."""
    return _filter(_parsed(SearchModelVersionUtils.parse_search_filter, "filter", text), Target.VERSIONS)


def model_order(items: Iterable[str]) -> tuple[Order, ...]:
    """The order of a search of models. Raises: MlflowException."""
    wanted = list(items)
    parse = SearchUtils.parse_order_by_for_search_registered_models
    parsed = [_parsed(parse, "order_by clause", item) for item in wanted]
    # `timestamp` is another word for the time of the last update
    fields = [("last_updated_timestamp" if key == "timestamp" else key, ascending) for key, ascending in parsed]
    return _order(fields, wanted, Target.MODELS)


def version_order(items: Iterable[str]) -> tuple[Order, ...]:
    """The order of a search of versions. Raises: MlflowException."""
    wanted = list(items)
    parse = SearchModelVersionUtils.parse_order_by_for_search_model_versions
    parsed = [_parsed(parse, "order_by clause", item) for item in wanted]
    fields = [(key, ascending) for _, key, ascending in parsed]
    for key, _ in fields:
        if key not in SearchModelVersionUtils.VALID_ORDER_BY_ATTRIBUTE_KEYS:
            known = SearchModelVersionUtils.VALID_ORDER_BY_ATTRIBUTE_KEYS
            raise _invalid(f"Invalid order by key '{key}' specified. Valid keys are {known}")
    return _order(fields, wanted, Target.VERSIONS)


def _parsed(parse: Callable[[str], T], what: str, text: str) -> T:
    """What MLflow's parser makes of a text; it stumbles over some that it should refuse. Raises: MlflowException."""
    try:
        return parse(text)
    except (AttributeError, IndexError, TypeError, ValueError):
        raise _invalid(f"Invalid {what} '{text}'. Could not be parsed.") from None


def _order(fields: list[tuple[str, bool]], wanted: list[str], target: Target) -> tuple[Order, ...]:
    if len({key for key, _ in fields}) < len(fields):
        raise _invalid(f"`order_by` contains duplicate fields: {wanted}")
    return parse_order([f"{key} {'ASC' if ascending else 'DESC'}" for key, ascending in fields], target)


def _filter(parsed: list[dict[str, Any]], target: Target) -> Filter:
    prompts = [one for one in parsed if one["type"] == "tag" and one["key"] == PROMPT_TAG]
    if prompts and not _asks_for_prompts(prompts[0]):
        parsed = [one for one in parsed if one not in prompts]  # what is no prompt has no such tag to compare
    found = tuple(_condition(one, target) for one in parsed)
    if any(one.field == _RUN for one in found):
        found += (Condition(field=_RUN, operator=Operator.NOT_EQUAL, value=""),)  # no run is like no run's id
    return found


def _asks_for_prompts(condition: dict[str, Any]) -> bool:
    asked = (condition["comparator"], condition["value"].lower())
    return asked in (("=", "true"), ("!=", "false"))


def _condition(parsed: dict[str, Any], target: Target) -> Condition:
    key, comparator, value = parsed["key"], parsed["comparator"], parsed["value"]
    if parsed["type"] == "tag":
        if comparator not in _TEXT:
            raise _invalid(f"Invalid comparator for tag: {comparator}")
        return Condition(field=Field(attribute=Attribute.TAG, key=key), operator=Operator(comparator), value=value)
    if key == "version_number":
        return Condition(
            field=Field(attribute=Attribute.VERSION_NUMBER),
            operator=_numeric(key, comparator),
            value=_whole_number(key, value),
        )
    listed = comparator in ("IN", "NOT IN")
    if comparator not in _LISTED or (listed and target is Target.VERSIONS and key not in _LISTED_FIELDS):
        raise _invalid(f"Invalid comparator for attribute: {comparator}")
    if not listed and not isinstance(value, str):
        raise _invalid(f"Expected a quoted string value for attributes. Got value {value!r}")
    values = (value,) if isinstance(value, str) else tuple(value)
    return Condition(
        field=Field(attribute=Attribute(key)), operator=Operator(comparator), value=values if listed else value
    )


def _numeric(key: str, comparator: str) -> Operator:
    if comparator not in _NUMERIC:
        raise _invalid(f"Invalid comparator for attribute {key}: {comparator}")
    return Operator(comparator)


def _whole_number(key: str, value: object) -> int:
    try:
        if isinstance(value, float):
            raise ValueError
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise _invalid(f"Invalid value for numeric attribute '{key}': {value!r}") from None
    return max(-(2**63), min(int(number), 2**63 - 1))


def _invalid(message: str) -> MlflowException:
    return MlflowException(message, INVALID_PARAMETER_VALUE)
