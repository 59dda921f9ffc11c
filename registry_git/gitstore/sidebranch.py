"""A branch beside `main` that programs write to: moved by compare-and-swap, here or at the remote.

It takes no writer's lock, so that whoever writes to `main` never waits for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from registry_git.core.errors import Conflict
from registry_git.core.names import Actor
from registry_git.gitstore.edit import edit_tree
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.refs import Locked, Moved, move_ref, recover_stale_lock
from registry_git.gitstore.remote import RefMove, Remote, tracked
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.trees import EMPTY_TREE

_TRIES = 30

# what is to be written on top of a tree: path to content
Additions = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBranch:
    """The branch `name` (a full name) of a repository, or of the remote that it follows."""

    repository: Repository
    name: str
    remote: Remote | None
    durable: bool = True

    @property
    def tip(self) -> str | None:
        """Where it is, as far as is known here; None when there is none."""
        return self.repository.ref(self.name if self.remote is None else tracked(self.name))

    def fetch(self) -> None:
        """Brings what the remote has here; without a remote, nothing. Raises: Unavailable."""
        if self.remote is not None and not self.remote.fetch_branch(self.name):
            here = tracked(self.name)
            gone = self.repository.ref(here)
            if gone is not None:
                move_ref(self.repository.git_dir, here, old=gone, new=None, durable=False)

    def update(self, add: Callable[[str], Additions], *, author: Actor, at_seconds: int, message: str) -> str | None:
        """Writes files on top of what is there, and gives the commit; None where that changes nothing.

        Args:
            add: what to write on top of a tree, by its id; asked again after a lost race.
            author: who writes.
            at_seconds: when, in seconds since 1970.
            message: the commit's message.

        Raises:
            PermissionDenied: the remote refused it; Conflict: others were always first; Unavailable.
        """
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))  # noqa: S311 - no secret
            self.fetch()
            tip = self.tip
            tree = EMPTY_TREE if tip is None else self.repository.tree_of(tip)
            files = add(tree)
            staging = Staging()
            blobs: dict[str, str | None] = {path: staging.blob(data) for path, data in files.items()}
            after = edit_tree(tree, blobs, read=self.repository.read, staging=staging, remembered={})
            if after == tree:
                return None
            commit = staging.commit(
                tree=after,
                parents=[] if tip is None else [tip],
                author=author,
                committer=author,
                at_seconds=at_seconds,
                message=message,
            )
            write_loose(self.repository.objects_dir, staging, durable=self.durable, exists=self.repository.has)
            try:
                self._move(tip, commit)
            except Locked as problem:
                recover_stale_lock(self.repository.git_dir, problem.name)
            except Moved:
                continue
            else:
                return commit
        raise Conflict(f"Others were always first on {self.name}.", hint="Try again.")

    def _move(self, old: str | None, new: str) -> None:
        if self.remote is None:
            move_ref(self.repository.git_dir, self.name, old=old, new=new, durable=self.durable)
            return
        self.remote.push([RefMove(name=self.name, old=old, new=new)])
        here = tracked(self.name)
        known = self.repository.ref(here)
        if known != new:
            move_ref(self.repository.git_dir, here, old=known, new=new, durable=self.durable)
