"""What a change brings with it for deployments, in the same commit; and what it must not do to them.

This is the one place that every change to `main` passes, whoever makes it: directly, in a batch, by a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from registry_git.core.changes.proposal import Act, Proposal, Roll, Touch
from registry_git.core.deployed import REQUEST, label, reference, settled, target, used
from registry_git.core.errors import Conflict
from registry_git.core.model import (
    Action,
    AliasKey,
    Deployment,
    DeploymentKey,
    Entity,
    Key,
    ModelKey,
    StageKey,
    VersionKey,
)
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Overlay, Snapshot, stages_of

_SHOWN = 3  # deployments that a message names
_EMPTIED = "which would hold nothing"


def with_following(snapshot: Snapshot, proposal: Proposal, act: Act) -> Proposal:
    """The proposal with what follows from it.

    Every deployment with `follow: auto` whose reference resolves to another version afterwards gets that version in
    the same commit. That is no touch of its own: its declaration was judged. The same proposal on the same snapshot
    gives the same answer, byte for byte.

    Raises:
        Conflict: a deployment would be left with a version that is deleted or out of service, or with a reference to
            nothing; unless the act is forced, with a comment.
        Corrupt: a deployment of the model cannot be read.
    """
    gone = {key.model for key, entity in proposal.edits.items() if isinstance(key, ModelKey) and entity is None}
    moved = {key.model for key in proposal.edits if isinstance(key, (StageKey, AliasKey))}
    moved |= {key.model for key, entity in proposal.edits.items() if isinstance(key, VersionKey) and entity is None}
    declared = [key for key in proposal.edits if isinstance(key, DeploymentKey)]
    if not declared and not any(snapshot.deployments_naming(model) for model in moved | gone):
        return proposal
    after = Overlay(snapshot, proposal.edits)
    edits: dict[Key, Entity | None] = dict(proposal.edits)
    touches = list(proposal.touches)
    rolls: list[Roll] = []
    asks = [key for key in declared if _on_request(snapshot, key) or _on_request(after, key)]
    against: list[str] = []
    for model in sorted(moved | gone):
        for deployment in after.deployments_of(model):
            if model in gone:
                edits[deployment.key] = None
                touches.append(Touch(action=Action.DEPLOYMENT, model=model, target=deployment.environment))
                against.append(f"deployment {label(deployment)} follows {model}")
                continue
            now = settled(after, deployment, act.at)
            if now != deployment:
                edits[now.key] = now
            rolls += _rolls(snapshot, after, now)
            if now.follow == REQUEST and target(snapshot, now) != target(after, now):
                asks.append(now.key)
            against += in_the_way(snapshot, after, now)
    for key in declared:
        new = after.deployment(key)
        if new is not None and new.model not in moved:
            now = settled(after, new, act.at)  # a declaration that was made elsewhere may find another version here
            if now != new:
                edits[key] = now
            rolls += _rolls(snapshot, after, now)
    headline = proposal.headline
    if against:
        said = "; ".join(against[:_SHOWN]) + (f"; and {len(against) - _SHOWN} more" if against[_SHOWN:] else "")
        if not (act.force and act.comment.strip()):
            hint = "Point the deployment elsewhere first, or insist with --force and a --comment that says why."
            if said.endswith(_EMPTIED) and any(touch.action is Action.STAGE and touch.entering for touch in touches):
                hint = f"Leave the version in that stage, too, with --add. {hint}"
            raise Conflict(f"{said[0].upper()}{said[1:]}.", hint=hint)
        headline = replace(headline, forced=said)
    return replace(
        proposal, edits=edits, touches=tuple(touches), headline=headline, rolls=tuple(rolls), asks=tuple(asks)
    )


def _on_request(snapshot: Snapshot, key: DeploymentKey) -> bool:
    one = snapshot.deployment(key)
    return one is not None and one.follow == REQUEST


def _rolls(before: Snapshot, after: Snapshot, deployment: Deployment) -> Iterator[Roll]:
    """The other version that a deployment gets; or, where it follows on request, is to be asked for."""
    known = before.deployment(deployment.key)
    was, now = used(known) if known is not None else None, used(deployment)
    if now is not None and was != now:
        yield Roll(key=deployment.key, before=was, after=now)
    wanted = target(after, deployment) if deployment.follow == REQUEST else None
    if wanted is not None and wanted != now:
        yield Roll(key=deployment.key, before=now, after=wanted, asked=True)


def in_the_way(before: Snapshot, after: Snapshot, deployment: Deployment) -> Iterator[str]:
    """What speaks against a change, as far as this deployment goes: at most one sentence.

    A deployment that moves along, or is about to be asked to, stands in nobody's way.
    """
    now, model = used(deployment), deployment.model
    wanted = target(after, deployment)
    if now is not None and before.find(VersionKey(model=model, version=now)) is not None:
        if after.find(VersionKey(model=model, version=now)) is None:
            yield f"deployment {label(deployment)} uses v{now} of {model}, which would be deleted"
            return
        moves_on = deployment.follow == REQUEST and wanted not in (None, now)
        if not moves_on and _serves(before, model, now) and not _serves(after, model, now):
            yield f"deployment {label(deployment)} uses v{now} of {model}, which would be in no serving stage"
            return
    if wanted is None and target(before, deployment) is not None:
        yield f"deployment {label(deployment)} follows {reference(deployment)}, {_EMPTIED}"


def _serves(snapshot: Snapshot, model: ModelName, version: int) -> bool:
    serving = {stage.name for stage in snapshot.policy().stages if stage.serving}
    return bool(serving & set(stages_of(snapshot.stage_pointers(model), version)))
