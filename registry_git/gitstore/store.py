"""Writing: take the lock, look at `main`, decide, write objects, move the reference; decide again when it moved.

A plan is a function of a `Session`: it reads, stages commits and says which references are to move. It runs again
from the start on a fresh session whenever somebody else was first; text is never rebased blindly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from registry_git.core.errors import Conflict, NotFound, Unavailable
from registry_git.core.names import Actor
from registry_git.gitstore.batch import Batch, Outcome
from registry_git.gitstore.edit import edit_tree
from registry_git.gitstore.following import Following
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.reflock import make_way
from registry_git.gitstore.refs import (
    Locked,
    Moved,
    ReflogEntry,
    move_ref,
    sync_ref,
)
from registry_git.gitstore.remote import REQUESTS, TRACKED_REQUESTS, RefMove, Remote, tracked
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.rivals import Rivals
from registry_git.gitstore.session import FindBranch, Session
from registry_git.gitstore.signing import SigningKey, signing_key
from registry_git.gitstore.snapshot import GitSnapshot, snapshot_of
from registry_git.gitstore.together import turns_at
from registry_git.gitstore.trees import EMPTY_TREE
from registry_git.gitstore.worktree import WorkTree, followed

if TYPE_CHECKING:
    from registry_git.gitstore.publishing import Publisher

FRESH_SECONDS = 5.0  # how old what is here may be when it answers for a remote
_PATIENCE = 60.0  # seconds of trying again before a lost race is told
T = TypeVar("T")


class Store:
    """The registry in one repository, or, when that has an `origin`, the clone through which it is reached."""

    def __init__(self, path: Path, *, durable: bool = True, offline: bool = False) -> None:
        """`offline`: writes stay here, whatever remote there is, until they are synced."""
        self.repository = Repository(path)
        remote = Remote.of(self.repository)
        self.following = Following(self.repository, remote, durable=durable) if remote and not offline else None
        self._tracks = remote is not None
        self._durable = durable
        self._fetched = float("-inf")
        self._rivals = Rivals()
        self._safe: str | None = None  # the commit of `main` that this store has last made safe
        self._shown: GitSnapshot | None = None  # of the commit that was asked for last: nearly always it is the next

    @cached_property
    def _publisher(self) -> Publisher:
        from registry_git.gitstore.publishing import Publisher  # slow to import, and who reads needs none

        return Publisher(self.repository, self.following, durable=self._durable)

    @property
    def durable(self) -> bool:
        """Whether a write is on disk when it is acknowledged."""
        return self._durable

    def snapshot(self, commit: str | None = None) -> GitSnapshot:
        """The registry at a commit, or at `main`. Raises: NotFound when there is no registry yet."""
        wanted = commit or self.repository.ref(MAIN)
        known = self._shown
        if known is None or known.commit != wanted:
            known = self._shown = snapshot_of(self.repository, wanted)
        return known

    def request_branches(self) -> dict[str, str]:
        """The request branches, full local name to tip, here or at the remote as last fetched."""
        here = self.repository.refs(REQUESTS)
        if not self._tracks:
            return here
        there = self.repository.refs(TRACKED_REQUESTS)
        return here | {REQUESTS + name.removeprefix(TRACKED_REQUESTS): oid for name, oid in there.items()}

    def request_branch(self, name: str) -> str | None:
        """The tip of one request branch, or None."""
        there = self.repository.ref(tracked(name)) if self._tracks else None
        return there or self.repository.ref(name)

    def signing_key(self) -> SigningKey | None:
        """The key that decisions are signed with, if git is set up to sign with ssh."""
        return signing_key(self.repository)

    def refresh(self, *, at_most_seconds: float = 0.0) -> None:
        """Brings what the remote has here, unless that was done in the last `at_most_seconds`. Without one, nothing."""
        if self.following is None or time.monotonic() - self._fetched < at_most_seconds:
            return
        with self._lock():
            with suppress(Locked):  # a writer will do it
                self._finish_others()
            self._catch_up(self.following)

    def refresh_to_read(self, *, at_most_seconds: float = FRESH_SECONDS) -> None:
        """As `refresh`, for a read that can do without: what cannot be brought here is a warning in the log.

        Raises:
            Corrupt: the remote's history was rewritten; that is an alarm, whoever asks.
        """
        try:
            self.refresh(at_most_seconds=at_most_seconds)
        except (Conflict, NotFound, Unavailable) as problem:
            self._fetched = time.monotonic()  # or every read would wait for it again
            import logging  # slow to import, and rarely is there anything to warn of

            logging.getLogger(__name__).warning("What is shown may be out of date: %s", problem.message)

    def transact(self, plan: Callable[[Session], T], *, describe: ReflogEntry | None = None) -> T:
        """Runs a plan until its moves are published, and gives what it returned.

        Plans of other threads that wait meanwhile are published together with it, a commit each.

        Raises:
            Conflict: others were first for a whole minute.
            Unavailable: the disk or the remote does not take it; nothing was changed.
            Anything that the plan raises; nothing was changed.
        """
        turns = turns_at(self.repository.git_dir, self._durable, self.following is None)
        alone = partial(self.transact_alone, plan, describe)
        return turns.take(plan, describe, alone=alone, together=self.transact_all)

    def transact_alone(self, plan: Callable[[Session], T], describe: ReflogEntry | None = None) -> T:
        """As `transact`, for who sees to it that threads take turns at this store."""

        def attempt() -> T:
            session = self._session()
            result = plan(session)
            self._finish(session, describe)
            return result

        return self._settled(attempt)

    def transact_all(
        self, plans: Sequence[Callable[[Session], Any]], describe: ReflogEntry | None = None
    ) -> list[Outcome]:
        """Runs plans one after the other, each on what those before it have made, and publishes all at once.

        A plan that fails leaves the others alone; one that has to be asked again by itself is told so (see `Outcome`).

        Raises:
            As `transact`, for all of them: nothing was changed.
        """

        def attempt() -> list[Outcome]:
            batch = Batch(self.repository, self._session)
            with batch.readable():
                outcomes = [batch.run(plan) for plan in plans]
                session = batch.joined()
            self._finish(session, describe)
            return outcomes

        return self._settled(attempt)

    def _session(self, main: str | None = None, request_branch: FindBranch | None = None) -> Session:
        find = request_branch or self.request_branch
        return Session(self.repository, request_branch=find, key=self.signing_key, main=main)

    def _finish(self, session: Session, describe: ReflogEntry | None) -> None:
        if session.moves:
            self._publisher.publish(session, describe, branch=self.request_branch)
            self._safe = next((move.new for move in session.moves if move.name == MAIN), self._safe)
        elif self._durable and session.main != self._safe:
            # what was found done may be another's, killed before its flush: true only once it is on disk
            sync_ref(self.repository.git_dir, MAIN)
            self._safe = session.main

    def _settled(self, attempt: Callable[[], T]) -> T:
        """As `_tried`; and where that has begun another pack, and there are many now, they are merged before long."""
        result = self._tried(attempt)
        if self._publisher.pack_begun:
            self._publisher.pack_begun = False
            from registry_git.gitstore.repacking import merge_when_many  # slow to import, and few writes begin a pack

            merge_when_many(self.repository)
        return result

    def _tried(self, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, once nobody else was first. The caller's turn among the writers is taken here."""
        until = time.monotonic() + _PATIENCE
        turn = nullcontext() if self.following is None else self.following.remote.turn(timeout_seconds=_PATIENCE)
        with self._lock(), turn:
            self._rivals.begin()
            while True:
                try:
                    self._finish_others()
                    if self.following is not None:
                        self._catch_up(self.following)
                    with self.repository.writing():
                        result = attempt()
                except Locked as problem:
                    make_way(self.repository.git_dir, problem)
                    continue
                except Moved:
                    if time.monotonic() > until:
                        raise Conflict(
                            "Others were first for a whole minute, so nothing was changed.", hint="Try again."
                        ) from None
                    self._rivals.lost()
                    continue
                self._rivals.won()
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
            with followed(self.repository, None, tree, read=self.repository.read):
                move_ref(self.repository.git_dir, MAIN, old=None, new=oid, durable=self._durable, reflog=entry)
        return oid

    def take_over(self, moves: Sequence[RefMove], *, describe: ReflogEntry) -> None:
        """Moves references to commits that are stored already, then deletes those that go. The caller holds the lock.

        Raises:
            Moved: one is not where it is expected; Conflict: edits in the work tree are in the way; Unavailable.
        """
        self._finish_others()
        deciding = sum(move.new is not None for move in moves)
        main = next((move for move in moves if move.name == MAIN), None)
        if main is None or main.new is None:
            self._publisher.move(moves, deciding, describe)
            return
        before = None if main.old is None else self.repository.tree_of(main.old)
        with followed(self.repository, before, self.repository.tree_of(main.new), read=self.repository.read):
            self._publisher.move(moves, deciding, describe)

    def locked(self) -> WriterLock:
        """The lock that every writer takes, for repairs that must not meet one."""
        return self._lock()

    def _catch_up(self, following: Following) -> None:
        following.catch_up()
        self._fetched = time.monotonic()

    def _finish_others(self) -> None:
        """What a writer that was killed left undone in the work tree."""
        worktree = WorkTree.of(self.repository)
        if worktree is not None:
            worktree.catch_up()

    def _lock(self) -> WriterLock:
        return WriterLock(self.repository.git_dir, timeout_seconds=_PATIENCE)
