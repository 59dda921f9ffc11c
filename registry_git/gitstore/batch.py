"""Several plans in one write: each is decided on what those before it have made, and all are published together.

What an earlier plan made is not stored yet when a later one reads it, so the repository holds it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from registry_git.gitstore.objects import Staging
from registry_git.gitstore.refs import Moved
from registry_git.gitstore.remote import RefMove
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.session import FindBranch, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one plan: its value, or its error. `again`: it failed on what is not stored, so ask once more.

    The plan may have failed only because an index or another process cannot see what is still held in memory; tried as
    the first of a later batch, its failure is final.
    """

    value: Any = None
    error: Exception | None = None
    again: bool = False


class OpenSession(Protocol):
    """Opens a session that begins at a commit, with branches as a function finds them."""

    def __call__(self, main: str | None = None, request_branch: FindBranch | None = None) -> Session:
        """The session."""


class Batch:
    """One try of several plans."""

    def __init__(self, repository: Repository, open_session: OpenSession) -> None:
        self._repository = repository
        self._open = open_session
        self._first = open_session()
        self._main = self._first.main
        self._staging = Staging()
        self._moves: dict[str, RefMove] = {}
        self._deciding: set[str] = set()

    def readable(self) -> AbstractContextManager[None]:
        """While it is entered, the repository reads what the plans have made."""
        return self._repository.holding(self._staging.objects)

    def run(self, plan: Callable[[Session], Any]) -> Outcome:
        """Tries one plan. Raises: Moved: somebody else was first."""
        session = self._open(self._main, self._branch)
        try:
            value = plan(session)
        except Moved:
            raise
        except Exception as problem:
            return Outcome(error=problem, again=bool(self._moves))
        self._take(session)
        return Outcome(value=value)

    def joined(self) -> Session:
        """One session with all that was made: branches first, whose plans find them done when they run again."""
        session = self._open(self._first.main)
        session.staging = self._staging
        moves = [move for move in self._moves.values() if move.old != move.new]
        # a branch goes only after what took its place is on `main`
        decides = {move.name for move in moves if move.name in self._deciding and move.new is not None}
        moves.sort(key=lambda move: (move.name not in decides, move.name == MAIN))
        session.moves = moves
        session.deciding = len(decides)
        session.learn_tree(self._main)
        return session

    def _take(self, session: Session) -> None:
        self._staging.objects.update(session.staging.objects)
        self._staging.delta_bases.update(session.staging.delta_bases)
        for place, move in enumerate(session.moves):
            before = self._moves.get(move.name)
            self._moves[move.name] = RefMove(name=move.name, old=before.old if before else move.old, new=move.new)
            if place < session.deciding:
                self._deciding.add(move.name)
            if move.name == MAIN and move.new:
                self._main = move.new

    def _branch(self, name: str) -> str | None:
        move = self._moves.get(name)
        return move.new if move else self._first.request_branch(name)
