"""Requests as pages show them, and what their buttons do. `_request.html` draws what is told here.

Every page that shows requests has forms of its own, below its own address, so that a refusal is shown on it:

    @requests.form("/requests/{request}/approve", takes=Decided, page=request_page)
    def approve_here(call: Call, asked: Decided) -> Go:
        return Go(f"/requests/{quoted(asked.request)}", said=approve(call, asked))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from registry_git.core.model import NO_STAGE, Action
from registry_git.core.names import COMMENT_MAX, ModelName
from registry_git.core.snapshot import find_stage
from registry_git.registry.say import Say, say_of
from registry_git.registry.telling import asked as asks_to
from registry_git.registry.telling import besides, who_may
from registry_git.registry.views import RequestView
from registry_git.server.call import Call
from registry_git.server.pages.page import Form
from registry_git.server.permissions import Permission


class Decided(Form):
    """What somebody says about a request. `archive_existing`: who is in the stage is archived as it lands."""

    request: str = Field(max_length=64)
    comment: str = Field(default="", max_length=COMMENT_MAX)
    archive_existing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An open request on a page: what it asks to do, who may decide it, what is missing, and what the visitor may do.

    `asks_to` reads after "asks to"; `who_may` and `besides` are sentences. `for_others`: the visitor's token keeps them
    from approving, not the policy. `crowded`: versions are in the stage that would stay beside this one.
    """

    view: RequestView
    asks_to: str
    who_may: str
    besides: tuple[str, ...]
    say: Say
    for_others: bool
    crowded: bool


def waiting(call: Call, views: Iterable[RequestView]) -> list[Waiting]:
    """Requests as they stand, for whoever looks."""
    return [_waiting(call, view) for view in views]


def approve(call: Call, asked: Decided) -> str:
    """Approves a request; with the approval that suffices it is merged. Gives the sentence that tells of it."""
    registry = call.registry
    act = registry.approve_and_archive if asked.archive_existing else registry.approve
    view = act(asked.request, comment=asked.comment)
    if view.state == "open":
        return " ".join((f"Your approval of {view.request} is recorded.", who_may(view), *besides(view)))
    said = f"Approved {view.request}: it did {asks_to(view)}."
    if view.action == "stage":
        stage = "no stage" if view.to_stage == "None" else view.to_stage
        said = f"Approved {view.request}: {view.model} v{view.version} is in {stage} now."
    rolled = ", ".join(str(roll) for roll in view.deployments) if view.action != "deployment" else ""
    return f"{said} Rolled: {rolled}." if rolled else said


def reject(call: Call, asked: Decided) -> str:
    """Rejects a request. Gives the sentence that tells of it."""
    return _closed(call.registry.reject(asked.request, comment=asked.comment))


def cancel(call: Call, asked: Decided) -> str:
    """Takes a request back. Gives the sentence that tells of it."""
    return _closed(call.registry.cancel(asked.request, comment=asked.comment))


def refresh(call: Call, asked: Decided) -> str:
    """Decides a stale request again on what is there today. Gives the sentence that tells of it."""
    view = call.registry.refresh(asked.request)
    return f"Request {view.request} asks to {asks_to(view)}, on today's registry. {who_may(view)}"


def made(view: RequestView) -> str:
    """The sentence that tells of a request that has just been made."""
    return " ".join((f"Request {view.request} asks to {asks_to(view)}.", who_may(view), *besides(view)))


def _closed(view: RequestView) -> str:
    return f"{view.state.capitalize()} {view.request}: it asked to {asks_to(view)}, and that does not happen."


def _waiting(call: Call, view: RequestView) -> Waiting:
    scopes = call.identity.scopes if call.identity else frozenset()
    writes = Permission.WRITE in scopes
    by_policy = say_of(view, call.actor)
    own = say_of(view, call.actor, approves=Permission.APPROVE in scopes) if writes else Say()
    if not writes and Permission.APPROVE in scopes:
        own = Say(approve=by_policy.approve, reject=by_policy.reject)
    return Waiting(
        view=view,
        asks_to=asks_to(view),
        who_may=who_may(view),
        besides=tuple(besides(view)),
        say=own,
        for_others=by_policy.approve and not own.approve,
        crowded=_crowded(call, view),
    )


def _crowded(call: Call, view: RequestView) -> bool:
    if view.action != Action.STAGE.value or not view.model or view.to_stage == NO_STAGE:
        return False
    snapshot = call.reading.snapshot()
    stage = find_stage(snapshot.policy(), view.to_stage)
    if stage is None or stage.exclusive or not stage.serving:
        return False
    pointer = snapshot.stage_pointer(ModelName(view.model), stage.name)
    return pointer is not None and set(pointer.versions) != {view.version}
