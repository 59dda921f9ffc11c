"""Tables of versions, requests and activities, as several commands print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry_git.cli.sheets import short, when, who
from registry_git.cli.tables import show_table
from registry_git.registry.telling import asked, what, where

if TYPE_CHECKING:
    from registry_git.core.activity import Activity
    from registry_git.registry.observed import Observed
    from registry_git.registry.views import RequestView, VersionView


def show_versions(views: Sequence[VersionView]) -> None:
    """Prints one line a version."""
    rows = [
        (
            where(view.model, view.version),
            " ".join(view.stages),
            " ".join(f"@{alias}" for alias in view.aliases),
            " ".join(f"{key}={value}" for key, value in view.tags.items()),
            view.source,
            when(view.created),
        )
        for view in views
    ]
    columns = ("!VERSION", "STAGES", "ALIASES", "TAGS", "SOURCE", "!REGISTERED (UTC)")
    show_table(columns, rows, empty="No versions.")


def show_requests(views: Sequence[RequestView]) -> None:
    """Prints one line a request."""
    rows = [
        (
            view.request,
            asked(view),
            who(view.requester),
            when(view.created),
            state(view),
            f"{view.decision.given}/{view.decision.needed}" if state(view) in ("open", "stale") else "",
            view.comment,
        )
        for view in views
    ]
    columns = ("!REQUEST", "ASKS TO", "BY", "!CREATED (UTC)", "STATE", ">APPROVALS", "COMMENT")
    show_table(columns, rows, empty="No requests.")


def state(view: RequestView) -> str:
    """How a request stands, in a word. One that is on `main` without a verdict has `landed`: reconcile writes it."""
    if view.state == "open" and not view.branch:
        return "landed"
    return "stale" if view.stale else view.state


def show_observed(found: Sequence[Observed]) -> None:
    """Prints one line a use; of each model, `*` marks the version that the consumer asked for last."""
    rows = [
        (
            one.consumer,
            where(one.model, one.version),
            "*" if one.current else "",
            one.asked,
            when(one.first),
            when(one.last),
        )
        for one in found
    ]
    columns = ("!CONSUMER", "!VERSION", "NOW", "ASKED FOR", "!FIRST (UTC)", "!LAST (UTC)")
    show_table(columns, rows, empty="Nobody was seen to use it.")


def show_activities(activities: Sequence[Activity]) -> None:
    """Prints one line an activity."""
    rows = [
        (
            when(activity.creation_timestamp),
            who(activity.user_id),
            where(activity.model, activity.version),
            what(activity),
            activity.comment,
            activity.request or short(activity.commit),
        )
        for activity in activities
    ]
    columns = ("!WHEN (UTC)", "WHO", "MODEL", "WHAT", "COMMENT", "!REQUEST OR COMMIT")
    show_table(columns, rows, empty="Nothing happened yet.")
