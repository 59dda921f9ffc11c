"""A deployment as frozen values: what is declared of it, what it resolves to, what may be asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from registry_git.core.keys import DeploymentKey
from registry_git.core.names import Actor, AliasName, ModelName, StageName
from registry_git.core.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a deployment's reference resolves to, since when."""

    version: int
    source: str
    digest: str = ""
    since: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A job or service in an environment that follows a stage, an alias or one version of a model.

    Exactly one of `stage`, `alias` and `version` is set. `follow` is `auto`, `request` or `pinned`.
    """

    environment: str
    name: str
    workload: str
    owner: Actor
    model: ModelName
    stage: StageName | None = None
    alias: AliasName | None = None
    version: int | None = None
    follow: str = "auto"
    resolved: Resolved | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> DeploymentKey:
        """The identity."""
        return DeploymentKey(environment=self.environment, name=self.name)


class DeploymentChange(str, Enum):
    """What may be done to a deployment."""

    ADD = "add"
    PIN = "pin"
    FOLLOW = "follow"
    ROLL = "roll"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a request asks of a deployment: the change, and as much of the declaration as that change sets.

    `stage` and `alias` are what it is to follow; the version that it is to be pinned or rolled to is the request's own.
    """

    change: DeploymentChange
    workload: str = ""
    owner: Actor | None = None
    stage: StageName | None = None
    alias: AliasName | None = None
    follow: str = ""
