"""The index's table of deployments: which version each of them uses, since which commit, and what brought that."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from registry_git.core.deployed import used
from registry_git.core.events import Difference
from registry_git.core.keys import DeploymentKey
from registry_git.core.model import Deployment, TransitionRequest
from registry_git.core.times import Timestamp

_FIND = 'SELECT since, request, "commit" FROM deployments WHERE environment = ? AND name = ?'
_PUT = "INSERT OR REPLACE INTO deployments VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_REMOVE = "DELETE FROM deployments WHERE environment = ? AND name = ?"


def apply_deployments(db: sqlite3.Connection, differences: Sequence[Difference], *, at: Timestamp, commit: str) -> None:
    """Brings the table up to date with one commit: since when a deployment uses its version is when that landed."""
    request = ""
    for difference in differences:
        if isinstance(difference.after, TransitionRequest) and difference.before is None:
            request = difference.after.id
    for difference in differences:
        key, before, after = difference.key, difference.before, difference.after
        if not isinstance(key, DeploymentKey):
            continue
        here = (key.environment, key.name)
        if not isinstance(after, Deployment):
            db.execute(_REMOVE, here)
            continue
        now = (after.model, used(after))
        stays = isinstance(before, Deployment) and (before.model, used(before)) == now
        known = db.execute(_FIND, here).fetchone() if stays else None
        db.execute(_PUT, (*here, after.workload, *now, *(known or (at, request, commit))))
