"""What a webhook is still to be told: read off the history, from the commit up to which everything is delivered.

Nothing is queued. The cursor is a commit, so whatever is on `main` is told of, also what others pushed, and what was
written while the server was away. Requests are told of as soon as their branch is there; that they were is kept in the
cursor until their record arrives on `main`, where it would be told of else.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from registry_git.core.announcements import Announced, Announcement, Event, Told, announce, announce_request
from registry_git.core.errors import Corrupt
from registry_git.core.model import Policy, PolicyKey
from registry_git.core.names import ModelName
from registry_git.core.renames import renamed_models
from registry_git.gitstore import disk
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.history import Rewritten, first_parents
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.layout import parse_request_ref
from registry_git.manifests.messages import read_time
from registry_git.registry.cursor import Cursor, CursorFile
from registry_git.registry.differences import differences_between
from registry_git.registry.request_views import has_landed
from registry_git.server.private_file import make_private
from registry_git.server.webhooks.hook import Webhook

_REMEMBERED = 256  # commits whose announcements are kept, since each webhook looks at the same ones
_AWAY = 256  # requests that were told of, whose branch is gone and whose record has not come
_YOUNG_SECONDS = 3600
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook. `key` is the same whenever it is delivered again."""

    key: str
    event: Event
    announcement: Announcement


@dataclass(frozen=True, slots=True)
class Renamed:
    """The webhook's model has this name from here on."""

    name: str


# what to deliver or to do (None: nothing), and the cursor that is true once it is done
Pending = tuple[Delivery | Renamed | None, Cursor]
_Happened = tuple[list[Announcement], Mapping[ModelName, ModelName]]  # what was announced; old names to new ones


class Outbox:
    """What waits for the webhooks of one registry. Safe to share between threads; stores are not."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: OrderedDict[tuple[str | None, str], _Happened] = OrderedDict()

    def place(self, webhook: Webhook) -> CursorFile:
        """Where the webhook's cursor is kept."""
        return CursorFile(self._directory, webhook.place)

    def tidy(self, webhooks: tuple[Webhook, ...]) -> None:
        """Removes the cursors of webhooks that are no more, or have begun another.

        One that is young stays: somebody may be about to keep its webhook, for which the cursor comes first.
        """
        kept = {f"{one.place}.json" for one in webhooks}
        for path in self._directory.glob("*.json*") if self._directory.is_dir() else ():
            with suppress(FileNotFoundError):  # a draft, which became what it is a draft of
                if path.name not in kept and time.time() - path.stat().st_mtime > _YOUNG_SECONDS:
                    path.unlink()

    def begin(self, store: Store, webhook: Webhook) -> None:
        """Makes the place of a webhook that is to be told of nothing which is there already. Raises: Unavailable."""
        with disk.explained(f"make {self._directory}"):
            make_private(self._directory)
        snapshot = store.snapshot()
        opened = _open_requests(store, snapshot)
        self.place(webhook).save(Cursor(commit=snapshot.commit, delivered=_keys(opened)))

    def pending(self, store: Store, webhook: Webhook, cursor: Cursor) -> Iterator[Pending]:
        """What the webhook is to be told next, in order.

        Raises:
            Rewritten: what was delivered last is no part of the history any more.
        """
        branches = store.request_branches()  # first: a request that lands meanwhile is then found on `main` too
        snapshot = store.snapshot()
        opened = _open_requests(store, snapshot, branches)
        waiting = sorted(opened, key=lambda one: (one.at, one.key))
        told, at = set(cursor.delivered), cursor.commit
        for commit in unseen(store.repository, cursor.commit, snapshot.commit):
            moment = read_time(commit.message, commit.at)
            while waiting and waiting[0].at < moment:
                yield from _tell(webhook, [waiting.pop(0)], told, at)
            happened, renames = self._happened(store.repository, commit)
            if webhook.model_name in renames:
                webhook = replace(webhook, model_name=renames[ModelName(webhook.model_name)])
                yield Renamed(webhook.model_name), Cursor(commit=at, delivered=frozenset(told))
            yield from _tell(webhook, happened, told, at)
            told -= _keys(happened)
            at = commit.id
        yield from _tell(webhook, waiting, told, at)
        here = _keys(opened)
        # a fetch takes branches away before `main` shows what became of them; ids begin with their date
        away = sorted(told - here)[-_AWAY:]
        yield None, Cursor(commit=snapshot.commit, delivered=here.union(away))

    def _happened(self, repository: Repository, commit: Commit) -> _Happened:
        before = commit.parents[0] if commit.parents else None
        key = (before, commit.id)
        found = self._known.get(key)
        if found is None:
            differences = differences_between(repository, before, commit.id, Announced(), _LOG.warning)
            told = Told(
                commit=commit.id,
                by=commit.author,
                at=read_time(commit.message, commit.at),
                policy=_policy(repository, commit.id),
            )
            renames = {old: new for new, old in renamed_models(differences).items()}
            found = self._known[key] = (announce(told, differences), renames)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def unseen(repository: Repository, since: str | None, until: str) -> list[Commit]:
    """The commits on the first-parent line of `until` that `since` (None: nothing) does not contain, oldest first.

    Raises:
        Rewritten: `since` is no part of the history of `until`.
    """
    line: list[Commit] = []
    for commit in first_parents(repository, until):
        if commit.id == since:
            break
        line.append(commit)
    else:
        if since is not None:
            if not repository.is_ancestor(since, until):
                raise Rewritten(since, until)
            # somebody merged `main` into a branch, and moved `main` to it
            line = list(takewhile(lambda commit: not repository.is_ancestor(commit.id, since), line))
    return line[::-1]


def _tell(webhook: Webhook, happened: list[Announcement], told: set[str], at: str | None) -> Iterator[Pending]:
    for one in happened:
        for event in webhook.events_of(one):
            key = _key(one, event)
            if key not in told:
                told.add(key)
                yield (
                    Delivery(key=key, event=event, announcement=one),
                    Cursor(commit=at, delivered=frozenset(told)),
                )


def _key(one: Announcement, event: Event) -> str:
    return f"{one.key}:{event.value}"


def _keys(happened: list[Announcement]) -> frozenset[str]:
    return frozenset(_key(one, event) for one in happened for event in one.events)


def _open_requests(store: Store, snapshot: GitSnapshot, branches: dict[str, str] | None = None) -> list[Announcement]:
    found = []
    for branch, tip in (store.request_branches() if branches is None else branches).items():
        key = parse_request_ref(branch)
        if key is None or has_landed(snapshot, branch):
            continue
        try:
            record = GitSnapshot(store.repository, tip).request(key.model, key.request)
        except Corrupt:
            continue  # `check` names it, and the others are told of
        one = announce_request(record) if record is not None else None
        if one is not None:
            found.append(one)
    return found


def _policy(repository: Repository, commit: str) -> Policy | None:
    try:
        found = GitSnapshot(repository, commit).find(PolicyKey())
    except Corrupt:
        return None
    return found if isinstance(found, Policy) else None
