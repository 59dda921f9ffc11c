"""The registry by MLflow's rules: what its protocol takes, answers and refuses, without MLflow itself.

Whatever speaks MLflow's protocol (its registry-store plugin, a REST server) parses a request, calls `MlflowRegistry`
and writes the entity that it gets; `error_of` says what an error is called there.
"""

from __future__ import annotations

from registry_git.mlflow_rules.entities import MlflowModel, MlflowPage, MlflowVersion
from registry_git.mlflow_rules.errors import error_of
from registry_git.mlflow_rules.registry import MlflowReader, MlflowRegistry
from registry_git.mlflow_rules.writing import NewMlflowVersion

__all__ = [
    "MlflowModel",
    "MlflowPage",
    "MlflowReader",
    "MlflowRegistry",
    "MlflowVersion",
    "NewMlflowVersion",
    "error_of",
]
