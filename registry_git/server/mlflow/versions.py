"""Model versions."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.model import Lineage
from registry_git.core.search import Target, parse_filter, parse_order
from registry_git.mlflow_rules import MlflowReader, MlflowRegistry, NewMlflowVersion
from registry_git.mlflow_rules.checks import RESULTS_MAX
from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json, version_json, versions_json
from registry_git.server.mlflow.asked import ByName, ByVersion, Search, Tag, pairs, required
from registry_git.server.mlflow.sources import located
from registry_git.server.permissions import MLFLOW_MOUNTS

versions = Endpoints(MLFLOW_MOUNTS, tag="MLflow: model versions")


class NewVersion(ByName):
    """A version to register."""

    source: str | None = Field(None, description="Where the model's files are, any URI.")
    run_id: str | None = Field(None, description="The MLflow run that made it.")
    run_link: str | None = Field(None, description="The page of the run.")
    model_id: str | None = Field(None, description="The logged model of MLflow 3 that it is.")
    description: str | None = Field(None, description="What it is.")
    tags: list[Tag] | None = Field(None, description="Its first tags.")


class VersionDescription(ByVersion):
    """Another description."""

    description: str | None = Field(None, description="The new description; none clears it.")


class VersionTag(Tag, ByVersion):
    """A tag of a version."""


class VersionTagKey(ByVersion):
    """The tag of a version to remove."""

    key: str | None = Field(None, description="The tag's key.")


class Transition(ByVersion):
    """A stage for a version."""

    stage: str | None = Field(None, description="The stage, in any case; `None` is one.")
    archive_existing_versions: bool | None = Field(None, description="Whether those that are there make room.")


@versions.add("POST", "/model-versions/create", takes=NewVersion)
def create_model_version(call: Call, asked: NewVersion) -> Json:
    """Register the next version of a model."""
    mlflow = MlflowRegistry(call.registry)
    wanted = NewMlflowVersion(
        name=asked.name or "",
        source=required(asked.source, "source"),
        tags=pairs(asked.tags),
        description=asked.description or "",
        lineage=Lineage(run_id=asked.run_id or "", run_link=asked.run_link or "", model_id=asked.model_id or ""),
        tracking_uri=call.service.settings.tracking_uri,
    )
    return {"model_version": version_json(mlflow, mlflow.create_version(located(call.registry, wanted)))}


@versions.add("GET", "/model-versions/get", takes=ByVersion, at_hand=True)
def get_model_version(call: Call, asked: ByVersion) -> Json:
    """One version."""
    mlflow = MlflowReader(call.readable)
    return {"model_version": version_json(mlflow, mlflow.get_version(asked.name, asked.version))}


@versions.add("GET", "/model-versions/search", takes=Search, at_hand=True)
def search_model_versions(call: Call, asked: Search) -> Json:
    """The versions that pass a filter, 200,000 on a page unless `max_results` says less."""
    mlflow = MlflowReader(call.readable)
    page = mlflow.search_versions(
        parse_filter(asked.filter or "", Target.VERSIONS),
        parse_order(asked.order_by or (), Target.VERSIONS),
        max_results=RESULTS_MAX[Target.VERSIONS] if asked.max_results is None else asked.max_results,
        page_token=asked.page_token,
    )
    return versions_json(mlflow, page)


@versions.add("PATCH", "/model-versions/update", takes=VersionDescription)
def update_model_version(call: Call, asked: VersionDescription) -> Json:
    """Set a version's description."""
    mlflow = MlflowRegistry(call.registry)
    changed = mlflow.update_version(asked.name, asked.version, asked.description or "")
    return {"model_version": version_json(mlflow, changed)}


@versions.add("DELETE", "/model-versions/delete", takes=ByVersion)
def delete_model_version(call: Call, asked: ByVersion) -> Json:
    """Delete a version; its number is never given again, and the history keeps it."""
    MlflowRegistry(call.registry).delete_version(asked.name, asked.version)
    return {}


@versions.add("POST", "/model-versions/set-tag", takes=VersionTag)
def set_model_version_tag(call: Call, asked: VersionTag) -> Json:
    """Set a tag of a version."""
    MlflowRegistry(call.registry).set_version_tag(asked.name, asked.version, asked.key, asked.value)
    return {}


@versions.add("DELETE", "/model-versions/delete-tag", takes=VersionTagKey)
def delete_model_version_tag(call: Call, asked: VersionTagKey) -> Json:
    """Remove a tag of a version, if there is one."""
    MlflowRegistry(call.registry).delete_version_tag(asked.name, asked.version, asked.key)
    return {}


@versions.add("GET", "/model-versions/get-download-uri", takes=ByVersion, at_hand=True)
def get_model_version_download_uri(call: Call, asked: ByVersion) -> Json:
    """Where the files of a version are."""
    return {"artifact_uri": MlflowReader(call.readable).get_download_uri(asked.name, asked.version)}


@versions.add("POST", "/model-versions/transition-stage", takes=Transition)
def transition_model_version_stage(call: Call, asked: Transition) -> Json:
    """Move a version to a stage, if the policy allows that without a request."""
    mlflow = MlflowRegistry(call.registry)
    moved = mlflow.transition(
        asked.name,
        asked.version,
        required(asked.stage, "stage"),
        archive_existing=bool(asked.archive_existing_versions),
    )
    return {"model_version": version_json(mlflow, moved)}
