"""What a page offers to whoever looks: to do something now, to ask for it with a request, or neither, and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry_git.core.decision import Decision
from registry_git.core.errors import RegistryError

NOW, ASK, NO = "now", "ask", ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`how` is `now`, `ask`, or empty: not at all. `why` is a sentence that says what stands against doing it now."""

    how: str = NO
    why: str = ""


NOTHING = Offer()


def offer(foresee: Callable[[], Decision]) -> Offer:
    """The offer that follows from what the policy would say. What stands in the way besides it is a reason, too."""
    try:
        decision = foresee()
    except RegistryError as error:  # also a deployment that cannot be read: the page itself is still shown
        return Offer(why=str(error))
    if decision.allowed:
        return Offer(how=NOW)
    why = " ".join(f"The {one.rule}: {one.why}." for one in decision.unmet)
    return Offer(how=ASK if decision.by_request else NO, why=why)


def chosen(how: str, foresee: Callable[[], Decision]) -> str:
    """What a form means that says `now`, `ask`, or nothing: then it is asked for where only that leads on."""
    return how or (ASK if foresee().by_request else NOW)
