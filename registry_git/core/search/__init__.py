"""The search language of MLflow's registry: filters, the order of results, pages."""

from __future__ import annotations

from registry_git.core.search.like import fold, like
from registry_git.core.search.match import ModelRow, VersionRow, matches
from registry_git.core.search.pages import (
    Order,
    OrderField,
    check_max_results,
    decode_token,
    encode_token,
    parse_order,
)
from registry_git.core.search.parse import parse_filter
from registry_git.core.search.terms import (
    PROMPT_TAG,
    Attribute,
    Condition,
    Field,
    Filter,
    Operator,
    Target,
    matches_untagged,
    only_name,
    without_prompts,
)

__all__ = [
    "PROMPT_TAG",
    "Attribute",
    "Condition",
    "Field",
    "Filter",
    "ModelRow",
    "Operator",
    "Order",
    "OrderField",
    "Target",
    "VersionRow",
    "check_max_results",
    "decode_token",
    "encode_token",
    "fold",
    "like",
    "matches",
    "matches_untagged",
    "only_name",
    "parse_filter",
    "parse_order",
    "without_prompts",
]
