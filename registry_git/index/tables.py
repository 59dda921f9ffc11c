"""The index's tables, and what one changed entity does to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from registry_git.core.activity import Activity
from registry_git.core.model import (
    AliasKey,
    AliasPointer,
    Comment,
    CommentKey,
    Key,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    RequestKey,
    StageKey,
    StagePointer,
    TransitionRequest,
    VersionKey,
)

if TYPE_CHECKING:
    from registry_git.core.events import Difference

SCHEMA_VERSION = 10
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE commits (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, at INTEGER NOT NULL, operation TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX commits_by_operation ON commits (operation);
CREATE TABLE models (
  name TEXT PRIMARY KEY, id TEXT NOT NULL, created INTEGER NOT NULL, created_by TEXT NOT NULL,
  description TEXT NOT NULL, updated INTEGER NOT NULL, active INTEGER NOT NULL, tags TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX models_by_id ON models (id);
CREATE TABLE versions (
  model TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, location TEXT NOT NULL,
  run_id TEXT NOT NULL, run_link TEXT NOT NULL, model_id TEXT NOT NULL, status TEXT NOT NULL,
  status_message TEXT NOT NULL, created INTEGER NOT NULL, created_by TEXT NOT NULL, description TEXT NOT NULL,
  updated INTEGER NOT NULL, tags TEXT NOT NULL,
  PRIMARY KEY (model, version)) WITHOUT ROWID;
CREATE INDEX versions_by_run ON versions (run_id);
CREATE INDEX versions_by_update ON versions (updated);
CREATE TABLE model_tags (model TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE INDEX model_tags_by_key ON model_tags (key, value);
CREATE TABLE version_tags (
  model TEXT, version INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY (model, version, key)) WITHOUT ROWID;
CREATE INDEX version_tags_by_key ON version_tags (key, value);
CREATE TABLE placements (model TEXT, stage TEXT, version INTEGER, PRIMARY KEY (model, stage, version)) WITHOUT ROWID;
CREATE INDEX placements_by_version ON placements (model, version);
CREATE TABLE aliases (
  model TEXT, alias TEXT, version INTEGER NOT NULL, PRIMARY KEY (model, alias)) WITHOUT ROWID;
CREATE TABLE requests (
  model TEXT NOT NULL, id TEXT NOT NULL, version INTEGER, action TEXT NOT NULL, target TEXT NOT NULL,
  state TEXT NOT NULL, requester TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (model, id)) WITHOUT ROWID;
CREATE TABLE comments (
  model TEXT, version INTEGER, id TEXT, created INTEGER NOT NULL, PRIMARY KEY (model, version, id)) WITHOUT ROWID;
CREATE INDEX comments_by_id ON comments (id);
CREATE TABLE deployments (
  environment TEXT, name TEXT, workload TEXT NOT NULL, model TEXT NOT NULL, version INTEGER, since INTEGER NOT NULL,
  request TEXT NOT NULL, "commit" TEXT NOT NULL, PRIMARY KEY (environment, name)) WITHOUT ROWID;
CREATE INDEX deployments_by_version ON deployments (model, version);
CREATE TABLE stays (
  seq INTEGER PRIMARY KEY, model TEXT NOT NULL, stage TEXT NOT NULL, version INTEGER NOT NULL, since INTEGER NOT NULL,
  until INTEGER, brought_by TEXT NOT NULL, request TEXT NOT NULL, "commit" TEXT NOT NULL);
CREATE INDEX stays_by_model ON stays (model, seq);
CREATE INDEX stays_held ON stays (model, stage) WHERE until IS NULL;
CREATE TABLE activities (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, activity_type TEXT NOT NULL, model TEXT NOT NULL, version INTEGER,
  from_stage TEXT NOT NULL, to_stage TEXT NOT NULL, user_id TEXT NOT NULL, comment TEXT NOT NULL,
  system_comment TEXT NOT NULL, creation_timestamp INTEGER NOT NULL, last_updated_timestamp INTEGER NOT NULL,
  request TEXT NOT NULL, "commit" TEXT NOT NULL);
CREATE INDEX activities_by_model ON activities (model, version, seq);
CREATE INDEX activities_by_time ON activities (creation_timestamp / 1000, seq);
CREATE INDEX activities_by_request ON activities (request);
CREATE TABLE problems (path TEXT PRIMARY KEY, message TEXT NOT NULL) WITHOUT ROWID;
"""

ACTIVITY_COLUMNS = (
    "id, activity_type, model, version, from_stage, to_stage, user_id, comment, system_comment, creation_timestamp, "
    'last_updated_timestamp, request, "commit"'
)

