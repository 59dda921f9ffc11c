"""What all writing methods share: an act by the actor, applied to `main`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.errors import Invalid
from registry_git.core.keys import DeploymentKey
from registry_git.core.names import COMMENT_MAX, Actor, ModelName, parse_text
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.store import Store
from registry_git.registry.reading import Reading
from registry_git.registry.views import ModelView, RollView, VersionView
from registry_git.registry.writing import Surroundings, Written, apply

if TYPE_CHECKING:
    from registry_git.index.index import Index

DecideWith: TypeAlias = Callable[[Snapshot, Act], Proposal]


class Writes(Reading):
    """A registry that can be written to."""

    def __init__(self, store: Store, index: Index | None, surroundings: Surroundings) -> None:
        super().__init__(store, index)
        self._surroundings = surroundings

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self._surroundings.actor

    @property
    def remote(self) -> str | None:
        """The URL that writes go to; None when the registry is here, or works offline."""
        return self._store.following.remote.url if self._store.following else None

    def refresh_from_remote(self) -> None:
        """Brings what the remote has here; without one, nothing happens. Raises: Unavailable, Corrupt, Conflict."""
        self._store.refresh()

    def refresh_to_read(self, *, at_most_seconds: float) -> None:
        """Brings what the remote has here, unless that was done in the last `at_most_seconds`; without one, nothing.

        A remote that cannot be reached is a warning in the log: what is here answers. Raises: Corrupt.
        """
        self._store.refresh_to_read(at_most_seconds=at_most_seconds)

    def change(self, decide: DecideWith, *, comment: str = "", id: str | None = None, version: bool = False) -> Written:
        """Makes a change of one's own: what `decide` proposes, judged by the policy, as one commit on `main`.

        `version` asks for an id of the kind that models and versions bear.

        Raises:
            PermissionDenied; Conflict; Unavailable; whatever `decide` refuses. Nothing was changed then.
        """
        return self._apply(self._surroundings.act(comment=words(comment), id=id, version=version), decide)

    def _apply(self, act: Act, decide: DecideWith, *, retry: bool = False) -> Written:
        """`retry`: the caller gave the act's id, so the write may have been made before, and must not be made again."""

        def once(snapshot: Snapshot) -> Proposal:
            proposal = decide(snapshot, act)
            if retry and proposal.edits and self._queries(snapshot).has_operation(act.id):
                return replace(proposal, edits={}, touches=())
            return proposal

        written = apply(self._store, act, once)
        self._ask_for_rolls(written.proposal.asks)
        return written

    def _ask_for_rolls(self, keys: Sequence[DeploymentKey]) -> None:
        """Opens the requests for deployments that follow on request and whose stage or alias has just moved."""
        if keys:
            from registry_git.registry.rolling import Rolls  # few writes need it

            Rolls(self._store, self._surroundings).ask_if_possible(keys)

    def _act(self, comment: str = "", id: str | None = None, *, force: bool = False) -> Act:
        return replace(self._surroundings.act(comment=words(comment), id=id), force=forced(force, comment))

    def _view(self, model: ModelName, version: int | None, written: Written) -> ModelView | VersionView:
        return self.model(model) if version is None else self._version(model, version, written)

    def _version(self, model: ModelName, version: int, written: Written) -> VersionView:
        """The version as the write left it. What the write itself tells does not wait for the index."""
        snapshot = self._snapshot()
        labelled = written.proposal.headline.action in ("set-tag", "delete-tag")  # which is no update
        own = written.changed and not labelled and snapshot.commit == written.commit
        view = self._showing(snapshot).version(model, version, updated=written.at if own else None)
        return replace(view, rolled=rolled_by(written)) if written.proposal.rolls else view


def rolled_by(written: Written) -> tuple[RollView, ...]:
    """The deployments that a write gave another version, or is to ask for."""
    return tuple(map(RollView.of, written.proposal.rolls)) if written.changed else ()


def forced(force: bool, comment: str) -> bool:
    """Whether something is insisted on. Raises: Invalid: without a word of why."""
    if force and not comment.strip():
        raise Invalid("What is forced needs a comment that says why.", hint="Add: --comment TEXT")
    return force


def words(comment: str) -> str:
    """A checked comment, which may be empty. Raises: Invalid."""
    return parse_text("comment", comment, at_most=COMMENT_MAX)
