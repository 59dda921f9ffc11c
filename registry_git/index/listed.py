"""Models for lists: all that a page of them shows, in a few statements instead of manifests and pointers for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from registry_git.core.search import Filter, Order, OrderField, Target
from registry_git.index.entries import each
from registry_git.index.queries import Page, Queries
from registry_git.index.search_sql import Parameters, order_to_sql, to_sql, words_to_sql

_COLUMNS = (
    "name, description, created, created_by, updated, active, "
    "(SELECT max(version) FROM versions AS v WHERE v.model = models.name), "
    "(SELECT count(*) FROM versions AS v WHERE v.model = models.name), "
    "tags, "
    "(SELECT json_group_array(json_array(stage, version)) FROM placements AS p WHERE p.model = models.name), "
    "(SELECT json_group_object(alias, version) FROM aliases AS a WHERE a.model = models.name)"
)
# In the place of the table: models that somebody asked something of, on a branch, were active then.
_ASKED = (
    "(SELECT name, description, created, created_by, updated, max(active, coalesce(at, 0)) AS active FROM models "
    "LEFT JOIN (SELECT key AS asked, value AS at FROM json_each(?)) ON asked = name) AS models"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which models, in which order. `words`: each of them in the name, description, creator or a tag.

    `asked` tells, by name, when a model was last active on the branches of requests, which the index does not know.
    """

    given: Filter = ()
    words: str = ""
    orders: tuple[Order, ...] = ()
    asked: Mapping[str, int] = field(default_factory=dict)

    @property
    def by_activity(self) -> bool:
        """Whether the order depends on when models were last active."""
        return any(order.field is OrderField.LAST_ACTIVITY for order in self.orders)

    def with_asked(self, asked: Mapping[str, int]) -> Wanted:
        """The same, now that this is known."""
        return replace(self, asked=asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A model as lists show it. Times are in milliseconds; `stages` in no order, their versions ascending."""

    name: str
    description: str
    created: int
    created_by: str
    updated: int
    active: int
    latest_version: int | None
    versions: int
    tags: Mapping[str, str]
    stages: Mapping[str, tuple[int, ...]]
    aliases: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """Models of one commit, and how many there are on all pages (None when that was not asked)."""

    models: tuple[ListedModel, ...]
    total: int | None
    commit: str


class Listed(Queries):
    """Searches of models whose answers are what lists show."""

    def page(self, wanted: Wanted, page: Page, *, counted: bool = False) -> ListedPage:
        """The models that are wanted. `counted`: and how many there are without the page."""
        with self._together():
            names = self._names(wanted, page)
            sql = f"SELECT {_COLUMNS} FROM models WHERE name IN (SELECT value FROM json_each(?))"  # noqa: S608
            rows = {row[0]: row for row in self._rows(sql, [json.dumps(names)])}
            rows_in_order = [rows[name] for name in names if name in rows]
            total = self._total(wanted, page, len(names)) if counted else None
            commit = self._first("SELECT value FROM meta WHERE key = 'commit'")
        parts = zip(*(each(rows_in_order, column) for column in (8, 9, 10)), strict=True)
        return ListedPage(
            models=tuple(
                ListedModel(
                    name=row[0],
                    description=row[1],
                    created=row[2],
                    created_by=row[3],
                    updated=row[4],
                    active=row[5],
                    latest_version=row[6],
                    versions=row[7],
                    tags=tags,
                    stages=_by_stage(placements),
                    aliases=dict(sorted(aliases.items())),
                )
                for row, (tags, placements, aliases) in zip(rows_in_order, parts, strict=True)
            ),
            total=total,
            commit=commit[0] if commit else self._commit,
        )

    def _names(self, wanted: Wanted, page: Page) -> list[str]:
        source, parameters = "models", Parameters()
        if wanted.by_activity and wanted.asked:
            source, parameters = _ASKED, [json.dumps(dict(wanted.asked))]
        where, values = _where(wanted)
        order = order_to_sql(wanted.orders, Target.MODELS)
        sql = f"SELECT name FROM {source} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return [row[0] for row in self._rows(sql, [*parameters, *values, page.limit, page.offset])]

    def _total(self, wanted: Wanted, page: Page, found: int) -> int:
        if found < page.limit and (found or not page.offset):
            return page.offset + found
        where, values = _where(wanted)
        row = self._first(f"SELECT count(*) FROM models WHERE {where}", values)  # noqa: S608
        return int(row[0]) if row else 0


def _where(wanted: Wanted) -> tuple[str, Parameters]:
    where, values = to_sql(wanted.given, Target.MODELS)
    words, more = words_to_sql(wanted.words)
    return f"{where} AND {words}", [*values, *more]


def _by_stage(placements: list[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for stage, version in placements:
        found.setdefault(stage, []).append(version)
    return {stage: tuple(sorted(versions)) for stage, versions in found.items()}