# From what is told of the model of this name, without what was told of an earlier one that was deleted.
_ACTIVE_AGAIN = (
    "UPDATE models SET active = max(created, coalesce((SELECT max(creation_timestamp) FROM activities WHERE model = ?1 "
    "AND seq >= coalesce((SELECT max(seq) FROM activities WHERE model = ?1 AND activity_type = 'CREATED_MODEL'), 0)), "
    "0)) WHERE name = ?1"
)
FORMER = "/former"  # marks the activities of a deleted model whose name another one took over; no name has a slash


def apply(db: sqlite3.Connection, difference: Difference, at: int) -> None:
    """Brings the tables up to date with one entity's change. `at` is the commit's time in milliseconds."""
    key, after = difference.key, difference.after
    if after is None:
        _remove(db, key, at)
    elif isinstance(after, RegisteredModel):
        _model(db, difference.before, after, at)
    elif isinstance(after, ModelVersion):
        _version(db, difference.before, after, at)
    elif isinstance(after, StagePointer):
        before = set(difference.before.versions) if isinstance(difference.before, StagePointer) else set()
        _place(db, after, before, at)
    elif isinstance(after, AliasPointer):
        db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", (after.model, after.alias, after.version))
    elif isinstance(after, TransitionRequest):
        target = after.to or after.alias or after.new_name or after.deployment
        db.execute(
            "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                after.model or "",
                after.id,
                after.version,
                after.action.value,
                target,
                after.state.value,
                after.requester,
                after.created,
            ),
        )
    elif isinstance(after, Comment):
        db.execute(
            "INSERT OR REPLACE INTO comments VALUES (?, ?, ?, ?)", (after.model, after.version, after.id, after.created)
        )


def touch_all(db: sqlite3.Connection, model: str, at: int) -> None:
    """A model and all of its versions changed at a time: it got another name."""
    db.execute("UPDATE versions SET updated = max(updated, ?) WHERE model = ?", (at, model))
    _touch_model(db, model, at)


def record(db: sqlite3.Connection, activities: list[Activity]) -> None:
    """Adds activities. One whose id is known replaces it: a review in a record is better than a guess at a landing."""
    changed = _replaced(db, activities)
    for activity in activities:
        if activity.activity_type == "RENAMED_MODEL":
            old = activity.system_comment.removeprefix("from ")
            # an earlier model of the new name was deleted; its story is not this one's
            db.execute("UPDATE activities SET model = model || ? WHERE model = ?", (FORMER, activity.model))
            db.execute("UPDATE activities SET model = ? WHERE model = ?", (activity.model, old))
            changed.add(activity.model)
    db.executemany(
        f"INSERT OR REPLACE INTO activities ({ACTIVITY_COLUMNS}) VALUES ({', '.join('?' * 13)})",  # noqa: S608 - constant
        [
            (
                activity.id,
                activity.activity_type,
                activity.model,
                activity.version,
                activity.from_stage,
                activity.to_stage,
                activity.user_id,
                activity.comment,
                activity.system_comment,
                activity.creation_timestamp,
                activity.last_updated_timestamp,
                activity.request,
                activity.commit,
            )
            for activity in activities
        ],
    )
    newest: dict[str, int] = {}
    for activity in activities:
        newest[activity.model] = max(newest.get(activity.model, 0), activity.creation_timestamp)
    for name, at in newest.items():
        db.execute("UPDATE models SET active = max(active, ?) WHERE name = ?", (at, name))
    for model in changed:
        db.execute(_ACTIVE_AGAIN, (model,))


def _replaced(db: sqlite3.Connection, activities: list[Activity]) -> set[str]:
    """The models of which something that was told will be told otherwise."""
    found = set()
    for activity in activities:
        if not activity.id.startswith(activity.commit[:16]):  # others are told once
            row = db.execute("SELECT model FROM activities WHERE id = ?", (activity.id,)).fetchone()
            found |= {activity.model, row[0]} if row else set()
    return found


def _json(tags: Mapping[str, str]) -> str:
    """All tags in one column, as lists show them; searches look into the table of tags."""
    return json.dumps(dict(tags), ensure_ascii=False, separators=(",", ":")) if tags else "{}"


