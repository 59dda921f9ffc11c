"""Requests in pages, and whom they wait for: a list looks only at those that it shows.

It is a part of all reading, so what only some methods take is imported by those.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from registry_git.core.errors import Corrupt, NotFound, RegistryError
from registry_git.core.model import RequestKey, TransitionRequest
from registry_git.core.names import Id, ModelName
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import parse_request_ref, request_ref
from registry_git.registry.request_views import RequestReading
from registry_git.registry.views import RequestView

if TYPE_CHECKING:
    from registry_git.registry.waiting import Deciders, RequestPage, RequestsWanted, Waiting

_POLICY = "registry.yaml"


class Inbox(RequestReading):
    """The part of reading that pages requests."""

    def request_page(self, wanted: RequestsWanted, *, limit: int = 25, offset: int = 0) -> RequestPage:
        """The requests that are wanted, newest first.

        Raises:
            Invalid: no name of a model.
        """
        from registry_git.registry.waiting import RequestPage

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
        from registry_git.registry.waiting import Deciders, Waiting

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
        from registry_git.registry.waiting import Deciders

        try:
            return self._deciders(snapshot, key, tip, policy)
        except RegistryError:
            return Deciders(requester="", closers=frozenset())

    def _deciders(self, snapshot: GitSnapshot, key: RequestKey, tip: str, policy: str) -> Deciders:
        """Who has a say. It follows from the branch and the policy alone, so it is found once for each two of them."""
        from registry_git.registry.open_request import read_open
        from registry_git.registry.waiting import Deciders, deciders_of

        repository, branch = self._store.repository, request_ref(key.model, key.request)
        known = repository.cached(tip, f"{branch} by {policy}")
        if isinstance(known, Deciders):
            return known
        try:
            request = read_open(repository, key=key, branch=branch, tip=tip, main=snapshot.commit)
        except Corrupt:
            # nobody can approve what is not as its record says; who may close it is still to be said
            request = read_open(repository, key=key, branch=branch, tip=tip, main=snapshot.commit, to_close=True)
            found = Deciders(requester=request.record.requester.email)
            return repository.remember(tip, f"{branch} by {policy}", found)
        return repository.remember(tip, f"{branch} by {policy}", deciders_of(snapshot, request))
