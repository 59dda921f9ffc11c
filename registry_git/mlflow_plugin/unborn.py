"""A registry that is not there yet: reads find nothing, and the first write that makes sense creates it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry_git.core.changes.proposal import Act
from registry_git.core.errors import NotFound
from registry_git.core.keys import DeploymentKey, PolicyKey
from registry_git.core.model import Entity, Key
from registry_git.core.names import AliasName, Id, ModelName, StageName
from registry_git.core.search import Filter, Order
from registry_git.core.snapshot import Snapshot
from registry_git.index.entries import ModelEntry, VersionEntry
from registry_git.index.queries import Page
from registry_git.registry.beginning import first_policy
from registry_git.registry.facade import Registry
from registry_git.registry.views import Done, ModelView
from registry_git.registry.writes import DecideWith
from registry_git.registry.writing import Written


class Unborn:
    """In the place of a registry, until something is written to it."""

    def __init__(self, create: Callable[[], Registry], act: Callable[[], Act]) -> None:
        self._create = create
        self._act = act
        self.born: Registry | None = None

    def snapshot(self) -> Snapshot:
        """What is there: nothing, until the first write."""
        return self.born.snapshot() if self.born else _Nothing()

    def entries(self, of: ModelName | None = None) -> _NoEntries:
        """An index of nothing."""
        return _NoEntries()

    def at_hand(self, commit: str) -> None:
        """No index."""

    def change(self, decide: DecideWith, *, version: bool = False) -> Written:
        """Creates the registry and makes the change; one that is refused creates nothing."""
        decide(_Nothing(), self._act())
        self.born = self._create()
        return self.born.change(decide, version=version)

    def rename(self, name: str, new_name: str) -> ModelView:
        """There is no model to rename."""
        raise NotFound(f"Registered Model with name={name} not found")

    def delete(self, name: str, *, version: int | str | None = None, leaving: bool = False) -> Done:
        """There is no model to delete."""
        raise NotFound(f"Registered Model with name={name} not found")


class _NoEntries:
    def version_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[VersionEntry]:
        return []

    def model_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[ModelEntry]:
        return []

    def latest_entries(self, models: Sequence[str]) -> dict[str, list[tuple[str, VersionEntry]]]:
        return {}

    def model_updated(self, model: ModelName) -> int:
        return 0

    def version_updated(self, model: ModelName, version: int) -> int:
        return 0


class _Nothing(Snapshot):
    """A registry with the stages of plain MLflow and without a single model."""

    commit = ""

    def find(self, key: Key) -> Entity | None:
        return first_policy("registry", "flat", (), {}) if isinstance(key, PolicyKey) else None

    def models(self) -> tuple[ModelName, ...]:
        return ()

    def versions(self, model: ModelName) -> tuple[int, ...]:
        return ()

    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        return ()

    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        return ()

    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        return ()

    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        return ()

    def deployments(self) -> tuple[DeploymentKey, ...]:
        return ()

    def deploys(self) -> bool:
        return False
