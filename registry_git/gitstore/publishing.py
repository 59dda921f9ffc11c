"""What a plan has made becomes the registry's: objects are written, then references move, here or at the remote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from registry_git.core.errors import Conflict
from registry_git.gitstore.following import Following
from registry_git.gitstore.growing import GrowingPack
from registry_git.gitstore.journaling import Journaling
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.reflock import LockFile
from registry_git.gitstore.refs import Moved, ReflogEntry, draft_ref, move_ref
from registry_git.gitstore.remote import REQUESTS, RefMove
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.session import Session
from registry_git.gitstore.worktree import followed


class Publisher:
    """Publishes what plans have made in one repository. The caller holds the writer's lock.

    Attributes:
        pack_begun: whether there are more packs than before; who counts them sets it back.
    """

    def __init__(self, repository: Repository, following: Following | None, *, durable: bool) -> None:
        self._repository = repository
        self._following = following
        self._durable = durable
        self._growing = GrowingPack(repository.git_dir)
        self._journaling = Journaling(repository)
        self.pack_begun = False

    def publish(self, session: Session, describe: ReflogEntry | None, *, branch: Callable[[str], str | None]) -> None:
        """Writes the objects of a session, and moves what it moves. On return that is safe.

        `branch` gives the tip of a request branch.

        Raises:
            Moved: a reference is not where the session found it; Unavailable, and what moving references raises.
        """
        moves = session.moves
        for move in moves:
            if move.name == MAIN and self._following is None and self._repository.workdir is None:
                continue  # it has just been read, and is looked at again when it moves; nothing else waits for that
            here = branch(move.name) if move.name.startswith(REQUESTS) else self._repository.ref(move.name)
            if here != move.old:
                raise Moved(move.name, expected=move.old, actual=here)
        main = next((move for move in moves if move.name == MAIN and move.old and move.new), None)
        trees = (session.tree_of(main.old or ""), session.tree_of(main.new or "")) if main else None
        with followed(self._repository, *trees, read=session.read) if trees else nullcontext():
            if self._following is not None:
                self._write(session.staging)
                self._following.publish(moves, describe)
            elif main and moves[: session.deciding] == [main] and self._is_journaled(session.staging):
                self._answered(main, session, describe)
            else:
                self._flushed(main if main in moves[: session.deciding] else None, session, describe)

    def move(
        self,
        moves: Sequence[RefMove],
        deciding: int,
        describe: ReflogEntry | None,
        *,
        durable: bool | None = None,
        main: LockFile | None = None,
    ) -> None:
        """Moves references here: the first `deciding` ones decide, the others are tidied after them.

        `main` is what was drafted for it. Raises: as `move_ref`.
        """
        git_dir = self._repository.git_dir
        durable = self._durable if durable is None else durable
        for move in moves[:deciding]:
            drafted = main if move.name == MAIN else None
            move_ref(git_dir, move.name, old=move.old, new=move.new, durable=durable, reflog=describe, drafted=drafted)
        for move in moves[deciding:]:
            try:
                move_ref(git_dir, move.name, old=move.old, new=move.new, durable=False, reflog=describe)
            except Conflict:
                continue  # `main` has the truth already; a branch that somebody moved meanwhile stays for them to see

    def _is_journaled(self, staging: Staging) -> bool:
        return self._durable and self._growing.takes(staging) and self._journaling.takes(staging)

    def _answered(self, main: RefMove, session: Session, describe: ReflogEntry | None) -> None:
        """Publishes what the journal answers for: git's files are flushed later."""
        growth = self._growing.growth(session.staging, read=self._repository.read)
        with self._journaling.answering(main, growth) as (growth, make_safe):
            self._growing.write(growth, durable=False, before=make_safe)
            self._written(session.staging, begun=growth.begins)
            self.move(session.moves, session.deciding, describe, durable=False)

    def _flushed(self, main: RefMove | None, session: Session, describe: ReflogEntry | None) -> None:
        """Publishes by flushing git's files; `main`: if it is one of those that decide."""
        drafted = draft_ref(self._repository.git_dir, MAIN, main.new) if main and main.new else None
        try:
            self._write(session.staging, beside=drafted)
            self.move(session.moves, session.deciding, describe, main=drafted)
        finally:
            if drafted is not None:
                drafted.discard()

    def _write(self, staging: Staging, *, beside: LockFile | None = None) -> None:
        """Writes the objects; on return they are on disk, and so is what `beside` holds."""
        fd = None if beside is None else beside.fd
        if self._growing.takes(staging):
            growth = self._growing.growth(staging, read=self._repository.read)
            self._growing.write(growth, durable=self._durable, beside=fd)
            begun = growth.begins
        else:
            begun = bool(write_pack(self._repository.objects_dir, staging, durable=self._durable, beside=fd))
        self._written(staging, begun=begun)

    def _written(self, staging: Staging, *, begun: bool) -> None:
        self.pack_begun = self.pack_begun or begun
        self._repository.memory.keep_written(staging.objects)
