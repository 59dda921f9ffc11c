"""Activities as sentences with links. `told(activity, to)` goes on where the name of who did it ends:

    Alice <span>moved fraud v12 from Staging to Production</span>

`templates/_activity.html` makes a list of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from markupsafe import Markup

from registry_git.core.activity import Activity
from registry_git.core.model import NO_STAGE
from registry_git.registry.telling import what
from registry_git.server.pages.links import Links

# {it}: the model or version; {remark}: what the registry adds; {deployment}: which, {rest}: what the remark says of it
_SENTENCES = {
    "CREATED_REGISTRY": "made the registry",
    "CHANGED_POLICY": "changed the policy",
    "CREATED_MODEL": "created the model {it}",
    "RENAMED_MODEL": "renamed the model {it} {remark}",
    "DELETED_MODEL": "deleted the model {it}",
    "CREATED_VERSION": "registered {it}",
    "DELETED_VERSION": "deleted {it}",
    "REWRITTEN_VERSION": "REWROTE {it}: {remark}",
    "CHANGED_STATUS": "changed the status of {it} to {remark}",
    "EDITED_DESCRIPTION": "described {it}",
    "SET_TAG": "set the tag {remark} on {it}",
    "DELETED_TAG": "deleted the tag {remark} of {it}",
    "SET_ALIAS": "pointed the alias {remark} to {it}",
    "DELETED_ALIAS": "deleted the alias {remark}, which named {it}",
    "NEW_COMMENT": "commented on {it}",
    "EDITED_COMMENT": "edited a comment on {it}",
    "DELETED_COMMENT": "deleted a comment on {it}",
    "REQUESTED_CHANGE": "asked for {it}: {remark}",
    "ADDED_DEPLOYMENT": "added the deployment {deployment}{rest}, with {it}",
    "REMOVED_DEPLOYMENT": "removed the deployment {deployment}, which used {it}",
    "ROLLED_DEPLOYMENT": "rolled the deployment {deployment}{rest} to {it}",
    "PINNED_DEPLOYMENT": "pinned the deployment {deployment} to {it}",
    "FOLLOWED_DEPLOYMENT": "changed the deployment {deployment}{rest}, with {it}",
    "CHANGED_DEPLOYMENT": "changed the deployment {deployment}, with {it}",
    "UNREADABLE": "left {it} UNREADABLE: {remark}",
}
_DECIDED = {"APPROVED_REQUEST": "approved", "REJECTED_REQUEST": "rejected", "CANCELLED_REQUEST": "cancelled"}
_GONE = ("DELETED_MODEL", "DELETED_VERSION")  # no page is left that a link could lead to
_DEPLOYMENT = re.compile(r"([^/]+)/(.+?)((?:, (?:now )?(?:following|pinned to) | from v| to ).*)?", re.DOTALL)


def told(activity: Activity, to: Links) -> Markup:
    """What happened, with links to what it is about: `moved fraud v12 from Staging to Production`."""
    kind = activity.activity_type
    if kind in _DECIDED:
        return _decided(activity, to)
    if kind == "REQUESTED_TRANSITION":
        return Markup("asked to {}").format(_move(activity, to, "move", "take"))
    if kind in ("APPLIED_TRANSITION", "SYSTEM_TRANSITION"):
        made_room = Markup(" ({})").format(activity.system_comment) if activity.system_comment else ""
        return Markup("{}{}").format(_move(activity, to, "moved", "took"), made_room)
    sentence = _SENTENCES.get(kind)
    if sentence is None:
        return Markup("{}: {}").format(_it(activity, to), what(activity))
    return Markup(sentence).format(**_parts(activity, to))  # noqa: S704 - it is one of those above


def moment(activity: Activity, to: Links) -> str:
    """The address of what an activity is about as it was when that had happened; of an open request: its page."""
    if not activity.commit:
        return to.request(activity.request)
    then = replace(to, at=activity.commit)
    if not activity.model or activity.activity_type == "DELETED_MODEL":
        return then.path()
    if activity.version is None or activity.activity_type == "DELETED_VERSION":
        return then.model(activity.model)
    return then.version(activity.model, activity.version)


def _parts(activity: Activity, to: Links) -> Mapping[str, object]:
    remark: object = activity.system_comment
    found = _DEPLOYMENT.fullmatch(activity.system_comment) if "DEPLOYMENT" in activity.activity_type else None
    deployment: object = ""
    if found:
        address = to.deployment(found[1], found[2])
        deployment = Markup('<a href="{}">{}/{}</a>').format(address, found[1], found[2])
    elif activity.activity_type in ("SET_TAG", "DELETED_TAG", "SET_ALIAS", "DELETED_ALIAS"):
        remark = Markup("<code>{}</code>").format(remark)
    return {
        "it": _it(activity, to),
        "remark": remark,
        "deployment": deployment,
        "rest": found[3] or "" if found else "",
    }


def _decided(activity: Activity, to: Links) -> Markup:
    word = _DECIDED[activity.activity_type]
    request = Markup('<a href="{}">the request</a>').format(to.request(activity.request))
    remark = Markup(" ({})").format(activity.system_comment) if activity.system_comment else ""
    if activity.from_stage or activity.to_stage:
        return Markup("{} {} to {}{}").format(word, request, _move(activity, to, "move", "take"), remark)
    about = Markup(" about {}").format(_it(activity, to)) if activity.model else ""
    return Markup("{} {}{}{}").format(word, request, about, remark)


def _move(activity: Activity, to: Links, moved: str, took: str) -> Markup:
    before, after = (one if one != NO_STAGE else "" for one in (activity.from_stage, activity.to_stage))
    start = Markup(" from <strong>{}</strong>").format(before) if before and after else ""
    if after:
        return Markup("{} {}{} to <strong>{}</strong>").format(moved, _it(activity, to), start, after)
    return Markup("{} {} out of <strong>{}</strong>").format(took, _it(activity, to), before or "its stages")


def _it(activity: Activity, to: Links) -> Markup:
    """The version or the model, as a link where there is a page of it."""
    if not activity.model:
        return Markup("the registry")
    name = f"{activity.model} v{activity.version}" if activity.version else activity.model
    if activity.activity_type in _GONE:
        return Markup("{}").format(name)
    address = to.version(activity.model, activity.version) if activity.version else to.model(activity.model)
    return Markup('<a href="{}">{}</a>').format(address, name)
