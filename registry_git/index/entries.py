"""Whole entries out of the index, for lists of thousands: one statement instead of a manifest for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry_git.core.search import Filter, Order, Target
from registry_git.index.queries import Page, Queries
from registry_git.index.search_sql import order_to_sql, to_sql

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
# The highest version of each stage of a model; stage '' is in no stage.
_LATEST = (
    "SELECT model, stage, max(version) FROM placements WHERE model IN ({0}) GROUP BY model, stage "
    "UNION ALL SELECT model, '', max(version) FROM versions WHERE model IN ({0}) AND NOT EXISTS "
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
        where, values = to_sql(given, Target.VERSIONS)
        order = order_to_sql(orders, Target.VERSIONS)
        sql = f"SELECT {_VERSION} FROM versions WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return [_version(row) for row in self._rows(sql, [*values, page.limit, page.offset])]

    def model_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[ModelEntry]:
        """The models that pass the filter, in order."""
        where, values = to_sql(given, Target.MODELS)
        order = order_to_sql(orders, Target.MODELS)
        sql = f"SELECT {_MODEL} FROM models WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return [_model(row) for row in self._rows(sql, [*values, page.limit, page.offset])]

    def latest_entries(self, models: Sequence[str]) -> dict[str, list[tuple[str, VersionEntry]]]:
        """The highest version in each stage (empty: in none) of each model."""
        if not models:
            return {}
        holes = ", ".join("?" * len(models))
        latest = self._rows(_LATEST.format(holes), [*models, *models])
        wanted = json.dumps([[model, version] for model, _, version in latest])
        sql = (
            f"SELECT {_VERSION} FROM versions WHERE (model, version) IN "  # noqa: S608
            "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
        )
        entries = {(entry.model, entry.version): entry for entry in map(_version, self._rows(sql, [wanted]))}
        found: dict[str, list[tuple[str, VersionEntry]]] = {model: [] for model in models}
        for model, stage, version in latest:
            if (model, version) in entries:
                found[model].append((stage, entries[(model, version)]))
        return found


def _version(row: tuple[Any, ...]) -> VersionEntry:
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
        tags=json.loads(row[12]),
        stages=tuple(json.loads(row[13])),
    )


def _model(row: tuple[Any, ...]) -> ModelEntry:
    return ModelEntry(
        name=row[0],
        created=row[1],
        created_by=row[2],
        description=row[3],
        updated=row[4],
        tags=json.loads(row[5]),
        aliases=json.loads(row[6]),
    )
