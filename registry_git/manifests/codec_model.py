"""Registered models, their versions, and comments on these: value to members of a manifest and back."""

from __future__ import annotations

from typing import Any

from registry_git.core.model import Comment, Dataset, Lineage, ModelVersion, RegisteredModel, Status
from registry_git.core.names import Id
from registry_git.manifests.fields import Fields, parse_actor, parse_model, sorted_by_key, without_empty

_NO_LINEAGE = Lineage()


def model_members(model: RegisteredModel) -> dict[str, Any]:
    """What the manifest of `model` says, in the order in which it is written."""
    return {
        "name": model.name,
        "id": model.id,
        "created": model.created.text(),
        "created_by": model.created_by,
        "description": model.description,
        **({"tags": sorted_by_key(model.tags)} if model.tags else {}),
        **({"last_deleted": model.last_deleted} if model.last_deleted else {}),
        **({"annotations": sorted_by_key(model.annotations)} if model.annotations else {}),
    }


def read_model(fields: Fields) -> RegisteredModel:
    """The model that validated members describe. Raises: Misplaced."""
    return RegisteredModel(
        name=fields.parse("name", parse_model),
        id=fields.parse("id", Id.parse),
        created=fields.time("created"),
        created_by=fields.parse("created_by", parse_actor),
        description=fields.text("description"),
        tags=fields.tags("tags"),
        last_deleted=fields.value.get("last_deleted", 0),
        annotations=fields.annotations(),
    )


def version_members(version: ModelVersion) -> dict[str, Any]:
    """What the manifest of `version` says, in the order in which it is written."""
    return {
        "model": version.model,
        "version": version.version,
        "id": version.id,
        "source": version.source,
        **without_empty(
            {
                "origin": version.origin,
                "digest": version.digest,
                "format": version.format,
                "flavors": list(version.flavors),
                "signature": version.signature,
            }
        ),
        "status": version.status.value,
        **({"status_message": version.status_message} if version.status_message else {}),
        "created": version.created.text(),
        "created_by": version.created_by,
        "description": version.description,
        **without_empty(
            {
                "tags": sorted_by_key(version.tags),
                "lineage": _lineage_members(version.lineage),
                "annotations": sorted_by_key(version.annotations),
            }
        ),
    }


def read_version(fields: Fields) -> ModelVersion:
    """The version that validated members describe. Raises: Misplaced."""
    value = fields.value
    return ModelVersion(
        model=fields.parse("model", parse_model),
        version=value["version"],
        id=fields.parse("id", Id.parse),
        source=value["source"],
        origin=value.get("origin", ""),
        digest=value.get("digest", ""),
        format=value.get("format", ""),
        flavors=tuple(value.get("flavors", ())),
        signature=value.get("signature", ""),
        status=Status(value["status"]),
        status_message=value.get("status_message", ""),
        created=fields.time("created"),
        created_by=fields.parse("created_by", parse_actor),
        description=value["description"],
        tags=fields.tags("tags"),
        lineage=_read_lineage(value["lineage"]) if "lineage" in value else _NO_LINEAGE,
        annotations=fields.annotations(),
    )


def comment_members(comment: Comment) -> dict[str, Any]:
    """What the manifest of `comment` says, in the order in which it is written."""
    return {
        "id": comment.id,
        "model": comment.model,
        "version": comment.version,
        "author": comment.author,
        "created": comment.created.text(),
        "updated": comment.updated.text(),
        "text": comment.text,
    }


def read_comment(fields: Fields) -> Comment:
    """The comment that validated members describe. Raises: Misplaced."""
    return Comment(
        id=fields.parse("id", Id.parse),
        model=fields.parse("model", parse_model),
        version=fields.value["version"],
        author=fields.parse("author", parse_actor),
        created=fields.time("created"),
        updated=fields.time("updated"),
        text=fields.text("text"),
    )


def _lineage_members(lineage: Lineage) -> dict[str, Any]:
    return without_empty(
        {
            "run_id": lineage.run_id,
            "run_name": lineage.run_name,
            "run_link": lineage.run_link,
            "run_user": lineage.run_user,
            "experiment_id": lineage.experiment_id,
            "experiment_name": lineage.experiment_name,
            "model_id": lineage.model_id,
            "git_commit": lineage.git_commit,
            "datasets": [without_empty({"name": each.name, "digest": each.digest}) for each in lineage.datasets],
        }
    )


def _read_lineage(value: dict[str, Any]) -> Lineage:
    datasets = tuple(Dataset(name=each["name"], digest=each.get("digest", "")) for each in value.get("datasets", ()))
    return Lineage(**{**value, "datasets": datasets})
