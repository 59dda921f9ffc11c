"""The JSON objects of the own API. They have the fields that the command line prints, and they only grow."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from registry_git.core.activity import requested
from registry_git.core.times import Timestamp
from registry_git.registry.views import DeploymentView, ModelView, RequestView, VersionView


def _time(value: object) -> object:
    return Timestamp.of(value).text() if isinstance(value, int) else value


Time = Annotated[str, BeforeValidator(_time), Field(description="UTC, as 2026-11-23T06:14:11.412Z.")]
Millis = Annotated[int, Field(description="Milliseconds since 1970.")]
Commit = Annotated[str, Field(description="The commit of the registry that shows it.")]


class Shape(BaseModel):
    """Read from the values of the registry."""

    model_config = ConfigDict(from_attributes=True)


class Model(Shape):
    """A registered model."""

    name: str
    description: str
    tags: dict[str, str]
    created: Time
    created_by: str = Field(description="Who created it: `Name <email>`.")
    last_updated: Time
    last_activity: Time = Field(description="Of the newest activity, open requests among them.")
    latest_version: int | None = Field(description="The highest version; null when there is none.")
    stages: dict[str, list[int]] = Field(description="Each stage that holds versions.")
    aliases: dict[str, int] = Field(description="Each alias and the version that it names.")
    commit: Commit
    version_count: int = Field(description="How many versions there are.")
    open_request_count: int = Field(description="How many requests wait.")

    @classmethod
    def of(cls, view: ModelView) -> Model:
        """The shape of a view."""
        values = {name: getattr(view, name) for name in cls.model_fields if hasattr(view, name)}
        return cls(**values, version_count=view.versions, open_request_count=view.open_requests)


class Dataset(Shape):
    """A data set that a run read."""

    name: str
    digest: str


class Lineage(Shape):
    """Which experiment, run, data and code made a version; empty where not known."""

    run_id: str
    run_name: str
    run_link: str
    run_user: str
    experiment_id: str
    experiment_name: str
    model_id: str
    git_commit: str
    datasets: list[Dataset]


class Version(Shape):
    """A model version."""

    model: str
    version: int
    stage: str = Field(description="The one stage that protocols with a single stage show; `None` for none.")
    stages: list[str] = Field(description="All stages that it is in.")
    aliases: list[str]
    source: str = Field(description="Where its files are; the server never opens it.")
    digest: str = Field(description="sha256 of its files; empty when not known.")
    format: str
    status: str
    description: str
    tags: dict[str, str]
    created: Time
    created_by: str
    last_updated: Time
    commit: Commit
    id: str
    flavors: list[str]
    signature: str
    status_message: str
    lineage: Lineage
    annotations: dict[str, str]

    @classmethod
    def of(cls, view: VersionView) -> Version:
        """The shape of a view and what only its manifest knows."""
        values = {name: getattr(view, name, getattr(view.manifest, name, None)) for name in cls.model_fields}
        return cls.model_validate(values | {"status": view.status})


class Unmet(Shape):
    """A rule of the policy that is not met."""

    rule: str
    why: str
    satisfy: str = Field(description="What would satisfy it.")
    by_approval: bool = Field(description="Whether more approvals would.")


class Decision(Shape):
    """How the policy decides with the approvals so far."""

    allowed: bool
    unmet: list[Unmet]
    needed: int = Field(description="Approvals that the rule which asks for most wants.")
    given: int
    may_approve: list[str] = Field(description="The email addresses whose approval would still count.")
    anyone: bool = Field(description="Whether anybody's would.")


class Review(Shape):
    """What one person said about a request."""

    by: str | None = Field(description="Null where nobody can be named.")
    at: Time
    verdict: str
    comment: str
    source: str = Field(description="How it is known: commit, merge, review, trailer or signature.")
    proposal: str = Field(
        description="The digest of the content that was approved; of other content it does not count."
    )


class Request(Shape):
    """A request: who asks for what, what was said, and the decision so far."""

    id: str
    action: str = Field(description="stage, alias, delete, rename, deployment or policy.")
    model: str
    version: int | None
    from_stage: str
    to_stage: str
    alias: str | None
    new_name: str | None
    deployment: str
    add: bool
    archive_existing: bool
    force: bool
    state: str = Field(description="open, approved, rejected or cancelled.")
    requester: str
    comment: str
    created: Time
    refreshed: Time | None
    stale: str = Field(description="Why it cannot be approved as it is; empty: it can.")
    decision: Decision
    reviews: list[Review]
    changes: dict[str, str] = Field(description="Files that approval would change: added, changed or removed.")
    branch: str = Field(description="The branch that it is, while it is open.")
    head: str = Field(description="The newest commit of that branch.")
    activity_type: str
    commit: Commit

    @classmethod
    def of(cls, view: RequestView) -> Request:
        """The shape of a view and its record."""
        values = {name: getattr(view, name, getattr(view.record, name, None)) for name in cls.model_fields}
        return cls.model_validate(values | {"activity_type": requested(view.record).activity_type})


class Activity(Shape):
    """One thing that happened."""

    id: str
    activity_type: str = Field(description="APPLIED_TRANSITION, REQUESTED_TRANSITION, APPROVED_REQUEST, SET_TAG …")
    model: str
    version: int | None
    from_stage: str
    to_stage: str
    user_id: str = Field(description="`Name <email>`, or `unknown`.")
    comment: str
    system_comment: str
    creation_timestamp: Millis
    last_updated_timestamp: Millis
    request: str
    commit: Commit


class CommentShape(Shape):
    """A comment on a version."""

    id: str
    model: str
    version: int
    author: str
    text: str
    created: Time
    updated: Time
    commit: Commit


class Deployment(Shape):
    """A job or service that uses a version."""

    environment: str
    name: str
    workload: str = Field(description="job or service.")
    owner: str
    model: str
    reference: str = Field(description="What it follows.")
    follow: str = Field(description="auto, request or pinned.")
    version: int | None = Field(description="What it uses; null when that does not exist.")
    source: str
    digest: str
    since: Time | None
    request: str
    brought_by: str = Field(description="The commit that brought the version.")
    target: int | None = Field(description="What its reference resolves to now.")
    standing: str = Field(description="Whether it is current or behind.")
    commit: Commit

    @classmethod
    def of(cls, view: DeploymentView) -> Deployment:
        """The shape of a view."""
        return cls.model_validate(view)


class Difference(Shape):
    """A field in which two versions differ; null: it is not there."""

    field: str
    left: str | None
    right: str | None


class Resolution(Shape):
    """What a `models:/` URI names."""

    uri: str
    model: str
    version: int
    source: str
    digest: str
    format: str
    stage: str
    alias: str
    commit: Commit


class Done(Shape):
    """A write that leaves nothing to show."""

    commit: Commit
    changed: bool = Field(description="False when it was so already.")
