"""Who uses which version: what was noted becomes a record for each consumer, on the branch `observations`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry_git.core.errors import Corrupt, NotFound, RegistryError
from registry_git.core.keys import ConsumerKey
from registry_git.core.names import Actor, ConsumerName, ModelName, parse_version
from registry_git.core.observations import Observations
from registry_git.core.times import Timestamp
from registry_git.core.uris import parse_reference
from registry_git.gitstore.disk import explained
from registry_git.gitstore.remote import OBSERVATIONS, Remote
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.sidebranch import SideBranch
from registry_git.gitstore.store import Store
from registry_git.gitstore.trees import list_files
from registry_git.manifests.codec import decode, encode
from registry_git.manifests.layout import Layout, consumer_of, path_of
from registry_git.registry.resolving import Resolution, resolve
from registry_git.registry.spool import Spool
from registry_git.registry.upkeep import Upkeep
from registry_git.registry.views import Synced

_LOG = logging.getLogger(__name__)
_FILE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A version that a consumer was seen to use: as it asked for it, first and last when.

    `current` says whether it is the version of this model that the consumer asked for last.
    """

    consumer: str
    model: str
    version: int
    asked: str
    first: Timestamp
    last: Timestamp
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What was recorded: so many uses by so many consumers. `commit` is empty when all was recorded already."""

    uses: int
    consumers: int
    commit: str


class Observing(Upkeep):
    """The part of the registry that knows its consumers."""

    def resolve(self, uri: str, *, consumer: str | None = None) -> Resolution:
        """What a `models:/` URI (or a short reference) names now. Needs no index.

        `consumer` is who asks, as `prod/scorer`, to be recorded once a day; by default `REGISTRY_GIT_CONSUMER`, else
        nobody. Recording never makes the answer wait, nor fail.

        Raises:
            NotFound: nothing is there; Invalid: it names a model alone, or is no URI; no name of a consumer.
        """
        snapshot, wanted = self._snapshot(), parse_reference(uri)
        found = resolve(snapshot, wanted)
        recorder = self._surroundings.recorder
        if recorder is not None:
            repository = self._store.repository
            away = self._store.following is None and Remote.of(repository) is not None
            recorder.note(repository, snapshot.policy(), wanted, found, consumer, offline=away)
        return found

    def observations(
        self, name: str | None = None, version: int | str | None = None, *, consumer: str | None = None
    ) -> list[Observed]:
        """The versions that consumers were seen to use, by consumer: of all, of a model, of a version, by a consumer.

        What was noted here and not recorded yet is among them. In a clone the remote is asked first.

        Raises:
            Invalid: no name.
        """
        model = None if name is None else ModelName.parse(name)
        number = None if version is None else parse_version(version)
        who = None if consumer is None else ConsumerName.parse(consumer)
        self._store.refresh_to_read()
        return [
            one
            for one in observed(self._store)
            if (model is None or one.model == model)
            and (number is None or one.version == number)
            and (who is None or one.consumer == who)
        ]

    def flush_observations(self) -> Flushed:
        """Records what was noted here, in the name of the actor.

        Raises:
            PermissionDenied: the remote refused it; Conflict; Unavailable. What was noted stays, for another time.
        """
        spool = Spool(self._store.repository.git_dir)
        with explained("record who uses what"), spool.held(wait=True):
            return flush(self._store, spool, self._surroundings.actor)

    def sync(self) -> Synced:
        """Brings what the remote has here, and sends it what was written, or noted about consumers, offline.

        Raises:
            Invalid: there is no remote; Corrupt: its history was rewritten; Unavailable.
        """
        done = super().sync()
        try:
            self.flush_observations()
        except RegistryError as problem:
            _LOG.warning("What is known about consumers could not be sent: %s", problem.message)
        return done


def flush(store: Store, spool: Spool, author: Actor) -> Flushed:
    """Records what waits in the spool, which the caller holds. In a clone that works offline nothing is recorded.

    Raises:
        PermissionDenied: the remote refused it; Conflict; Unavailable; OSError. What waits stays.
    """
    noted = spool.waiting()
    remote = Remote.of(store.repository)
    if not noted.uses or (remote is not None and store.following is None):
        return Flushed(uses=0, consumers=0, commit="")
    branch = _branch(store)

    def add(tree: str) -> Mapping[str, bytes]:
        files = {}
        for consumer, uses in noted.uses.items():
            path = path_of(ConsumerKey(consumer=consumer), Layout.FLAT)
            known = _read(store.repository, path, store.repository.entry(tree, path)) or Observations(consumer=consumer)
            files[path] = encode(known.with_uses(uses))
        return files

    uses = sum(map(len, noted.uses.values()))
    newest = max(use.last for found in noted.uses.values() for use in found)
    who = f"{len(noted.uses)} consumers" if len(noted.uses) > 1 else next(iter(noted.uses))
    message = f"Observe {who}\n\nRegistry-Action: observe\n"
    commit = branch.update(add, author=author, at_seconds=newest // 1000, message=message)
    spool.done(noted)
    return Flushed(uses=uses, consumers=len(noted.uses), commit=commit or "")


def observed(store: Store) -> Iterator[Observed]:
    """Every use that is known here, recorded or noted, by consumer, model and version."""
    records = {one.consumer: one for one in recorded(store.repository, _branch(store).tip)}
    with explained("read who uses what"):
        noted = Spool(store.repository.git_dir).waiting()
    for consumer, uses in noted.uses.items():
        records[consumer] = records.get(consumer, Observations(consumer=consumer)).with_uses(uses)
    for consumer in sorted(records):
        current = records[consumer].current()
        for use in records[consumer].uses:
            yield Observed(
                consumer=consumer,
                model=use.model,
                version=use.version,
                asked=use.asked,
                first=use.first,
                last=use.last,
                current=use in current,
            )


def recorded(repository: Repository, tip: str | None) -> Iterator[Observations]:
    """The records of all consumers at a commit. One that cannot be read is a warning in the log: it hides no other."""
    if tip is None:
        return
    for path, mode, blob in list_files(repository.tree_of(tip), read=repository.read):
        try:
            found = _read(repository, path, (mode, blob))
        except (Corrupt, NotFound) as problem:
            _LOG.warning("%s", problem)
            continue
        if found is not None:
            yield found


def _branch(store: Store) -> SideBranch:
    return SideBranch(
        repository=store.repository, name=OBSERVATIONS, remote=Remote.of(store.repository), durable=store.durable
    )


def _read(repository: Repository, path: str, entry: tuple[str, str] | None) -> Observations | None:
    """The record at a path; None where none is. Raises: Corrupt."""
    key = consumer_of(path)
    if entry is None or key is None:
        return None
    mode, blob = entry
    if mode != _FILE:
        raise Corrupt(f"It has the mode {mode}, so it is no plain file.", path=path, hint="Replace it by a file.")
    return decode(repository.read(blob), path=path, key=key)
