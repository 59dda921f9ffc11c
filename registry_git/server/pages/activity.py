"""The activity of the whole registry, newest first."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from pydantic import Field

from registry_git.core.errors import Invalid
from registry_git.core.names import parse_version
from registry_git.index.told import ActivityWanted
from registry_git.server.call import Call
from registry_git.server.pages.page import Asked, Page, Pages

pages = Pages()
_ON_A_PAGE = 50
# What people look for, by the types of activities that it is.
KINDS = {
    "moves": ("Moves between stages", ("APPLIED_TRANSITION", "SYSTEM_TRANSITION", "APPROVED_REQUEST")),
    "requests": (
        "Requests and decisions",
        ("REQUESTED_TRANSITION", "REQUESTED_CHANGE", "APPROVED_REQUEST", "REJECTED_REQUEST", "CANCELLED_REQUEST"),
    ),
    "models": ("Models", ("CREATED_MODEL", "RENAMED_MODEL", "DELETED_MODEL")),
    "versions": ("Versions", ("CREATED_VERSION", "DELETED_VERSION", "REWRITTEN_VERSION", "CHANGED_STATUS")),
    "aliases": ("Aliases", ("SET_ALIAS", "DELETED_ALIAS")),
    "labels": ("Descriptions and tags", ("EDITED_DESCRIPTION", "SET_TAG", "DELETED_TAG")),
    "comments": ("Comments", ("NEW_COMMENT", "EDITED_COMMENT", "DELETED_COMMENT")),
    "deployments": (
        "Deployments",
        (
            "ADDED_DEPLOYMENT",
            "REMOVED_DEPLOYMENT",
            "ROLLED_DEPLOYMENT",
            "PINNED_DEPLOYMENT",
            "FOLLOWED_DEPLOYMENT",
            "CHANGED_DEPLOYMENT",
        ),
    ),
    "registry": ("The registry and its policy", ("CREATED_REGISTRY", "CHANGED_POLICY")),
    "damage": ("Damage", ("UNREADABLE", "REWRITTEN_VERSION")),
}


class Looked(Asked):
    """What is looked for; `before` is the cursor of an earlier page."""

    model: str = Field(default="", max_length=300)
    version: str = Field(default="", max_length=20)
    person: str = Field(default="", max_length=300)
    kind: str = Field(default="", max_length=30)
    since: str = Field(default="", max_length=10)
    until: str = Field(default="", max_length=10)
    request: str = Field(default="", max_length=100)
    before: str = Field(default="", max_length=200)


@pages.show("/activity", takes=Looked)
def show_activity(call: Call, asked: Looked) -> Page:
    """What happened, of all that is asked for."""
    if asked.kind and asked.kind not in KINDS:
        raise Invalid(f"{asked.kind!r} is no kind of activity.", hint=f"There are {', '.join(KINDS)}.")
    version = asked.version.strip().removeprefix("v")
    until = _day("Until", asked.until)
    wanted = ActivityWanted(
        model=asked.model.strip(),
        version=parse_version(version) if version else None,
        person=asked.person.strip(),
        kinds=KINDS[asked.kind][1] if asked.kind else (),
        since=_milliseconds(_day("Since", asked.since)),
        until=_milliseconds(until + timedelta(days=1) - timedelta(milliseconds=1) if until else None),
        request=asked.request.strip(),
    )
    found = call.reading.activity_page(wanted, before=asked.before, limit=_ON_A_PAGE)
    given = {
        "model": wanted.model,
        "version": version,
        "person": wanted.person,
        "kind": asked.kind,
        "since": asked.since,
        "until": asked.until,
        "request": wanted.request,
    }
    return Page(
        "activity.html",
        {
            "found": found.activities,
            "next": found.next,
            "first": not asked.before,
            "given": given,
            "narrowed": any(given.values()),
            "kinds": {key: label for key, (label, _) in KINDS.items()},
        },
    )


def _day(name: str, text: str) -> datetime | None:
    """The begin of a day in UTC. Raises: Invalid."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Invalid(f"{name}: {text!r} is no day.", hint="Write it as 2026-03-01.") from None


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
