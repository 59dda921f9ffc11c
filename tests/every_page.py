"""Where each page can be seen: a page that this table lacks fails the tests that go over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from registry_git.server.pages import serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """What a registry has that pages are about: a model, two of its versions, requests, an environment, a moment."""

    model: str
    version: int
    other: int
    requests: Sequence[str]
    environment: str
    moment: str


def every_page(things: Things) -> Mapping[str, Sequence[str]]:
    """The addresses by which each page of the route table is looked at, by its path."""
    model, at = f"/models/{quote(things.model, safe='')}", f"at={things.moment}"
    version, named = f"{model}/versions/{things.version}", quote(things.model, safe="")
    left, right = f"{named}/{things.other}", f"{named}/{things.version}"
    requests = [f"/requests/{one}" for one in things.requests]
    return {
        "/": ["/", "/?text=nothing-like-it", f"/?{at}"],
        "/models": ["/models"],
        "/register": ["/register", f"/register?model={named}"],
        "/models/{name}": [model, f"{model}?{at}"],
        "/models/{name}/versions/{version}": [
            version,
            f"{version}?to=Production",
            f"{model}/versions/{things.other}?{at}",
        ],
        "/compare": ["/compare", f"/compare?left={left}&right={right}"],
        "/requests": ["/requests", "/requests?show=decided"],
        "/requests/{request}": requests,
        "/requests/{request}/pull-request": [f"{one}/pull-request" for one in requests],
        "/activity": ["/activity", f"/activity?{at}"],
        "/deployments": ["/deployments", f"/deployments?environment={things.environment}", f"/deployments?{at}"],
        "/me": ["/me"],
        "/sign-in": ["/sign-in"],
    }


def shown_paths() -> set[str]:
    """The paths of all pages that the server shows."""
    return {page.path for collection in serving.COLLECTIONS for page in collection.shown}


def picture_name(address: str) -> str:
    """A file's name for a page."""
    return "".join(letter if letter.isalnum() else "-" for letter in address).strip("-") or "models-list"
