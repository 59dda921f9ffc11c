"""The page of what is not there any more: what the history tells of it, and so where it went."""

from __future__ import annotations

from registry_git.core.errors import NotFound
from registry_git.index.told import ActivityWanted
from registry_git.server.call import Call
from registry_git.server.pages.page import Page

_ACTIVITIES = 20
_RENAMES = 500  # that are looked through


def gone(call: Call, error: NotFound, model: str, version: int | None = None) -> Page:
    """The page in the place of a model's or a version's. Raises: NotFound: the history knows nothing of it either."""
    story = call.reading.activity_page(ActivityWanted(model=model, version=version), limit=_ACTIVITIES)
    called = _called_now(call, model)
    if not story.activities and not called:
        raise error
    values = {"error": error, "model": model, "version": version, "activities": story.activities, "called": called}
    return Page("gone.html", values, status=404)


def _called_now(call: Call, model: str) -> str:
    """What a model that was renamed is called now; empty: nothing is known of that. Only the newest renames count."""
    renames = call.reading.activity_page(ActivityWanted(kinds=("RENAMED_MODEL",)), limit=_RENAMES).activities
    return next((one.model for one in renames if one.system_comment == f"from {model}" and one.model != model), "")
