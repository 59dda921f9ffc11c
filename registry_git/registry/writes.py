"""What all writing methods share: an act by the actor, applied to `main`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.names import COMMENT_MAX, ModelName, parse_text
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.registry.reading import Reading
from registry_git.registry.views import ModelView, VersionView
from registry_git.registry.writing import Surroundings, Written, apply

DecideWith: TypeAlias = Callable[[Snapshot, Act], Proposal]


class Writes(Reading):
    """A registry that can be written to."""

    def __init__(self, store: Store, index: Index, surroundings: Surroundings) -> None:
        super().__init__(store, index)
        self._surroundings = surroundings

    @property
    def remote(self) -> str | None:
        """The URL that writes go to; None when the registry is here, or works offline."""
        return self._store.following.remote.url if self._store.following else None

    def refresh_from_remote(self) -> None:
        """Brings what the remote has here; without one, nothing happens. Raises: Unavailable, Corrupt, Conflict."""
        self._store.refresh()

    def _apply(self, act: Act, decide: DecideWith, *, retry: bool = False) -> Written:
        """`retry`: the caller gave the act's id, so the write may have been made before, and must not be made again."""

        def once(snapshot: Snapshot) -> Proposal:
            proposal = decide(snapshot, act)
            if retry and proposal.edits and self._queries(snapshot).has_operation(act.id):
                return replace(proposal, edits={}, touches=())
            return proposal

        return apply(self._store, act, once)

    def _act(self, comment: str = "", id: str | None = None) -> Act:
        return self._surroundings.act(comment=words(comment), id=id)

    def _view(self, model: ModelName, version: int | None, written: Written) -> ModelView | VersionView:
        return self.model(model) if version is None else self._version(model, version, written)

    def _version(self, model: ModelName, version: int, written: Written) -> VersionView:
        """The version as the write left it. What the write itself tells does not wait for the index."""
        snapshot = self._snapshot()
        own = written.changed and snapshot.commit == written.commit
        updated = self._store.repository.commit(written.commit).at * 1000 if own else None
        return self._showing(snapshot).version(model, version, updated=updated)


def words(comment: str) -> str:
    """A checked comment, which may be empty. Raises: Invalid."""
    return parse_text("comment", comment, at_most=COMMENT_MAX)
