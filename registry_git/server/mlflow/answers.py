"""Models and versions as JSON in the shapes of MLflow: numbers of versions are texts, times are numbers.

What is empty is left out where MLflow's own server leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from registry_git.core.names import Actor
from registry_git.mlflow_rules import MlflowModel, MlflowPage, MlflowVersion
from registry_git.mlflow_rules.reading import MlflowReads

Json = dict[str, object]


def version_json(mlflow: MlflowReads, found: MlflowVersion) -> Json:
    """A version. When it changed last is asked of the index, where `found` does not say it."""
    updated = found.last_updated_timestamp
    if updated is None:
        updated = max(mlflow.version_updated(found.name, found.version), found.creation_timestamp)
    told: Json = {
        "name": found.name,
        "version": str(found.version),
        "creation_timestamp": found.creation_timestamp,
        "last_updated_timestamp": updated,
        "user_id": user_id(found.user_id),
        "current_stage": found.current_stage,
        "description": found.description,
        "source": found.source,
        "run_id": found.run_id,
        "run_link": found.run_link,
        "status": found.status,
    }
    more: Json = {
        "model_id": found.model_id,
        "status_message": found.status_message,
        "tags": tags_json(found.tags),
        "aliases": list(found.aliases),
    }
    return told | without_empty(more)


def model_json(mlflow: MlflowReads, found: MlflowModel) -> Json:
    """A registered model with the highest version of each of its stages."""
    updated = found.last_updated_timestamp
    if updated is None:
        updated = max(mlflow.model_updated(found.name), found.creation_timestamp)
    return without_empty(
        {
            "name": found.name,
            "creation_timestamp": found.creation_timestamp,
            "last_updated_timestamp": updated,
            "user_id": user_id(found.user_id),
            "description": found.description,
            "latest_versions": [version_json(mlflow, version) for version in found.latest_versions],
            "tags": tags_json(found.tags),
            "aliases": [{"alias": alias, "version": str(version)} for alias, version in found.aliases.items()],
        }
    )


def models_json(mlflow: MlflowReads, page: MlflowPage[MlflowModel]) -> Json:
    """A page of models."""
    found = [model_json(mlflow, model) for model in page.items]
    return without_empty({"registered_models": found, "next_page_token": page.next_page_token})


def versions_json(mlflow: MlflowReads, page: MlflowPage[MlflowVersion]) -> Json:
    """A page of versions."""
    found = [version_json(mlflow, version) for version in page.items]
    return without_empty({"model_versions": found, "next_page_token": page.next_page_token})


def tags_json(tags: Mapping[str, str]) -> list[Json]:
    """Tags, as a list."""
    return [{"key": key, "value": value} for key, value in tags.items()]


@lru_cache(maxsize=1024)
def user_id(actor: str) -> str:
    """Who somebody is to a client: the email address, by which roles and accounts name people."""
    return Actor(actor).email if actor.endswith(">") else actor


def without_empty(fields: Json) -> Json:
    """As protobuf's JSON: an empty text or list is not there at all."""
    return {name: value for name, value in fields.items() if value not in ("", [], None)}
