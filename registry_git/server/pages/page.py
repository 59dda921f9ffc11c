"""What pages are made of: what a handler gives back, and the collection that it is put into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from registry_git.server.call import Call
from registry_git.server.permissions import ROOT_MOUNT, Permission, needed


class Asked(BaseModel):
    """What the address of a page says. `at`: the moment of the past that is to be shown; empty: the present."""

    model_config = ConfigDict(extra="ignore")
    at: str = Field(default="", max_length=300)


class Form(BaseModel):
    """The fields of a form, and what its address says."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its template in `templates/` and what the template shows."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Go:
    """Where to go: after a form did its work, with a sentence that is shown there once; or instead of a page."""

    to: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a page waits for, and for at most how many seconds. No thread waits with it."""

    what: Future[Any]
    seconds: float


First = Callable[[Call, Any], Wait | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A page at an address. `first` says what it waits for, if it is something outside that may take its time."""

    path: str
    takes: type[Asked]
    run: Callable[[Call, Any], Page | Go]
    permission: Permission
    first: First | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A form at an address, and the page that it is on."""

    path: str
    takes: type[Form]
    run: Callable[[Call, Any], Go]
    page: Shown
    permission: Permission


class Pages:
    """A collection of pages and forms."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.posted: list[Posted] = []

    def show(
        self, path: str, *, takes: type[Asked] = Asked, first: First | None = None
    ) -> Callable[[Callable[[Call, Any], Page | Go]], Shown]:
        """Makes a function the page at `path`. Raises: LookupError: the table of permissions lacks it."""

        def made(run: Callable[[Call, Any], Page | Go]) -> Shown:
            permission = needed(ROOT_MOUNT, "GET", path)
            shown = Shown(path=path, takes=takes, run=run, permission=permission, first=first)
            self.shown.append(shown)
            return shown

        return made

    def form(self, path: str, *, takes: type[Form], page: Shown) -> Callable[[Callable[[Call, Any], Go]], Posted]:
        """Makes a function what the form at `path`, which is on `page`, does. Raises: as `show`.

        The page is shown again when the form is refused: the form's address says all that the page's does.
        """

        def made(run: Callable[[Call, Any], Go]) -> Posted:
            permission = needed(ROOT_MOUNT, "POST", path)
            posted = Posted(path=path, takes=takes, run=run, page=page, permission=permission)
            self.posted.append(posted)
            return posted

        return made
