"""Who uses which version: what was noted becomes a record for each consumer, on the branch `observations`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from registry_git.core.errors import RegistryError
from registry_git.core.keys import ConsumerKey
from registry_git.core.names import Actor
from registry_git.core.observations import Observations
from registry_git.core.uris import parse_reference
from registry_git.gitstore.disk import explained
from registry_git.gitstore.remote import Remote
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import encode
from registry_git.manifests.layout import Layout, path_of
from registry_git.registry.observed import observations_branch, read_record
from registry_git.registry.present import Present
from registry_git.registry.replay import Synced
from registry_git.registry.resolving import Resolution, resolve
from registry_git.registry.spool import Spool
from registry_git.registry.upkeep import Upkeep

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What was recorded: so many uses by so many consumers. `commit` is empty when all was recorded already."""

    uses: int
    consumers: int
    commit: str


class Observing(Upkeep, Present):
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
    branch = observations_branch(store)

    def add(tree: str) -> Mapping[str, bytes]:
        files = {}
        for consumer, uses in noted.uses.items():
            path = path_of(ConsumerKey(consumer=consumer), Layout.FLAT)
            known = read_record(store.repository, path, store.repository.entry(tree, path)) or Observations(
                consumer=consumer
            )
            files[path] = encode(known.with_uses(uses))
        return files

    uses = sum(map(len, noted.uses.values()))
    newest = max(use.last for found in noted.uses.values() for use in found)
    who = f"{len(noted.uses)} consumers" if len(noted.uses) > 1 else next(iter(noted.uses))
    message = f"Observe {who}\n\nRegistry-Action: observe\n"
    commit = branch.update(add, author=author, at_seconds=newest // 1000, message=message)
    spool.done(noted)
    return Flushed(uses=uses, consumers=len(noted.uses), commit=commit or "")
