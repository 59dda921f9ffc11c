"""Bringing an index forward, commit by commit. A rebuild is the same, from nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.events import Difference, Landing, derive
from registry_git.core.model import Entity, Key, Policy, PolicyKey, RequestKey
from registry_git.core.renames import renamed_models
from registry_git.gitstore.history import Step, steps
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.trees import FileChange
from registry_git.index.deployments import apply_deployments
from registry_git.index.stays import Landed, apply_stays
from registry_git.index.tables import apply, record, touch_all
from registry_git.manifests.codec import decode
from registry_git.manifests.layout import Layout, key_of
from registry_git.manifests.messages import read_comment, read_operation, read_time

Progress = Callable[[int], None]


class Advance:
    """Applies steps of history to a database, within the caller's transaction."""

    def __init__(self, repository: Repository, db: sqlite3.Connection) -> None:
        self._repository = repository
        self._db = db
        found = db.execute("SELECT value FROM meta WHERE key = 'layout'").fetchone()
        self._layout = Layout(found[0]) if found else Layout.FLAT
        self._policy: Policy | None = None
        self._seq = int(db.execute("SELECT coalesce(max(seq), 0) FROM commits").fetchone()[0])

    def run(self, since: str | None, until: str, progress: Progress | None = None) -> None:
        """Applies the commits after `since` up to `until`. `progress` is told the number of manifests read."""
        if since is not None:
            found = self._repository.entry(self._repository.tree_of(since), "registry.yaml")
            self._policy = self._policy_in(*found) if found else None
        for step in steps(self._repository, since=since, until=until):
            self._apply(step)
            if progress is not None:
                progress(len(step.changes))
        put = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
        self._db.executemany(put, [("commit", until), ("layout", self._layout.value)])

    def _apply(self, step: Step) -> None:
        commit = step.commit
        at = read_time(commit.message, commit.at)
        differences = self._differences(step)
        for difference in differences:
            apply(self._db, difference, at)
        apply_deployments(self._db, differences, at=at, commit=commit.id)
        apply_stays(self._db, differences, Landed(commit=commit.id, author=commit.author, at=at))
        for model in renamed_models(differences):
            touch_all(self._db, model, at)
        landing = Landing(
            commit=commit.id,
            author=commit.author,
            committer=commit.committer,
            at=at,
            merge=len(commit.parents) > 1,
            fast_forwarded=len(commit.parents) > 1 and self._of_the_branch(step),
            comment=read_comment(commit.message),
            policy=self._policy,
        )
        record(self._db, derive(landing, differences))
        self._seq += 1
        row = (commit.id, self._seq, commit.at, read_operation(commit.message))
        self._db.execute("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", row)

    def _policy_in(self, mode: str, blob: str | None) -> Policy | None:
        policy, _ = self._entity("registry.yaml", blob, mode, PolicyKey()) if blob else (None, "")
        return policy if isinstance(policy, Policy) else None

    def _of_the_branch(self, step: Step) -> bool:
        """Whether a merge wrote a request's record itself, as a refresh does; a landing finds it at a parent."""
        for change in step.changes:
            if change.before or not change.after or not isinstance(key_of(change.path, self._layout), RequestKey):
                continue
            trees = [self._repository.tree_of(parent) for parent in step.commit.parents[1:]]
            if all(self._repository.entry(tree, change.path) != (change.mode, change.after) for tree in trees):
                return True
        return False

    def _differences(self, step: Step) -> list[Difference]:
        """The entities that a commit changed. One that moved between layouts unchanged is none."""
        before_layout = self._layout
        for change in step.changes:
            if change.path == "registry.yaml":
                self._policy = self._policy_in(change.mode, change.after)
                self._layout = Layout(self._policy.layout) if self._policy else self._layout
        before: dict[Key, FileChange] = {}
        after: dict[Key, FileChange] = {}
        for change in step.changes:
            if change.before and (key := key_of(change.path, before_layout)) is not None:
                before[key] = change
            if change.after and (key := key_of(change.path, self._layout)) is not None:
                after[key] = change
        found = []
        for key in dict.fromkeys([*after, *before]):
            was, now = before.get(key), after.get(key)
            if was and now and was.before == now.after and was.path != now.path:
                continue
            old, _ = self._entity(was.path, was.before, was.mode_before, key) if was and was.before else (None, "")
            new, unreadable = self._entity(now.path, now.after, now.mode, key) if now and now.after else (None, "")
            self._note(now.path if now else was.path if was else "", unreadable)
            found.append(Difference(key=key, before=old, after=new, unreadable=unreadable))
        return found

    def _entity(self, path: str, blob: str, mode: str, key: Key) -> tuple[Entity | None, str]:
        """What a blob says, or None and why it cannot be read: one bad file must not hide the rest."""
        if mode != "100644":
            return None, f"it has the mode {mode}, so it is no plain file"
        known = self._repository.cached(blob, path)
        if known is not None:
            return known, ""  # type: ignore[return-value]
        data = self._repository.read(blob)
        try:
            entity = decode(data, path=path, key=key)
        except Corrupt as problem:
            return None, str(problem)
        except RegistryError as problem:
            return None, problem.message
        return self._repository.remember(blob, path, entity), ""

    def _note(self, path: str, unreadable: str) -> None:
        if unreadable:
            self._db.execute("INSERT OR REPLACE INTO problems VALUES (?, ?)", (path, unreadable))
        else:
            self._db.execute("DELETE FROM problems WHERE path = ?", (path,))
