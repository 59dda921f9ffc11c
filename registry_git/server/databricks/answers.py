"""Requests, activities and comments as JSON in the one shape that Databricks has for them, and what shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry_git.core.activity import Activity, requested, reviewed
from registry_git.core.errors import RegistryError
from registry_git.core.model import Action, RequestState
from registry_git.core.names import Actor, ModelName
from registry_git.mlflow_rules import MlflowRegistry
from registry_git.registry.facade import Registry
from registry_git.registry.views import CommentView, RequestView
from registry_git.server.identity import Identity
from registry_git.server.mlflow.answers import Json, model_json, user_id, version_json, without_empty
from registry_git.server.permissions import Permission

# what happens to a version otherwise (tags, aliases, …) has no name in that protocol
_TYPES = frozenset(
    {
        *("APPLIED_TRANSITION", "REQUESTED_TRANSITION", "SYSTEM_TRANSITION", "CANCELLED_REQUEST"),
        *("APPROVED_REQUEST", "REJECTED_REQUEST", "NEW_COMMENT"),
    }
)


def request_json(registry: Registry, view: RequestView, viewer: Identity) -> Json:
    """An open request; `system_comment` says how many approvals it has, or why it is stale."""
    return _activity_json(requested(view.record), _request_actions(registry, view, viewer), _standing(view))


def decided_json(view: RequestView, by: Actor) -> Json:
    """What somebody has just said about a request. One that stays open says what it still waits for."""
    reviews = view.record.reviews
    own = [place for place, review in enumerate(reviews) if review.by is not None and review.by.email == by.email]
    said = reviewed(view.record, own[-1] if own else len(reviews) - 1)
    return _activity_json(said, (), "" if view.record.state is not RequestState.OPEN else _standing(view))


def comment_json(comment: CommentView, viewer: Identity) -> Json:
    """A comment."""
    return without_empty(
        {
            "id": comment.id,
            "activity_type": "NEW_COMMENT",
            "comment": comment.text,
            "user_id": user_id(comment.author),
            "creation_timestamp": comment.created,
            "last_updated_timestamp": comment.updated,
            "available_actions": _comment_actions(comment, viewer),
        }
    )


def activities_json(registry: Registry, name: str, version: str, viewer: Identity) -> list[Json]:
    """What happened to a version, oldest first; comments as they read today, without those that were deleted."""
    comments = {comment.id: comment for comment in registry.comments(name, version)}
    views = {view.id: view for view in open_requests(registry, name, version)}
    found = []
    for activity in sorted(registry.activity(name, version), key=lambda one: one.creation_timestamp):
        if activity.activity_type == "NEW_COMMENT":
            if activity.id in comments:
                found.append(comment_json(comments[activity.id], viewer))
        elif activity.id in views:
            found.append(request_json(registry, views[activity.id], viewer))
        elif activity.activity_type in _TYPES:
            found.append(_activity_json(activity))
    return found


def version_databricks_json(registry: Registry, name: str, version: str, viewer: Identity) -> Json:
    """A version with its open requests and the viewer's permission level."""
    mlflow = MlflowRegistry(registry)
    requests = [request_json(registry, view, viewer) for view in open_requests(registry, name, version)]
    more: Json = {"permission_level": registry.own_level(name).value, "open_requests": requests}
    return version_json(mlflow, mlflow.get_version(name, version)) | without_empty(more)


def model_databricks_json(registry: Registry, name: str) -> Json:
    """A model with its id and the viewer's permission level."""
    mlflow = MlflowRegistry(registry)
    found = model_json(mlflow, mlflow.get_model(name))
    identity = registry.snapshot().model(ModelName.parse(name)).id
    return found | {"id": identity, "permission_level": registry.own_level(name).value}


def open_requests(registry: Registry, name: str, version: str) -> list[RequestView]:
    """The open requests that ask for a stage for a version, oldest first. Raises: NotFound."""
    number = registry.version(name, version).version
    asked = (Action.STAGE, number)
    return [view for view in registry.requests(name) if (view.record.action, view.record.version) == asked]


def _activity_json(activity: Activity, actions: Sequence[str] = (), remark: str = "") -> Json:
    return without_empty(
        {
            "id": activity.id,
            "activity_type": activity.activity_type,
            "from_stage": activity.from_stage,
            "to_stage": activity.to_stage,
            "comment": activity.comment,
            "system_comment": _joined((activity.system_comment, remark)),
            "user_id": user_id(activity.user_id),
            "creation_timestamp": activity.creation_timestamp,
            "last_updated_timestamp": activity.last_updated_timestamp,
            "available_actions": list(actions),
        }
    )


def _standing(view: RequestView) -> str:
    decision = view.decision
    approvals = f"{decision.given} of {decision.needed} approvals" if decision.needed else ""
    return _joined((approvals, f"stale: {view.stale}" if view.stale else ""))


def _request_actions(registry: Registry, view: RequestView, viewer: Identity) -> list[str]:
    """What the viewer may do about an open request, as far as the policy and the scopes of the token let them."""
    try:
        said = registry.deciders(view.id)
    except RegistryError:  # decided just now, or a branch that holds no request any more
        return []
    email, decision = viewer.actor.email, view.decision
    approves, writes = Permission.APPROVE in viewer.scopes, Permission.WRITE in viewer.scopes
    waits = said.waits_for(email) and any(one.by_approval for one in decision.unmet)
    found = []
    if approves and not view.stale and (waits or decision.allowed):
        found.append("APPROVE_TRANSITION_REQUEST")
    if approves and said.lets_close(email):
        found.append("REJECT_TRANSITION_REQUEST")
    if writes and (email == said.requester or (approves and said.lets_close(email))):
        found.append("CANCEL_TRANSITION_REQUEST")
    return found


def _comment_actions(comment: CommentView, viewer: Identity) -> list[str]:
    own = Actor(comment.author).email == viewer.actor.email and Permission.WRITE in viewer.scopes
    return ["EDIT_COMMENT", "DELETE_COMMENT"] if own else []


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)
