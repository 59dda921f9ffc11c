"""Who was seen to use which version: the records on the branch `observations`, and what was noted since."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from registry_git.core.errors import Corrupt, NotFound
from registry_git.core.observations import Observations
from registry_git.core.times import Timestamp
from registry_git.gitstore.disk import explained
from registry_git.gitstore.remote import OBSERVATIONS, Remote
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.sidebranch import SideBranch
from registry_git.gitstore.store import Store
from registry_git.gitstore.trees import list_files
from registry_git.manifests.codec import decode
from registry_git.manifests.layout import consumer_of
from registry_git.registry.spool import Spool

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


def observed(store: Store) -> Iterator[Observed]:
    """Every use that is known here, recorded or noted, by consumer, model and version."""
    records = {one.consumer: one for one in recorded(store.repository, observations_branch(store).tip)}
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
            found = read_record(repository, path, (mode, blob))
        except (Corrupt, NotFound) as problem:
            _LOG.warning("%s", problem)
            continue
        if found is not None:
            yield found


def observations_branch(store: Store) -> SideBranch:
    """The branch that has the records."""
    return SideBranch(
        repository=store.repository, name=OBSERVATIONS, remote=Remote.of(store.repository), durable=store.durable
    )


def read_record(repository: Repository, path: str, entry: tuple[str, str] | None) -> Observations | None:
    """The record at a path; None where none is. Raises: Corrupt."""
    key = consumer_of(path)
    if entry is None or key is None:
        return None
    mode, blob = entry
    if mode != _FILE:
        raise Corrupt(f"It has the mode {mode}, so it is no plain file.", path=path, hint="Replace it by a file.")
    return decode(repository.read(blob), path=path, key=key)
