"""Filters and orders as SQLite: the same meaning as `core.search.matches`, over the tables of the index."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType

from registry_git.core.model import NO_STAGE
from registry_git.core.search import (
    Attribute,
    Condition,
    Filter,
    Operator,
    Order,
    OrderField,
    Target,
    fold,
    like,
    matches_untagged,
)

Parameters = list[str | int]


def _like(text: str, pattern: str) -> int:
    return int(like(text, pattern))


def _ilike(text: str, pattern: str) -> int:
    return int(like(text, pattern, ignore_case=True))


def _has(text: str, folded: str) -> int:
    return int(folded in fold(text))


# SQLite's own LIKE ignores the case of ASCII letters and of no others
SQL_FUNCTIONS: Mapping[str, Callable[..., str | int]] = MappingProxyType(
    {"search_like": _like, "search_ilike": _ilike, "search_fold": fold, "search_has": _has}
)
"""The functions that the SQL of `to_sql` calls, by name; `register_functions` gives them to a connection."""

_ARITY = MappingProxyType({"search_like": 2, "search_ilike": 2, "search_fold": 1, "search_has": 2})
_LIKES = MappingProxyType({Operator.LIKE: "search_like", Operator.ILIKE: "search_ilike"})

_COLUMNS: Mapping[Target, Mapping[Attribute, str]] = MappingProxyType(
    {
        Target.MODELS: MappingProxyType({Attribute.NAME: "models.name"}),
        Target.VERSIONS: MappingProxyType(
            {
                Attribute.NAME: "versions.model",
                Attribute.VERSION_NUMBER: "versions.version",
                Attribute.RUN_ID: "versions.run_id",
                Attribute.SOURCE_PATH: "versions.source",
                Attribute.STATUS: "versions.status",
                Attribute.CREATED_BY: "versions.created_by",
            }
        ),
    }
)
_KEY = MappingProxyType({Target.MODELS: "models.name", Target.VERSIONS: "(versions.model, versions.version)"})
_PICKED = MappingProxyType({Target.MODELS: "model", Target.VERSIONS: "model, version"})
_TAG_TABLE = MappingProxyType({Target.MODELS: "model_tags", Target.VERSIONS: "version_tags"})
_STAGELESS = (
    "NOT EXISTS (SELECT 1 FROM placements WHERE placements.model = bare.model AND placements.version = bare.version)"
)
# no word has a space in it, so it is found in one of the texts, never across two
_WORD = (
    "(search_has(models.name || ' ' || models.description || ' ' || models.created_by, ?) OR models.name IN "
    "(SELECT model FROM model_tags WHERE search_has(key || ' ' || value, ?)))"
)
_ORDER_COLUMNS: Mapping[Target, Mapping[OrderField, str]] = MappingProxyType(
    {
        Target.MODELS: MappingProxyType(
            {
                OrderField.NAME: "models.name",
                OrderField.CREATED: "models.created",
                OrderField.UPDATED: "models.updated",
                OrderField.LAST_ACTIVITY: "models.active",
            }
        ),
        Target.VERSIONS: MappingProxyType(
            {
                OrderField.NAME: "versions.model",
                OrderField.VERSION_NUMBER: "versions.version",
                OrderField.CREATED: "versions.created",
                OrderField.UPDATED: "versions.updated",
            }
        ),
    }
)


def register_functions(connection: sqlite3.Connection) -> None:
    """Makes `SQL_FUNCTIONS` known to a connection; once per connection, before any search."""
    for name, function in SQL_FUNCTIONS.items():
        connection.create_function(name, _ARITY[name], function, deterministic=True)


def to_sql(given: Filter, target: Target) -> tuple[str, Parameters]:
    """A WHERE condition, without the word, and its parameters in order; `1` for the empty filter.

    It goes into a SELECT FROM `models` or `versions` under that very name. User text is only ever a parameter.
    """
    parts: list[str] = []
    parameters: Parameters = []
    for condition in given:
        sql, values = _condition(condition, target)
        parts.append(sql)
        parameters.extend(values)
    return " AND ".join(parts) or "1", parameters


def order_to_sql(orders: tuple[Order, ...], target: Target) -> str:
    """The expressions behind ORDER BY, over the columns name or model, version, `created` and `updated`."""
    columns = _ORDER_COLUMNS[target]
    return ", ".join(f"{columns[order.field]} {'DESC' if order.descending else 'ASC'}" for order in orders)


def words_to_sql(text: str) -> tuple[str, Parameters]:
    """As `to_sql`, for models: each word is in the name, description, creator or a tag, in upper or lower case."""
    words = list(map(fold, text.split()))
    return " AND ".join([_WORD] * len(words)) or "1", [word for word in words for _ in range(2)]


def _condition(condition: Condition, target: Target) -> tuple[str, Parameters]:
    attribute = condition.field.attribute
    if attribute is Attribute.TAG:
        return _tag(condition, target)
    if attribute is Attribute.STAGE:
        return _stage(condition, target)
    if attribute is Attribute.ALIAS:
        sql, values = _compared("alias", condition)
        return f"{_KEY[target]} IN ({_picked(target, 'aliases', sql)})", values
    return _compared(_COLUMNS[target][attribute], condition)


def _compared(column: str, condition: Condition) -> tuple[str, Parameters]:
    operator, value = condition.operator, condition.value
    if isinstance(value, tuple):
        return f"{column} {operator.value} ({_holes(value)})", list(value)
    if operator is Operator.LIKE:
        # what begins otherwise is left out by SQLite itself: it costs less than a call of our function
        begins = re.split("[%_]", str(value), maxsplit=1)[0]
        return f"(substr({column}, 1, ?) = ? AND {_LIKES[operator]}({column}, ?))", [len(begins), begins, value]
    if operator in _LIKES:
        return f"{_LIKES[operator]}({column}, ?)", [value]
    return f"{column} {operator.value} ?", [value]


def _tag(condition: Condition, target: Target) -> tuple[str, Parameters]:
    table = _TAG_TABLE[target]
    sql, values = _compared("value", condition)
    found = f"{_KEY[target]} IN ({_picked(target, table, f'key = ? AND {sql}')})"
    if not matches_untagged(condition):
        return found, [condition.field.key, *values]
    tagless = f"{_KEY[target]} NOT IN ({_picked(target, table, 'key = ?')})"
    return f"({found} OR {tagless})", [condition.field.key, *values, condition.field.key]


def _stage(condition: Condition, target: Target) -> tuple[str, Parameters]:
    asked = condition.value if isinstance(condition.value, tuple) else (str(condition.value),)
    stages = tuple(dict.fromkeys(map(fold, asked)))
    none = fold(NO_STAGE)
    sources = []
    parameters: Parameters = [stage for stage in stages if stage != none]
    if parameters:
        holes = _holes(tuple(parameters))
        sources.append(_picked(target, "placements", f"search_fold(stage) IN ({holes})"))
    if none in stages:
        sources.append(_picked(target, "versions AS bare", _STAGELESS))
    word = "NOT IN" if condition.operator is Operator.NOT_EQUAL else "IN"
    return f"{_KEY[target]} {word} ({' UNION ALL '.join(sources)})", parameters


def _picked(target: Target, table: str, where: str) -> str:
    """A SELECT of the keys of `target`; every word of it is of this file, never of a user."""
    return f"SELECT {_PICKED[target]} FROM {table} WHERE {where}"  # noqa: S608


def _holes(values: tuple[str | int, ...]) -> str:
    return ", ".join("?" * len(values))
