"""What happened, what differs, what a URI names, what runs, and what people say."""

from __future__ import annotations

from pydantic import Field

from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.own import shapes
from registry_git.server.own.fields import Asked, Name, Then
from registry_git.server.own.fields import Version as Number
from registry_git.server.own.models import OneVersion
from registry_git.server.permissions import OWN_MOUNTS

own = Endpoints(OWN_MOUNTS, tag="History and use")
_NEWEST = 100


class Since(Then):
    """Which activities."""

    model: str | None = Field(default=None, description="Of one model; left out: of all.", max_length=255)
    version: Number | None = Field(default=None, description="Of one version of that model.")
    after: int = Field(default=0, description="The cursor of an answer before: only what came later.", ge=0, le=2**53)
    max_results: int = Field(default=_NEWEST, description="The newest so many.", ge=1, le=1000)


class Sides(Then):
    """Two versions."""

    left: str = Field(description="As fraud/12, fraud/Production or fraud@champion.", max_length=1000)
    right: str = Field(description="The other one.", max_length=1000)


class Uri(Then):
    """What to resolve."""

    uri: str = Field(description="As models:/fraud/Production or models:/fraud@champion.", max_length=1000)


class Used(Then):
    """Which deployments."""

    environment: str | None = Field(default=None, description="In one environment.", max_length=255)
    workload: str | None = Field(default=None, description="job or service.", max_length=20)
    model: str | None = Field(default=None, description="Of one model.", max_length=255)
    version: Number | None = Field(default=None, description="Of one version of that model.")


class OneDeployment(Then):
    """Which deployment."""

    environment: str = Field(description="Its environment.", max_length=255)
    name: str = Field(description="Its name.", max_length=255)


class NewComment(Asked):
    """A comment on a version."""

    name: Name
    version: Number
    text: str = Field(description="What to say.", min_length=1, max_length=65_535)
    id: str | None = Field(default=None, description="An id of your own: a retry comments once.", max_length=64)


class Activities(shapes.Shape):
    """What happened, oldest first."""

    activities: list[shapes.Activity]
    cursor: int = Field(description="Ask for what comes later with it, as `after`.")


class Differences(shapes.Shape):
    """The fields in which two versions differ."""

    differences: list[shapes.Difference]


class Comments(shapes.Shape):
    """Comments, oldest first."""

    comments: list[shapes.CommentShape]


class Deployments(shapes.Shape):
    """Deployments by environment and name."""

    deployments: list[shapes.Deployment]


@own.add("GET", "/activity", takes=Since, gives=Activities)
def activity(call: Call, asked: Since) -> Activities:
    """What happened, oldest first; with `after` only what came since."""
    reading = call.reading
    cursor = reading.activity_cursor()
    found = reading.activity(asked.model, asked.version, limit=asked.max_results, after=asked.after)
    return Activities(activities=[shapes.Activity.model_validate(one) for one in found], cursor=cursor)


@own.add("GET", "/diff", takes=Sides, gives=Differences)
def diff(call: Call, asked: Sides) -> Differences:
    """The fields in which two versions differ."""
    found = call.reading.diff(asked.left, asked.right)
    return Differences(differences=[shapes.Difference.model_validate(one) for one in found])


@own.add("GET", "/resolve", takes=Uri, gives=shapes.Resolution)
def resolve(call: Call, asked: Uri) -> shapes.Resolution:
    """What a `models:/` URI names."""
    return shapes.Resolution.model_validate(call.reading.resolve(asked.uri))


@own.add("GET", "/deployments", takes=Used, gives=Deployments)
def deployments(call: Call, asked: Used) -> Deployments:
    """The jobs and services that use versions."""
    found = call.reading.deployments(
        environment=asked.environment, workload=asked.workload, model=asked.model, version=asked.version
    )
    return Deployments(deployments=[shapes.Deployment.of(one) for one in found])


@own.add("GET", "/deployments/{environment}/{name}", takes=OneDeployment, gives=shapes.Deployment)
def deployment(call: Call, asked: OneDeployment) -> shapes.Deployment:
    """One job or service."""
    return shapes.Deployment.of(call.reading.deployment(asked.environment, asked.name))


@own.add("GET", "/models/{name}/versions/{version}/comments", takes=OneVersion, gives=Comments)
def comments(call: Call, asked: OneVersion) -> Comments:
    """The comments on a version, oldest first."""
    found = call.reading.comments(asked.name, asked.version)
    return Comments(comments=[shapes.CommentShape.model_validate(one) for one in found])


@own.add("POST", "/models/{name}/versions/{version}/comments", takes=NewComment, gives=shapes.CommentShape, status=201)
def add_comment(call: Call, asked: NewComment) -> shapes.CommentShape:
    """Comments on a version."""
    view = call.registry.add_comment(asked.name, asked.version, asked.text, id=asked.id)
    return shapes.CommentShape.model_validate(view)
