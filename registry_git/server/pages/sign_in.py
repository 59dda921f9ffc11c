"""Signing in with a token, and who one is. What the forms do is in `serving.py`: they make and end sessions."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.levels import roles_of
from registry_git.server.call import Call
from registry_git.server.pages.links import here
from registry_git.server.pages.page import Asked, Page, Pages

pages = Pages()


class Arriving(Asked):
    """Where to go after signing in."""

    next: str = Field(default="/", max_length=2000)


@pages.show("/sign-in", takes=Arriving)
def show_sign_in(call: Call, asked: Arriving) -> Page:
    """The form that takes a token."""
    return Page("sign_in.html", {"next": here(asked.next)})


@pages.show("/me")
def show_me(call: Call, asked: Asked) -> Page:
    """Who one is, what the token is for, and which roles the policy gives."""
    roles = sorted(roles_of(call.reading.policy(), call.actor.email))
    return Page("me.html", {"roles": roles})
