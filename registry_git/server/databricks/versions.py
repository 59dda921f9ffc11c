"""Models and versions as Databricks shows them, transitions with a comment, and what happened."""

from __future__ import annotations

from pydantic import Field

from registry_git.server.call import Call
from registry_git.server.databricks.answers import activities_json, model_databricks_json, version_databricks_json
from registry_git.server.databricks.asked import NAME_MAX, Transition, Version
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json, without_empty
from registry_git.server.mlflow.asked import Asked
from registry_git.server.permissions import MLFLOW_MOUNTS

databricks = Endpoints(MLFLOW_MOUNTS, tag="Databricks: models and versions")


class Model(Asked):
    """A registered model."""

    name: str = Field(min_length=1, max_length=NAME_MAX, description="The model's name.")


@databricks.add("GET", "/databricks/registered-models/get", takes=Model)
def get_databricks_model(call: Call, asked: Model) -> Json:
    """One registered model, with its id and your permission level."""
    return {"registered_model_databricks": model_databricks_json(call.registry, asked.name)}


@databricks.add("GET", "/databricks/model-versions/get", takes=Version)
def get_databricks_version(call: Call, asked: Version) -> Json:
    """One version, with its open requests and your permission level."""
    shown = version_databricks_json(call.registry, asked.name, asked.version, call.caller)
    return {"model_version_databricks": shown}


@databricks.add("POST", "/databricks/model-versions/transition-stage", takes=Transition)
def transition_databricks_stage(call: Call, asked: Transition) -> Json:
    """Move a version to a stage, if the policy allows that without a request."""
    registry = call.registry
    registry.transition(
        asked.name,
        asked.version,
        asked.stage,
        archive_existing=bool(asked.archive_existing_versions),
        comment=asked.comment or "",
    )
    shown = version_databricks_json(registry, asked.name, asked.version, call.caller)
    return {"model_version_databricks": shown}


@databricks.add("GET", "/model-versions/get-activities", takes=Version)
def get_activities(call: Call, asked: Version) -> Json:
    """What happened to a version: transitions, requests, decisions and comments, oldest first."""
    return without_empty({"activities": activities_json(call.registry, asked.name, asked.version, call.caller)})
