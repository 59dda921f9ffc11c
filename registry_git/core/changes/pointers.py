"""Moves of versions between stages and of aliases between versions."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.changes.proposal import Act, Headline, Proposal, Touch
from registry_git.core.errors import Invalid, NotFound
from registry_git.core.labels import refuse_id
from registry_git.core.model import (
    NO_STAGE,
    Action,
    AliasKey,
    AliasPointer,
    Entity,
    Key,
    ModelVersion,
    Policy,
    Stage,
    StageKey,
    StagePointer,
)
from registry_git.core.names import AliasName, Id, ModelName, StageName
from registry_git.core.snapshot import Edits, Snapshot, find_stage, shown_stage, stages_of


def transition(
    snapshot: Snapshot,
    act: Act,
    *,
    model: ModelName,
    version: int,
    to: str,
    add: bool = False,
    archive_existing: bool = False,
) -> Proposal:
    """Moves a version to a stage, out of the stages that it is in (unless `add`).

    Entering an exclusive stage, or `archive_existing`, moves the versions that are there to the first stage that does
    not serve. `to` may be `None`: out of every stage.

    Raises:
        NotFound: no such model or version.
        Invalid: no such stage, or `archive_existing` for a stage that does not serve.
    """
    policy = snapshot.policy()
    moving = snapshot.version(model, version)
    target = find_stage(policy, to)
    if target is None and add:
        raise Invalid(
            "A version cannot be added to the stage None.", hint="Leave out --add to take it out of its stages."
        )
    if archive_existing and (target is None or not target.serving):
        serving = ", ".join(stage.name for stage in policy.stages if stage.serving)
        raise Invalid(
            f"Existing versions can only be archived when a serving stage is entered, not {to}.",
            hint=f"Serving stages: {serving}.",
        )
    pointers = {pointer.stage: pointer for pointer in snapshot.stage_pointers(model)}
    held = stages_of(pointers.values(), version)
    wanted = {stage: set(pointer.versions) for stage, pointer in pointers.items()}
    if not add:
        for stage in held:
            if target is None or stage != target.name:
                wanted[stage].discard(version)
    if target is not None:
        _enter(wanted, policy, target, version, evict=archive_existing or target.exclusive)
    edits: dict[Key, Entity | None] = {}
    moved: list[StageName] = []
    refuse_id(snapshot, act.id)
    for stage, versions in wanted.items():
        before = pointers.get(stage)
        if versions != set(before.versions if before else ()):
            moved.append(stage)
            edits[StageKey(model=model, stage=stage)] = _stage_pointer(snapshot, before, model, stage, versions, act.id)
    before_shown = shown_stage(policy, held)
    after_shown = target.name if target else NO_STAGE
    touches = tuple(
        Touch(
            action=Action.STAGE,
            model=model,
            target=stage,
            entering=moving if _is_target(target, stage) else None,
            missing_before=_missing_before(target, held, pointers.get(stage), version)
            if _is_target(target, stage)
            else (),
        )
        for stage in moved
    )
    verb = "Add" if add and held else "Move"
    return Proposal(
        edits=edits,
        touches=touches,
        headline=Headline(
            sentence=f"{verb} {model} v{version} to {after_shown}",
            action="transition",
            model=model,
            version=version,
            from_stage=before_shown,
            to_stage=after_shown,
        ),
        comment=act.comment,
    )


def _is_target(target: Stage | None, stage: StageName) -> bool:
    return target is not None and target.name == stage


def _enter(wanted: dict[StageName, set[int]], policy: Policy, target: Stage, version: int, *, evict: bool) -> None:
    there = wanted.setdefault(target.name, set())
    others = there - {version}
    if evict and others:
        there -= others
        archive = next((stage for stage in policy.stages if not stage.serving and stage.name != target.name), None)
        if archive is not None:
            wanted.setdefault(archive.name, set()).update(others)
    there.add(version)


def _missing_before(
    target: Stage | None, held: tuple[StageName, ...], there: StagePointer | None, version: int
) -> tuple[str, ...]:
    """The stages of which the version should be in one first; none for the version that was in the target before.

    That one has passed them when it came the first time, so the way back is open, directly or by a request.
    """
    if there is not None and there.previous == version:
        return ()
    if target is None or not target.after or set(target.after) & set(held) or target.name in held:
        return ()
    return target.after


def _stage_pointer(
    snapshot: Snapshot, before: StagePointer | None, model: ModelName, stage: StageName, versions: set[int], request: Id
) -> StagePointer | None:
    if not versions:
        return None
    top = snapshot.version(model, max(versions))
    previous = None
    if before is not None:
        previous = before.version if before.version != top.version else before.previous
    return StagePointer(
        model=model,
        stage=stage,
        versions=tuple(sorted(versions)),
        source=top.source,
        format=top.format,
        digest=top.digest,
        previous=previous,
        request=request,
        annotations=before.annotations if before else {},
    )


def rollback_target(snapshot: Snapshot, *, model: ModelName, stage: str) -> tuple[int, StageName]:
    """The version that was in the stage before the one that is there now, and the stage as the registry spells it.

    Raises:
        NotFound: the stage is empty, or nothing was there before, or that version was deleted.
    """
    snapshot.model(model)
    target = find_stage(snapshot.policy(), stage)
    if target is None:
        raise Invalid("The stage None cannot be rolled back.", hint="Name a stage that holds a version.")
    pointer = snapshot.stage_pointer(model, target.name)
    if pointer is None or pointer.previous is None:
        state = "is empty" if pointer is None else f"holds v{pointer.version} and nothing was there before"
        raise NotFound(
            f"{target.name} of {model} {state}.", hint=f"See what happened with: registry-git activity {model}"
        )
    snapshot.version(model, pointer.previous)
    return pointer.previous, target.name


def rollback(snapshot: Snapshot, act: Act, *, model: ModelName, stage: str) -> Proposal:
    """Puts the previous version back into a stage, in place of the one that is there now.

    The version that leaves goes to the first stage that does not serve.

    Raises:
        NotFound: nothing was there before; Invalid: no such stage.
    """
    previous, name = rollback_target(snapshot, model=model, stage=stage)
    serving = next(s.serving for s in snapshot.policy().stages if s.name == name)
    proposal = transition(snapshot, act, model=model, version=previous, to=name, archive_existing=serving)
    headline = replace(proposal.headline, sentence=f"Roll {name} of {model} back to v{previous}", action="rollback")
    return replace(proposal, headline=headline)


def set_alias(snapshot: Snapshot, act: Act, *, model: ModelName, alias: AliasName, version: int) -> Proposal:
    """Points an alias to a version. Raises: NotFound; Invalid: an id that `deploy/` cannot make a label of."""
    target = snapshot.version(model, version)
    before = snapshot.alias_pointer(model, alias)
    edits: Edits = {}
    if before is None or before.version != version:
        refuse_id(snapshot, act.id)
        edits = {
            AliasKey(model=model, alias=alias): AliasPointer(
                model=model,
                alias=alias,
                version=version,
                source=target.source,
                format=target.format,
                digest=target.digest,
                previous=before.version if before else None,
                request=act.id,
                annotations=before.annotations if before else {},
            )
        }
    return _alias_proposal(edits, act, model, alias, target, f"Set alias {alias} of {model} to v{version}")


def delete_alias(snapshot: Snapshot, act: Act, *, model: ModelName, alias: AliasName) -> Proposal:
    """Removes an alias; nothing to do when there is none. Raises: NotFound for the model."""
    snapshot.model(model)
    before = snapshot.alias_pointer(model, alias)
    edits: Edits = {} if before is None else {before.key: None}
    return _alias_proposal(edits, act, model, alias, None, f"Delete alias {alias} of {model}")


def _alias_proposal(
    edits: Edits, act: Act, model: ModelName, alias: AliasName, target: ModelVersion | None, sentence: str
) -> Proposal:
    return Proposal(
        edits=edits,
        touches=(Touch(action=Action.ALIAS, model=model, target=alias, entering=target),) if edits else (),
        headline=Headline(
            sentence=sentence,
            action="set-alias" if target else "delete-alias",
            model=model,
            version=target.version if target else None,
        ),
        comment=act.comment,
    )
