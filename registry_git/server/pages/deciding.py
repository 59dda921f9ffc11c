"""Open requests on the pages of what they are about: how each stands, and the forms to decide it there.

`_request.html` draws what is told here. Who may do what, and what the buttons do, is in `choices.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from registry_git.core.model import NO_STAGE, Action
from registry_git.core.names import COMMENT_MAX, ModelName
from registry_git.core.snapshot import find_stage
from registry_git.registry.telling import asked as asks_to
from registry_git.registry.telling import besides, who_may
from registry_git.registry.views import RequestView
from registry_git.server.call import Call
from registry_git.server.pages import choices
from registry_git.server.pages.asking import Standing, standing
from registry_git.server.pages.choices import Choices
from registry_git.server.pages.page import Form


class Decided(Form):
    """What somebody says about a request. `archive_existing`: who is in the stage is archived as it lands."""

    request: str = Field(max_length=64)
    comment: str = Field(default="", max_length=COMMENT_MAX)
    archive_existing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """An open request on a page: what it asks to do, how it stands, what is missing, and what the visitor may do.

    `asks_to` reads after "asks to"; `who_may` and `besides` are sentences. `choices` is None in the past. `crowded`:
    versions are in the stage that would stay beside this one.
    """

    view: RequestView
    asks_to: str
    standing: Standing
    who_may: str
    besides: tuple[str, ...]
    choices: Choices | None
    crowded: bool


def undecided(call: Call, views: Iterable[RequestView], *, past: bool) -> list[Undecided]:
    """Requests as they stand, for whoever looks."""
    return [
        Undecided(
            view=view,
            asks_to=asks_to(view),
            standing=standing(view),
            who_may=who_may(view),
            besides=tuple(besides(view)),
            choices=None if past else choices.choices(call, view),
            crowded=crowded(call, view),
        )
        for view in views
    ]


def decide(call: Call, act: str, asked: Decided) -> str:
    """Approves, rejects, cancels or refreshes a request. Gives the sentence that tells of it."""
    if act == "approve":
        return choices.approve(call, asked.request, asked.comment, archive_existing=asked.archive_existing)
    return choices.ACTS[act](call, asked.request, asked.comment)


def made(view: RequestView) -> str:
    """The sentence that tells of a request that has just been made."""
    return " ".join((f"Request {view.request} asks to {asks_to(view)}.", who_may(view), *besides(view)))


def crowded(call: Call, view: RequestView) -> bool:
    """Whether versions are in the stage that would stay beside the one that a request is about."""
    if view.action != Action.STAGE.value or not view.model or view.to_stage == NO_STAGE or view.record.archive_existing:
        return False
    snapshot = call.reading.snapshot()
    stage = find_stage(snapshot.policy(), view.to_stage)
    if stage is None or stage.exclusive or not stage.serving:
        return False
    pointer = snapshot.stage_pointer(ModelName(view.model), stage.name)
    return pointer is not None and set(pointer.versions) != {view.version}
