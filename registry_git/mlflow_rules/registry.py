"""A registry as MLflow's clients see it."""

from __future__ import annotations

from registry_git.mlflow_rules.reading import MlflowReads, Readable
from registry_git.mlflow_rules.writing import MlflowWrites, Writable


class MlflowReader(MlflowReads):
    """All that MLflow's registry protocol asks, on one registry. For one thread at a time."""

    def __init__(self, registry: Readable) -> None:
        self._registry = registry


class MlflowRegistry(MlflowWrites):
    """All that MLflow's registry protocol asks and changes, on one registry. For one thread at a time."""

    def __init__(self, registry: Writable) -> None:
        self._registry = registry

    @property
    def registry(self) -> Writable:
        """The registry itself."""
        return self._registry
