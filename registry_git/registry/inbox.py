"""Requests in pages, and whom they wait for: a list looks only at those that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from registry_git.core.errors import Corrupt, NotFound, RegistryError
from registry_git.core.model import RequestKey, TransitionRequest
from registry_git.core.names import Id, ModelName
from registry_git.core.policy import Approval, Change, evaluate
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import parse_request_ref, request_ref
from registry_git.registry.request_views import RequestReading
from registry_git.registry.views import RequestView

if TYPE_CHECKING:
    from registry_git.registry.open_request import OpenRequest

_POLICY = "registry.yaml"


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


class Inbox(RequestReading):
    """The part of reading that pages requests."""

    def request_page(self, wanted: RequestsWanted, *, limit: int = 25, offset: int = 0) -> RequestPage:
        """The requests that are wanted, newest first.

        Raises:
            Invalid: no name of a model.
        """
        self._look_again()
        snapshot = self._snapshot()
        model = ModelName.parse(wanted.model) if wanted.model else None
        waits = [(record.created, record.id, record.model) for record in self._open_wanted(snapshot, wanted, model)]
        waits.sort(key=lambda one: one[:2], reverse=True)
        total, closed = len(waits), []
        if wanted.decided and not wanted.decider and wanted.version is None:
            queries = self._queries(snapshot)
            email = wanted.requester
            total += queries.count_requests(model, email)
            closed = queries.newest_requests(model, email, limit=offset + limit)
        views: list[RequestView] = []
        both = merge(
            ((*one, True) for one in waits), ((*one, False) for one in closed), key=lambda one: one[:2], reverse=True
        )
        for _, one, owner, is_open in islice(both, offset, offset + limit):
            key = RequestKey(model=ModelName(owner) if owner else None, request=Id(one))
            if is_open:
                view = self._view_if_open(snapshot, key)
            else:
                record = snapshot.request(key.model, key.request)
                view = self._closed(snapshot, record) if record else None
            views += [view] if view else []
        return RequestPage(requests=tuple(views), total=total, commit=snapshot.commit)

    def waiting_for(self, email: str, *, look_at: int | None = None) -> Waiting:
        """How many open requests wait for somebody's approval.

        `look_at`: at most so many are looked at that this process has not seen as they are now; each takes some 3 ms.
        What was seen is remembered as long as neither the request nor the policy changes.
        """
        snapshot = self._snapshot()
        policy, left, count, more = self._policy_blob(snapshot), look_at, 0, False
        for branch, tip in self._branches().items():
            key = parse_request_ref(branch)
            if key is None:
                continue
            known = self._store.repository.cached(tip, f"{branch} by {policy}")
            if not isinstance(known, Deciders):
                if left is not None and left <= 0:
                    more = True
                    continue
                left = None if left is None else left - 1
            count += self._deciders_or_nobody(snapshot, key, tip, policy).waits_for(email)
        return Waiting(count=count, more=more)

    def deciders(self, id: str) -> Deciders:
        """Who has a say on an open request. Raises: NotFound: there is none; Corrupt: it holds no record."""
        snapshot = self._snapshot()
        key = self._find(snapshot, Id.parse(id))
        tip = self._tip(key)
        if tip is None or snapshot.request(key.model, key.request) is not None:
            raise NotFound(f"There is no open request {id}.", hint="List them with: registry-git request list")
        return self._deciders(snapshot, key, tip, self._policy_blob(snapshot))

    def _open_wanted(
        self, snapshot: GitSnapshot, wanted: RequestsWanted, model: ModelName | None
    ) -> list[TransitionRequest]:
        if not wanted.open:
            return []
        branches, policy = self._branches(), self._policy_blob(snapshot)
        found = []
        for record in self._open_records(branches, model):
            if wanted.requester and record.requester.email != wanted.requester:
                continue
            if wanted.version not in (None, record.version):
                continue
            if wanted.decider:
                tip = branches[request_ref(record.model, record.id)]
                if not self._deciders_or_nobody(snapshot, record.key, tip, policy).waits_for(wanted.decider):
                    continue
            found.append(record)
        return found

    def _policy_blob(self, snapshot: GitSnapshot) -> str:
        repository = self._store.repository
        entry = repository.entry(repository.tree_of(snapshot.commit), _POLICY)
        return entry[1] if entry else ""

    def _deciders_or_nobody(self, snapshot: GitSnapshot, key: RequestKey, tip: str, policy: str) -> Deciders:
        """As `_deciders`; of a branch that is no request it says that nobody can approve it."""
        try:
            return self._deciders(snapshot, key, tip, policy)
        except RegistryError:
            return Deciders(requester="", closers=frozenset())

    def _deciders(self, snapshot: GitSnapshot, key: RequestKey, tip: str, policy: str) -> Deciders:
        """Who has a say. It follows from the branch and the policy alone, so it is found once for each two of them."""
        repository, branch = self._store.repository, request_ref(key.model, key.request)
        known = repository.cached(tip, f"{branch} by {policy}")
        if isinstance(known, Deciders):
            return known
        from registry_git.registry.open_request import read_open  # slow to import, and often none is open

        try:
            request = read_open(repository, key=key, branch=branch, tip=tip, main=snapshot.commit)
        except Corrupt:
            # nobody can approve what is not as its record says; who may close it is still to be said
            request = read_open(repository, key=key, branch=branch, tip=tip, main=snapshot.commit, to_close=True)
            found = Deciders(requester=request.record.requester.email)
            return repository.remember(tip, f"{branch} by {policy}", found)
        return repository.remember(tip, f"{branch} by {policy}", _say(snapshot, request))


def _say(snapshot: GitSnapshot, request: OpenRequest) -> Deciders:
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
