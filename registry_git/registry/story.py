"""What happened, newest first and by the page: what is on `main`, and what was said of open requests in between."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_git.core.activity import Activity
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot
from registry_git.registry.request_views import RequestReading

if TYPE_CHECKING:
    from registry_git.index.told import ActivityWanted, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPage:
    """Some of what happened, newest first. `next` is the cursor of the page after it; empty: there is none."""

    activities: tuple[Activity, ...]
    next: str
    commit: str


class Story(RequestReading):
    """The part of reading that pages activities."""

    @abstractmethod
    def _asked(self, model: ModelName | None, version: int | None) -> list[Activity]:
        """The activities of open requests."""

    @abstractmethod
    def _queries(self, snapshot: Snapshot) -> Told:
        """The index at that moment."""

    def activity_page(self, wanted: ActivityWanted, *, before: str = "", limit: int = 50) -> ActivityPage:
        """What is wanted, newest first: the newest of it, or what stands before the cursor of an earlier page.

        Raises:
            Invalid: no name of a model, or no cursor.
        """
        from registry_git.index.told import Place  # slow to import, and part of all reading

        snapshot = self._snapshot()
        model = ModelName.parse(wanted.model) if wanted.model else None
        place = Place.parse(before) if before else None
        found = self._queries(snapshot).newest(wanted, before=place, limit=limit + 1)
        for activity in filter(wanted.takes, self._asked(model, wanted.version)):
            here = Place.on_a_branch(activity)
            if place is None or here < place:
                found.append((here, activity))
        found.sort(key=lambda one: one[0], reverse=True)
        shown = found[:limit]
        more = len(found) > limit
        return ActivityPage(
            activities=tuple(activity for _, activity in shown),
            next=str(shown[-1][0]) if more and shown else "",
            commit=snapshot.commit,
        )
