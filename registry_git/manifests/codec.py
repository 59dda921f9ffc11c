"""Entities to manifests and back: the text of every manifest is written and read here.

What is written has been held against its schema; what is read has been held against its schema, against the rules of
`core`, and against the path where it was found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.keys import (
    AliasKey,
    CommentKey,
    ConsumerKey,
    DeploymentKey,
    Key,
    ModelKey,
    PolicyKey,
    RequestKey,
    StageKey,
    VersionKey,
)
from registry_git.core.model import (
    AliasPointer,
    Comment,
    Deployment,
    Entity,
    ModelVersion,
    RegisteredModel,
    StagePointer,
    TransitionRequest,
)
from registry_git.core.observations import Observations
from registry_git.core.rules import Policy
from registry_git.manifests import codec_model, codec_observations, codec_pointer, codec_policy, codec_request
from registry_git.manifests.fields import Fields, Misplaced
from registry_git.manifests.layout import Layout, companions, path_of
from registry_git.manifests.schemas import validate
from registry_git.manifests.usual import read_usual
from registry_git.manifests.yaml_reader import SIZE_MAX, lines, read
from registry_git.manifests.yaml_writer import write

API_VERSION = "registry-git.dev/v1"

_KINDS: dict[type, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    RegisteredModel: ("RegisteredModel", codec_model.model_members),
    ModelVersion: ("ModelVersion", codec_model.version_members),
    Comment: ("Comment", codec_model.comment_members),
    StagePointer: ("StagePointer", codec_pointer.stage_members),
    AliasPointer: ("AliasPointer", codec_pointer.alias_members),
    Deployment: ("Deployment", codec_pointer.deployment_members),
    TransitionRequest: ("TransitionRequest", codec_request.request_members),
    Policy: ("Registry", codec_policy.policy_members),
    Observations: ("Observations", codec_observations.observations_members),
}

_READERS: dict[type, tuple[str, Callable[[Fields], Entity | Observations]]] = {
    ModelKey: ("RegisteredModel", codec_model.read_model),
    VersionKey: ("ModelVersion", codec_model.read_version),
    CommentKey: ("Comment", codec_model.read_comment),
    StageKey: ("StagePointer", codec_pointer.read_stage),
    AliasKey: ("AliasPointer", codec_pointer.read_alias),
    DeploymentKey: ("Deployment", codec_pointer.read_deployment),
    RequestKey: ("TransitionRequest", codec_request.read_request),
    PolicyKey: ("Registry", codec_policy.read_policy),
    ConsumerKey: ("Observations", codec_observations.read_observations),
}


def encode(entity: Entity | Observations) -> bytes:
    """The manifest of `entity`: YAML in UTF-8, at most 256 KiB, ending in a newline.

    Raises:
        Invalid: the entity holds what no manifest may hold, or too much; the message names the place.
    """
    return _encoded(entity)[0]


def _encoded(entity: Entity | Observations) -> tuple[bytes, Entity | Observations]:
    """The manifest, and what a reader of it gets."""
    kind, members = _KINDS[type(entity)]
    value = {"apiVersion": API_VERSION, "kind": kind, **members(entity)}
    data = write(value)
    if len(data) > SIZE_MAX:
        raise Invalid(
            f"The manifest would have {len(data):,} bytes; {SIZE_MAX:,} are allowed.",
            hint="Shorten the description or the tags.",
        )
    read_again = read_usual(kind, data)
    try:
        if read_again is None:
            validate(kind, value, path="", data=b"")
        # The rules that no schema can say hold for what is written as for what is read.
        read_back = _READERS[type(entity.key)][1](Fields(read_again or value))
    except Corrupt as problem:
        raise Invalid(f"{problem.json_path}: {problem.message}", hint=problem.hint) from None
    except Misplaced as problem:
        raise Invalid(f"{problem.place}: {problem.message}", hint=problem.hint) from None
    return data, read_back


@overload
def decode(data: bytes, *, path: str, key: Key) -> Entity: ...


@overload
def decode(data: bytes, *, path: str, key: ConsumerKey) -> Observations: ...


def decode(data: bytes, *, path: str, key: Key | ConsumerKey) -> Entity | Observations:
    """The entity that the manifest at `path` holds.

    Args:
        data: the bytes of the manifest.
        path: where it was found, for errors.
        key: the identity that its path gives; the kind and the names inside must be the same.

    Raises:
        Corrupt: it is no valid manifest of that identity; the error names file, line and JSON path.
    """
    kind, reader = _READERS[type(key)]
    value = read_usual(kind, data)
    if value is None:
        value = read(data, path=path)
        validate(kind, value, path=path, data=data)
    try:
        entity = reader(Fields(value))
        if entity.key != key:
            raise _misfiled(entity.key, key)
    except Misplaced as problem:
        raise Corrupt(
            problem.message,
            path=path,
            json_path=problem.place,
            line=lines(data).get(problem.place, 0),
            hint=problem.hint,
        ) from None
    return entity


def files(key: Key, entity: Entity | None, layout: Layout) -> dict[str, bytes | None]:
    """What makes the registry hold `entity` at `key`, or nothing there: path to content, or to None for deletion.

    A pointer comes and goes with its `kustomization.yaml`.

    Raises:
        Invalid: see `encode`.
    """
    return files_as_read(key, entity, layout)[0]


def files_as_read(key: Key, entity: Entity | None, layout: Layout) -> tuple[dict[str, bytes | None], Entity | None]:
    """As `files`; and what a reader of them gets: the same entity, in the order of its manifest, and frozen throughout.

    Raises:
        Invalid: see `encode`.
    """
    beside = companions(key, layout)
    if entity is None:
        return {path_of(key, layout): None, **dict.fromkeys(beside)}, None
    if entity.key != key:
        raise Invalid(f"{entity.key} cannot be written as {key}.")
    data, read_back = _encoded(entity)
    return {path_of(key, layout): data, **beside}, read_back  # type: ignore[return-value]


def _misfiled(inside: Key | ConsumerKey, expected: Key | ConsumerKey) -> Misplaced:
    """The error for a manifest whose names are not those of its path."""
    for name in expected.__slots__:
        found, wanted = getattr(inside, name), getattr(expected, name)
        if found != wanted:
            member = "id" if name in ("request", "comment") else name
            if isinstance(expected, ModelKey):
                member = "name"
            place = f"$.{member}" if found is not None else "$"
            return Misplaced(
                place, f"It says {member} {found!s}, and its path says {wanted!s}.", "Move it or correct it."
            )
    raise AssertionError(inside)
