"""Requests: asked, looked at with every approval and the decision so far, and decided."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from registry_git.core.errors import Invalid
from registry_git.registry.views import RequestView
from registry_git.registry.waiting import RequestsWanted
from registry_git.server.call import Answer, Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.own import shapes
from registry_git.server.own.fields import Asked, Comment, Mark, Name, Then
from registry_git.server.own.fields import Version as Number
from registry_git.server.permissions import OWN_MOUNTS

own = Endpoints(OWN_MOUNTS, tag="Requests")
_WAITING_MAX = 1_000  # of what waits for one person; the newest of them


class Listed(Then):
    """Which requests."""

    model: str | None = Field(default=None, description="Of one model; left out: of all.", max_length=255)
    state: Literal["open", "approved", "rejected", "cancelled", "all"] = Field(
        default="open", description="Those that stand so."
    )
    decider: str = Field(
        default="", description="Open ones for which the policy would count this person's approval: an email address."
    )


class Which(Asked):
    """Which request."""

    request: str = Field(description="The request's id.", max_length=64)


class Said(Which):
    """A word on a request."""

    comment: Comment = ""


class New(Asked):
    """What to ask for: exactly one of `stage`, `alias`, `delete` and `new_name`."""

    model: Name
    version: Number | None = None
    stage: str | None = Field(default=None, description="That the version be moved to this stage.", max_length=64)
    alias: str | None = Field(
        default=None,
        description="That this alias point to the version; without one, that it be removed.",
        max_length=255,
    )
    delete: bool = Field(default=False, description="That the version, or without one the model, be deleted.")
    new_name: str | None = Field(default=None, description="That the model get this name.", max_length=255)
    add: bool = Field(default=False, description="Whether the version stays in the stages that it is in.")
    archive_existing: bool = Field(default=False, description="Whether the versions in the stage are archived.")
    comment: Comment = ""
    id: Mark = None


class Requests(shapes.Shape):
    """Requests, oldest first."""

    requests: list[shapes.Request]


@own.add("GET", "/requests", takes=Listed, gives=Requests)
def list_requests(call: Call, asked: Listed) -> Requests:
    """The requests in a state, or what waits for somebody, oldest first."""
    if asked.decider:
        return Requests(requests=[shapes.Request.of(one) for one in _waiting(call, asked)])
    return Requests(requests=[shapes.Request.of(one) for one in call.reading.requests(asked.model, state=asked.state)])


@own.add("GET", "/requests/{request}", takes=Which, gives=shapes.Request)
def get_request(call: Call, asked: Which) -> shapes.Request:
    """One request: every approval, and what the policy still wants."""
    return shapes.Request.of(call.registry.request(asked.request))


@own.add("GET", "/requests/{request}/diff", takes=Which, media="text/plain")
def diff_request(call: Call, asked: Which) -> Answer:
    """What the request changes, as a unified diff of manifests."""
    return Answer(content=call.registry.request_diff(asked.request), media_type="text/plain; charset=utf-8")


@own.add("POST", "/requests", takes=New, gives=shapes.Request, status=201)
def ask(call: Call, asked: New) -> shapes.Request:
    """Asks for a stage, an alias, a deletion or another name."""
    wanted = [asked.stage is not None, asked.alias is not None, asked.delete, asked.new_name is not None]
    if sum(wanted) != 1:
        raise Invalid("A request asks for one thing.", hint="Give one of stage, alias, delete and new_name.")
    registry, words = call.registry, asked.comment
    if asked.stage is not None:
        if asked.version is None:
            raise Invalid("It is not said which version is to be moved.", hint="Give version.")
        view = registry.request_stage(
            asked.model,
            asked.version,
            asked.stage,
            add=asked.add,
            archive_existing=asked.archive_existing,
            comment=words,
            id=asked.id,
        )
    elif asked.alias is not None:
        view = registry.request_alias(asked.model, asked.alias, asked.version, comment=words, id=asked.id)
    elif asked.new_name is not None:
        view = registry.request_rename(asked.model, asked.new_name, comment=words, id=asked.id)
    else:
        view = registry.request_delete(asked.model, asked.version, comment=words, id=asked.id)
    return shapes.Request.of(view)


@own.add("POST", "/requests/{request}/approve", takes=Said, gives=shapes.Request)
def approve(call: Call, asked: Said) -> shapes.Request:
    """Approves; with the approval that suffices the change happens in the same act."""
    return shapes.Request.of(call.registry.approve(asked.request, comment=asked.comment))


@own.add("POST", "/requests/{request}/reject", takes=Said, gives=shapes.Request)
def reject(call: Call, asked: Said) -> shapes.Request:
    """Rejects: what was asked does not happen, and that is recorded."""
    return shapes.Request.of(call.registry.reject(asked.request, comment=asked.comment))


@own.add("POST", "/requests/{request}/cancel", takes=Said, gives=shapes.Request)
def cancel(call: Call, asked: Said) -> shapes.Request:
    """Takes a request back: one's own, or as somebody who may decide it."""
    return shapes.Request.of(call.registry.cancel(asked.request, comment=asked.comment))


@own.add("POST", "/requests/{request}/refresh", takes=Which, gives=shapes.Request)
def refresh(call: Call, asked: Which) -> shapes.Request:
    """Decides a stale request again on today's registry; approvals of the old content no longer count."""
    return shapes.Request.of(call.registry.refresh(asked.request))


def _waiting(call: Call, asked: Listed) -> list[RequestView]:
    """What waits for the approval of a person. Raises: Invalid: of the past, or of requests that wait for nobody."""
    if asked.at or asked.state != "open":
        raise Invalid("Only open requests of now wait for somebody.", hint="Leave out at and state, or decider.")
    wanted = RequestsWanted(decided=False, model=asked.model or "", decider=asked.decider.strip().lower())
    return list(call.registry.request_page(wanted, limit=_WAITING_MAX).requests[::-1])
