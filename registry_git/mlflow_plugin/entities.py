"""Plain values as MLflow's own classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

from registry_git.mlflow_rules import MlflowModel, MlflowVersion


class _AsksLater:
    """Finds out when it last changed when it is asked: only the index knows, and few ask."""

    _ask: Callable[[], int]
    _creation_time: int
    _last_updated_timestamp: int | None

    @property
    def last_updated_timestamp(self) -> int:
        """When it last changed, in milliseconds."""
        if self._last_updated_timestamp is None:
            self._last_updated_timestamp = max(self._ask(), self._creation_time)
        return self._last_updated_timestamp

    @last_updated_timestamp.setter
    def last_updated_timestamp(self, updated: int) -> None:
        self._last_updated_timestamp = updated

    def __getstate__(self) -> dict[str, Any]:
        """Known to the last field, so that it can go to another process."""
        return {**self.__dict__, "_last_updated_timestamp": self.last_updated_timestamp, "_ask": int}


class GitModelVersion(_AsksLater, ModelVersion):  # type: ignore[misc]
    """A version out of a registry in Git."""

    @classmethod
    def _properties(cls) -> list[str]:
        return list(ModelVersion._properties())


class GitRegisteredModel(_AsksLater, RegisteredModel):  # type: ignore[misc]
    """A registered model out of a registry in Git."""

    @classmethod
    def _properties(cls) -> list[str]:
        return list(RegisteredModel._properties())


def to_version(found: MlflowVersion, ask: Callable[[str, int], int]) -> ModelVersion:
    """A version; `ask` says when a version last changed."""
    version = GitModelVersion(
        found.name,
        found.version,
        int(found.creation_timestamp),
        found.last_updated_timestamp,
        found.description or None,
        found.user_id,
        found.current_stage,
        found.source,
        found.run_id or None,
        found.status,
        found.status_message or None,
        [ModelVersionTag(key, value) for key, value in found.tags.items()],
        found.run_link or None,
        list(map(str, found.aliases)),
        model_id=found.model_id or None,
        workspace=DEFAULT_WORKSPACE_NAME,  # else it is looked for in the environment, for each version of a list
    )
    version._ask = lambda: ask(found.name, found.version)
    return version


def to_model(found: MlflowModel, ask: Callable[[str], int], ask_version: Callable[[str, int], int]) -> RegisteredModel:
    """A model; `ask` and `ask_version` say when a model or a version last changed."""
    model = GitRegisteredModel(
        found.name,
        int(found.creation_timestamp),
        found.last_updated_timestamp,
        found.description or None,
        [to_version(version, ask_version) for version in found.latest_versions],
        [RegisteredModelTag(key, value) for key, value in found.tags.items()],
        [RegisteredModelAlias(str(alias), version) for alias, version in found.aliases.items()],
        workspace=DEFAULT_WORKSPACE_NAME,
    )
    model._ask = lambda: ask(found.name)
    return model
