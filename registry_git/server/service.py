"""Everything that requests share: the repository's handles, the writer, who may come in, what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from registry_git.app import now
from registry_git.core.names import Actor
from registry_git.gitstore.store import Store
from registry_git.gitstore.writer import QueuedStore, Writer
from registry_git.registry.facade import Registry
from registry_git.server.accounts import AccountFile
from registry_git.server.answers import Answers
from registry_git.server.at_hand import Table
from registry_git.server.handles import Handles, Past
from registry_git.server.identity import Door
from registry_git.server.keeper import Keeper
from registry_git.server.live import Live
from registry_git.server.metrics import Metrics
from registry_git.server.pull_requests import PullRequests
from registry_git.server.rates import Rate
from registry_git.server.settings import Settings
from registry_git.server.state import State
from registry_git.server.webhooks.desk import Desk
from registry_git.server.workers import Workers

_ITSELF = Actor("registry-git <registry-git@localhost>")  # who writes down what a forge says, if nobody is named
_READERS = 3  # Python runs one at a time; more only keep more repositories warm
_EDITORS = 32  # these wait for git, and what waits together is written together
_ANSWERS_BYTES = 4 * 1024 * 1024  # of those that depend on open requests, and as many of the others
_FAILURES_PER_SECOND, _FAILURES_AT_ONCE = 1 / 6, 10  # tokens that one address may guess


class Service:
    """What a running server holds. `close` gives it back, after everything that was taken on is written."""

    def __init__(self, settings: Settings) -> None:
        """Opens the repository. Raises: NotFound: there is no registry; Unavailable; Invalid: see `Settings.check`."""
        settings.check()
        self.settings = settings
        self.metrics = Metrics()
        Store(settings.repository).snapshot()
        self.state = State(Store(settings.repository))
        owner = settings.owner if settings.open else None
        self.door = Door(AccountFile(settings.accounts), owner=owner, clock=now)
        self.failures = Rate(_FAILURES_PER_SECOND, _FAILURES_AT_ONCE)
        self.writer = Writer(Store(settings.repository), self._wrote)
        self.readers = Handles(self._open)
        self.editors = Handles(self._open)
        self.past = Past(settings.repository)
        self.webhooks = Desk(
            settings.webhooks,
            beside=settings.accounts,
            repository=settings.repository,
            store=self._store_to_read,
            state=self.state.tag,
            metrics=self.metrics,
        )
        self.keeper = Keeper(self.writer, self._acting, self.metrics, seconds=settings.fetch_seconds)
        self.answers = Answers(_ANSWERS_BYTES)
        self.answers_of_main = Answers(_ANSWERS_BYTES)
        self.table = Table()
        self.reading = Workers(_READERS, "read")
        self.live = Live(self.state, self.reading)
        self.editing = Workers(_EDITORS, "edit")
        self.remembering = Workers(1, "past")
        self.knocking = Workers(1, "door")
        self.pull_requests = PullRequests(settings.forge_seconds)

    def close(self) -> None:
        """Finishes what was begun, and lets go of everything."""
        self.keeper.close()
        for workers in (self.editing, self.reading, self.remembering, self.knocking):
            workers.close()
        self.pull_requests.close()
        self.writer.close()
        self.webhooks.close()
        self.readers.close()
        self.editors.close()

    @contextmanager
    def _acting(self) -> Iterator[Registry]:
        """The registry as the server itself uses it."""
        with self.editors.take() as handle:
            yield handle.registry(self.settings.owner or _ITSELF)

    def _wrote(self, plans: int, seconds: float) -> None:
        self.metrics.wrote(plans, seconds)
        self.webhooks.wake()

    @contextmanager
    def _store_to_read(self) -> Iterator[Store]:
        with self.readers.take() as handle:
            yield handle.store

    def _open(self) -> Store:
        return QueuedStore(self.settings.repository, self.writer)
