"""The stage menu: where a version can be moved, and how, as far as the policy lets whoever looks."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.model import NO_STAGE, Stage
from registry_git.core.snapshot import find_stage
from registry_git.registry.facade import Registry
from registry_git.registry.views import ModelView, RollView, VersionView

NOW, ASK, BLOCKED = "now", "ask", "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move to `stage` (`None`: out of all stages).

    `how` is `now`: it can be done directly; `ask`: with a request that others approve; `blocked`: what stands against
    it no approval can give. `why` are sentences of what a direct move lacks. `others` are the versions that are in the
    stage; `evicts`: they leave it in any case; `archives`: that is proposed, for nothing speaks against it, else
    `unarchived` says what does. `rolls` are the deployments that move along; `against` says which are in the way
    (empty: none).
    """

    stage: str
    how: str
    why: tuple[str, ...]
    others: tuple[int, ...]
    evicts: bool
    can_archive: bool
    archives: bool
    unarchived: str
    can_add: bool
    rolls: tuple[RollView, ...]
    against: str

    @property
    def leaves(self) -> bool:
        """Whether it is out of the stages."""
        return self.stage == NO_STAGE

    @property
    def title(self) -> str:
        """What the menu says: `Transition to Staging`, `Request transition to Production`."""
        if self.leaves:
            return "Leave its stages" if self.how == NOW else "Request to leave its stages"
        return f"{'Transition' if self.how == NOW else 'Request transition'} to {self.stage}"


def moves(registry: Registry, model: ModelView, version: VersionView) -> list[Move]:
    """Every move that would change something, in the policy's order of stages; leaving them all comes last."""
    stages: list[Stage | None] = [*registry.policy().stages, None]
    found = [_move(registry, model, version, stage) for stage in stages]
    return [one for one in found if one is not None]


def move_to(moves: list[Move], registry: Registry, stage: str) -> Move | None:
    """The move to the stage that is named in any case; None where it would change nothing. Raises: Invalid."""
    found = find_stage(registry.policy(), stage)
    name = found.name if found else NO_STAGE
    return next((one for one in moves if one.stage == name), None)


def _move(registry: Registry, model: ModelView, version: VersionView, stage: Stage | None) -> Move | None:
    name = stage.name if stage else NO_STAGE
    foreseen = registry.foresee_move(version.model, version.version, name)
    if not foreseen.changes:
        return None
    others = tuple(one for one in model.stages.get(name, ()) if one != version.version)
    can_archive = stage is not None and stage.serving and not stage.exclusive and bool(others)
    unarchived = ""
    if can_archive:
        archiving = registry.foresee_move(version.model, version.version, name, archive_existing=True)
        if archiving.against and not foreseen.against:
            unarchived = archiving.against
        elif foreseen.decision.allowed and not archiving.decision.allowed:
            unarchived = archiving.decision.unmet[0].why
        else:
            foreseen = archiving
    decision = foreseen.decision
    how = NOW if decision.allowed else ASK if decision.by_request else BLOCKED
    return Move(
        stage=name,
        how=how,
        why=tuple(f"{one.rule}: {one.why}." + ("" if one.by_approval else f" {one.satisfy}") for one in decision.unmet),
        others=others,
        evicts=stage is not None and stage.exclusive and bool(others),
        can_archive=can_archive,
        archives=can_archive and not unarchived,
        unarchived=unarchived,
        can_add=stage is not None and bool(set(version.stages) - {name}),
        rolls=foreseen.rolls,
        against=foreseen.against,
    )
