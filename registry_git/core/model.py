"""The entities of a registry as frozen values. An entity knows its key, never where it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from registry_git.core.deployment import Declaration, Deployment, DeploymentChange, Resolved
from registry_git.core.keys import (
    AliasKey,
    CommentKey,
    DeploymentKey,
    Key,
    ModelKey,
    PolicyKey,
    RequestKey,
    StageKey,
    VersionKey,
)
from registry_git.core.names import Actor, AliasName, Id, ModelName, StageName
from registry_git.core.rules import Action, Policy, Rule, Stage
from registry_git.core.times import Timestamp

NO_STAGE = "None"


class Status(str, Enum):
    """Whether a version can be used."""

    PENDING = "PENDING_REGISTRATION"
    FAILED = "FAILED_REGISTRATION"
    READY = "READY"


class RequestState(str, Enum):
    """Where a transition request stands."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Verdict(str, Enum):
    """What one person said about a request."""

    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A unique name with metadata. `last_deleted` is the highest version number that was ever deleted; 0 for none."""

    name: ModelName
    id: Id
    created: Timestamp
    created_by: Actor
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    last_deleted: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> ModelKey:
        """The identity."""
        return ModelKey(model=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set that a run read."""

    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Which experiment, run, data and code made a version. Empty strings where not known."""

    run_id: str = ""
    run_name: str = ""
    run_link: str = ""
    run_user: str = ""
    experiment_id: str = ""
    experiment_name: str = ""
    model_id: str = ""
    git_commit: str = ""
    datasets: tuple[Dataset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A registration. All but status, status_message, description and tags never changes.

    `origin` is the `models:/` URI that it was registered by, where that named what lies at `source`; else empty.
    """

    model: ModelName
    version: int
    id: Id
    source: str
    created: Timestamp
    created_by: Actor
    origin: str = ""
    digest: str = ""
    format: str = ""
    flavors: tuple[str, ...] = ()
    signature: str = ""
    status: Status = Status.READY
    status_message: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> VersionKey:
        """The identity."""
        return VersionKey(model=self.model, version=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePointer:
    """What is in one stage of a model: at least one version; source, format and digest are the highest one's."""

    model: ModelName
    stage: StageName
    versions: tuple[int, ...]
    source: str
    format: str = ""
    digest: str = ""
    previous: int | None = None
    request: Id
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The version that the stage resolves to: the highest in it."""
        return max(self.versions)

    @property
    def key(self) -> StageKey:
        """The identity."""
        return StageKey(model=self.model, stage=self.stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasPointer:
    """What an alias of a model resolves to."""

    model: ModelName
    alias: AliasName
    version: int
    source: str
    format: str = ""
    digest: str = ""
    previous: int | None = None
    request: Id
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> AliasKey:
        """The identity."""
        return AliasKey(model=self.model, alias=self.alias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What one person said about a request.

    `proposal` is the digest of the proposed change that the person saw: a review of other content does not count.
    `source` says how it is known: `commit` (a decision made with this program), `merge`, `review`, `trailer`,
    `signature`.
    """

    by: Actor | None
    at: Timestamp
    verdict: Verdict
    comment: str = ""
    source: str = "commit"
    proposal: str


POLICY_SAID = "registry-git.dev/policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRequest:
    """A proposal and what was said about it: an append-only record.

    `from_stages` are the stages that the version was in when the request was made or refreshed; `to` is the target
    stage or `None`. For the other actions `alias`, `version` (None deletes the alias, or the whole model), `new_name`
    and `deployment` with its `declaration` say what is asked. `force`: also where a deployment is in the way; the
    comment says why. `proposal` is the digest of the edits that approval would make.
    """

    id: Id
    action: Action
    model: ModelName | None
    version: int | None = None
    from_stages: tuple[StageName, ...] = ()
    to: str = ""
    add: bool = False
    archive_existing: bool = False
    alias: AliasName | None = None
    deployment: str = ""
    declaration: Declaration | None = None
    force: bool = False
    new_name: ModelName | None = None
    requester: Actor
    created: Timestamp
    comment: str = ""
    state: RequestState = RequestState.OPEN
    proposal: str
    refreshed: Timestamp | None = None
    reviews: tuple[Review, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> RequestKey:
        """The identity."""
        return RequestKey(model=self.model, request=self.id)

    @property
    def policy_said(self) -> str:
        """Of one that was merged elsewhere: `met`, or why the policy before the merge was not; else empty."""
        return self.annotations.get(POLICY_SAID, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What somebody wrote about a version; `updated` moves when it is edited."""

    id: Id
    model: ModelName
    version: int
    author: Actor
    created: Timestamp
    updated: Timestamp
    text: str

    @property
    def key(self) -> CommentKey:
        """The identity."""
        return CommentKey(model=self.model, version=self.version, comment=self.id)


Entity: TypeAlias = (
    RegisteredModel | ModelVersion | StagePointer | AliasPointer | TransitionRequest | Comment | Deployment | Policy
)

__all__ = [
    "NO_STAGE",
    "Action",
    "AliasKey",
    "AliasPointer",
    "Comment",
    "CommentKey",
    "Dataset",
    "Declaration",
    "Deployment",
    "DeploymentChange",
    "DeploymentKey",
    "Entity",
    "Key",
    "Lineage",
    "ModelKey",
    "ModelVersion",
    "Policy",
    "PolicyKey",
    "RegisteredModel",
    "RequestKey",
    "RequestState",
    "Resolved",
    "Review",
    "Rule",
    "Stage",
    "StageKey",
    "StagePointer",
    "Status",
    "TransitionRequest",
    "Verdict",
    "VersionKey",
]
