"""New models and versions, and the end of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from registry_git.core.changes.pointers import transition
from registry_git.core.changes.proposal import Act, Headline, Proposal, Touch
from registry_git.core.errors import AlreadyExists, Conflict, Invalid
from registry_git.core.labels import refuse_id, refuse_label
from registry_git.core.model import (
    NO_STAGE,
    Action,
    AliasPointer,
    Comment,
    Entity,
    Key,
    Lineage,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    StagePointer,
    Status,
    TransitionRequest,
    VersionKey,
)
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What a registration says about a version. Lineage, digest, format and signature are empty where unknown."""

    source: str
    origin: str = ""
    digest: str = ""
    format: str = ""
    flavors: tuple[str, ...] = ()
    signature: str = ""
    status: Status = Status.READY
    status_message: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)


def create_model(
    snapshot: Snapshot, act: Act, *, model: ModelName, description: str = "", tags: Mapping[str, str] | None = None
) -> Proposal:
    """A registered model without versions. A retry with the same id changes nothing.

    Raises:
        AlreadyExists: there is a model of this name.
    """
    before = snapshot.find(ModelKey(model=model))
    edits: dict[Key, Entity | None] = {}
    if isinstance(before, RegisteredModel):
        if before.id != act.id:
            raise AlreadyExists(
                f"Registered model {model!r} exists already.", hint=f"See it with: registry-git show {model}"
            )
    else:
        refuse_label(snapshot, model)
        edits[ModelKey(model=model)] = RegisteredModel(
            name=model, id=act.id, created=act.at, created_by=act.actor, description=description, tags=dict(tags or {})
        )
    return Proposal(
        edits=edits,
        touches=(Touch(action=Action.REGISTER, model=model),),
        headline=Headline(sentence=f"Create registered model {model}", action="create-model", model=model),
        comment=act.comment,
    )


def register(snapshot: Snapshot, act: Act, *, model: ModelName, new: NewVersion) -> Proposal:
    """The next version of a model; the model is created when there is none. The version's id is the act's.

    Whether a retry was done already is the caller's to find out, by the version's id.
    """
    known = snapshot.find(ModelKey(model=model))
    edits: dict[Key, Entity | None] = {}
    if not isinstance(known, RegisteredModel):
        refuse_label(snapshot, model)
        known = RegisteredModel(name=model, id=act.id, created=act.at, created_by=act.actor)
        edits[known.key] = known
    number = snapshot.next_version(known)
    version = ModelVersion(
        model=model,
        version=number,
        id=act.id,
        source=new.source,
        origin=new.origin,
        digest=new.digest,
        format=new.format,
        flavors=new.flavors,
        signature=new.signature,
        status=new.status,
        status_message=new.status_message,
        created=act.at,
        created_by=act.actor,
        description=new.description,
        tags=dict(new.tags),
        lineage=new.lineage,
    )
    edits[version.key] = version
    return Proposal(
        edits=edits,
        touches=(Touch(action=Action.REGISTER, model=model, entering=version),),
        headline=Headline(sentence=f"Register {model} v{number}", action="register", model=model, version=number),
        comment=act.comment,
    )


def delete_version(snapshot: Snapshot, act: Act, *, model: ModelName, version: int, leaving: bool = False) -> Proposal:
    """Removes a version and its comments; its number is never given again. Aliases that point to it go with it.

    Args:
        snapshot: what is there.
        act: who does it.
        model: the model.
        version: the version.
        leaving: whether it is taken out of its stages first, in the same commit and by the same rules.

    Raises:
        NotFound: no such version.
        Conflict: the version is in a stage (unless `leaving`).
    """
    gone = snapshot.version(model, version)
    held = [pointer.stage for pointer in snapshot.stage_pointers(model) if version in pointer.versions]
    left = transition(snapshot, act, model=model, version=version, to=NO_STAGE) if leaving and held else None
    if held and left is None:
        raise Conflict(
            f"v{version} of {model} is in {', '.join(held)}, so it is not deleted.",
            hint=f"Take it out first: registry-git stage {_quoted(model)} {version} None",
        )
    known = snapshot.model(model)
    edits: dict[Key, Entity | None] = {**(left.edits if left else {}), gone.key: None}
    for comment in snapshot.comments(model, version):
        found = snapshot.comment(model, version, comment)
        if found is not None:
            edits[found.key] = None
    for alias in snapshot.alias_pointers(model):
        if alias.version == version:
            edits[alias.key] = None
    edits[known.key] = replace(known, last_deleted=max(known.last_deleted, version))
    touches = [*(left.touches if left else ()), Touch(action=Action.DELETE, model=model, entering=gone)]
    touches += [Touch(action=Action.ALIAS, model=model, target=k.alias) for k in edits if hasattr(k, "alias")]
    return Proposal(
        edits=edits,
        touches=tuple(touches),
        headline=Headline(
            sentence=f"Delete {model} v{version}",
            action="delete-version",
            model=model,
            version=version,
            from_stage=left.headline.from_stage if left else "",
            to_stage=left.headline.to_stage if left else "",
        ),
        comment=act.comment,
    )


