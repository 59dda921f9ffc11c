"""What identifies an entity. `manifests.layout` turns keys into paths; nobody else builds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from registry_git.core.names import AliasName, ConsumerName, Id, ModelName, StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKey:
    """Identifies a registered model."""

    model: ModelName


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionKey:
    """Identifies a model version."""

    model: ModelName
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageKey:
    """Identifies what is in one stage of a model."""

    model: ModelName
    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasKey:
    """Identifies an alias of a model."""

    model: ModelName
    alias: AliasName


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """Identifies a request; `model` is None for one that concerns the whole registry (its policy)."""

    model: ModelName | None
    request: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentKey:
    """Identifies a comment on a version."""

    model: ModelName
    version: int
    comment: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentKey:
    """Identifies a deployment in an environment."""

    environment: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyKey:
    """Identifies `registry.yaml`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerKey:
    """Identifies what a consumer was seen to use. It is kept beside `main`, so it is no `Key`."""

    consumer: ConsumerName


Key: TypeAlias = ModelKey | VersionKey | StageKey | AliasKey | RequestKey | CommentKey | DeploymentKey | PolicyKey
