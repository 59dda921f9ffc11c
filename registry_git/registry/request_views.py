"""Reading requests: open ones from their branches, closed ones from `main`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from registry_git.core.decision import Decision
from registry_git.core.errors import Corrupt, Invalid, NotFound
from registry_git.core.model import NO_STAGE, Action, RequestKey, RequestState, TransitionRequest
from registry_git.core.names import Id, ModelName
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.merge import changed_files
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.layout import parse_request_ref, request_ref
from registry_git.registry.views import RequestView, RollView

if TYPE_CHECKING:
    from registry_git.core.changes.proposal import Roll
    from registry_git.index.queries import Queries


def has_landed(snapshot: Snapshot, branch: str) -> bool:
    """Whether `main` has the record of a branch's request: somebody merged it, or was killed before the branch went."""
    key = parse_request_ref(branch)
    try:
        return key is not None and snapshot.find(key) is not None
    except Corrupt:
        return True  # it is there, and `check` names it


class RequestReading(ABC):
    """The part of reading that is about requests."""

    _store: Store

    @abstractmethod
    def _snapshot(self) -> GitSnapshot:
        """The moment that is shown."""

    @abstractmethod
    def _look_again(self) -> None:
        """Others ask and decide elsewhere: what they did comes here before requests are read."""

    @abstractmethod
    def _queries(self, snapshot: Snapshot) -> Queries:
        """The index at that moment."""

    def requests(self, name: str | None = None, *, state: str = "open") -> list[RequestView]:
        """The requests in a state (`open`, `approved`, `rejected`, `cancelled`, or `all`), oldest first.

        Raises:
            Invalid: no such state; NotFound: no such model.
        """
        states = [one.value for one in RequestState]
        if state not in (*states, "all"):
            raise Invalid(f"{state!r} is no state of a request.", hint=f"States: {', '.join(states)}, all.")
        self._look_again()
        snapshot = self._snapshot()
        model = None if name is None else snapshot.model(ModelName.parse(name)).name
        found: list[RequestView] = []
        if state in ("open", "all"):
            keys = [(branch, key) for branch in self._branches() if (key := parse_request_ref(branch))]
            found += [
                view
                for _, key in keys
                if (model is None or key.model == model) and (view := self._view_if_open(snapshot, key))
            ]
        if state != "open":
            wanted = None if state == "all" else state
            for owner, request in self._queries(snapshot).requests(model, wanted):
                key = RequestKey(model=ModelName(owner) if owner else None, request=Id(request))
                record = snapshot.request(key.model, key.request)
                if record is not None:
                    found.append(self._closed(snapshot, record))
        return sorted(found, key=lambda view: (view.created, view.request))

    def request(self, id: str) -> RequestView:
        """One request, open or closed. Raises: NotFound; Corrupt when its branch is not what its record says."""
        self._look_again()
        snapshot = self._snapshot()
        key = self._find(snapshot, Id.parse(id))
        record = snapshot.request(key.model, key.request)
        if record is not None:
            return self._closed(snapshot, record)
        return self._open_view(snapshot, key)

    def request_diff(self, id: str) -> str:
        """What the request changes (or changed), as a unified diff of manifests. Raises: NotFound."""
        from registry_git.registry.comparison import unified

        self._look_again()
        snapshot = self._snapshot()
        repository = self._store.repository
        key = self._find(snapshot, Id.parse(id))
        tip = self._tip(key)
        record = snapshot.request(key.model, key.request)
        if tip is not None and record is None:
            base = repository.merge_base(snapshot.commit, tip)
            before = repository.tree_of(base or snapshot.commit)
            edits = changed_files(repository, base or snapshot.commit, tip)
        else:
            landing = self._landing(snapshot, key)
            before = repository.tree_of(repository.commit(landing).parents[0])
            edits = changed_files(repository, repository.commit(landing).parents[0], landing)
        files = []
        for path, blob in sorted(edits.items()):
            entry = repository.entry(before, path)
            old = repository.read(entry[1]) if entry else None
            files.append((path, old, repository.read(blob) if blob else None))
        return unified(files)

    def _branches(self) -> dict[str, str]:
        """The branches of requests, without those that are on `main` and only wait to be tidied."""
        snapshot = self._snapshot()
        return {name: tip for name, tip in self._store.request_branches().items() if not has_landed(snapshot, name)}

    def _tip(self, key: RequestKey) -> str | None:
        return self._store.request_branch(request_ref(key.model, key.request))

    def _find(self, snapshot: Snapshot, request: Id) -> RequestKey:
        for branch in self._branches():
            key = parse_request_ref(branch)
            if key is not None and key.request == request:
                return key
        for owner in self._queries(snapshot).model_of_request(request):
            return RequestKey(model=ModelName(owner) if owner else None, request=request)
        raise NotFound(f"There is no request {request}.", hint="List them with: registry-git request list --state all")

    def _open_records(self, branches: Mapping[str, str], model: ModelName | None = None) -> Iterator[TransitionRequest]:
        """The records on branches of open requests: all, or those of one model."""
        repository = self._store.repository
        for branch, tip in branches.items():
            key = parse_request_ref(branch)
            if key is None or (model is not None and key.model != model):
                continue
            record = repository.cached(tip, branch)  # lists ask for it again and again
            if not isinstance(record, TransitionRequest):
                try:
                    record = GitSnapshot(repository, tip).request(key.model, key.request)
                except Corrupt:
                    continue  # one broken branch must not hide what happened
                if record is None:
                    continue
                repository.remember(tip, branch, record)
            yield record

    def _view_if_open(self, snapshot: GitSnapshot, key: RequestKey) -> RequestView | None:
        try:
            return self._open_view(snapshot, key)
        except (Corrupt, NotFound):
            return None  # unreadable (`request` says why), or decided just now: the others are shown

    def _open_view(self, snapshot: GitSnapshot, key: RequestKey) -> RequestView:
        repository = self._store.repository
        branch = request_ref(key.model, key.request)
        tip = self._tip(key)
        if tip is None:
            raise NotFound(f"There is no open request {key.request}.", hint="List them with: registry-git request list")
        from registry_git.registry.open_request import judge, read_open, staleness  # slow to import; often none is open

        try:
            request = read_open(repository, key=key, branch=branch, tip=tip, main=snapshot.commit)
        except Corrupt as problem:
            record = GitSnapshot(repository, tip).request(key.model, key.request)
            if record is None:
                raise
            return _view(record, snapshot, branch=branch, head=tip, stale=problem.message)
        tree = repository.tree_of(request.base)
        return _view(
            request.record,
            snapshot,
            branch=branch,
            head=tip,
            stale=staleness(repository, request, snapshot.commit),
            decision=judge(request, snapshot.policy(), request.approvals, snapshot),
            rolls=request.rolls,
            changes={
                path: "removed" if blob is None else "changed" if repository.entry(tree, path) else "added"
                for path, blob in sorted(request.edits.items())
            },
        )

    def _closed(self, snapshot: GitSnapshot, record: TransitionRequest) -> RequestView:
        """A request whose record is on `main`; one that is open there was merged by hand or on a forge."""
        landed = record.state is RequestState.OPEN
        return _view(record, snapshot, stale="it has landed on main already" if landed else "")

    def _landing(self, snapshot: Snapshot, key: RequestKey) -> str:
        """The commit on `main` that brought the decision."""
        commit = self._queries(snapshot).landing_of(key.model or "", key.request)
        if not commit:
            raise NotFound(f"The landing of request {key.request} is not on main.")
        return commit


def _view(
    record: TransitionRequest,
    snapshot: Snapshot,
    *,
    branch: str = "",
    head: str = "",
    stale: str = "",
    decision: Decision | None = None,
    changes: dict[str, str] | None = None,
    rolls: tuple[Roll, ...] = (),
) -> RequestView:
    stage = record.action is Action.STAGE
    return RequestView(
        request=record.id,
        model=record.model or "",
        version=record.version,
        action=record.action.value,
        from_stage=(record.from_stages[-1] if record.from_stages else NO_STAGE) if stage else "",
        to_stage=record.to,
        state=record.state.value,
        requester=record.requester,
        comment=record.comment,
        created=record.created,
        stale=stale,
        decision=decision or Decision(),
        changes=changes or {},
        deployments=tuple(map(RollView.of, rolls)),
        branch=branch.removeprefix("refs/heads/"),
        head=head,
        record=record,
        commit=snapshot.commit,
    )
