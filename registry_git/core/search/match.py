"""Does a row fit a filter? The meaning that the index's SQL must agree with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from registry_git.core.model import NO_STAGE
from registry_git.core.search.like import fold, like
from registry_git.core.search.terms import Attribute, Condition, Filter, Operator, matches_untagged

_NUMERIC: Mapping[Operator, Callable[[int, int], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """What a search of models looks at.

    `stages` are those that a version of the model is in, with `None` among them when a version is in none; `aliases`
    are the model's.
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """What a search of versions looks at. `stages` is empty for a version in none; texts are empty when not known."""

    name: str
    version: int
    run_id: str = ""
    source: str = ""
    status: str = ""
    created_by: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def matches(given: Filter, row: ModelRow | VersionRow) -> bool:
    """Whether all conditions hold for the row; the filter must have been parsed for the row's target."""
    return all(_holds(condition, row) for condition in given)


def _holds(condition: Condition, row: ModelRow | VersionRow) -> bool:
    attribute = condition.field.attribute
    if attribute is Attribute.TAG:
        value = row.tags.get(condition.field.key)
        return matches_untagged(condition) if value is None else _text_holds(condition, value)
    if attribute is Attribute.STAGE:
        stages = row.stages or ((NO_STAGE,) if isinstance(row, VersionRow) else ())
        return _any_holds(condition, frozenset(map(fold, stages)), fold)
    if attribute is Attribute.ALIAS:
        return _any_holds(condition, frozenset(row.aliases), str)
    if attribute is Attribute.NAME:
        return _text_holds(condition, row.name)
    if isinstance(row, ModelRow):
        raise TypeError(f"models have no {attribute.value}")
    if attribute is Attribute.VERSION_NUMBER:
        return _NUMERIC[condition.operator](row.version, int(str(condition.value)))
    texts = {
        Attribute.RUN_ID: row.run_id,
        Attribute.SOURCE_PATH: row.source,
        Attribute.STATUS: row.status,
        Attribute.CREATED_BY: row.created_by,
    }
    return _text_holds(condition, texts[attribute])


def asked(condition: Condition) -> tuple[str, ...]:
    """The texts that a condition compares with: those of the list, or the one."""
    return condition.value if isinstance(condition.value, tuple) else (str(condition.value),)


def _any_holds(condition: Condition, present: frozenset[str], form: Callable[[str], str]) -> bool:
    found = any(form(text) in present for text in asked(condition))
    return not found if condition.operator is Operator.NOT_EQUAL else found


def _text_holds(condition: Condition, text: str) -> bool:
    texts = asked(condition)
    if condition.operator in (Operator.LIKE, Operator.ILIKE):
        return like(text, texts[0], ignore_case=condition.operator is Operator.ILIKE)
    negated = condition.operator in (Operator.NOT_EQUAL, Operator.NOT_IN)
    return (text in texts) is not negated
