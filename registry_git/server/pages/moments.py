"""Pages at a moment of the past: which moment it is, and how one gets there and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from registry_git.core.errors import PermissionDenied
from registry_git.registry.past import PastReading

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OF_A_LIST = ("at", "before", "page")  # where one is in a list, which is another list at another moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The moment that a page shows: what was asked for, the commit that was `main` then, and its time in milliseconds.

    `preview`: the commit is not on `main`; the registry is shown as an open request would make it.
    """

    at: str
    commit: str
    committed: int
    preview: bool = False

    @property
    def day(self) -> str:
        """The day that was asked for; empty where a commit was."""
        return self.at if _DAY.fullmatch(self.at) else ""

    @classmethod
    def of(cls, at: str, reading: PastReading) -> Past:
        """The moment that a reading shows."""
        return cls(at=at, commit=reading.commit, committed=reading.committed, preview=reading.preview)


def kept(here: str) -> list[tuple[str, str]]:
    """What of a page's query still makes sense at another moment, for the form that asks for it."""
    return [(name, value) for name, value in parse_qsl(here.partition("?")[2]) if name not in _OF_A_LIST]


def require_present(at: str) -> None:
    """Returns when a form is of the present. Raises: PermissionDenied."""
    if at:
        raise PermissionDenied("The past cannot be changed.", hint="Go back to the present, and do it there.")
