"""What may change about a model or version after its creation: description, tags, status, comments; and the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from registry_git.core.changes.proposal import Act, Headline, Proposal, Touch
from registry_git.core.errors import Conflict, NotFound, PermissionDenied
from registry_git.core.model import (
    Action,
    Comment,
    CommentKey,
    Entity,
    Key,
    ModelVersion,
    Policy,
    PolicyKey,
    RegisteredModel,
    Status,
)
from registry_git.core.names import Id, ModelName
from registry_git.core.snapshot import Snapshot


def _described(
    snapshot: Snapshot,
    act: Act,
    model: ModelName,
    version: int | None,
    change: Mapping[str, object],
    what: str,
    word: str,
) -> Proposal:
    before: RegisteredModel | ModelVersion = (
        snapshot.model(model) if version is None else snapshot.version(model, version)
    )
    after = replace(before, **change)  # type: ignore[arg-type]
    edits: dict[Key, Entity | None] = {} if after == before else {before.key: after}
    where = model if version is None else f"{model} v{version}"
    return Proposal(
        edits=edits,
        touches=(Touch(action=Action.EDIT, model=model),) if edits else (),
        headline=Headline(sentence=f"{what} {where}", action=word, model=model, version=version),
        comment=act.comment,
    )


def describe(snapshot: Snapshot, act: Act, *, model: ModelName, version: int | None, description: str) -> Proposal:
    """Sets the description of a model, or of a version. Raises: NotFound."""
    return _described(snapshot, act, model, version, {"description": description}, "Describe", "describe")


def set_status(
    snapshot: Snapshot, act: Act, *, model: ModelName, version: int, status: Status, message: str = ""
) -> Proposal:
    """Says whether a version can be used. Raises: NotFound."""
    change = {"status": status, "status_message": message}
    return _described(snapshot, act, model, version, change, f"Set status {status.value} on", "set-status")


def set_tags(
    snapshot: Snapshot, act: Act, *, model: ModelName, version: int | None, tags: Mapping[str, str]
) -> Proposal:
    """Sets tags of a model, or of a version; others stay. Raises: NotFound."""
    before = snapshot.model(model) if version is None else snapshot.version(model, version)
    merged = dict(sorted({**before.tags, **tags}.items()))
    names = ", ".join(sorted(tags))
    return _described(snapshot, act, model, version, {"tags": merged}, f"Set tag {names} on", "set-tag")


def delete_tag(snapshot: Snapshot, act: Act, *, model: ModelName, version: int | None, key: str) -> Proposal:
    """Removes a tag; nothing to do when there is none. Raises: NotFound for the model or version."""
    before = snapshot.model(model) if version is None else snapshot.version(model, version)
    left = {name: value for name, value in before.tags.items() if name != key}
    return _described(snapshot, act, model, version, {"tags": left}, f"Delete tag {key} from", "delete-tag")


def _comment_proposal(key: CommentKey, after: Comment | None, act: Act, verb: str, *, changed: bool = True) -> Proposal:
    edits: dict[Key, Entity | None] = {key: after} if changed else {}
    return Proposal(
        edits=edits,
        touches=(),  # everybody who may write to the registry may speak
        headline=Headline(
            sentence=f"{verb} {key.model} v{key.version}",
            action=f"{verb.split()[0].lower()}-comment",
            model=key.model,
            version=key.version,
        ),
        comment=act.comment,
    )


def add_comment(snapshot: Snapshot, act: Act, *, model: ModelName, version: int, text: str) -> Proposal:
    """A comment on a version, under the act's id; a retry with the same id changes nothing. Raises: NotFound."""
    snapshot.version(model, version)
    key = CommentKey(model=model, version=version, comment=act.id)
    known = snapshot.find(key) is not None
    comment = Comment(
        id=act.id, model=model, version=version, author=act.actor, created=act.at, updated=act.at, text=text
    )
    return _comment_proposal(key, comment, act, "Comment on", changed=not known)


def edit_comment(snapshot: Snapshot, act: Act, *, model: ModelName, version: int, comment: Id, text: str) -> Proposal:
    """Another text for one's own comment. Raises: NotFound; PermissionDenied for somebody else's."""
    before = _own_comment(snapshot, act, model, version, comment)
    after = replace(before, text=text, updated=act.at)
    return _comment_proposal(before.key, after, act, "Edit comment on", changed=text != before.text)


def delete_comment(snapshot: Snapshot, act: Act, *, model: ModelName, version: int, comment: Id) -> Proposal:
    """Removes one's own comment; history keeps it. Raises: NotFound; PermissionDenied for somebody else's."""
    before = _own_comment(snapshot, act, model, version, comment)
    return _comment_proposal(before.key, None, act, "Delete comment on")


def _own_comment(snapshot: Snapshot, act: Act, model: ModelName, version: int, comment: Id) -> Comment:
    before = snapshot.comment(model, version, comment)
    if before is None:
        snapshot.version(model, version)
        raise NotFound(
            f"v{version} of {model} has no comment {comment}.",
            hint=f"List them with: registry-git comment list {model}/{version}",
        )
    if before.author.email != act.actor.email:
        raise PermissionDenied(f"Comment {comment} is {before.author}'s.", hint="Only its author may change it.")
    return before


def change_policy(snapshot: Snapshot, act: Act, *, policy: Policy) -> Proposal:
    """Another `registry.yaml`, judged by the one that is there now.

    The layout is not the policy's to change: `relayout` moves the files with it.

    Raises:
        Conflict: a stage that holds a version, or that a deployment follows, would be gone, or spelled otherwise.
    """
    before = snapshot.policy()
    after = replace(policy, layout=before.layout)
    gone = {stage.name for stage in before.stages} - {stage.name for stage in after.stages}
    for model in snapshot.models() if gone else ():
        for stage in snapshot.stages(model):
            if stage in gone:
                raise Conflict(
                    f"{model} has a version in {stage}, which the new policy does not list.",
                    hint="Keep the stage as it is spelled, or take every version out of it first.",
                )
    for used in snapshot.deployments() if gone else ():
        deployment = snapshot.deployment(used)
        if deployment is not None and deployment.stage in gone:
            raise Conflict(
                f"Deployment {used.environment}/{used.name} follows {deployment.stage}, which the new policy does not "
                "list.",
                hint="Keep the stage as it is spelled, or make the deployment follow something else first.",
            )
    edits: dict[Key, Entity | None] = {} if after == before else {PolicyKey(): after}
    return Proposal(
        edits=edits,
        touches=(Touch(action=Action.POLICY, model=None),) if edits else (),
        headline=Headline(sentence="Change the policy", action="change-policy"),
        comment=act.comment,
    )
