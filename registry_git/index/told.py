"""Activities and requests by the page, newest first: a page costs what it shows, however much has happened."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from registry_git.core.activity import Activity
from registry_git.core.errors import Invalid
from registry_git.core.search import fold
from registry_git.index.queries import OF_MODEL, Queries, activity_of
from registry_git.index.tables import ACTIVITY_COLUMNS

_PLACE = re.compile(r"(\d{1,12})\.(\d{1,19})\.([0-9A-Za-z_.-]{0,100})")
_ON_A_BRANCH = 1 << 62  # in its second, what is not on `main` yet comes after all that is


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where an activity stands in the whole story: its second, its number on `main` or its id on a branch."""

    second: int
    number: int
    id: str = ""

    @classmethod
    def on_a_branch(cls, activity: Activity) -> Place:
        """The place of what has been said of an open request."""
        second, rest = divmod(activity.creation_timestamp, 1000)
        return cls(second=second, number=_ON_A_BRANCH + rest, id=activity.id)

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place that `str` wrote. Raises: Invalid."""
        found = _PLACE.fullmatch(text)
        if found is None or int(found[2]) >= _ON_A_BRANCH + 1000:
            raise Invalid(f"{text[:60]!r} is no place in the history.", hint="Begin with the newest.")
        return cls(second=int(found[1]), number=int(found[2]), id=found[3])

    def __str__(self) -> str:
        return f"{self.second}.{self.number}.{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityWanted:
    """Which activities: of all that is given, each is asked for; what is empty is not.

    `model` as it is called now; `person` is a part of a name or an address; `kinds` are activity types; `since` and
    `until` are milliseconds, both included; `request` is an id.
    """

    model: str = ""
    version: int | None = None
    person: str = ""
    kinds: Collection[str] = ()
    since: int | None = None
    until: int | None = None
    request: str = ""

    def takes(self, activity: Activity) -> bool:
        """Whether an activity is wanted."""
        at = activity.creation_timestamp
        return (
            self.model in ("", activity.model)
            and self.version in (None, activity.version)
            and fold(self.person) in fold(activity.user_id)
            and (not self.kinds or activity.activity_type in self.kinds)
            and (self.since is None or at >= self.since)
            and (self.until is None or at <= self.until)
            and self.request in ("", activity.request)
        )


class Told(Queries):
    """Reads by the page."""

    def newest(self, wanted: ActivityWanted, *, before: Place | None, limit: int) -> list[tuple[Place, Activity]]:
        """What is wanted and stands before a place, newest first."""
        clauses, values = self.shown_until()
        if before is not None:
            clauses.append("creation_timestamp / 1000 <= ?")
            clauses.append("(creation_timestamp / 1000 < ? OR seq < ?)")
            values += [before.second, before.second, before.number]
        if wanted.model:
            clauses.append(OF_MODEL)
            values += [wanted.model, wanted.model]
        for column, value in (("version", wanted.version), ("request", wanted.request or None)):
            if value is not None:
                clauses.append(f"{column} = ?")
                values.append(value)
        if wanted.person:
            clauses.append("search_has(user_id, ?)")
            values.append(fold(wanted.person))
        if wanted.kinds:
            clauses.append("activity_type IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(sorted(wanted.kinds)))
        if wanted.since is not None:
            clauses.append("creation_timestamp >= ? AND creation_timestamp / 1000 >= ?")
            values += [wanted.since, wanted.since // 1000]
        if wanted.until is not None:
            clauses.append("creation_timestamp <= ? AND creation_timestamp / 1000 <= ?")
            values += [wanted.until, wanted.until // 1000]
        sql = (
            f"SELECT seq, {ACTIVITY_COLUMNS} FROM activities WHERE {' AND '.join(['1', *clauses])} "  # noqa: S608
            "ORDER BY creation_timestamp / 1000 DESC, seq DESC LIMIT ?"
        )
        rows = self._rows(sql, [*values, limit])
        return [(Place(second=row[10] // 1000, number=row[0]), activity_of(row[1:])) for row in rows]
