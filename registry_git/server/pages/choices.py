"""What somebody may do with a request: the buttons that a page offers, and what a button's form does.

`choices(call, view)` says it for who looks; a button that is not offered has a sentence that says why. The policy
decides on the server in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry_git.core.errors import RegistryError
from registry_git.registry.telling import asked, besides, recorded, rolled, who_may
from registry_git.registry.views import RequestView
from registry_git.registry.waiting import Deciders
from registry_git.server.call import Call
from registry_git.server.identity import Identity
from registry_git.server.permissions import Permission


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether somebody may do something; `why` is the sentence why not, or what will come of it."""

    may: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What somebody may do with a request."""

    approve: Choice
    reject: Choice
    cancel: Choice
    refresh: Choice

    @property
    def any(self) -> bool:
        """Whether there is something to do."""
        return any(one.may for one in (self.approve, self.reject, self.cancel, self.refresh))


def choices(call: Call, view: RequestView) -> Choices:
    """What who looks may do with a request, which `call.registry` has shown."""
    if not is_open(view):
        return _nothing("It has been decided." if view.state != "open" else "It has landed on main already.")
    try:
        said = call.registry.deciders(view.request)
    except RegistryError as problem:  # decided just now, or no request any more
        return _nothing(problem.message)
    assert call.identity is not None  # noqa: S101 - who looks at a registry is known
    return weighed(view, said, call.identity)


def is_open(view: RequestView) -> bool:
    """Whether it waits for a decision: it is on its branch and not on `main`."""
    return view.state == "open" and bool(view.branch)


def weighed(view: RequestView, said: Deciders, me: Identity) -> Choices:
    """What somebody may do with an open request on which these people have a say."""
    own = me.actor.email == said.requester
    writes, decides = Permission.WRITE in me.scopes, Permission.APPROVE in me.scopes
    not_for_writing = "Your token is for reading only: it lacks the scope write."
    not_for_decisions = "Your token is not for decisions: it lacks the scope approve."
    closers = f"These may: {', '.join(sorted(said.closers))}." if said.closers else "Only who asked may cancel it."
    if not decides:
        approve = reject = Choice(False, not_for_decisions)
    else:
        approve = _approval(view, said, me.actor.email)
        reject = Choice(said.lets_close(me.actor.email), "" if said.lets_close(me.actor.email) else closers)
    if own:
        reject = Choice(False, "It is your own: cancel it.")
        cancel = Choice(writes, "" if writes else not_for_writing)
    elif not writes:
        cancel = Choice(False, not_for_writing)
    else:
        cancel = reject
    if not view.stale:
        refresh = Choice(False, "It fits the registry as it is now.")
    else:
        refresh = Choice(writes, "" if writes else not_for_writing)
    return Choices(approve=approve, reject=reject, cancel=cancel, refresh=refresh)


def _approval(view: RequestView, said: Deciders, email: str) -> Choice:
    decision = view.decision
    missing = [one for one in decision.unmet if one.by_approval]
    gates = [one for one in decision.unmet if not one.by_approval]
    if view.stale:
        return Choice(False, f"It is stale: {view.stale}.")
    if decision.allowed:
        return Choice(True, "Nothing else is missing: the change is made at once.")
    if said.waits_for(email) and missing:
        last = not gates and len(missing) == 1 and decision.needed - decision.given == 1
        return Choice(True, "Yours is the last approval that is missing: the change is made at once." if last else "")
    if email in said.approved:
        return Choice(False, "You have approved it; it waits for others.")
    if missing:
        return Choice(False, f"The policy does not count your approval: {missing[0].rule}: {missing[0].why}.")
    return Choice(False, f"No approval is missing, but {gates[0].why}. {gates[0].satisfy}")


def _nothing(why: str) -> Choices:
    no = Choice(False, why)
    return Choices(approve=no, reject=no, cancel=no, refresh=no)


def approve(call: Call, request: str, comment: str, *, archive_existing: bool = False) -> str:
    """Approves; gives the sentence that says what came of it. Raises: as `Registry.approve`.

    `archive_existing`: versions that are in the stage are archived as it lands, also where the request did not ask it.
    """
    registry = call.registry
    view = (registry.approve_and_archive if archive_existing else registry.approve)(request, comment=comment)
    if view.state == "open":
        return " ".join((recorded(view), *besides(view)))
    done = f"Approved, and done: {asked(view)}."
    rolls = rolled(view.deployments) if view.action != "deployment" else ()
    return " ".join((done, *(f"{line}." for line in rolls)))


def reject(call: Call, request: str, comment: str) -> str:
    """Rejects; gives the sentence that says so. Raises: as `Registry.reject`."""
    view = call.registry.reject(request, comment=comment)
    return f"Rejected. It asked to {asked(view)}, and that does not happen."


def cancel(call: Call, request: str, comment: str) -> str:
    """Takes it back; gives the sentence that says so. Raises: as `Registry.cancel`."""
    view = call.registry.cancel(request, comment=comment)
    return f"Cancelled. It asked to {asked(view)}, and that does not happen."


def refresh(call: Call, request: str, comment: str) -> str:
    """Decides a stale request again on today's registry. Raises: as `Registry.refresh`."""
    view = call.registry.refresh(request)
    return " ".join((f"It asks to {asked(view)}, on today's registry.", who_may(view), *besides(view)))


ACTS: dict[str, Callable[[Call, str, str], str]] = {
    "approve": approve,
    "reject": reject,
    "cancel": cancel,
    "refresh": refresh,
}