def delete_model(snapshot: Snapshot, act: Act, *, model: ModelName, leaving: bool = False) -> Proposal:
    """Removes a model with its versions, aliases, comments and records. History keeps them all.

    Raises:
        NotFound: no such model.
        Conflict: a version is in a serving stage (unless `leaving`).
    """
    snapshot.model(model)
    serving = {stage.name for stage in snapshot.policy().stages if stage.serving}
    held = [f"v{p.version} in {p.stage}" for p in snapshot.stage_pointers(model) if p.stage in serving]
    if held and not leaving:
        raise Conflict(
            f"{model} has {' and '.join(held)}, so it is not deleted.",
            hint=f"Take versions out of their stages first: registry-git stage {_quoted(model)} VERSION None",
        )
    touches = [Touch(action=Action.DELETE, model=model)]
    touches += [Touch(action=Action.STAGE, model=model, target=stage) for stage in snapshot.stages(model)]
    touches += [Touch(action=Action.ALIAS, model=model, target=alias) for alias in snapshot.aliases(model)]
    return Proposal(
        edits=dict.fromkeys(snapshot.keys_of(model)),
        touches=tuple(touches),
        headline=Headline(sentence=f"Delete registered model {model}", action="delete-model", model=model),
        comment=act.comment,
    )


def rename_model(snapshot: Snapshot, act: Act, *, model: ModelName, new_name: ModelName) -> Proposal:
    """Gives a model another name; versions, pointers, comments and records move with it, and so does its history.

    Raises:
        NotFound: no such model; AlreadyExists: the new name is taken; Conflict: a deployment refers to the old name.
    """
    snapshot.model(model)
    if new_name == model:
        raise Invalid(f"{model!r} is its name already.", hint="Choose another name.")
    if snapshot.find(ModelKey(model=new_name)) is not None:
        raise AlreadyExists(f"Registered model {new_name!r} exists already.", hint="Choose another name.")
    refuse_label(snapshot, new_name)
    refuse_id(snapshot, act.id)
    for deployment in snapshot.deployments_of(model):
        raise Conflict(
            f"Deployment {deployment.environment}/{deployment.name} follows {model}, so it is not renamed.",
            hint="Remove it first, and add it again under the new name.",
        )
    edits: dict[Key, Entity | None] = {}
    touches = [Touch(action=Action.EDIT, model=model), Touch(action=Action.REGISTER, model=new_name)]
    for key in snapshot.keys_of(model):
        entity = snapshot.find(key)
        edits[key] = None
        if isinstance(entity, RegisteredModel):
            entity = replace(entity, name=new_name)
        elif isinstance(entity, (ModelVersion, Comment, TransitionRequest)):
            entity = replace(entity, model=new_name)
        elif isinstance(entity, StagePointer):
            touches += _moved(snapshot, Action.STAGE, model, new_name, entity.stage, entity.versions)
            entity = replace(entity, model=new_name, request=act.id)
        elif isinstance(entity, AliasPointer):
            touches += _moved(snapshot, Action.ALIAS, model, new_name, entity.alias, (entity.version,))
            entity = replace(entity, model=new_name, request=act.id)
        if entity is not None:
            edits[entity.key] = entity
    return Proposal(
        edits=edits,
        touches=tuple(touches),
        headline=Headline(sentence=f"Rename {model} to {new_name}", action="rename-model", model=new_name),
        comment=act.comment,
    )


def _moved(
    snapshot: Snapshot, action: Action, model: ModelName, new_name: ModelName, target: str, versions: tuple[int, ...]
) -> list[Touch]:
    """What a rename does to a pointer: it goes under the old name, and its versions enter it under the new one.

    Rules are written for names, so a model must not slip past the rule of its new name.
    """
    entering = [replace(snapshot.version(model, number), model=new_name) for number in versions]
    gone = Touch(action=action, model=model, target=target)
    return [gone, *(Touch(action=action, model=new_name, target=target, entering=one) for one in entering)]


def versions_with_id(snapshot: Snapshot, model: ModelName, act: Act) -> ModelVersion | None:
    """The version that an earlier try with the same id registered, looked for from the newest down."""
    for number in reversed(snapshot.versions(model)):
        found = snapshot.find(VersionKey(model=model, version=number))
        if isinstance(found, ModelVersion):
            if found.id == act.id:
                return found
            if found.created < act.at - _RETRY_WINDOW:
                return None
    return None


_RETRY_WINDOW = 7 * 24 * 3600 * 1000  # ms; a client that retries after a week has long asked what happened


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name
