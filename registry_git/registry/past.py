"""The registry at another moment: read-only."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.history import first_parents
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.index.told import Told
from registry_git.manifests.layout import parse_request_ref
from registry_git.registry.reading import Reading

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_BRANCH = re.compile(r"(?:refs/heads/)?(request/[A-Za-z0-9._%+-]+/[0-9A-Za-z_-]+)")


class PastReading(Reading):
    """Answers about one commit, whatever happens meanwhile."""

    def __init__(self, store: Store, commit: str) -> None:
        # an index of its own, in memory: the shared one shows `main` as it is
        super().__init__(store, Index(store.repository, in_memory=True))
        self._shown = GitSnapshot(store.repository, commit)
        # on a request branch nothing has happened to the registry yet since the branch left `main`
        self._until = store.repository.merge_base(store.snapshot().commit, commit)

    @property
    def preview(self) -> bool:
        """Whether the commit is not on `main`: the registry is shown as an open request would make it."""
        return self._until != self._shown.commit

    def _snapshot(self) -> GitSnapshot:
        return self._shown

    def _look_again(self) -> None:
        """The past stays as it is."""

    def _branches(self) -> dict[str, str]:
        return {}  # which requests were open then is not kept by git; closed ones are in the records

    def _queries(self, snapshot: Snapshot) -> Told:
        return Told(self._index, snapshot.commit, until=self._until)


def find_commit(store: Store, text: str) -> str:
    """The commit that a date, a commit id, a request's id or branch, or `main` names.

    A date without a time means its end in UTC: `2026-03-01` asks how the registry was when that day was over.

    Raises:
        Invalid: anything else; revision expressions (`HEAD~1`, `@{-1}`, `:/text`) are not accepted.
        NotFound: a well-formed name of nothing.
    """
    if text in ("main", MAIN):
        return store.snapshot().commit
    found = _BRANCH.fullmatch(text)
    if found:
        tip = store.request_branch(f"refs/heads/{found[1]}")
        if tip is None:
            raise NotFound(f"There is no branch {found[1]}.", hint="See open requests: registry-git request list")
        return tip
    for branch, tip in store.request_branches().items():
        key = parse_request_ref(branch)
        if key is not None and key.request == text:
            return tip
    if _COMMIT.fullmatch(text):
        return _by_prefix(store, text)
    return _by_date(store, _moment(text))


def moment_asked(text: str) -> int | None:
    """The moment that a date means, in milliseconds; None for what is no date (a commit, a request)."""
    try:
        return int(_moment(text).timestamp() * 1000)
    except Invalid:
        return None


def _by_prefix(store: Store, prefix: str) -> str:
    matches = {commit.id for commit in first_parents(store.repository, store.snapshot().commit)}
    matches |= set(store.request_branches().values())
    hits = [commit for commit in matches if commit.startswith(prefix)]
    if len(hits) != 1:
        state = "is not a commit of this registry" if not hits else f"is short for {len(hits)} commits"
        raise NotFound(f"{prefix} {state}.", hint="Find commits with: registry-git activity --output json")
    return hits[0]


def _by_date(store: Store, moment: datetime) -> str:
    seconds = moment.timestamp()
    for commit in first_parents(store.repository, store.snapshot().commit):
        if commit.at <= seconds:
            return commit.id
    raise NotFound(
        f"The registry did not exist yet on {moment:%Y-%m-%d}.", hint="See its first commit: registry-git activity"
    )


def _moment(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})?)?", text):
        raise Invalid(
            f"{text!r} is neither a date, a commit, nor an open request.",
            hint="Write a date as 2026-03-01 or 2026-03-01T12:00, a commit as 7 to 40 hex digits.",
        )
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as problem:
        raise Invalid(f"{text!r} is no date: {problem}.", hint="Write it as 2026-03-01 or 2026-03-01T12:00.") from None
    if len(text) == 10:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
