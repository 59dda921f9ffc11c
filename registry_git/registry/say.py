"""Who has a say in an open request: what somebody may do about it, before they try."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.model import RequestState, Verdict
from registry_git.core.names import Actor
from registry_git.registry.views import RequestView


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What a person may do about a request, as far as the policy lets them. `refresh`: decide it again on today's."""

    approve: bool = False
    reject: bool = False
    cancel: bool = False
    refresh: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self.approve or self.reject or self.cancel or self.refresh


def say_of(view: RequestView, actor: Actor, *, approves: bool = True) -> Say:
    """What `actor` may do about a request; `approves`: with the right to decide on what others ask for."""
    record, decision = view.record, view.decision
    if record.state is not RequestState.OPEN or not view.branch:
        return Say()
    own = record.requester.email == actor.email
    counts = actor.email in decision.may_approve
    said = any(
        one.by is not None and one.by.email == actor.email and one.verdict is Verdict.APPROVED
        for one in record.reviews
        if one.proposal == record.proposal
    )
    decides = own or counts or said or decision.anyone or not decision.may_approve
    return Say(
        approve=approves and not view.stale and (counts or decision.anyone or decision.allowed),
        reject=approves and decides,
        cancel=own or (approves and decides),
        refresh=bool(view.stale),
    )
