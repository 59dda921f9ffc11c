"""Questions to the index. Answers are names, numbers and activities; the manifests themselves are read from git."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from registry_git.core.activity import Activity
from registry_git.core.names import ModelName
from registry_git.core.search import Filter, Order, Target, fold
from registry_git.index.index import Index
from registry_git.index.search_sql import order_to_sql, to_sql
from registry_git.index.tables import ACTIVITY_COLUMNS, FORMER

_DAMAGED = re.compile("no such (table|column)|disk I/O error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of the answer is wanted."""

    limit: int
    offset: int = 0


class Brought(NamedTuple):
    """Since when (ms) a deployment uses its version, and the request (or empty) and the commit that brought it."""

    environment: str
    name: str
    since: int
    request: str
    commit: str


# Of a model, as it is called now; an earlier model of this name, deleted since, has a story of its own.
OF_MODEL = (
    "model = ? AND seq >= coalesce((SELECT max(seq) FROM activities WHERE model = ? AND "
    "activity_type = 'CREATED_MODEL'), 0)"
)
_BROUGHT = 'environment, name, since, request, "commit"'


class Queries:
    """Reads over an index that is brought to a commit first, and made anew when it turns out to be damaged."""

    def __init__(self, index: Index, commit: str, *, until: str | None = None) -> None:
        """`until`: activities of later commits than this one are not shown."""
        self._index = index
        self._commit = commit
        self._until = until
        self._db = index.at(commit)

    def models(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[ModelName]:
        """The names of the models that pass the filter, in order."""
        where, values = to_sql(given, Target.MODELS)
        sql = f"SELECT name FROM models WHERE {where} ORDER BY {order_to_sql(orders, Target.MODELS)} LIMIT ? OFFSET ?"  # noqa: S608
        return [ModelName(row[0]) for row in self._rows(sql, [*values, page.limit, page.offset])]

    def versions(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[tuple[ModelName, int, int]]:
        """The versions that pass the filter, in order, each with when it last changed, in milliseconds."""
        where, values = to_sql(given, Target.VERSIONS)
        order = order_to_sql(orders, Target.VERSIONS)
        sql = f"SELECT model, version, updated FROM versions WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return [(ModelName(row[0]), row[1], row[2]) for row in self._rows(sql, [*values, page.limit, page.offset])]

    def model_updated(self, model: ModelName) -> int:
        """When a model last changed, in milliseconds; 0 for an unknown one."""
        return self._number("SELECT updated FROM models WHERE name = ?", model)

    def version_updated(self, model: ModelName, version: int) -> int:
        """When a version last changed, in milliseconds; 0 for an unknown one."""
        return self._number("SELECT updated FROM versions WHERE model = ? AND version = ?", model, version)

    def model_active(self, model: ModelName) -> int:
        """When something last happened to a model, in milliseconds; 0 for an unknown one."""
        return self._number("SELECT active FROM models WHERE name = ?", model)

    def versions_updated(self, model: ModelName) -> dict[int, int]:
        """When each version of a model last changed, in milliseconds."""
        return dict(self._rows("SELECT version, updated FROM versions WHERE model = ?", (model,)))

    def names_of(self, id: str) -> list[ModelName]:
        """The models with this id: one, or none."""
        return [ModelName(row[0]) for row in self._rows("SELECT name FROM models WHERE id = ?", (id,))]

    def places_of_comment(self, id: str) -> list[tuple[ModelName, int]]:
        """The versions that have a comment with this id: one, or none."""
        rows = self._rows("SELECT model, version FROM comments WHERE id = ?", (id,))
        return [(ModelName(row[0]), row[1]) for row in rows]

    def requests(self, model: str | None, state: str | None) -> list[tuple[str, str]]:
        """The recorded requests as (model or empty, id), oldest first; of one model and state where these are given."""
        clauses = ["1"]
        values: list[str] = []
        for column, value in (("model", model), ("state", state)):
            if value is not None:
                clauses.append(f"{column} = ?")
                values.append(value)
        sql = f"SELECT model, id FROM requests WHERE {' AND '.join(clauses)} ORDER BY created, id"  # noqa: S608
        return [(row[0], row[1]) for row in self._rows(sql, values)]

    def newest_requests(self, model: str | None, requester: str, *, limit: int) -> list[tuple[int, str, str]]:
        """The newest recorded requests as (created, id, model or empty): all, of a model, or by an email address."""
        where, values = _asked(model, requester)
        sql = f"SELECT created, id, model FROM requests WHERE {where} ORDER BY created DESC, id DESC LIMIT ?"  # noqa: S608
        return [(row[0], row[1], row[2]) for row in self._rows(sql, [*values, limit])]

    def count_requests(self, model: str | None, requester: str) -> int:
        """How many there are of what `newest_requests` gives."""
        where, values = _asked(model, requester)
        row = self._first(f"SELECT count(*) FROM requests WHERE {where}", values)  # noqa: S608
        return int(row[0]) if row else 0

    def deployments(
        self, *, environment: str | None, workload: str | None, model: str | None, version: int | None
    ) -> list[Brought]:
        """The deployments, sorted; those of which all that is given is true."""
        wanted = {"environment": environment, "workload": workload, "model": model, "version": version}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(["1", *(f"{column} = ?" for column in given)])
        sql = f"SELECT {_BROUGHT} FROM deployments WHERE {where} ORDER BY environment, name"  # noqa: S608
        return [Brought(*row) for row in self._rows(sql, list(given.values()))]

    def deployed(self, environment: str, name: str) -> Brought | None:
        """What is known of one deployment, or None."""
        sql = f"SELECT {_BROUGHT} FROM deployments WHERE environment = ? AND name = ?"  # noqa: S608
        row = self._first(sql, (environment, name))
        return None if row is None else Brought(*row)

    def model_of_request(self, request: str) -> list[str]:
        """The models (empty: the registry) that have a record of this id."""
        return [row[0] for row in self._rows("SELECT model FROM requests WHERE id = ?", (request,))]

    def landing_of(self, model: str, request: str) -> str:
        """The commit on `main` that decided a request; empty when there is none.

        What is told of a model moves with its name, so the request may be told of another model than its record names.
        """
        row = self._first(
            'SELECT "commit" FROM activities WHERE request = ? ORDER BY model IN (?, ?) DESC, seq DESC LIMIT 1',
            (request, model, model + FORMER),
        )
        return row[0] if row else ""

    def activities(
        self,
        model: str | None,
        version: int | None,
        *,
        request: str | None = None,
        limit: int | None = None,
        after: int = 0,
    ) -> list[Activity]:
        """What happened, oldest first; the newest `limit` of it, and only what came after the cursor `after`."""
        clauses, values = self.shown_until()
        clauses.append("seq > ?")
        values.append(after)
        if model is not None:
            clauses.append(OF_MODEL)
            values += [model, model]
        if version is not None:
            clauses.append("version = ?")
            values.append(version)
        if request is not None:
            clauses.append("request = ?")
            values.append(request)
        sql = f"SELECT {ACTIVITY_COLUMNS} FROM activities WHERE {' AND '.join(clauses)} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        rows = self._rows(sql, [*values, -1 if limit is None else limit])
        return [activity_of(row) for row in reversed(rows)]

    def shown_until(self) -> tuple[list[str], list[str | int]]:
        """What keeps activities back that had not happened at the moment that is shown: clauses, and their values."""
        if self._until is None:
            return [], []
        clause = '(SELECT seq FROM commits WHERE id = "commit") <= (SELECT seq FROM commits WHERE id = ?)'
        return [clause], [self._until]

    def cursor(self) -> int:
        """The place behind the newest activity: give it to `activities(after=…)` to learn what came since."""
        return self._number("SELECT coalesce(max(seq), 0) FROM activities")

    def problems(self) -> list[tuple[str, str]]:
        """Manifests that cannot be read, as (path, why)."""
        return self._rows("SELECT path, message FROM problems ORDER BY path")

    def counts(self) -> dict[str, int]:
        """How many models, versions, requests and activities there are."""
        tables = ("models", "versions", "requests", "activities")
        return {table: self._number(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608

    def has_operation(self, operation: str) -> bool:
        """Whether a commit of `main` says that it is the write with this id."""
        return self._number("SELECT count(*) FROM commits WHERE operation = ?", operation) > 0

    def operations(self) -> set[str]:
        """The ids of all writes of `main`, as `has_operation` knows them."""
        return {row[0] for row in self._rows("SELECT operation FROM commits")}

    @contextmanager
    def _together(self) -> Iterator[None]:
        """What is asked meanwhile is answered for one and the same commit, though others write."""
        self._rows("BEGIN")
        try:
            yield
        finally:
            if self._db.in_transaction:  # not when it had to be made anew
                self._db.execute("COMMIT")

    def _first(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        return next(iter(self._rows(sql, values)), None)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError) and not _DAMAGED.match(str(problem)):
                raise
        self._index.drop()
        self._db = self._index.at(self._commit)
        return self._db.execute(sql, values).fetchall()

    def _number(self, sql: str, *values: Sequence[str] | int) -> int:
        row = self._first(sql, values)
        return int(row[0]) if row else 0


def _asked(model: str | None, requester: str) -> tuple[str, list[str]]:
    given = {"model = ?": model, "search_has(requester, ?)": f"<{fold(requester)}>" if requester else None}
    clauses = {clause: value for clause, value in given.items() if value is not None}
    return " AND ".join(["1", *clauses]), list(clauses.values())


def activity_of(row: tuple[object, ...]) -> Activity:
    """The activity in a row of ACTIVITY_COLUMNS."""
    names = [name.strip().strip('"') for name in ACTIVITY_COLUMNS.split(",")]
    told = Activity(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
    return replace(told, model=told.model.removesuffix(FORMER)) if told.model.endswith(FORMER) else told
