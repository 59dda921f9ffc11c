"""What a change touches, told from the differences that it makes: for changes that were made by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from registry_git.core.changes.deployments import entering
from registry_git.core.changes.proposal import Touch
from registry_git.core.deployed import settled
from registry_git.core.events import Difference
from registry_git.core.keys import ModelKey, VersionKey
from registry_git.core.model import (
    Action,
    AliasPointer,
    Deployment,
    ModelVersion,
    Policy,
    RegisteredModel,
    Stage,
    StagePointer,
)
from registry_git.core.names import ModelName, StageName
from registry_git.core.renames import renamed_models
from registry_git.core.snapshot import Snapshot, stages_of


def touched(differences: Sequence[Difference], before: Snapshot, after: Snapshot) -> tuple[Touch, ...]:
    """What rules must look at in a change from `before` to `after`: never less than the same change made with a
    command touches.
    """
    return tuple(_Touched(differences, before, after).all())


class _Touched:
    def __init__(self, differences: Sequence[Difference], before: Snapshot, after: Snapshot) -> None:
        self._differences = differences
        self._before = before
        self._after = after
        self._renames = renamed_models(differences)
        self._stages = {stage.name: stage for stage in before.policy().stages}
        self._gone = {d.key.model for d in differences if isinstance(d.key, ModelKey) and d.after is None}
        self._entered: dict[tuple[ModelName, StageName], set[int]] = {}
        self._left: dict[tuple[ModelName, StageName], set[int]] = {}
        for d in differences:
            pointer = d.after or d.before
            if isinstance(pointer, StagePointer):
                was, now = _versions(d.before), _versions(d.after)
                self._entered[pointer.model, pointer.stage] = now - was
                self._left[pointer.model, pointer.stage] = was - now

    def all(self) -> Iterator[Touch]:
        for d in self._differences:
            was, now = d.before, d.after
            if isinstance(was or now, RegisteredModel):
                yield from self._model(was, now)
            elif isinstance(was or now, ModelVersion):
                yield from self._version(was, now)
            elif isinstance(was or now, StagePointer):
                yield from self._stage(was, now)
            elif isinstance(was or now, AliasPointer):
                yield from self._alias(was, now)
            elif isinstance(was or now, Deployment):
                yield from self._deployment(was, now)
            elif isinstance(was or now, Policy):
                yield Touch(action=Action.EDIT if _moves_only(was, now) else Action.POLICY, model=None)

    def _model(self, was: object, now: object) -> Iterator[Touch]:
        if isinstance(now, RegisteredModel) and not isinstance(was, RegisteredModel):
            yield Touch(action=Action.REGISTER, model=now.name)
        elif isinstance(was, RegisteredModel) and not isinstance(now, RegisteredModel):
            renamed = was.name in self._renames.values()
            yield Touch(action=Action.EDIT if renamed else Action.DELETE, model=was.name)
        elif isinstance(was, RegisteredModel) and isinstance(now, RegisteredModel):
            said = (was.description, dict(was.tags), dict(was.annotations))
            if said != (now.description, dict(now.tags), dict(now.annotations)):
                yield Touch(action=Action.EDIT, model=now.name)

    def _version(self, was: object, now: object) -> Iterator[Touch]:
        if isinstance(now, ModelVersion) and isinstance(was, ModelVersion):
            yield Touch(action=Action.EDIT, model=now.model)
        elif isinstance(now, ModelVersion):
            if now.model not in self._renames:
                yield Touch(action=Action.REGISTER, model=now.model, entering=now)
        elif isinstance(was, ModelVersion) and was.model not in self._gone:
            yield Touch(action=Action.DELETE, model=was.model, entering=was)

    def _stage(self, was: object, now: object) -> Iterator[Touch]:
        pointer = now or was
        assert isinstance(pointer, StagePointer)  # noqa: S101 - the caller chose by type
        model, stage = pointer.model, pointer.stage
        if isinstance(was, StagePointer) and isinstance(now, StagePointer) and self._repaired(was, now):
            return
        wanted = [number for number in sorted(self._entered[model, stage]) if not self._made_room(model, stage, number)]
        previous = was.previous if isinstance(was, StagePointer) else None
        for number in wanted:
            yield Touch(
                action=Action.STAGE,
                model=model,
                target=stage,
                entering=self._found(model, number),
                missing_before=() if number == previous else self._missing(model, stage, number),
            )
        if not wanted:
            yield Touch(action=Action.STAGE, model=model, target=stage)

    def _alias(self, was: object, now: object) -> Iterator[Touch]:
        pointer = now or was
        assert isinstance(pointer, AliasPointer)  # noqa: S101 - the caller chose by type
        if isinstance(was, AliasPointer) and isinstance(now, AliasPointer) and self._repaired(was, now):
            return
        moved = isinstance(now, AliasPointer) and not (isinstance(was, AliasPointer) and was.version == now.version)
        entering = self._found(pointer.model, pointer.version) if moved else None
        yield Touch(action=Action.ALIAS, model=pointer.model, target=pointer.alias, entering=entering)

    def _deployment(self, was: object, now: object) -> Iterator[Touch]:
        """A deployment that only moves along, or whose copies are mended, is none: its declaration was judged."""
        first, last = _deployed(was), _deployed(now)
        if first is not None and last is not None and self._moved_along(first, last):
            return
        for model in dict.fromkeys(one.model for one in (first, last) if one is not None):
            one = last or first
            yield Touch(
                action=Action.DEPLOYMENT,
                model=model,
                target=one.environment if one is not None else "",
                entering=entering(self._after, first, last) if last is not None and last.model == model else None,
            )

    def _moved_along(self, was: Deployment, now: Deployment) -> bool:
        """Whether a deployment says just what its reference resolves to, and had not said that before."""
        if replace(was, resolved=None) != replace(now, resolved=None) or now.resolved is None:
            return False
        since = now.resolved.since
        mended = settled(self._after, was, since) == now
        return mended and (was.resolved is None or replace(was.resolved, since=since) != now.resolved)

    def _repaired(self, was: StagePointer | AliasPointer, now: StagePointer | AliasPointer) -> bool:
        """Whether only untrue copies were made true, as `doctor --fix` does."""
        version = self._before.find(VersionKey(model=was.model, version=was.version))
        return (
            isinstance(version, ModelVersion)
            and _slot(was) == _slot(now)
            and (was.source, was.format, was.digest) != (version.source, version.format, version.digest)
            and (now.source, now.format, now.digest) == (version.source, version.format, version.digest)
        )

    def _made_room(self, model: ModelName, stage: StageName, number: int) -> bool:
        """Whether a version came to the archive because another took its place."""
        for (other, left), numbers in self._left.items():
            if other == model and number in numbers and self._entered[other, left]:
                archive = next((s for s in self._stages.values() if not s.serving and s.name != left), None)
                if archive is not None and archive.name == stage:
                    return True
        return False

    def _missing(self, model: ModelName, stage: StageName, number: int) -> tuple[str, ...]:
        """The stages of which the version should have been in one before, when it was in none of them."""
        target: Stage | None = self._stages.get(stage)
        if target is None or not target.after or model in self._renames:
            return ()
        held = stages_of(self._before.stage_pointers(model), number)
        return () if set(target.after) & set(held) or stage in held else target.after

    def _found(self, model: ModelName, number: int) -> ModelVersion | None:
        found = self._after.find(VersionKey(model=model, version=number))
        return found if isinstance(found, ModelVersion) else None


def _moves_only(was: object, now: object) -> bool:
    """Whether only the layout is another: that moves files, and decides nothing."""
    if not (isinstance(was, Policy) and isinstance(now, Policy)) or was.layout == now.layout:
        return False
    return replace(was, layout=now.layout) == now


def _deployed(entity: object) -> Deployment | None:
    return entity if isinstance(entity, Deployment) else None


def _versions(pointer: object) -> set[int]:
    return set(pointer.versions) if isinstance(pointer, StagePointer) else set()


def _slot(pointer: StagePointer | AliasPointer) -> tuple[object, ...]:
    versions = pointer.versions if isinstance(pointer, StagePointer) else (pointer.version,)
    return versions, pointer.previous, dict(pointer.annotations)
