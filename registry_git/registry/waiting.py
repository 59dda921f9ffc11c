"""Whom requests wait for, and which of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.policy import Approval, Change, evaluate
from registry_git.core.snapshot import Snapshot
from registry_git.registry.open_request import OpenRequest
from registry_git.registry.views import RequestView


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsWanted:
    """Which requests. `open` and `decided` (all whose record is on `main`) say of what kind; both or one of them.

    `model` is a name, `requester` and `decider` are email addresses; what is empty is not asked. With a `decider` only
    open requests are found: those for which the policy would count that person's approval, and which lack it yet. With
    a `version` (and its model) only open requests are found, too: those that are about it.
    """

    open: bool = True
    decided: bool = True
    model: str = ""
    requester: str = ""
    decider: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPage:
    """Some of the requests, newest first, and `total`, how many there are on all pages together."""

    requests: tuple[RequestView, ...]
    total: int
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many open requests wait for somebody. `more`: there are some at which nobody has looked yet."""

    count: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciders:
    """Who has a say on an open request, as email addresses.

    `approvers` are those whose approval would still count (`anyone`: everybody's would; the requester's only if
    `own_counts`), `approved` those who gave one that counts, `closers` those who may reject it or cancel it besides the
    requester (None: anybody).
    """

    requester: str
    approvers: frozenset[str] = frozenset()
    anyone: bool = False
    own_counts: bool = False
    approved: frozenset[str] = frozenset()
    closers: frozenset[str] | None = None

    def waits_for(self, email: str) -> bool:
        """Whether somebody's approval would count and is not there yet."""
        if email in self.approved or (email == self.requester and not self.own_counts):
            return False
        return self.anyone or email in self.approvers

    def lets_close(self, email: str) -> bool:
        """Whether somebody may reject it."""
        return email == self.requester or self.closers is None or email in self.closers


def deciders_of(snapshot: Snapshot, request: OpenRequest) -> Deciders:
    """Who has a say on an open request, by the policy of a snapshot."""
    change = Change(touches=request.touches, requester=request.record.requester, requested=True)
    policy, given = snapshot.policy(), request.approvals
    now, at_first = evaluate(change, policy, given), evaluate(change, policy, ())
    with_own = evaluate(change, policy, (*given, Approval(by=request.record.requester)))
    return Deciders(
        requester=request.record.requester.email,
        approvers=frozenset(now.may_approve),
        anyone=now.anyone or not now.needed,
        own_counts=with_own.unmet != now.unmet,
        approved=frozenset(one.by.email for one in given),
        closers=None if at_first.closers is None else frozenset(at_first.closers),
    )
