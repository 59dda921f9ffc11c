"""Stage pointers, alias pointers and deployments: value to members of a manifest and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry_git.core.frozen import Frozen
from registry_git.core.model import AliasPointer, Deployment, Resolved, StagePointer
from registry_git.core.names import Id, dns_label, parse_name, parse_version
from registry_git.manifests.fields import (
    Fields,
    parse_actor,
    parse_alias,
    parse_model,
    parse_stage,
    sorted_by_key,
    without_empty,
)

# Keeps pointers out of the cluster: kustomize drops what carries it from its output.
LOCAL_CONFIG = "config.kubernetes.io/local-config"


def stage_members(pointer: StagePointer) -> dict[str, Any]:
    """What the manifest of `pointer` says, in the order in which it is written."""
    return {
        "metadata": _metadata(dns_label(pointer.model, pointer.stage.lower()), pointer.annotations),
        "model": pointer.model,
        "stage": pointer.stage,
        "version": str(pointer.version),
        "source": pointer.source,
        "format": pointer.format,  # always there, empty or not: a replacement of kustomize fails on a missing field
        "digest": pointer.digest,
        "versions": sorted(pointer.versions),
        **({} if pointer.previous is None else {"previous": str(pointer.previous)}),
        "request": pointer.request,
    }


def read_stage(fields: Fields) -> StagePointer:
    """The stage pointer that validated members describe. Raises: Misplaced."""
    versions = tuple(fields.value["versions"])
    if list(versions) != sorted(versions):
        raise fields.refuse("versions", "The versions are not in ascending order.")
    if fields.parse("version", parse_version) != versions[-1]:
        raise fields.refuse(
            "version",
            f"v{fields.value['version']} is not the highest of `versions`, v{versions[-1]}.",
            "Set them with `registry-git stage`.",
        )
    pointer = StagePointer(
        model=fields.parse("model", parse_model),
        stage=fields.parse("stage", parse_stage),
        versions=versions,
        source=fields.value["source"],
        format=fields.text("format"),
        digest=fields.text("digest"),
        previous=fields.optional("previous", parse_version),
        request=fields.parse("request", Id.parse),
        annotations=_annotations(fields),
    )
    _check_label(fields, dns_label(pointer.model, pointer.stage.lower()))
    return pointer


def alias_members(pointer: AliasPointer) -> dict[str, Any]:
    """What the manifest of `pointer` says, in the order in which it is written."""
    return {
        "metadata": _metadata(dns_label(pointer.model, pointer.alias), pointer.annotations),
        "model": pointer.model,
        "alias": pointer.alias,
        "version": str(pointer.version),
        "source": pointer.source,
        "format": pointer.format,  # always there, empty or not: a replacement of kustomize fails on a missing field
        "digest": pointer.digest,
        **({} if pointer.previous is None else {"previous": str(pointer.previous)}),
        "request": pointer.request,
    }


def read_alias(fields: Fields) -> AliasPointer:
    """The alias pointer that validated members describe. Raises: Misplaced."""
    pointer = AliasPointer(
        model=fields.parse("model", parse_model),
        alias=fields.parse("alias", parse_alias),
        version=fields.parse("version", parse_version),
        source=fields.value["source"],
        format=fields.text("format"),
        digest=fields.text("digest"),
        previous=fields.optional("previous", parse_version),
        request=fields.parse("request", Id.parse),
        annotations=_annotations(fields),
    )
    _check_label(fields, dns_label(pointer.model, pointer.alias))
    return pointer


def deployment_members(deployment: Deployment) -> dict[str, Any]:
    """What the manifest of `deployment` says, in the order in which it is written."""
    resolved = deployment.resolved
    return {
        "environment": deployment.environment,
        "name": deployment.name,
        "workload": deployment.workload,
        "owner": deployment.owner,
        "model": deployment.model,
        **without_empty(
            {
                "stage": deployment.stage,
                "alias": deployment.alias,
                "version": None if deployment.version is None else str(deployment.version),
            }
        ),
        "follow": deployment.follow,
        **({} if resolved is None else {"resolved": _resolved_members(resolved)}),
        **({"annotations": sorted_by_key(deployment.annotations)} if deployment.annotations else {}),
    }


def read_deployment(fields: Fields) -> Deployment:
    """The deployment that validated members describe. Raises: Misplaced."""
    return Deployment(
        environment=fields.parse("environment", lambda text: parse_name("environment", text)),
        name=fields.parse("name", lambda text: parse_name("deployment", text)),
        workload=fields.text("workload"),
        owner=fields.parse("owner", parse_actor),
        model=fields.parse("model", parse_model),
        stage=fields.optional("stage", parse_stage),
        alias=fields.optional("alias", parse_alias),
        version=fields.optional("version", parse_version),
        follow=fields.text("follow"),
        resolved=_read_resolved(fields.mapping("resolved")) if "resolved" in fields.value else None,
        annotations=fields.annotations(),
    )


def _metadata(label: str, annotations: Any) -> dict[str, Any]:
    return {"name": label, "annotations": {LOCAL_CONFIG: "true", **sorted_by_key(annotations)}}


def _annotations(fields: Fields) -> Mapping[str, str]:
    found = fields.value["metadata"]["annotations"]
    return Frozen({key: value for key, value in found.items() if key != LOCAL_CONFIG})


def _check_label(fields: Fields, label: str) -> None:
    metadata = fields.mapping("metadata")
    if metadata.value["name"] != label:
        raise metadata.refuse(
            "name", f"{metadata.value['name']!r} is not the label of this pointer.", f"It is {label}."
        )


def _resolved_members(resolved: Resolved) -> dict[str, Any]:
    return {
        "version": str(resolved.version),
        "source": resolved.source,
        **({"digest": resolved.digest} if resolved.digest else {}),
        "since": resolved.since.text(),
    }


def _read_resolved(fields: Fields) -> Resolved:
    return Resolved(
        version=fields.parse("version", parse_version),
        source=fields.text("source"),
        digest=fields.text("digest"),
        since=fields.time("since"),
    )
