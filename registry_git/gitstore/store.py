"""Writing: take the lock, look at `main`, decide, write objects, move the reference; decide again when it moved.

A plan is a function of a `Session`: it reads, stages commits and says which references are to move. It runs again
from the start on a fresh session whenever somebody else was first; text is never rebased blindly.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from registry_git.core.errors import Conflict, Corrupt, Invalid, NotFound
from registry_git.core.names import Actor
from registry_git.gitstore.history import first_parents
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.refs import Locked, Moved, ReflogEntry, move_ref, recover_stale_lock, sync_ref
from registry_git.gitstore.remote import TRACKED_MAIN, TRACKED_REQUESTS, RefMove, Remote, diverged
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.session import Session
from registry_git.gitstore.signing import SigningKey, signing_key
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import EMPTY_TREE, compare_trees, edit_tree
from registry_git.gitstore.worktree import WorkTree

REQUESTS = "refs/heads/request/"
_PATIENCE = 60.0  # seconds of trying again before a lost race is told
_PACKED_FROM = 64  # staged objects from which one pack costs less than loose files
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class Store:
    """The registry in one repository, or, when that has an `origin`, the clone through which it is reached."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.repository = Repository(path)
        self.remote = Remote.of(self.repository)
        self._durable = durable
        self._fetched = float("-inf")

    @property
    def durable(self) -> bool:
        """Whether a write is on disk when it is acknowledged."""
        return self._durable

    def snapshot(self, commit: str | None = None) -> GitSnapshot:
        """The registry at a commit, or at `main`. Raises: NotFound when there is no registry yet."""
        main = commit or self.repository.ref(MAIN)
        if main is None:
            raise NotFound(
                f"{self.repository.git_dir} holds no registry: it has no branch main.",
                hint="Create one with: registry-git init PATH",
            )
        return GitSnapshot(self.repository, main)

    def request_branches(self) -> dict[str, str]:
        """The request branches, full local name to tip, here or at the remote as last fetched."""
        if self.remote is None:
            return self.repository.refs(REQUESTS)
        tracked = self.repository.refs(TRACKED_REQUESTS)
        return {REQUESTS + name.removeprefix(TRACKED_REQUESTS): oid for name, oid in tracked.items()}

    def request_branch(self, name: str) -> str | None:
        """The tip of one request branch, or None."""
        if self.remote is not None:
            name = TRACKED_REQUESTS + name.removeprefix(REQUESTS)
        return self.repository.ref(name)

    def signing_key(self) -> SigningKey | None:
        """The key that decisions are signed with, if git is set up to sign with ssh."""
        return signing_key(self.repository)

    def refresh(self, *, at_most_seconds: float = 0.0) -> None:
        """Brings what the remote has here, unless that was done in the last `at_most_seconds`. Without one, nothing."""
        if self.remote is None or time.monotonic() - self._fetched < at_most_seconds:
            return
        with self._lock():
            self._catch_up()

    def transact(self, plan: Callable[[Session], T], *, describe: ReflogEntry | None = None) -> T:
        """Runs a plan until its moves are published, and gives what it returned.

        Raises:
            Conflict: others were first for a whole minute.
            Unavailable: the disk or the remote does not take it; nothing was changed.
            Anything that the plan raises; nothing was changed.
        """
        until = time.monotonic() + _PATIENCE
        with self._lock():
            while True:
                if self.remote is not None:
                    self._catch_up()
                session = Session(self.repository, request_branch=self.request_branch, key=self.signing_key)
                result = plan(session)
                try:
                    if session.moves:
                        self._publish(session, describe)
                    elif self._durable:
                        # what was found done may be another's, killed before its flush: true only once it is on disk
                        sync_ref(self.repository.git_dir, MAIN)
                except Locked as problem:
                    moved_aside = recover_stale_lock(self.repository.git_dir, problem.name)
                    if moved_aside is None:
                        raise
                    _LOG.warning("A lock that a dead process left was moved aside to %s.", moved_aside)
                    continue
                except Moved:
                    if time.monotonic() > until:
                        raise Conflict(
                            "Others were first for a whole minute, so nothing was changed.", hint="Try again."
                        ) from None
                    time.sleep(random.uniform(0.001, 0.05))  # noqa: S311 - spreads rivals, protects nothing
                    continue
                return result

    def start(self, files: Mapping[str, bytes], *, author: Actor, at_seconds: int, message: str) -> str:
        """The first commit of a new registry, on a `main` that does not exist. Raises: Conflict when it does."""
        staging = Staging()
        blobs: dict[str, str | None] = {path: staging.blob(data) for path, data in files.items()}
        tree = edit_tree(EMPTY_TREE, blobs, read=self.repository.read, staging=staging, remembered={})
        oid = staging.commit(
            tree=tree, parents=(), author=author, committer=author, at_seconds=at_seconds, message=message
        )
        with self._lock():
            write_loose(self.repository.objects_dir, staging, durable=self._durable, exists=self.repository.has)
            entry = ReflogEntry(actor=author, at_seconds=at_seconds, message=message.partition("\n")[0])
            changes = list(compare_trees(EMPTY_TREE, tree, read=self.repository.read))
            worktree = WorkTree.of(self.repository)
            if worktree is not None:
                worktree.check(changes)
            move_ref(self.repository.git_dir, MAIN, old=None, new=oid, durable=self._durable, reflog=entry)
            if worktree is not None:
                worktree.follow(changes)
        return oid

    def locked(self) -> WriterLock:
        """The lock that every writer takes, for repairs that must not meet one."""
        return self._lock()

    def sync(self) -> str:
        """Fetches, and pushes commits of `main` that the remote lacks; says what happened.

        Raises:
            Invalid: there is no remote; Corrupt: its history was rewritten; Conflict: both have gone on.
        """
        remote = self.remote
        if remote is None:
            raise Invalid("This registry has no remote.", hint="Clone one with: registry-git clone URL PATH")
        with self._lock():
            before = self.repository.ref(MAIN)
            remote.fetch()
            theirs, ours = self.repository.ref(TRACKED_MAIN), before
            if ours and theirs != ours and (theirs is None or self.repository.is_ancestor(theirs, ours)):
                remote.push([RefMove(name=MAIN, old=theirs, new=ours)])
                return f"Sent main ({ours[:12]}) to {remote.url}."
            self._catch_up()
        if theirs == before:
            return f"Everything is as at {remote.url}."
        return f"Brought main to {(theirs or '')[:12]} from {remote.url}."

    def _lock(self) -> WriterLock:
        return WriterLock(self.repository.git_dir, timeout_seconds=_PATIENCE)

    def _publish(self, session: Session, describe: ReflogEntry | None) -> None:
        for move in session.moves:
            here = self.request_branch(move.name) if move.name.startswith(REQUESTS) else self.repository.ref(move.name)
            if here != move.old:
                raise Moved(move.name, expected=move.old, actual=here)
        changes = []
        main = next((move for move in session.moves if move.name == MAIN), None)
        worktree = WorkTree.of(self.repository) if main is not None else None
        write = write_pack if len(session.staging) >= _PACKED_FROM else write_loose
        if worktree is not None and main is not None and main.old and main.new:
            before, after = session.tree_of(main.old), session.tree_of(main.new)
            changes = list(compare_trees(before, after, read=session.read))
            worktree.check(changes)
        if write is write_loose:
            write_loose(self.repository.objects_dir, session.staging, durable=self._durable, exists=self.repository.has)
        else:
            write_pack(self.repository.objects_dir, session.staging, durable=self._durable)
        if self.remote is None:
            self._move_here(session.moves, describe)
        else:
            self._push(session.moves, describe)
        if worktree is not None:
            worktree.follow(changes)

    def _move_here(self, moves: Sequence[RefMove], describe: ReflogEntry | None) -> None:
        git_dir = self.repository.git_dir
        first, *tidy = moves
        move_ref(git_dir, first.name, old=first.old, new=first.new, durable=self._durable, reflog=describe)
        for move in tidy:
            try:
                move_ref(git_dir, move.name, old=move.old, new=move.new, durable=False, reflog=describe)
            except Conflict:
                continue  # `main` has the truth already; a branch that somebody moved meanwhile stays for them to see

    def _push(self, moves: Sequence[RefMove], describe: ReflogEntry | None) -> None:
        remote = self.remote
        assert remote is not None  # noqa: S101 - the caller asked
        try:
            remote.push(moves)
        except Moved:
            raise
        except Exception:
            # The line may have died after the remote took it: what it holds now is the answer.
            self._catch_up()
            if not self._taken(moves):
                raise
        git_dir = self.repository.git_dir
        for move in moves:
            tracked = TRACKED_MAIN if move.name == MAIN else TRACKED_REQUESTS + move.name.removeprefix(REQUESTS)
            # git's push may have moved the tracking reference already
            if self.repository.ref(tracked) != move.new:
                move_ref(git_dir, tracked, old=self.repository.ref(tracked), new=move.new, durable=self._durable)
            if move.name == MAIN and self.repository.ref(MAIN) != move.new:
                move_ref(git_dir, MAIN, old=move.old, new=move.new, durable=self._durable, reflog=describe)

    def _taken(self, moves: Sequence[RefMove]) -> bool:
        first = moves[0]
        if first.name == MAIN:
            tracked = self.repository.ref(TRACKED_MAIN)
            return bool(first.new and tracked and self.repository.is_ancestor(first.new, tracked))
        return self.request_branch(first.name) == first.new

    def _catch_up(self) -> None:
        """Fetches, and moves `main` here forward to the remote's."""
        remote = self.remote
        assert remote is not None  # noqa: S101 - the caller asked
        remote.fetch()
        self._fetched = time.monotonic()
        theirs, ours = self.repository.ref(TRACKED_MAIN), self.repository.ref(MAIN)
        if theirs is None or theirs == ours:
            return
        if ours is not None and not self.repository.is_ancestor(ours, theirs):
            ahead = sum(1 for _ in _until(self.repository, ours, theirs))
            raise diverged(ahead)
        worktree = WorkTree.of(self.repository)
        changes = []
        if worktree is not None:
            before = EMPTY_TREE if ours is None else self.repository.tree_of(ours)
            changes = list(compare_trees(before, self.repository.tree_of(theirs), read=self.repository.read))
            worktree.check(changes)
        move_ref(self.repository.git_dir, MAIN, old=ours, new=theirs, durable=self._durable)
        if worktree is not None:
            worktree.follow(changes)


def _until(repository: Repository, ours: str, theirs: str) -> list[str]:
    found: list[str] = []
    for commit in first_parents(repository, ours):
        if repository.is_ancestor(commit.id, theirs):
            return found
        found.append(commit.id)
    raise Corrupt("main here and main at the remote have no common history.", hint="Clone the registry again.")
