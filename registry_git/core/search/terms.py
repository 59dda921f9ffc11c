"""The words of a filter: what can be searched, and which operators each field takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

PROMPT_TAG = "mlflow.prompt.is_prompt"  # MLflow keeps prompts as models; this tag tells them apart


class Target(str, Enum):
    """What is searched: registered models, or their versions."""

    MODELS = "models"
    VERSIONS = "versions"


class Attribute(str, Enum):
    """The kind of a field; the value is how a filter spells it (`tags` with a key behind it)."""

    NAME = "name"
    RUN_ID = "run_id"
    SOURCE_PATH = "source_path"
    VERSION_NUMBER = "version_number"
    STAGE = "stage"
    ALIAS = "alias"
    STATUS = "status"
    CREATED_BY = "created_by"
    TAG = "tags"


class Operator(str, Enum):
    """How a field is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a condition looks at; `key` is the tag's key, and empty for everything but tags."""

    attribute: Attribute
    key: str = ""

    def __str__(self) -> str:
        return f"tags.`{self.key}`" if self.attribute is Attribute.TAG else self.attribute.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison. `value` is a tuple for IN and NOT IN, an int for `version_number`, else text."""

    field: Field
    operator: Operator
    value: str | int | tuple[str, ...]


Filter: TypeAlias = tuple[Condition, ...]  # all of them must hold; the empty one matches everything

_SAME = (Operator.EQUAL, Operator.NOT_EQUAL)
_TEXT = (*_SAME, Operator.LIKE, Operator.ILIKE)
_LISTED = (*_TEXT, Operator.IN, Operator.NOT_IN)
_NUMBER = (*_SAME, Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL)

OPERATORS: Mapping[Target, Mapping[Attribute, tuple[Operator, ...]]] = MappingProxyType(
    {
        Target.MODELS: MappingProxyType(
            {
                Attribute.NAME: _LISTED,
                Attribute.STAGE: (*_SAME, Operator.IN),
                Attribute.ALIAS: (Operator.EQUAL, Operator.IN),
                Attribute.TAG: _TEXT,
            }
        ),
        Target.VERSIONS: MappingProxyType(
            {
                Attribute.NAME: _LISTED,
                Attribute.VERSION_NUMBER: _NUMBER,
                Attribute.RUN_ID: _LISTED,
                Attribute.SOURCE_PATH: _TEXT,
                Attribute.STAGE: (*_SAME, Operator.IN),
                Attribute.ALIAS: (Operator.EQUAL, Operator.IN),
                Attribute.STATUS: (*_SAME, Operator.IN),
                Attribute.CREATED_BY: (*_TEXT, Operator.IN),
                Attribute.TAG: _TEXT,
            }
        ),
    }
)
"""The operators that each field takes. `stage` and `alias` of a model ask whether one of its versions is there."""


def matches_untagged(condition: Condition) -> bool:
    """Whether a tag condition holds for what lacks the tag.

    Only for the tag that marks prompts: what has no such tag is no prompt. Every other condition, `!=` too, needs
    the tag to be there.
    """
    return condition.field.key == PROMPT_TAG and (condition.operator, condition.value) in (
        (Operator.EQUAL, "false"),
        (Operator.NOT_EQUAL, "true"),
    )


def only_name(given: Filter) -> str | None:
    """The one name that a filter asks for, and it asks for nothing else; None for any other filter."""
    if len(given) == 1 and given[0].field.attribute is Attribute.NAME and given[0].operator is Operator.EQUAL:
        return str(given[0].value)
    return None


def without_prompts(given: Filter) -> Filter:
    """The filter that leaves prompts out, as MLflow's searches do, unless it asks for them itself."""
    field = Field(attribute=Attribute.TAG, key=PROMPT_TAG)
    for condition in given:
        if condition.field == field:
            asked = (condition.operator, str(condition.value).lower())
            if asked in ((Operator.EQUAL, "true"), (Operator.NOT_EQUAL, "false")):
                return given
    return (*given, Condition(field=field, operator=Operator.NOT_EQUAL, value="true"))
