"""Reads that the event loop does by itself: one statement of the index, where it shows `main` already.

Handing a read over to a thread takes longer than such a statement. What the statement does not answer (an index that
is behind, a name that it does not have) is left to a thread, which may wait for git.
"""

from __future__ import annotations

import sqlite3
from typing import NoReturn

from registry_git.core.keys import PolicyKey
from registry_git.core.model import Entity, Key, Policy
from registry_git.core.names import AliasName, Id, ModelName, StageName
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.store import Store
from registry_git.index.entries import AtHand
from registry_git.index.index import Index


class NotAtHand(Exception):
    """The index alone does not answer this."""


class Shown:
    """The registry at the commit that an index shows, as `MlflowReads` takes one: what needs git is not at hand."""

    def __init__(self, commit: str, policy: Policy, db: sqlite3.Connection) -> None:
        self.commit = commit
        self._snapshot = _Bare(commit, policy)
        self._index = AtHand(db, commit)
        self.db = db

    def snapshot(self) -> Snapshot:
        """The commit and its policy, and nothing else."""
        return self._snapshot

    def entries(self, of: ModelName | None = None) -> NoReturn:
        """Raises: NotAtHand: who searches brings the index up to date first."""
        raise NotAtHand

    def at_hand(self, commit: str) -> AtHand:
        """The index at that commit."""
        return self._index


class Table:
    """What the event loop has at hand. Threads put it there, the loop takes it; each in one step, without a lock."""

    def __init__(self) -> None:
        self._shown: Shown | None = None

    def at(self, commit: str) -> Shown | None:
        """The registry at a commit, if that is what is at hand."""
        shown = self._shown
        return shown if shown is not None and shown.commit == commit else None

    def lay(self, store: Store) -> None:
        """Lays there what a store shows now, once its index shows it too. Called by a thread that may wait."""
        snapshot, shown = store.snapshot(), self._shown
        db = shown.db if shown is not None else None
        if db is None or not AtHand(db, snapshot.commit).here():
            # opened again, too: an index that was damaged is another file now
            db = Index(store.repository).at_hand()
            if db is None or not AtHand(db, snapshot.commit).here():
                return
            db.execute("PRAGMA busy_timeout = 0")  # the loop waits for nobody
        self._shown = Shown(snapshot.commit, snapshot.policy(), db)


class _Bare(Snapshot):
    """A snapshot that knows its policy."""

    def __init__(self, commit: str, policy: Policy) -> None:
        self.commit = commit
        self._policy = policy

    def find(self, key: Key) -> Entity | None:
        if isinstance(key, PolicyKey):
            return self._policy
        raise NotAtHand

    def models(self) -> tuple[ModelName, ...]:
        raise NotAtHand

    def versions(self, model: ModelName) -> tuple[int, ...]:
        raise NotAtHand

    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        raise NotAtHand

    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        raise NotAtHand

    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        raise NotAtHand

    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        raise NotAtHand

    def deployments(self) -> tuple[()]:
        raise NotAtHand

    def deploys(self) -> bool:
        raise NotAtHand
