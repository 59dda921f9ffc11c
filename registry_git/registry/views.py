"""What the use cases give back: frozen values. `commit` is the registry commit that shows what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_git.core.decision import Decision
from registry_git.core.model import Comment, Deployment, ModelVersion, TransitionRequest

if TYPE_CHECKING:
    from registry_git.core.changes.proposal import Roll


@dataclass(frozen=True, slots=True, kw_only=True)
class RollView:
    """A deployment that gets version `after` in place of `before` (None: it used none); `asked`: by a later request."""

    environment: str
    name: str
    before: int | None
    after: int
    asked: bool

    def __str__(self) -> str:
        """As `production/scorer v11 → v12`."""
        was = f"v{self.before} → " if self.before else ""
        return f"{self.environment}/{self.name} {was}v{self.after}{' (to be asked for)' if self.asked else ''}"

    @classmethod
    def of(cls, roll: Roll) -> RollView:
        """The view of what a change brings with it."""
        return cls(
            environment=roll.key.environment, name=roll.key.name, before=roll.before, after=roll.after, asked=roll.asked
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """A registered model as it stands: `stages` maps each stage that holds versions to them, `aliases` to one.

    Times are milliseconds. `last_activity` is that of the newest activity, open requests among them; `last_updated`
    leaves out labels (tags, aliases) and what people said.

    `rolled` are the deployments that moved along, where this is the answer to a write.
    """

    name: str
    description: str
    tags: Mapping[str, str]
    created: int
    created_by: str
    last_updated: int
    last_activity: int
    latest_version: int | None
    versions: int
    stages: Mapping[str, tuple[int, ...]]
    aliases: Mapping[str, int]
    open_requests: int
    commit: str
    rolled: tuple[RollView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """Some of the models, and `total`, how many there are on all pages together."""

    models: tuple[ModelView, ...]
    total: int
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """A model version as it stands. `stage` is the one that protocols with a single stage show.

    `rolled` are the deployments that moved along, where this is the answer to a write.
    """

    model: str
    version: int
    stage: str
    stages: tuple[str, ...]
    aliases: tuple[str, ...]
    source: str
    digest: str
    format: str
    status: str
    description: str
    tags: Mapping[str, str]
    created: int
    created_by: str
    last_updated: int
    manifest: ModelVersion
    commit: str
    rolled: tuple[RollView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request as it stands: its record, the decision so far, whether it is stale and why.

    `changes` are the files that approval would change, path to `added`, `changed` or `removed`; `deployments` are what
    it would roll; in the answer to the approval that merged it, what that has rolled.
    """

    request: str
    model: str
    version: int | None
    action: str
    from_stage: str
    to_stage: str
    state: str
    requester: str
    comment: str
    created: int
    stale: str
    decision: Decision
    changes: Mapping[str, str]
    deployments: tuple[RollView, ...]
    branch: str
    head: str
    record: TransitionRequest
    commit: str

    @property
    def id(self) -> str:
        """The request's id, by which it is approved."""
        return self.request


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentView:
    """A deployment as it stands.

    `reference` is what it follows (`fraud/Production`), `version` what it uses (None: nothing yet), `since` when that
    landed, by which `request` (empty: a direct change) and which commit (`brought_by`). `target` is what the reference
    resolves to now; `standing` is `current`, `behind`, `archived`, `dangling` or `deleted`.
    """

    environment: str
    name: str
    workload: str
    owner: str
    model: str
    reference: str
    follow: str
    version: int | None
    source: str
    digest: str
    since: int | None
    request: str
    brought_by: str
    target: int | None
    standing: str
    manifest: Deployment
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentView:
    """A comment on a version."""

    id: str
    model: str
    version: int
    author: str
    text: str
    created: int
    updated: int
    commit: str

    @classmethod
    def of(cls, comment: Comment, commit: str) -> CommentView:
        """The view of a stored comment."""
        return cls(
            id=comment.id,
            model=comment.model,
            version=comment.version,
            author=comment.author,
            text=comment.text,
            created=comment.created,
            updated=comment.updated,
            commit=commit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A write that leaves nothing to show: the commit is the proof. `changed` is False when it was so already."""

    commit: str
    changed: bool
