"""Whole entries out of the index, for lists of thousands: one statement instead of a manifest for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry_git.core.model import NO_STAGE
from registry_git.core.search import Filter, Order
from registry_git.index.queries import Page, Queries

_VERSION = (
    "model, version, source, run_id, run_link, model_id, status, status_message, created, created_by, description, "
    "updated, (SELECT json_group_object(key, value) FROM version_tags AS t WHERE t.model = versions.model AND "
    "t.version = versions.version), (SELECT json_group_array(stage) FROM placements AS p WHERE "
    "p.model = versions.model AND p.version = versions.version)"
)
_MODEL = (
    "name, created, created_by, description, updated, (SELECT json_group_object(key, value) FROM model_tags AS t "
    "WHERE t.model = models.name), (SELECT json_group_object(alias, version) FROM aliases AS a WHERE "
    "a.model = models.name)"
)
# The highest and the lowest version of each stage of a model; stage '' is in no stage.
_LATEST = (
    "SELECT model, stage, max(version), min(version) FROM placements WHERE model IN ({0}) GROUP BY model, stage "
    "UNION ALL SELECT model, '', max(version), min(version) FROM versions WHERE model IN ({0}) AND NOT EXISTS "
    "(SELECT 1 FROM placements AS p WHERE p.model = versions.model AND p.version = versions.version) GROUP BY model"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """A version as the index knows it. `source` is what it was registered by; times are in milliseconds."""

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
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model as the index knows it; times are in milliseconds."""

    name: str
    created: int
    created_by: str
    description: str
    updated: int
    tags: Mapping[str, str]
    aliases: Mapping[str, int]


class Entries(Queries):
    """Searches whose answers are entries."""

    def version_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[VersionEntry]:
        """The versions that pass the filter, in order."""
        keys = [(str(model), version) for model, version in self.versions(given, orders, page)]
        entries = self._version_entries(keys)
        return [entries[key] for key in keys if key in entries]

    def model_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[ModelEntry]:
        """The models that pass the filter, in order."""
        names = self.models(given, orders, page)
        sql = f"SELECT {_MODEL} FROM models WHERE name IN (SELECT value FROM json_each(?))"  # noqa: S608
        rows = self._rows(sql, [json.dumps(names)])
        entries = {row[0]: _model(row, *read) for row, *read in zip(rows, each(rows, 5), each(rows, 6), strict=True)}
        return [entries[name] for name in names if name in entries]

    def _version_entries(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], VersionEntry]:
        """The versions of these keys. Found in a step of its own: a sort would gather tags of all that it sorts."""
        sql = (
            f"SELECT {_VERSION} FROM versions WHERE (model, version) IN "  # noqa: S608
            "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
        )
        rows = self._rows(sql, [json.dumps(keys)])
        read = zip(rows, each(rows, 12), each(rows, 13), strict=True)
        return {(row[0], row[1]): _version(row, tags, stages) for row, tags, stages in read}

    def version_entry(self, model: str, version: int) -> VersionEntry | None:
        """One version, or None."""
        sql = f"SELECT {_VERSION} FROM versions WHERE model = ? AND version = ?"  # noqa: S608
        row = self._first(sql, (model, version))
        return _version(row, json.loads(row[12]), json.loads(row[13])) if row else None

    def location(self, model: str, version: int) -> str:
        """Where the files of a version lie; empty for an unknown one."""
        row = self._first("SELECT location FROM versions WHERE model = ? AND version = ?", (model, version))
        return row[0] if row else ""

    def model_entry(self, model: str) -> ModelEntry | None:
        """One model, or None."""
        row = self._first(f"SELECT {_MODEL} FROM models WHERE name = ?", (model,))  # noqa: S608
        return _model(row, json.loads(row[5]), json.loads(row[6])) if row else None

    def aliases_of(self, model: str, version: int) -> tuple[str, ...]:
        """The aliases that name a version."""
        sql = "SELECT alias FROM aliases WHERE model = ? AND version = ? ORDER BY alias"
        return tuple(row[0] for row in self._rows(sql, (model, version)))

    def aliased(self, model: str, alias: str) -> int | None:
        """The version that an alias names, or None."""
        row = self._first("SELECT version FROM aliases WHERE model = ? AND alias = ?", (model, alias))
        return row[0] if row else None

    def latest_entries(self, models: Sequence[str]) -> dict[str, list[tuple[str, VersionEntry]]]:
        """The highest version in each stage (empty: in none) of each model, in the order of the stages' lowest ones."""
        if not models:
            return {}
        holes = ", ".join("?" * len(models))
        latest = self._rows(_LATEST.format(holes), [*models, *models])
        latest.sort(key=lambda row: (row[3], row[1] or NO_STAGE))
        entries = self._version_entries([(model, version) for model, _, version, _ in latest])
        found: dict[str, list[tuple[str, VersionEntry]]] = {model: [] for model in models}
        for model, stage, version, _ in latest:
            if (model, version) in entries:
                found[model].append((stage, entries[(model, version)]))
        return found


def _version(row: tuple[Any, ...], tags: Mapping[str, str], stages: Sequence[str]) -> VersionEntry:
    return VersionEntry(
        model=row[0],
        version=row[1],
        source=row[2],
        run_id=row[3],
        run_link=row[4],
        model_id=row[5],
        status=row[6],
        status_message=row[7],
        created=row[8],
        created_by=row[9],
        description=row[10],
        updated=row[11],
        tags=tags,
        stages=tuple(stages),
    )


def _model(row: tuple[Any, ...], tags: Mapping[str, str], aliases: Mapping[str, int]) -> ModelEntry:
    return ModelEntry(
        name=row[0],
        created=row[1],
        created_by=row[2],
        description=row[3],
        updated=row[4],
        tags=tags,
        aliases=aliases,
    )


def each(rows: Sequence[tuple[Any, ...]], column: int) -> list[Any]:
    """What the JSON in a column says, row by row; read in one go, which takes a third of the time."""
    found: list[Any] = json.loads(f"[{','.join(row[column] for row in rows)}]")
    return found
