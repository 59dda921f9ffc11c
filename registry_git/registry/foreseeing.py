"""What the policy would say of a change: asked before anybody makes it, so that a page offers what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry_git.core.changes import pointers, registration
from registry_git.core.changes.following import with_following
from registry_git.core.changes.proposal import Touch
from registry_git.core.decision import Decision
from registry_git.core.model import Action
from registry_git.core.names import AliasName, ModelName, parse_name, parse_version
from registry_git.core.policy import Change, evaluate
from registry_git.registry.views import RollView
from registry_git.registry.writes import DecideWith, Writes

_ANY_NAME = "… any name …"  # no model is called so, and only a rule that is for all of them matches it


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of a move: the policy's answer and the deployments that would get another version.

    `against` says which deployments are in the way, so that it must be forced; empty: none. `changes` is False when it
    is so already.
    """

    decision: Decision
    rolls: tuple[RollView, ...]
    against: str
    changes: bool


class Foreseeing(Writes):
    """The part of the registry that says what would become of a direct change by the actor; nothing is written.

    Each method raises what the change itself would (NotFound, Conflict: a deployment is in the way, …), except for the
    policy's refusal: that is the answer. `Decision.by_request` says whether asking leads further.
    """

    def foresee_stage(
        self, name: str, version: int | str, stage: str, *, add: bool = False, archive_existing: bool = False
    ) -> Decision:
        """For `transition`."""
        model, number = ModelName.parse(name), parse_version(version)
        return self._foresee(
            lambda snapshot, act: pointers.transition(
                snapshot, act, model=model, version=number, to=stage, add=add, archive_existing=archive_existing
            )
        )

    def foresee_move(
        self, name: str, version: int | str, stage: str, *, add: bool = False, archive_existing: bool = False
    ) -> Foreseen:
        """For `transition`, with what it brings with it. A deployment that is in the way is part of the answer."""
        model, number = ModelName.parse(name), parse_version(version)
        snapshot, act = self._snapshot(), self._act("foreseen", force=True)
        proposal = with_following(
            snapshot,
            pointers.transition(
                snapshot, act, model=model, version=number, to=stage, add=add, archive_existing=archive_existing
            ),
            act,
        )
        return Foreseen(
            decision=self._judged(proposal.touches) if proposal.edits else Decision(),
            rolls=tuple(map(RollView.of, proposal.rolls)),
            against=proposal.headline.forced,
            changes=bool(proposal.edits),
        )

    def foresee_alias(self, name: str, alias: str, version: int | str | None) -> Decision:
        """For `set_alias`; with None for `delete_alias`."""
        model, pointer = ModelName.parse(name), AliasName.parse(alias)
        if version is None:
            return self._foresee(lambda snapshot, act: pointers.delete_alias(snapshot, act, model=model, alias=pointer))
        number = parse_version(version)
        return self._foresee(
            lambda snapshot, act: pointers.set_alias(snapshot, act, model=model, alias=pointer, version=number)
        )

    def foresee_rename(self, name: str, new_name: str | None) -> Decision:
        """For `rename`; with None as far as the name that it has decides, whatever it will be called."""
        model, new = ModelName.parse(name), ModelName.parse(_ANY_NAME if new_name is None else new_name)
        return self._foresee(lambda snapshot, act: registration.rename_model(snapshot, act, model=model, new_name=new))

    def foresee_delete(self, name: str, version: int | str | None = None, *, leaving: bool = False) -> Decision:
        """For `delete`."""
        model = ModelName.parse(name)
        if version is None:
            return self._foresee(
                lambda snapshot, act: registration.delete_model(snapshot, act, model=model, leaving=leaving)
            )
        number = parse_version(version)
        return self._foresee(
            lambda snapshot, act: registration.delete_version(
                snapshot, act, model=model, version=number, leaving=leaving
            )
        )

    def foresee_edit(self, name: str, version: int | str | None = None) -> Decision:
        """For a description or tags of a model, or of a version."""
        return self._judged([Touch(action=Action.EDIT, model=self._named(name, version))])

    def foresee_register(self, name: str) -> Decision:
        """For `register` and `create_model`, as far as the name decides: gates look at the version that comes."""
        return self._judged([Touch(action=Action.REGISTER, model=ModelName.parse(name))])

    def foresee_deployment(self, environment: str, model: str) -> Decision:
        """For a change of a deployment, as far as model and environment decide: gates look at the version it gets."""
        where = parse_name("environment", environment)
        return self._judged([Touch(action=Action.DEPLOYMENT, model=ModelName.parse(model), target=where)])

    def _named(self, name: str, version: int | str | None) -> ModelName:
        model, snapshot = ModelName.parse(name), self._snapshot()
        if version is None:
            return snapshot.model(model).name
        return snapshot.version(model, parse_version(version)).model

    def _foresee(self, decide: DecideWith) -> Decision:
        snapshot, act = self._snapshot(), self._act()
        proposal = with_following(snapshot, decide(snapshot, act), act)
        return self._judged(proposal.touches) if proposal.edits else Decision()

    def _judged(self, touches: Sequence[Touch]) -> Decision:
        surroundings = self._surroundings
        change = Change(
            touches=tuple(touches), requester=surroundings.actor, requested=False, approves=surroundings.approves
        )
        return evaluate(change, self._snapshot().policy(), ())
