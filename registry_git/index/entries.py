"""Whole entries out of the index, for lists of thousands: one statement instead of a manifest for each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from registry_git.core.model import NO_STAGE
from registry_git.core.search import Filter, Order, Target
from registry_git.index.queries import Page, Queries
from registry_git.index.search_sql import order_to_sql, to_sql

_VERSION = (
    "v.model, v.version, v.source, v.run_id, v.run_link, v.model_id, v.status, v.status_message, v.created, "
    "v.created_by, v.description, v.updated, v.tags"
)
# names of stages and aliases have no slash
_STAGES = "(SELECT group_concat(stage, '/') FROM placements AS p WHERE p.model = v.model AND p.version = v.version)"
_ALIASES = "(SELECT group_concat(alias, '/') FROM aliases AS a WHERE a.model = v.model AND a.version = v.version)"
_MODEL = (
    "m.name, m.created, m.created_by, m.description, m.updated, m.tags, "
    "(SELECT json_group_object(alias, version) FROM aliases AS a WHERE a.model = m.name)"
)
_IN_STAGES = "SELECT model, stage, max(version) AS version, min(version) AS lowest FROM placements"
# Of the versions that are in no stage, whose stage is ''. Nearly always the newest is one.
_BARE = (
    "(SELECT version FROM versions AS b WHERE b.model = {0} AND NOT EXISTS (SELECT 1 FROM placements AS p "
    "WHERE p.model = {0} AND p.version = b.version) ORDER BY version {1} LIMIT 1)"
)
_LATEST = (
    f"SELECT placed.model, stage, lowest, {_VERSION} FROM ("  # noqa: S608 - words of this file
    f"{_IN_STAGES} WHERE model IN (SELECT value FROM json_each(?1)) GROUP BY model, stage UNION ALL "
    f"SELECT value, '', {_BARE.format('value', 'DESC')}, {_BARE.format('value', 'ASC')} FROM json_each(?1)"
    ") AS placed CROSS JOIN versions AS v ON v.model = placed.model AND v.version = placed.version"
)
_LATEST_OF_ONE = (
    "FROM models AS m LEFT JOIN ({}) AS placed LEFT JOIN versions AS v ON v.model = ?1 AND v.version = placed.version "
    "WHERE m.name = ?1 AND (SELECT value FROM meta WHERE key = 'commit') = ?2"
)
_BARE_OF_ONE = f"SELECT ?1, '', {_BARE.format('?1', 'DESC')}, {_BARE.format('?1', 'ASC')}"
_SHOWN = "(SELECT value FROM meta WHERE key = 'commit')"
_FEW = 50  # versions of a model, so that a page of them is as quickly found as one
_ARE_FEW = "(SELECT count(*) FROM (SELECT 1 FROM versions AS n WHERE n.model = ? LIMIT ?)) <= ?"


class VersionEntry(NamedTuple):
    """A version as the index knows it. `source` is what it was registered by; times are in milliseconds.

    A tuple, like the row that it is made from: lists have thousands of them.
    """

    model: str
    version: int
    source: str
    run_id: str
    run_link: str
    model_id: str
    status: str
    status_message: str
    created: int
    created_by: str
    description: str
    updated: int
    tags: Mapping[str, str]
    stages: tuple[str, ...] = ()


class ModelEntry(NamedTuple):
    """A model as the index knows it; times are in milliseconds."""

    name: str
    created: int
    created_by: str
    description: str
    updated: int
    tags: Mapping[str, str]
    aliases: Mapping[str, int]


Latest = dict[str, list[tuple[str, VersionEntry]]]


class Entries(Queries):
    """Searches whose answers are entries."""

    def version_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[VersionEntry]:
        """The versions that pass the filter, in order."""
        keys = self.versions(given, orders, page)
        # found in a step of its own: a sort would gather the stages of all that it sorts
        sql = (
            f"SELECT {_VERSION}, {_STAGES} FROM json_each(?) AS k CROSS JOIN versions AS v "  # noqa: S608
            "ON v.model = json_extract(k.value, '$[0]') AND v.version = json_extract(k.value, '$[1]') ORDER BY k.key"
        )
        return _entries(self._rows(sql, [json.dumps(keys)]))

    def model_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[ModelEntry]:
        """The models that pass the filter, in order."""
        names = self.models(given, orders, page)
        sql = f"SELECT {_MODEL} FROM json_each(?) AS k CROSS JOIN models AS m ON m.name = k.value ORDER BY k.key"  # noqa: S608
        rows = self._rows(sql, [json.dumps(names)])
        read = zip(rows, each(rows, 5), each(rows, 6), strict=True)
        return [ModelEntry._make((*row[:5], tags, aliases)) for row, tags, aliases in read]

    def latest_entries(self, models: Sequence[str]) -> Latest:
        """The highest version in each stage (empty: in none) of each model, in the order of the stages' lowest ones.

        They come without the stages that they are in.
        """
        found: Latest = {model: [] for model in models}
        rows = self._rows(_LATEST, [json.dumps(models)])
        rows.sort(key=_place)
        for row, tags in zip(rows, each(rows, 15), strict=True):
            found[row[0]].append((row[1], VersionEntry._make((*row[3:15], tags, ()))))
        return found


class AtHand:
    """What the index knows of one thing, if it shows a commit already; else it knows nothing, and says so.

    Each answer is one statement that looks at the commit as well. Damage is told as not knowing: who brings the index
    to a commit mends it.
    """

    def __init__(self, db: sqlite3.Connection, commit: str) -> None:
        self._db = db
        self._commit = commit

    def here(self) -> bool:
        """Whether the index shows the commit."""
        return self._first(f"SELECT 1 WHERE {_SHOWN} = ?", self._commit) is not None

    def version(self, model: str, version: int) -> tuple[VersionEntry, tuple[str, ...]] | None:
        """A version and its aliases."""
        sql = f"SELECT {_VERSION}, {_STAGES}, {_ALIASES} FROM versions AS v WHERE model = ? AND version = ?"  # noqa: S608
        return _entry(self._first(f"{sql} AND {_SHOWN} = ?", model, version, self._commit))

    def aliased(self, model: str, alias: str) -> tuple[VersionEntry, tuple[str, ...]] | None:
        """The version that an alias names, and all of its aliases."""
        sql = (
            f"SELECT {_VERSION}, {_STAGES}, {_ALIASES} FROM aliases AS named CROSS JOIN versions AS v "  # noqa: S608
            "ON v.model = named.model AND v.version = named.version WHERE named.model = ? AND named.alias = ?"
        )
        return _entry(self._first(f"{sql} AND {_SHOWN} = ?", model, alias, self._commit))

    def location(self, model: str, version: int) -> str:
        """Where the files of a version lie; empty for an unknown one."""
        sql = f"SELECT location FROM versions WHERE model = ? AND version = ? AND {_SHOWN} = ?"  # noqa: S608
        row = self._first(sql, model, version, self._commit)
        return row[0] if row else ""

    def model(self, name: str) -> tuple[ModelEntry, list[tuple[str, VersionEntry]]] | None:
        """A model with the highest version of each stage (empty: in none), as `Entries.latest_entries` has them."""
        placed = f"{_IN_STAGES} WHERE model = ?1 GROUP BY stage UNION ALL {_BARE_OF_ONE}"
        rows = self._all(f"SELECT stage, lowest, {_VERSION}, {_MODEL} {_LATEST_OF_ONE.format(placed)}", name)
        if not rows:
            return None
        first = rows[0]
        entry = ModelEntry._make((*first[15:20], json.loads(first[20]), json.loads(first[21])))
        return entry, [(row[0], VersionEntry._make((*row[2:14], json.loads(row[14]), ()))) for row in _in_order(rows)]

    def latest(self, model: str, stages: Sequence[str] = ()) -> list[tuple[str, VersionEntry, tuple[str, ...]]] | None:
        """The highest version in each of these stages (empty: in none), or in every one; and its aliases."""
        named = [stage for stage in stages if stage]
        parts = []
        if named or not stages:
            holes = f" AND stage IN ({', '.join(f'?{place}' for place in range(3, 3 + len(named)))})" if named else ""
            parts.append(f"{_IN_STAGES} WHERE model = ?1{holes} GROUP BY stage")
        if not stages or "" in stages:
            parts.append(_BARE_OF_ONE)
        source = _LATEST_OF_ONE.format(" UNION ALL ".join(parts))
        rows = self._all(f"SELECT stage, lowest, {_VERSION}, {_ALIASES} {source}", model, *named)
        if not rows:
            return None
        return [
            (row[0], VersionEntry._make((*row[2:14], json.loads(row[14]), ())), _names(row[15]))
            for row in _in_order(rows)
        ]

    def few_versions(
        self, model: str, given: Filter, orders: tuple[Order, ...], page: Page
    ) -> list[VersionEntry] | None:
        """The versions that pass a filter by the model's name and more; None: there are none, or too many to tell."""
        where, values = to_sql(given, Target.VERSIONS)
        sql = (
            f"SELECT {_VERSION}, {_STAGES} FROM versions CROSS JOIN versions AS v ON v.model = versions.model "  # noqa: S608
            f"AND v.version = versions.version WHERE versions.model = ? AND {where} AND {_ARE_FEW} AND {_SHOWN} = ? "
            f"ORDER BY {order_to_sql(orders, Target.VERSIONS)} LIMIT ? OFFSET ?"
        )
        asked = [model, *values, model, _FEW + 1, _FEW, self._commit, page.limit, page.offset]
        return _entries(self._rows(sql, asked)) or None

    def _first(self, sql: str, *values: str | int) -> tuple[Any, ...] | None:
        return next(iter(self._rows(sql, values)), None)

    def _all(self, sql: str, model: str, *more: str) -> list[tuple[Any, ...]]:
        return self._rows(sql, (model, self._commit, *more))

    def _rows(self, sql: str, values: Sequence[str | int]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.DatabaseError:
            return []


def _entries(rows: list[tuple[Any, ...]]) -> list[VersionEntry]:
    return [
        VersionEntry._make((*row[:12], tags, _names(row[13]))) for row, tags in zip(rows, each(rows, 12), strict=True)
    ]


def _entry(row: tuple[Any, ...] | None) -> tuple[VersionEntry, tuple[str, ...]] | None:
    if row is None:
        return None
    return VersionEntry._make((*row[:12], json.loads(row[12]), _names(row[13]))), _names(row[14])


def _names(joined: str | None) -> tuple[str, ...]:
    return tuple(joined.split("/")) if joined else ()


def _in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows that have a version, by the lowest version of the stage."""
    return sorted((row for row in rows if row[2] is not None), key=lambda row: (row[1], row[0] or NO_STAGE))


def _place(row: tuple[Any, ...]) -> tuple[int, str]:
    return row[2], row[1] or NO_STAGE


def each(rows: Sequence[tuple[Any, ...]], column: int) -> list[Any]:
    """What the JSON in a column says, row by row; read in one go, which takes a third of the time."""
    found: list[Any] = json.loads(f"[{','.join([row[column] for row in rows])}]")
    return found
