"""An import, from the first page that is read to the last fact that is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from registry_git.core.changes.bringing import Fact
from registry_git.core.errors import NotFound, RegistryError
from registry_git.core.model import Lineage
from registry_git.core.names import Actor
from registry_git.core.times import Timestamp
from registry_git.migration.facts import Reading
from registry_git.migration.holdings import Holdings, Progress, read_holdings
from registry_git.migration.people import People
from registry_git.registry.importing import Brought, Importing, NotCarried
from registry_git.tracking.run import read_lineages

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be imported, and how it is understood.

    Args:
        names: patterns of model names, as the shell's; none: all models.
        users: who MLflow's users are here.
        stages: stages of MLflow's that have another name here.
        tracking_uri: where the runs of the versions are looked up; empty: nowhere.
    """

    names: Sequence[str] = ()
    users: Mapping[str, Actor] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)
    tracking_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an MLflow registry holds, as facts, and what of it cannot be one."""

    facts: tuple[Fact, ...]
    not_carried: tuple[NotCarried, ...]

    @property
    def begins(self) -> Timestamp | None:
        """The time of the oldest fact; None when there is none."""
        return min((fact.at for fact in self.facts), default=None)


def read_mlflow(uri: str, wanted: Wanted, *, unnamed: Actor, progress: Progress | None = None) -> Found:
    """Reads the registry at an MLflow URI.

    Args:
        uri: as MLflow takes it: `sqlite:///mlflow.db`, `http://…`, a directory, `databricks`.
        wanted: what of it, and how it is understood.
        unnamed: stands for whom MLflow does not name.
        progress: told how many entries were read since the last call.

    Raises:
        NotFound: nothing is there, or no model matches; Unavailable: it cannot be read; Invalid.
    """
    holdings = read_holdings(uri, wanted.names, progress)
    if wanted.names and not holdings.models:
        raise NotFound(f"No model there is called {' or '.join(wanted.names)}.", hint="Leave the names out to see all.")
    lineages = _lineages(wanted.tracking_uri, holdings) if wanted.tracking_uri else {}
    people = People(unnamed=unnamed, known=wanted.users)
    reading = Reading(people=people, stages=wanted.stages, lineages=lineages)
    reading.read(holdings)
    return Found(facts=tuple(reading.facts), not_carried=tuple(reading.left))


def carry(registry: Importing, found: Found, *, dry_run: bool = False, progress: Progress | None = None) -> Brought:
    """Brings what was read into a registry; see `Registry.bring`. `not_carried` tells of the reading, too."""
    brought = registry.bring(found.facts, dry_run=dry_run, progress=progress)
    return replace(brought, not_carried=(*found.not_carried, *brought.not_carried))


def _lineages(tracking_uri: str, holdings: Holdings) -> Mapping[str, Lineage]:
    runs = {str(each.run_id) for versions in holdings.versions.values() for each in versions if each.run_id}
    try:
        return read_lineages(tracking_uri, sorted(runs)) if runs else {}
    except RegistryError as problem:
        _LOG.warning("Versions are imported without the lineage of their runs: %s", problem)
        return {}
