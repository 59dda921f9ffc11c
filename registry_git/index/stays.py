"""The index's table of stays: what enters a stage begins one, and what leaves it ends it, whatever made it so.

Read from the pointers themselves: an activity names one stage of several, and says nothing of `archive_existing`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry_git.core.events import Difference
from registry_git.core.model import Action, ModelKey, RegisteredModel, StageKey, StagePointer, TransitionRequest
from registry_git.core.names import Actor, ModelName
from registry_git.core.renames import renamed_models
from registry_git.core.times import Timestamp

_HELD = "SELECT version FROM stays WHERE model = ? AND stage = ? AND until IS NULL"
_BEGIN = (
    'INSERT INTO stays (model, stage, version, since, until, brought_by, request, "commit") '
    "VALUES (?, ?, ?, ?, NULL, ?, ?, ?)"
)
_END = "UPDATE stays SET until = max(since, ?) WHERE model = ? AND stage = ? AND version = ? AND until IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """The commit on `main` that changes are read from, its author and its time."""

    commit: str
    author: Actor
    at: Timestamp


def apply_stays(db: sqlite3.Connection, differences: Sequence[Difference], landed: Landed) -> None:
    """Brings the table up to date with one commit. A model that gets another name takes its stays along."""
    renames = renamed_models(differences)
    for model in _gone(differences, set(renames.values())):
        db.execute("DELETE FROM stays WHERE model = ?", (model,))
    for new, old in renames.items():
        db.execute("UPDATE stays SET model = ? WHERE model = ?", (new, old))
    for difference in differences:
        key, after = difference.key, difference.after
        if not isinstance(key, StageKey):
            continue
        now = set(after.versions) if isinstance(after, StagePointer) else set()
        held = {row[0] for row in db.execute(_HELD, (key.model, key.stage))}
        db.executemany(_END, [(landed.at, key.model, key.stage, version) for version in sorted(held - now)])
        for version in sorted(now - held):
            request = _request(differences, key.model, version)
            db.execute(_BEGIN, (key.model, key.stage, version, landed.at, landed.author, request, landed.commit))


def _gone(differences: Sequence[Difference], renamed: set[ModelName]) -> Iterator[ModelName]:
    """The models that were deleted; one that was replaced by another of its name is."""
    for difference in differences:
        key, before, after = difference.key, difference.before, difference.after
        if isinstance(key, ModelKey) and isinstance(before, RegisteredModel) and key.model not in renamed:
            replaced = isinstance(after, RegisteredModel) and after.id != before.id
            if replaced or (after is None and not difference.unreadable):
                yield key.model


def _request(differences: Sequence[Difference], model: ModelName, version: int) -> str:
    """The request that a commit decided and that moved the version, or that made room by moving another one."""
    asked = [
        record
        for one in differences
        if isinstance(record := one.after, TransitionRequest)
        and one.before is None
        and record.action is Action.STAGE
        and record.model == model
    ]
    own = [record.id for record in asked if record.version == version]
    return own[0] if own else asked[0].id if len(asked) == 1 else ""
