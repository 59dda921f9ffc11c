"""The first page."""

from __future__ import annotations

from registry_git.server.call import Call
from registry_git.server.pages.page import Asked, Page, Pages

pages = Pages()


@pages.show("/")
def show_home(call: Call, asked: Asked) -> Page:
    """The models; this page becomes theirs."""
    return Page("home.html", {"models": list(call.reading.models())})
