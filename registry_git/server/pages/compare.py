"""Two versions side by side, as a page."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.errors import Invalid, NotFound
from registry_git.registry.reading import Reading
from registry_git.registry.views import VersionView
from registry_git.server.call import Call
from registry_git.server.pages.comparing import side_by_side
from registry_git.server.pages.page import Asked, Page, Pages

pages = Pages()
_OFFERED = 200  # references that the fields propose


class Sides(Asked):
    """Two references, as fraud/3, fraud/Production or fraud@champion. `only`: `differences` leaves out the rest."""

    left: str = Field(default="", max_length=1000)
    right: str = Field(default="", max_length=1000)
    only: str = Field(default="", max_length=20)


@pages.show("/compare", takes=Sides)
def show_comparison(call: Call, asked: Sides) -> Page:
    """Both versions, or what keeps them from being compared."""
    reading = call.reading
    found: list[VersionView] = []
    refused: list[str] = []
    for reference in (asked.left, asked.right):
        try:
            if reference.strip():
                found.append(reading.lookup(reference.strip()))
        except (Invalid, NotFound) as problem:
            refused.append(f"{problem.message} {problem.hint or ''}".strip())
    both = found if len(found) == 2 else None
    values = {
        "asked_left": asked.left,
        "asked_right": asked.right,
        "only": asked.only == "differences",
        "refused": refused,
        "both": both,
        "sections": side_by_side(*both) if both else [],
        "offered": _offered(reading, found),
    }
    return Page("compare.html", values, 404 if refused else 200)


def _offered(reading: Reading, found: list[VersionView]) -> list[str]:
    """What could be meant, of the models that are being looked at: stages and aliases, then versions, newest first."""
    offered = []
    for name in dict.fromkeys(one.manifest.model for one in found):
        model = reading.model(name)
        offered += [f"{name}/{stage}" for stage in model.stages] + [f"{name}@{alias}" for alias in model.aliases]
        offered += [f"{name}/{number}" for number in reversed(reading.snapshot().versions(name))]
    return offered[:_OFFERED]
