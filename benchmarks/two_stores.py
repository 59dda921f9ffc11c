"""The same models in MLflow's SQLite store and in Git, and both as MLflow's registry stores."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Figure
from registries import ACTOR, name_of

import registry_git

MODELS, VERSIONS = 1_000, 10
_BEGAN = 1_700_000_000_000  # ms
_STAGES = {VERSIONS: "Production", VERSIONS - 1: "Staging", 1: "Archived"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Two stores with the same content."""

    git: Any
    sqlite: Any
    place: Path
    imported: Figure


def make_stores(work: Path) -> Stores:
    """1,000 models with 10 versions in SQLite, imported into Git."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    from registry_git.migration.carry import Wanted, carry, read_mlflow
    from registry_git.mlflow_plugin.store import GitStore

    uri = f"sqlite:///{work / 'mlflow.db'}"
    sqlite = SqlAlchemyStore(uri)
    _fill(work / "mlflow.db")
    place = work / "registry.git"
    registry = registry_git.init(place, actor=ACTOR)
    begun = time.perf_counter()
    carry(registry, read_mlflow(uri, Wanted(), unnamed=registry.actor))
    took = time.perf_counter() - begun
    registry.reindex()
    imported = Figure(what="import 10,000 versions, durable", values=(took,), unit="s", bound=60)
    return Stores(git=GitStore(f"git+file://{place}"), sqlite=sqlite, place=place, imported=imported)


def _fill(database: Path) -> None:
    db = sqlite3.connect(database)
    models, versions, tags = [], [], []
    for model in range(MODELS):
        name, at = name_of(model), _BEGAN + model * 1000
        models.append(("default", name, at, at + VERSIONS, f"about {name}"))
        for number in range(1, VERSIONS + 1):
            source, run = f"s3://acme-models/{name}/{number}/model", f"{model:08x}{number:08x}"
            stage = _STAGES.get(number, "None")
            versions.append(("default", name, number, at + number, at + number, stage, source, run, source))
            tags += [("default", name, number, "auc", f"0.{model % 100:02}"), ("default", name, number, "team", "risk")]
    with db:
        db.executemany(
            "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time, description) "
            "VALUES (?, ?, ?, ?, ?)",
            models,
        )
        db.executemany(
            "INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, current_stage, "
            "source, run_id, storage_location, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'READY')",
            versions,
        )
        db.executemany(
            "INSERT INTO model_version_tags (workspace, name, version, key, value) VALUES (?, ?, ?, ?, ?)", tags
        )
        db.executemany(
            "INSERT INTO registered_model_tags (workspace, name, key, value) VALUES ('default', ?, 'owner', ?)",
            [(name_of(model), f"team-{model % 20}") for model in range(MODELS)],
        )
        db.executemany(
            "INSERT INTO registered_model_aliases (workspace, name, alias, version) "
            "VALUES ('default', ?, 'champion', ?)",
            [(name_of(model), VERSIONS) for model in range(MODELS)],
        )
    db.close()
