"""What another registry holds, brought into this one as it was there: numbers, times and people are kept.

A fact has an id that is made of what it says. The commit that carries it bears that id, so a fact that was brought once
is known, and one that has changed over there since is another fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeAlias

from registry_git.core.changes.pointers import set_alias, transition
from registry_git.core.changes.proposal import Act, Headline, Proposal, Touch
from registry_git.core.errors import Conflict
from registry_git.core.labels import refuse_label
from registry_git.core.model import Action, Entity, Key, ModelVersion, RegisteredModel
from registry_git.core.names import Actor, AliasName, Id, ModelName
from registry_git.core.snapshot import Snapshot
from registry_git.core.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class InStage:
    """A version is in a stage; `stage` is spelled in any case."""

    model: ModelName
    version: int
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliased:
    """An alias names a version."""

    model: ModelName
    alias: AliasName
    version: int


Said: TypeAlias = RegisteredModel | ModelVersion | InStage | Aliased


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that another registry says: who did it, when."""

    says: Said
    by: Actor
    at: Timestamp

    @property
    def model(self) -> ModelName:
        """The model that it is about."""
        return self.says.name if isinstance(self.says, RegisteredModel) else self.says.model

    @property
    def version(self) -> int | None:
        """The version that it is about; None when it is about the model."""
        return None if isinstance(self.says, RegisteredModel) else self.says.version

    @property
    def id(self) -> Id:
        """The same for the same fact, whenever it is read."""
        match self.says:
            case RegisteredModel() as model:
                return _digest("model", model.name, model.created, model.description, model.tags, model.last_deleted)
            case ModelVersion() as one:
                identity = version_identity(one.model, one.version, one.created, one.source)
                return _digest(identity, one.description, one.tags, one.status.value, one.status_message)
            case InStage() as place:
                return _digest("stage", place.model, place.version, place.stage.casefold())
            case Aliased() as name:
                return _digest("alias", name.model, name.alias, name.version)


def version_identity(model: ModelName, version: int, created: Timestamp, source: str) -> Id:
    """The id of a version that comes from another registry: the same at every reading of it."""
    return _digest("version", model, version, created, source)


def bring(snapshot: Snapshot, act: Act, says: Said) -> Proposal:
    """Makes this registry say what another one says. No edits where it does so already.

    Raises:
        Conflict: another version has this number here.
        NotFound: what a pointer should name was not brought.
        Invalid: no such stage; a name that a registry that deploys gives to no new model.
    """
    match says:
        case RegisteredModel():
            return _model(snapshot, act, says)
        case ModelVersion():
            return _version(snapshot, act, says)
        case InStage():
            moved = transition(snapshot, act, model=says.model, version=says.version, to=says.stage)
            # that it passed the stages before was the other registry's to see to; its rules are not these
            touches = tuple(replace(touch, missing_before=()) for touch in moved.touches)
            return replace(moved, touches=touches)
        case Aliased():
            return set_alias(snapshot, act, model=says.model, alias=says.alias, version=says.version)


def _model(snapshot: Snapshot, act: Act, model: RegisteredModel) -> Proposal:
    before = snapshot.find(model.key)
    if isinstance(before, RegisteredModel):
        last_deleted = max(before.last_deleted, model.last_deleted)
        after = replace(before, description=model.description, tags=model.tags, last_deleted=last_deleted)
        return _proposal(act, {} if after == before else {after.key: after}, Action.EDIT, "Update", model.name)
    refuse_label(snapshot, model.name)
    return _proposal(act, {model.key: model}, Action.REGISTER, "Import", model.name)


def _version(snapshot: Snapshot, act: Act, version: ModelVersion) -> Proposal:
    before = snapshot.find(version.key)
    if before is None:
        snapshot.model(version.model)
        return _proposal(act, {version.key: version}, Action.REGISTER, "Import", version.model, version)
    if not isinstance(before, ModelVersion) or not _same(before, version):
        raise Conflict(
            f"v{version.version} of {version.model} is another version here.",
            hint="Import into another registry, or rename the model here first.",
        )
    after = replace(
        before,
        description=version.description,
        tags=version.tags,
        status=version.status,
        status_message=version.status_message,
    )
    edits: dict[Key, Entity | None] = {} if after == before else {after.key: after}
    return _proposal(act, edits, Action.EDIT, "Update", version.model, version)


def _same(before: ModelVersion, version: ModelVersion) -> bool:
    return before.id == version.id or (before.created, before.source) == (version.created, version.source)


def _proposal(
    act: Act,
    edits: Mapping[Key, Entity | None],
    action: Action,
    verb: str,
    model: ModelName,
    version: ModelVersion | None = None,
) -> Proposal:
    what = f"{model} v{version.version}" if version else f"registered model {model}"
    return Proposal(
        edits=edits,
        touches=(Touch(action=action, model=model, entering=version),) if edits else (),
        headline=Headline(
            sentence=f"{verb} {what}",
            action="import",
            model=model,
            version=version.version if version else None,
        ),
        comment=act.comment,
    )


def _digest(*parts: object) -> Id:
    plain = (sorted(part.items()) if isinstance(part, Mapping) else part for part in parts)
    # each part by its length, so that no two lists of parts read the same
    text = "".join(f"{len(written)}:{written}" for written in map(_written, plain))
    return Id(f"i{sha256(text.encode('utf-8')).hexdigest()[:25]}")


def _written(part: object) -> str:
    return _digest(*part) if isinstance(part, (list, tuple)) else str(part)