def _model(db: sqlite3.Connection, before: object, after: RegisteredModel, at: int) -> None:
    touched = not isinstance(before, RegisteredModel) or before.description != after.description
    deleted = isinstance(before, RegisteredModel) and before.last_deleted != after.last_deleted
    db.execute(
        "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET id = excluded.id, "
        "created = excluded.created, created_by = excluded.created_by, description = excluded.description, "
        "tags = excluded.tags",
        (
            after.name,
            after.id,
            after.created,
            after.created_by,
            after.description,
            after.created,
            after.created,
            _json(after.tags),
        ),
    )
    if isinstance(before, RegisteredModel) and (touched or deleted):
        _touch_model(db, after.name, at)
    db.execute("DELETE FROM model_tags WHERE model = ?", (after.name,))
    db.executemany("INSERT INTO model_tags VALUES (?, ?, ?)", [(after.name, k, v) for k, v in after.tags.items()])


def _version(db: sqlite3.Connection, before: object, after: ModelVersion, at: int) -> None:
    db.execute(
        "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model, version) "
        "DO UPDATE SET id = excluded.id, source = excluded.source, location = excluded.location, "
        "run_id = excluded.run_id, run_link = excluded.run_link, "
        "model_id = excluded.model_id, status = excluded.status, status_message = excluded.status_message, "
        "created = excluded.created, created_by = excluded.created_by, description = excluded.description, "
        "tags = excluded.tags",
        (
            after.model,
            after.version,
            after.id,
            after.origin or after.source,  # what it was registered by is what people know and search
            after.source,
            after.lineage.run_id,
            after.lineage.run_link,
            after.lineage.model_id,
            after.status.value,
            after.status_message,
            after.created,
            after.created_by,
            after.description,
            after.created,
            _json(after.tags),
        ),
    )
    if not isinstance(before, ModelVersion):
        _touch_model(db, after.model, after.created)
    else:
        if replace(before, tags=after.tags) != after:  # tags are labels: setting one is no update, as in MLflow
            db.execute(
                "UPDATE versions SET updated = max(updated, ?) WHERE model = ? AND version = ?",
                (at, after.model, after.version),
            )
        db.execute("DELETE FROM version_tags WHERE model = ? AND version = ?", (after.model, after.version))
    if after.tags:
        db.executemany(
            "INSERT OR REPLACE INTO version_tags VALUES (?, ?, ?, ?)",
            [(after.model, after.version, key, value) for key, value in after.tags.items()],
        )


def _place(db: sqlite3.Connection, after: StagePointer, before: set[int], at: int) -> None:
    db.execute("DELETE FROM placements WHERE model = ? AND stage = ?", (after.model, after.stage))
    db.executemany(
        "INSERT INTO placements VALUES (?, ?, ?)", [(after.model, after.stage, number) for number in after.versions]
    )
    _touch_versions(db, after.model, before ^ set(after.versions), at)


def _touch_versions(db: sqlite3.Connection, model: str, versions: set[int], at: int) -> None:
    if versions:
        db.executemany(
            "UPDATE versions SET updated = max(updated, ?) WHERE model = ? AND version = ?",
            [(at, model, number) for number in versions],
        )
        _touch_model(db, model, at)


def _touch_model(db: sqlite3.Connection, model: str, at: int) -> None:
    db.execute("UPDATE models SET updated = max(updated, ?) WHERE name = ?", (at, model))


def _remove(db: sqlite3.Connection, key: Key, at: int) -> None:
    if isinstance(key, ModelKey):
        db.execute("DELETE FROM models WHERE name = ?", (key.model,))
        db.execute("DELETE FROM model_tags WHERE model = ?", (key.model,))
    elif isinstance(key, VersionKey):
        db.execute("DELETE FROM versions WHERE model = ? AND version = ?", (key.model, key.version))
        db.execute("DELETE FROM version_tags WHERE model = ? AND version = ?", (key.model, key.version))
        _touch_model(db, key.model, at)
    elif isinstance(key, StageKey):
        rows = db.execute("SELECT version FROM placements WHERE model = ? AND stage = ?", (key.model, key.stage))
        versions = {row[0] for row in rows}
        db.execute("DELETE FROM placements WHERE model = ? AND stage = ?", (key.model, key.stage))
        _touch_versions(db, key.model, versions, at)
    elif isinstance(key, AliasKey):
        db.execute("DELETE FROM aliases WHERE model = ? AND alias = ?", (key.model, key.alias))
    elif isinstance(key, RequestKey):
        db.execute("DELETE FROM requests WHERE model = ? AND id = ?", (key.model or "", key.request))
    elif isinstance(key, CommentKey):
        db.execute(
            "DELETE FROM comments WHERE model = ? AND version = ? AND id = ?", (key.model, key.version, key.comment)
        )
