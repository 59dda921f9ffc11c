"""Activities and requests as phrases for people, the same for whoever shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from registry_git.core.activity import Activity, asked_of_deployment
from registry_git.core.model import NO_STAGE
from registry_git.registry.views import RequestView, RollView

_PHRASES = {
    "CREATED_REGISTRY": "made the registry",
    "CHANGED_POLICY": "changed the policy",
    "CREATED_MODEL": "created the model",
    "RENAMED_MODEL": "renamed the model",
    "DELETED_MODEL": "deleted the model",
    "CREATED_VERSION": "registered",
    "DELETED_VERSION": "deleted",
    "REWRITTEN_VERSION": "REWRITTEN",
    "CHANGED_STATUS": "changed the status to",
    "EDITED_DESCRIPTION": "described",
    "SET_TAG": "set tag",
    "DELETED_TAG": "deleted tag",
    "SET_ALIAS": "set alias",
    "DELETED_ALIAS": "deleted alias",
    "NEW_COMMENT": "commented",
    "EDITED_COMMENT": "edited a comment",
    "DELETED_COMMENT": "deleted a comment",
    "APPLIED_TRANSITION": "moved",
    "SYSTEM_TRANSITION": "moved by the registry",
    "REQUESTED_TRANSITION": "requested",
    "REQUESTED_CHANGE": "requested",
    "APPROVED_REQUEST": "approved",
    "REJECTED_REQUEST": "rejected",
    "CANCELLED_REQUEST": "cancelled",
    "ADDED_DEPLOYMENT": "added deployment",
    "REMOVED_DEPLOYMENT": "removed deployment",
    "ROLLED_DEPLOYMENT": "rolled deployment",
    "PINNED_DEPLOYMENT": "pinned deployment",
    "FOLLOWED_DEPLOYMENT": "changed deployment",
    "CHANGED_DEPLOYMENT": "changed deployment",
    "UNREADABLE": "UNREADABLE",
}
# Their remark ends the phrase; everybody else's stands beside it.
_ENDED_BY_REMARK = {
    "RENAMED_MODEL",
    "CHANGED_STATUS",
    "SET_TAG",
    "DELETED_TAG",
    "SET_ALIAS",
    "DELETED_ALIAS",
    "REQUESTED_CHANGE",
    "ADDED_DEPLOYMENT",
    "REMOVED_DEPLOYMENT",
    "ROLLED_DEPLOYMENT",
    "PINNED_DEPLOYMENT",
    "FOLLOWED_DEPLOYMENT",
    "CHANGED_DEPLOYMENT",
}


def what(activity: Activity) -> str:
    """What happened: `requested Staging → Production`, `set tag auc = 0.9`, `approved None → Staging (a remark)`."""
    phrase = _PHRASES.get(activity.activity_type, activity.activity_type.lower().replace("_", " "))
    if activity.from_stage or activity.to_stage:
        phrase += f" {activity.from_stage or NO_STAGE} → {activity.to_stage or NO_STAGE}"
    remark = activity.system_comment
    if not remark:
        return phrase
    return f"{phrase} {remark}" if activity.activity_type in _ENDED_BY_REMARK else f"{phrase} ({remark})"


def where(model: str, version: int | None) -> str:
    """The model, and the version if there is one: `fraud v12`."""
    return f"{model} v{version}" if version else model


def asked(view: RequestView) -> str:
    """What a request asks for, to be read after "asks to": `move fraud v12 from Staging to Production`."""
    record = view.record
    if view.action == "stage":
        word = "also put" if record.add else "move"
        start = f" from {view.from_stage}" if view.from_stage not in ("", NO_STAGE) and not record.add else ""
        return f"{word} {where(view.model, view.version)}{start} to {view.to_stage}"
    if view.action == "alias":
        if view.version is None:
            return f"delete the alias {record.alias} of {view.model}"
        return f"point the alias {record.alias} of {view.model} to v{view.version}"
    if view.action == "delete":
        return f"delete {where(view.model, view.version)}" + ("" if view.version else " and all its versions")
    if view.action == "rename":
        return f"rename {view.model} to {record.new_name}"
    if view.action == "deployment":
        return asked_of_deployment(record)
    return f"change the {view.action}"


def rolled(rolls: Iterable[RollView]) -> Iterator[str]:
    """What a write did to deployments, a line for each: `Rolled: production/scorer v11 → v12`."""
    for one in rolls:
        yield f"{'To be asked for' if one.asked else 'Rolled'}: {replace(one, asked=False)}"


def who_may(view: RequestView) -> str:
    """Who can still approve a request, in a sentence."""
    decision = view.decision
    missing = max(decision.needed - decision.given, 0)
    if not decision.needed:
        return "Anybody can approve it: no rule asks for an approval."
    if not missing and decision.allowed:
        return "It has the approvals that it needs; whoever gave one merges it by approving again."
    if not missing:
        return "It has the approvals that it needs."
    count = f"{missing} approval{'s' if missing > 1 else ''}"
    if decision.may_approve:
        return f"It needs {count} more by: {', '.join(decision.may_approve)}."
    if decision.anyone:
        return f"It needs {count} more, by anybody else."
    return f"It needs {count} more, and nobody holds a role that can give one."


def uncounted(view: RequestView) -> str:
    """Why the approval that was given last does not count, in a sentence; empty when it does, or may later."""
    by = view.record.reviews[-1].by if view.record.reviews else None
    decision = view.decision
    if by is None or decision.given >= decision.needed:
        return ""
    if by.email in decision.may_approve:
        return "It does not count yet, since it is not signed with a key that the policy knows."
    others = {one.by.email for one in view.record.reviews if one.by is not None} - {view.record.requester.email}
    if by.email == view.record.requester.email and decision.given <= len(others):
        return "It does not count, since you asked for the change."
    return ""


def recorded(view: RequestView) -> str:
    """What an approval has come to after which a request is still open, to whoever gave it."""
    return " ".join(filter(None, (f"Your approval of {view.request} is recorded.", uncounted(view), who_may(view))))


def how(source: str) -> str:
    """What is known of a decision by its source: `merge`; what a message alone says is called a claim."""
    return "trailer, a claim" if source == "trailer" else source


def against_policy(view: RequestView) -> str:
    """That a request was merged elsewhere although the policy was not met, as a sentence; empty when it was."""
    said = view.record.policy_said
    return "" if said in ("", "met") else f"When it was merged, the policy was {said}."


def besides(view: RequestView) -> list[str]:
    """What else a request waits for, that no approval can give, as sentences."""
    return [f"It cannot be merged yet: {one.why}. {one.satisfy}" for one in view.decision.unmet if not one.by_approval]
