"""Requests: what waits for whom, and a page of each with what is asked, who has a say, and the forms to decide it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from registry_git.core.errors import NotFound
from registry_git.core.model import Verdict
from registry_git.index.told import ActivityWanted
from registry_git.registry.telling import against_policy, who_may
from registry_git.registry.waiting import RequestsWanted
from registry_git.server.call import Call
from registry_git.server.pages import deciding
from registry_git.server.pages.asking import standing, title
from registry_git.server.pages.choices import choices, is_open
from registry_git.server.pages.deciding import Decided
from registry_git.server.pages.diffs import taken_apart
from registry_git.server.pages.links import here, quoted
from registry_git.server.pages.page import Asked, Go, Page, Pages
from registry_git.server.pages.pull_request import on_forge
from registry_git.server.pages.rivals import rival

pages = Pages()
_ON_A_PAGE = 25
SHOWN = {
    "mine-to-decide": "Waiting for me",
    "asked-by-me": "Asked by me",
    "open": "All open",
    "decided": "Decided",
    "all": "All",
}


class Inbox(Asked):
    """Which requests."""

    show: Literal["", "mine-to-decide", "asked-by-me", "open", "decided", "all"] = ""
    model: str = Field(default="", max_length=300)
    page: int = Field(default=1, ge=1, le=100_000)


@pages.show("/requests", takes=Inbox)
def show_requests(call: Call, asked: Inbox) -> Page:
    """A list of requests. Of the past only those are known that had been decided."""
    assert call.identity is not None  # noqa: S101 - the page is not public
    me = call.identity.actor.email
    show = asked.show or ("decided" if asked.at else "mine-to-decide")
    wanted = RequestsWanted(
        open=show != "decided",
        decided=show in ("decided", "all", "asked-by-me"),
        model=asked.model.strip(),
        requester=me if show == "asked-by-me" else "",
        decider=me if show == "mine-to-decide" else "",
    )
    found = call.reading.request_page(wanted, limit=_ON_A_PAGE, offset=(asked.page - 1) * _ON_A_PAGE)
    return Page(
        "requests.html",
        {
            "show": show,
            "shown": SHOWN,
            "model": asked.model.strip(),
            "number": asked.page,
            "pages": max(1, -(-found.total // _ON_A_PAGE)),
            "total": found.total,
            "requests": found.requests,
            "title": title,
            "standing": standing,
            "is_open": is_open,
        },
    )


class One(Asked):
    """Which request."""

    request: str


@pages.show("/requests/{request}", takes=One)
def show_request(call: Call, asked: One) -> Page:
    """A request with all that one has to know to decide it."""
    reading = call.reading
    view = reading.request(asked.request)
    opened = is_open(view)
    told = reading.activity_page(ActivityWanted(request=view.request), limit=100).activities
    try:
        diff = taken_apart(reading.request_diff(view.request))
    except NotFound:  # it is not told on main how it came there
        diff = None
    return Page(
        "request.html",
        {
            "view": view,
            "heading": title(view),
            "standing": standing(view),
            "open": opened,
            "who_may": who_may(view) if opened else "",
            "against_policy": against_policy(view),
            "choices": None if asked.at else choices(call, view),
            "diff": diff,
            "own_file": f"/requests/{view.request}.yaml",
            "happened": told,
            "landing": next((one for one in told if one.commit), None),
            "rival": rival(reading, view) if opened else None,
            # it is loaded by the page itself, since the forge may take its time; of the past it says nothing
            "forge": None if asked.at else on_forge(reading.policy(), view),
            "former": sum(
                one.verdict is Verdict.APPROVED and one.proposal != view.record.proposal for one in view.record.reviews
            ),
            "crowded": not asked.at and opened and deciding.crowded(call, view),
        },
    )


class Decision(Decided):
    """A decision, and where to go afterwards: to the request's page, if nothing else is said."""

    next: str = Field(default="", max_length=2000)


def _done(call: Call, act: str, asked: Decision) -> Go:
    said = deciding.decide(call, act, asked)
    return Go(here(asked.next) if asked.next else f"/requests/{quoted(asked.request)}", said=said)


@pages.form("/requests/{request}/approve", takes=Decision, page=show_request)
def approve(call: Call, asked: Decision) -> Go:
    """Says yes."""
    return _done(call, "approve", asked)


@pages.form("/requests/{request}/reject", takes=Decision, page=show_request)
def reject(call: Call, asked: Decision) -> Go:
    """Says no."""
    return _done(call, "reject", asked)


@pages.form("/requests/{request}/cancel", takes=Decision, page=show_request)
def cancel(call: Call, asked: Decision) -> Go:
    """Takes it back."""
    return _done(call, "cancel", asked)


@pages.form("/requests/{request}/refresh", takes=Decision, page=show_request)
def refresh(call: Call, asked: Decision) -> Go:
    """Decides it again on the registry as it is."""
    return _done(call, "refresh", asked)
