"""Registered models and their aliases."""

from __future__ import annotations

from pydantic import Field

from registry_git.core.search import Target, parse_filter, parse_order
from registry_git.mlflow_rules import MlflowReader, MlflowRegistry
from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json, model_json, models_json, version_json, without_empty
from registry_git.server.mlflow.asked import Asked, ByName, ByVersion, Search, Tag, pairs
from registry_git.server.permissions import MLFLOW_MOUNTS

models = Endpoints(MLFLOW_MOUNTS, tag="MLflow: registered models")


class NewModel(ByName):
    """A model to create."""

    description: str | None = Field(None, description="What it is.")
    tags: list[Tag] | None = Field(None, description="Its first tags.")


class Description(ByName):
    """Another description."""

    description: str | None = Field(None, description="The new description; none clears it.")


class NewName(ByName):
    """Another name."""

    new_name: str | None = Field(None, description="The new name.")


class ModelPage(Asked):
    """A page of all models."""

    max_results: int | None = Field(None, description="How many at most on one page.")
    page_token: str | None = Field(None, description="The page, from `next_page_token` of the one before.")


class ModelTag(Tag, ByName):
    """A tag of a model."""


class ModelTagKey(ByName):
    """The tag of a model to remove."""

    key: str | None = Field(None, description="The tag's key.")


class Latest(ByName):
    """The newest versions in stages."""

    stages: list[str] | None = Field(None, description="The stages; none for all.")


class ByAlias(ByName):
    """An alias of a model."""

    alias: str | None = Field(None, description="The alias; `latest` is the newest version.")


class NewAlias(ByVersion):
    """Where an alias is to point."""

    alias: str | None = Field(None, description="The alias.")


@models.add("POST", "/registered-models/create", takes=NewModel)
def create_registered_model(call: Call, asked: NewModel) -> Json:
    """Create a registered model."""
    mlflow = MlflowRegistry(call.registry)
    made = mlflow.create_model(asked.name, description=asked.description or "", tags=pairs(asked.tags))
    return {"registered_model": model_json(mlflow, made)}


@models.add("GET", "/registered-models/get", takes=ByName, at_hand=True)
def get_registered_model(call: Call, asked: ByName) -> Json:
    """One registered model."""
    mlflow = MlflowReader(call.readable)
    return {"registered_model": model_json(mlflow, mlflow.get_model(asked.name))}


@models.add("GET", "/registered-models/search", takes=Search)
def search_registered_models(call: Call, asked: Search) -> Json:
    """The registered models that pass a filter."""
    mlflow = MlflowRegistry(call.registry)
    page = mlflow.search_models(
        parse_filter(asked.filter or "", Target.MODELS),
        parse_order(asked.order_by or (), Target.MODELS),
        max_results=asked.max_results,
        page_token=asked.page_token,
    )
    return models_json(mlflow, page)


@models.add("GET", "/registered-models/list", takes=ModelPage)
def list_registered_models(call: Call, asked: ModelPage) -> Json:
    """All registered models, by name."""
    mlflow = MlflowRegistry(call.registry)
    page = mlflow.search_models(
        (), parse_order((), Target.MODELS), max_results=asked.max_results, page_token=asked.page_token
    )
    return models_json(mlflow, page)


@models.add("PATCH", "/registered-models/update", takes=Description)
def update_registered_model(call: Call, asked: Description) -> Json:
    """Set a model's description."""
    mlflow = MlflowRegistry(call.registry)
    return {"registered_model": model_json(mlflow, mlflow.update_model(asked.name, asked.description or ""))}


@models.add("POST", "/registered-models/rename", takes=NewName)
def rename_registered_model(call: Call, asked: NewName) -> Json:
    """Give a model another name."""
    mlflow = MlflowRegistry(call.registry)
    return {"registered_model": model_json(mlflow, mlflow.rename_model(asked.name, asked.new_name))}


@models.add("DELETE", "/registered-models/delete", takes=ByName)
def delete_registered_model(call: Call, asked: ByName) -> Json:
    """Delete a model with all of its versions; the history keeps them."""
    MlflowRegistry(call.registry).delete_model(asked.name)
    return {}


@models.add("POST", "/registered-models/set-tag", takes=ModelTag)
def set_registered_model_tag(call: Call, asked: ModelTag) -> Json:
    """Set a tag of a model."""
    MlflowRegistry(call.registry).set_model_tag(asked.name, asked.key, asked.value)
    return {}


@models.add("DELETE", "/registered-models/delete-tag", takes=ModelTagKey)
def delete_registered_model_tag(call: Call, asked: ModelTagKey) -> Json:
    """Remove a tag of a model, if there is one."""
    MlflowRegistry(call.registry).delete_model_tag(asked.name, asked.key)
    return {}


@models.add("GET", "/registered-models/get-latest-versions", takes=Latest, at_hand=True)
@models.add("POST", "/registered-models/get-latest-versions", takes=Latest)
def get_latest_versions(call: Call, asked: Latest) -> Json:
    """The newest version in each of the stages."""
    mlflow = MlflowReader(call.readable)
    found = mlflow.get_latest_versions(asked.name, asked.stages or ())
    return without_empty({"model_versions": [version_json(mlflow, version) for version in found]})


@models.add("POST", "/registered-models/alias", takes=NewAlias)
def set_registered_model_alias(call: Call, asked: NewAlias) -> Json:
    """Point an alias to a version."""
    MlflowRegistry(call.registry).set_alias(asked.name, asked.alias, asked.version)
    return {}


@models.add("GET", "/registered-models/alias", takes=ByAlias, at_hand=True)
def get_model_version_by_alias(call: Call, asked: ByAlias) -> Json:
    """The version that an alias points to."""
    mlflow = MlflowReader(call.readable)
    return {"model_version": version_json(mlflow, mlflow.get_version_by_alias(asked.name, asked.alias))}


@models.add("DELETE", "/registered-models/alias", takes=ByAlias)
def delete_registered_model_alias(call: Call, asked: ByAlias) -> Json:
    """Remove an alias, if there is one."""
    MlflowRegistry(call.registry).delete_alias(asked.name, asked.alias)
    return {}
