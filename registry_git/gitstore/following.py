"""A clone that follows its remote: what is there comes here first, what is written here goes there first."""

from __future__ import annotations

from collections.abc import Sequence

from registry_git.core.errors import Conflict, Corrupt
from registry_git.gitstore.history import first_parents
from registry_git.gitstore.reflock import make_way
from registry_git.gitstore.refs import Locked, Moved, ReflogEntry, move_ref
from registry_git.gitstore.remote import SEEN_MAIN, RefMove, Remote, tracked
from registry_git.gitstore.repository import MAIN, TRACKED_MAIN, Repository
from registry_git.gitstore.worktree import followed


class Following:
    """The remote of one repository, and the references here that show it. The caller holds the writer's lock."""

    def __init__(self, repository: Repository, remote: Remote, *, durable: bool) -> None:
        self._repository = repository
        self.remote = remote
        self._durable = durable

    def fetch(self) -> None:
        """Brings what the remote has here, into the references that show it.

        Raises:
            Corrupt: the history of the remote's `main` was rewritten since it was last seen here; Unavailable.
        """
        self.remote.fetch()
        theirs, seen = self._repository.ref(TRACKED_MAIN), self._repository.ref(SEEN_MAIN)
        if theirs and seen and not self._repository.is_ancestor(seen, theirs):
            raise self.remote.rewritten(SEEN_MAIN)
        self._saw(theirs)

    def _saw(self, theirs: str | None) -> None:
        seen = self._repository.ref(SEEN_MAIN)
        if theirs is not None and theirs != seen:
            self._move(SEEN_MAIN, old=seen, new=theirs)

    def catch_up(self) -> None:
        """Fetches, and moves `main` here forward to the remote's.

        Raises:
            Conflict: `main` here has commits that the remote lacks.
            Corrupt: the remote's history was rewritten, or has nothing in common with this one.
            Unavailable: it cannot be reached.
        """
        self.fetch()
        theirs, ours = self._repository.ref(TRACKED_MAIN), self._repository.ref(MAIN)
        if theirs is None or theirs == ours:
            return
        if ours is not None and not self._repository.is_ancestor(ours, theirs):
            ahead = len(unsent(self._repository))
            raise Conflict(
                f"main here has {ahead} commit{'s' if ahead > 1 else ''} that the remote lacks.",
                hint="Send them with: registry-git sync",
            )
        self.show(ours, theirs)

    def show(self, old: str | None, new: str, reflog: ReflogEntry | None = None) -> None:
        """Moves `main` here to what the remote has, and the work tree with it.

        Raises:
            Conflict: edits in the work tree are in the way; nothing was moved.
        """
        before = None if old is None else self._repository.tree_of(old)
        with followed(self._repository, before, self._repository.tree_of(new), read=self._repository.read):
            self._move(MAIN, old=old, new=new, reflog=reflog)

    def _move(self, name: str, *, old: str | None, new: str | None, reflog: ReflogEntry | None = None) -> None:
        """Moves a reference here, also where a killed process has left its lock on it."""
        git_dir = self._repository.git_dir
        try:
            move_ref(git_dir, name, old=old, new=new, durable=self._durable, reflog=reflog)
        except Locked as problem:
            make_way(git_dir, problem)
            move_ref(git_dir, name, old=old, new=new, durable=self._durable, reflog=reflog)

    def publish(self, moves: Sequence[RefMove], reflog: ReflogEntry | None) -> None:
        """Moves references at the remote, then those here that show them.

        Raises:
            Moved: another push was first; PermissionDenied: the remote refused it; Unavailable.
        """
        # a request made offline has no branch at the remote yet
        there = [RefMove(name=move.name, old=self._there(move), new=move.new) for move in moves]
        there = [move for move in there if move.old != move.new]
        try:
            self.remote.push(there)
        except Moved:
            raise
        except Exception:
            # The line may have died after the remote took it: what it holds now is the answer.
            self.remote.fetch()
            if not self._taken(there[0]):
                raise
        for move in moves:
            name = tracked(move.name)
            # git's push may have moved the tracking reference already
            if self._repository.ref(name) != move.new:
                self._move(name, old=self._repository.ref(name), new=move.new)
            here = self._repository.ref(move.name)
            if move.name == MAIN:
                self._saw(move.new)
            if move.name == MAIN and here != move.new:
                self._move(MAIN, old=move.old, new=move.new, reflog=reflog)
            elif move.new is None and here is not None and self._repository.head() != move.name:
                move_ref(self._repository.git_dir, move.name, old=here, new=None, durable=False)

    def _there(self, move: RefMove) -> str | None:
        return move.old if move.name == MAIN else self._repository.ref(tracked(move.name))

    def _taken(self, move: RefMove) -> bool:
        now = self._repository.ref(tracked(move.name))
        if move.name == MAIN:
            return bool(move.new and now and self._repository.is_ancestor(move.new, now))
        return now == move.new


def unsent(repository: Repository) -> list[str]:
    """The commits on the first-parent line of `main` here that the remote's lacks, oldest first.

    Raises:
        Corrupt: the two have nothing in common.
    """
    theirs, ours = repository.ref(TRACKED_MAIN), repository.ref(MAIN)
    found: list[str] = []
    for commit in first_parents(repository, ours) if ours else ():
        if theirs and repository.is_ancestor(commit.id, theirs):
            return found[::-1]
        found.append(commit.id)
    if theirs is None:
        return found[::-1]
    raise Corrupt("main here and main at the remote have no common history.", hint="Clone the registry again.")
