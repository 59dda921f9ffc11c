"""The activity: what happened, to which version, who did it, when, and what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry_git.core.model import NO_STAGE, Action, DeploymentChange, Review, TransitionRequest, Verdict
from registry_git.core.names import StageName

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing that happened. Times are milliseconds since 1970 in UTC.

    `user_id` is the actor (`Name <email>`), or `unknown` where nobody can be named. `commit` is the commit on `main`
    that shows it; empty for an open request. `system_comment` is the registry's own remark.
    """

    id: str
    activity_type: str
    model: str
    version: int | None
    from_stage: str
    to_stage: str
    user_id: str
    comment: str
    system_comment: str
    creation_timestamp: int
    last_updated_timestamp: int
    request: str
    commit: str


def requested(request: TransitionRequest, *, commit: str = "") -> Activity:
    """The activity that a request is: somebody asked."""
    stage = request.action is Action.STAGE
    return Activity(
        id=request.id,
        activity_type="REQUESTED_TRANSITION" if stage else "REQUESTED_CHANGE",
        model=request.model or "",
        version=request.version,
        from_stage=last_stage(request.from_stages) if stage else "",
        to_stage=request.to,
        user_id=request.requester,
        comment=request.comment,
        system_comment="" if stage else _asked(request),
        creation_timestamp=request.created,
        last_updated_timestamp=request.refreshed or request.created,
        request=request.id,
        commit=commit,
    )


def reviewed(request: TransitionRequest, place: int, *, commit: str = "") -> Activity:
    """The activity of the request's review number `place`, counted from 0."""
    review = request.reviews[place]
    return Activity(
        id=f"{request.id}.{place + 1}",
        activity_type=_REVIEW_TYPES[review.verdict],
        model=request.model or "",
        version=request.version,
        from_stage=last_stage(request.from_stages) if request.action is Action.STAGE else "",
        to_stage=request.to,
        user_id=review.by or UNKNOWN,
        comment=review.comment,
        system_comment=_remark(request, review),
        creation_timestamp=review.at,
        last_updated_timestamp=review.at,
        request=request.id,
        commit=commit,
    )


def landing_id(request: TransitionRequest) -> str:
    """The id of the activity of an open request's arrival on `main`; the next review in its record takes it over."""
    return f"{request.id}.{len(request.reviews) + 1}"


_SOURCES = {
    "merge": "by merging it",
    "review": "by a review on the forge",
    "trailer": "claimed by a message, not verified",
    "signature": "by a signed merge",
}


def _remark(request: TransitionRequest, review: Review) -> str:
    own = review.by is not None and review.by.email == request.requester.email
    said = [_SOURCES.get(review.source, "")]
    if own and review.verdict is Verdict.APPROVED:
        said.append("the requester's own")
    return ", ".join(filter(None, said))


_REVIEW_TYPES = {
    Verdict.APPROVED: "APPROVED_REQUEST",
    Verdict.REJECTED: "REJECTED_REQUEST",
    Verdict.CANCELLED: "CANCELLED_REQUEST",
}


def last_stage(stages: Sequence[StageName]) -> str:
    return stages[-1] if stages else NO_STAGE


def _asked(request: TransitionRequest) -> str:
    if request.action is Action.ALIAS:
        target = f"to v{request.version}" if request.version else "deleted"
        return f"alias {request.alias} {target}"
    if request.action is Action.DELETE:
        return f"delete v{request.version}" if request.version else "delete the model"
    if request.action is Action.RENAME:
        return f"rename to {request.new_name}"
    if request.action is Action.DEPLOYMENT:
        return asked_of_deployment(request)
    return f"change the {request.action.value}"


def asked_of_deployment(request: TransitionRequest) -> str:
    """What a request asks of a deployment: `roll the deployment production/scorer to fraud v12`."""
    said = request.declaration
    one = f"the deployment {request.deployment}"
    if said is None:
        return f"change {one}"
    version = f"{request.model} v{request.version}"
    followed = f"{request.model}@{said.alias}" if said.alias else f"{request.model}/{said.stage}"
    on_request = " on request" if said.follow == "request" else ""
    match said.change:
        case DeploymentChange.ADD:
            what = f"pinned to {version}" if request.version else f"following {followed}{on_request}"
            return f"add {one}, {what}"
        case DeploymentChange.PIN:
            return f"pin {one} to {version}"
        case DeploymentChange.ROLL:
            return f"roll {one} to {version}"
        case DeploymentChange.FOLLOW:
            return f"make {one} follow {followed if said.alias or said.stage else 'what it follows'}{on_request}"
        case DeploymentChange.REMOVE:
            return f"remove {one}"
