"""Models and versions: made, described, moved and deleted. What the policy does not let happen directly is a 403."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from registry_git.core.model import Dataset, Lineage
from registry_git.registry.facade import Registry
from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.own import shapes
from registry_git.server.own.fields import Asked, Comment, Description, Mark, Name, Tags
from registry_git.server.own.fields import Version as Number
from registry_git.server.permissions import OWN_MOUNTS

own = Endpoints(OWN_MOUNTS, tag="Changes")
_Text = Annotated[str, Field(max_length=4096)]


class NewModel(Asked):
    """A model to create."""

    name: Name
    description: Description = ""
    tags: Tags = Field(default_factory=dict)
    id: Mark = None


class NewDataset(Asked):
    """A data set that the run read."""

    name: _Text
    digest: _Text = ""


class NewLineage(Asked):
    """Which experiment, run, data and code made the version."""

    run_id: _Text = ""
    run_name: _Text = ""
    run_link: _Text = ""
    run_user: _Text = ""
    experiment_id: _Text = ""
    experiment_name: _Text = ""
    model_id: _Text = ""
    git_commit: _Text = ""
    datasets: list[NewDataset] = Field(default_factory=list, max_length=1000)


class NewVersion(Asked):
    """A version to register."""

    name: Name
    source: str = Field(
        description="Where its files are. It is text to the server, which never opens it.", max_length=4096
    )
    description: Description = ""
    tags: Tags = Field(default_factory=dict)
    lineage: NewLineage = Field(default_factory=NewLineage)
    status: str = Field(default="READY", description="READY, PENDING_REGISTRATION or FAILED_REGISTRATION.")
    comment: Comment = ""
    id: Mark = None


class ChangedModel(Asked):
    """What to change of a model; what is left out stays."""

    name: Name
    description: Description | None = None
    tags: dict[str, str | None] = Field(default_factory=dict, description="Tags to set; null removes one.")


class ChangedVersion(ChangedModel):
    """What to change of a version; what is left out stays."""

    version: Number
    status: str | None = Field(default=None, description="READY, PENDING_REGISTRATION or FAILED_REGISTRATION.")
    status_message: str = Field(default="", description="Why it has that status.", max_length=10_000)


class GoneModel(Asked):
    """A model to delete."""

    name: Name
    comment: Comment = ""


class GoneVersion(GoneModel):
    """A version to delete."""

    version: Number


class Moved(Asked):
    """Where to move a version."""

    name: Name
    version: Number
    stage: str = Field(description="The stage; `None` takes it out of all.", max_length=64)
    add: bool = Field(default=False, description="Whether it stays in the stages that it is in.")
    archive_existing: bool = Field(default=False, description="Whether the versions that are there are archived.")
    comment: Comment = ""
    id: Mark = None


class Aliased(Asked):
    """Where an alias is to point."""

    name: Name
    alias: str = Field(description="The alias.", max_length=255)
    version: Number
    comment: Comment = ""


class GoneAlias(Asked):
    """An alias to remove."""

    name: Name
    alias: str = Field(description="The alias.", max_length=255)
    comment: Comment = ""


@own.add("POST", "/models", takes=NewModel, gives=shapes.Model, status=201)
def create_model(call: Call, asked: NewModel) -> shapes.Model:
    """Creates a model without versions."""
    view = call.registry.create_model(asked.name, description=asked.description, tags=asked.tags, id=asked.id)
    return shapes.Model.of(view)


@own.add("PATCH", "/models/{name}", takes=ChangedModel, gives=shapes.Model)
def change_model(call: Call, asked: ChangedModel) -> shapes.Model:
    """Changes a model's description and tags."""
    registry = call.registry
    _describe(registry, asked, None)
    return shapes.Model.of(registry.model(asked.name))


@own.add("DELETE", "/models/{name}", takes=GoneModel, gives=shapes.Done)
def delete_model(call: Call, asked: GoneModel) -> shapes.Done:
    """Deletes a model with all of its versions; the history keeps them."""
    return shapes.Done.model_validate(call.registry.delete(asked.name, comment=asked.comment))


@own.add("POST", "/models/{name}/versions", takes=NewVersion, gives=shapes.Version, status=201)
def register_version(call: Call, asked: NewVersion) -> shapes.Version:
    """Registers the next version of a model, which is created when there is none."""
    view = call.registry.register(
        asked.name,
        asked.source,
        description=asked.description,
        tags=asked.tags,
        lineage=_lineage(asked.lineage),
        status=asked.status,
        read=False,
        comment=asked.comment,
        id=asked.id,
    )
    return shapes.Version.of(view)


@own.add("PATCH", "/models/{name}/versions/{version}", takes=ChangedVersion, gives=shapes.Version)
def change_version(call: Call, asked: ChangedVersion) -> shapes.Version:
    """Changes a version's description, tags and status; the rest of it never changes."""
    registry = call.registry
    _describe(registry, asked, asked.version)
    if asked.status is not None:
        registry.set_status(asked.name, asked.version, asked.status, message=asked.status_message)
    return shapes.Version.of(registry.version(asked.name, asked.version))


@own.add("DELETE", "/models/{name}/versions/{version}", takes=GoneVersion, gives=shapes.Done)
def delete_version(call: Call, asked: GoneVersion) -> shapes.Done:
    """Deletes a version; its number is never given again."""
    return shapes.Done.model_validate(call.registry.delete(asked.name, version=asked.version, comment=asked.comment))


@own.add("POST", "/models/{name}/versions/{version}/stage", takes=Moved, gives=shapes.Version)
def move_version(call: Call, asked: Moved) -> shapes.Version:
    """Moves a version to a stage directly, where the policy lets you; else ask for it with a request."""
    view = call.registry.transition(
        asked.name,
        asked.version,
        asked.stage,
        add=asked.add,
        archive_existing=asked.archive_existing,
        comment=asked.comment,
        id=asked.id,
    )
    return shapes.Version.of(view)


@own.add("PUT", "/models/{name}/aliases/{alias}", takes=Aliased, gives=shapes.Model)
def set_alias(call: Call, asked: Aliased) -> shapes.Model:
    """Points an alias to a version."""
    return shapes.Model.of(call.registry.set_alias(asked.name, asked.alias, asked.version, comment=asked.comment))


@own.add("DELETE", "/models/{name}/aliases/{alias}", takes=GoneAlias, gives=shapes.Model)
def delete_alias(call: Call, asked: GoneAlias) -> shapes.Model:
    """Removes an alias."""
    return shapes.Model.of(call.registry.delete_alias(asked.name, asked.alias, comment=asked.comment))


def _describe(registry: Registry, asked: ChangedModel, version: str | None) -> None:
    """Each change that is asked for, a commit each."""
    if asked.description is not None:
        registry.describe(asked.name, asked.description, version=version)
    kept = {key: value for key, value in asked.tags.items() if value is not None}
    if kept:
        registry.set_tags(asked.name, kept, version=version)
    for key in asked.tags.keys() - kept.keys():
        registry.delete_tag(asked.name, key, version=version)


def _lineage(asked: NewLineage) -> Lineage:
    values = asked.model_dump(exclude={"datasets"})
    return Lineage(**values, datasets=tuple(Dataset(name=one.name, digest=one.digest) for one in asked.datasets))
