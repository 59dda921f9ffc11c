"""A registry as MLflow's clients see it."""

from __future__ import annotations

from registry_git.mlflow_rules.writing import MlflowWrites


class MlflowRegistry(MlflowWrites):
    """All that MLflow's registry protocol asks and changes, on one registry. For one thread at a time."""
