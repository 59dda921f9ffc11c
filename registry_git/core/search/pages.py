"""The order of results, and how they come in pages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from registry_git.core.errors import Invalid
from registry_git.core.search.terms import Target

_OFFSET_MAX = 10**15
_ITEM = re.compile(r"(?:attribute\.)?(?P<quote>[`\"]?)(?P<field>\w{1,40})(?P=quote)(?:\s+(?P<way>[A-Za-z]{3,4}))?")
_TOKEN = re.compile(rb'\{"offset": (0|[1-9][0-9]{0,15})\}')


class OrderField(str, Enum):
    """What results can be ordered by."""

    NAME = "name"
    VERSION_NUMBER = "version_number"
    CREATED = "creation_timestamp"
    UPDATED = "last_updated_timestamp"
    LAST_ACTIVITY = "last_activity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One key of the order; later keys decide where the earlier ones are equal."""

    field: OrderField
    descending: bool = False


_MODEL_FIELDS = {
    "name": OrderField.NAME,
    "timestamp": OrderField.UPDATED,
    "last_updated_timestamp": OrderField.UPDATED,
    "creation_timestamp": OrderField.CREATED,
    "last_activity": OrderField.LAST_ACTIVITY,
}
_VERSION_FIELDS = {field.value: field for field in OrderField if field is not OrderField.LAST_ACTIVITY}
_FIELDS: Mapping[Target, Mapping[str, OrderField]] = MappingProxyType(
    {Target.MODELS: _MODEL_FIELDS, Target.VERSIONS: _VERSION_FIELDS}
)
_BY_NAME = Order(field=OrderField.NAME)
_NEWEST_VERSION = Order(field=OrderField.VERSION_NUMBER, descending=True)
_TIES = MappingProxyType({Target.MODELS: (_BY_NAME,), Target.VERSIONS: (_BY_NAME, _NEWEST_VERSION)})
_DEFAULTS: Mapping[Target, tuple[Order, ...]] = MappingProxyType(
    {
        Target.MODELS: (_BY_NAME,),
        Target.VERSIONS: (Order(field=OrderField.UPDATED, descending=True), _BY_NAME, _NEWEST_VERSION),
    }
)
_LIMITS = MappingProxyType({Target.MODELS: (100, 1_000), Target.VERSIONS: (10_000, 200_000)})


def parse_order(items: Sequence[str], target: Target) -> tuple[Order, ...]:
    """The order that `items` ask for, completed so that no two results are equal in it.

    Args:
        items: as `name DESC`; none for MLflow's defaults: models by name, versions by last update (newest first),
            name and version (newest first).
        target: what is searched.

    Raises:
        Invalid: an unknown field or direction, or the same field twice; the hint names the fields.
    """
    fields = _FIELDS[target]
    hint = f"Order {target.value} by {', '.join(fields)}, each with ASC or DESC."
    if isinstance(items, str):
        raise Invalid("The order is one text, not a list of them.", hint=hint)
    orders: list[Order] = []
    for item in items:
        found = _ITEM.fullmatch(item.strip()) if isinstance(item, str) else None
        way = (found["way"] or "ASC").upper() if found else ""
        if found is None or found["field"] not in fields or way not in ("ASC", "DESC"):
            shown = repr(item) if len(repr(item)) <= 60 else f"{repr(item)[:60]}…"
            raise Invalid(f"{target.value.capitalize()} cannot be ordered by {shown}.", hint=hint)
        order = Order(field=fields[found["field"]], descending=way == "DESC")
        if order.field in [earlier.field for earlier in orders]:
            raise Invalid(f"The order names {order.field.value} twice.", hint=hint)
        orders.append(order)
    if not orders:
        return _DEFAULTS[target]
    named = [order.field for order in orders]
    return (*orders, *(tie for tie in _TIES[target] if tie.field not in named))


def encode_token(offset: int) -> str:
    """The page token for the results from `offset` on, in MLflow's form."""
    return base64.b64encode(b'{"offset": %d}' % offset).decode("ascii")


def decode_token(text: str) -> int:
    """The offset that `encode_token` wrote; 0 for no token.

    Raises:
        Invalid: `encode_token` never writes this.
    """
    if not text:
        return 0
    try:
        raw = base64.b64decode(text, validate=True) if len(text) <= 100 else b""
    except (binascii.Error, ValueError):
        raw = b""
    found = _TOKEN.fullmatch(raw)
    if found is None or int(found[1]) > _OFFSET_MAX or encode_token(int(found[1])) != text:
        raise Invalid("The page token is none that a search gave.", hint="Leave it out to start at the first page.")
    return int(found[1])


def check_max_results(number: int | None, target: Target) -> int:
    """How many results a page may hold: `number`, or the default (100 models, 10,000 versions) for None.

    Raises:
        Invalid: less than 1, or over 1,000 models or 200,000 versions.
    """
    default, most = _LIMITS[target]
    if number is None:
        return default
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise Invalid(f"A page cannot hold {number!r} {target.value}."[:200], hint=f"Ask for 1 to {most:,} of them.")
    return number
