"""Where each manifest lives: the one module that knows paths and the names of request branches.

Paths are relative to the root of the repository and use `/`. Every path that is written here is read back by
`key_of` as the same key, and no second path is: a foreign spelling of a name is not a manifest.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NoReturn

from registry_git.core.errors import Invalid
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
from registry_git.core.names import (
    AliasName,
    ConsumerName,
    Id,
    ModelName,
    StageName,
    decode,
    encode,
    parse_name,
    parse_version,
)

POLICY_PATH = "registry.yaml"
MODELS = "models"
DEPLOYMENTS = "deployments"
REQUESTS = "requests"
DEPLOY = "deploy"  # what GitOps tools read; kept by `gitops init`, and anybody may add to it
TEMPLATES = "templates"  # what manifests of deployments are rendered from
GITOPS_PATH = "deploy/gitops.yaml"  # what `deploy/` was made for
OBSERVATIONS = "observations"  # a directory on a branch of its own
REQUEST_REFS = "refs/heads/request/"
OBSERVATIONS_REF = "refs/heads/observations"

_SHARD = 1_000  # versions in one directory: larger trees make every commit slower
_REGISTRY_WIDE = "+registry"  # no model's name is ever encoded with a `+`
_SUFFIX = ".yaml"
_POINTER = "pointer.yaml"
_KUSTOMIZATION = "kustomization.yaml"
_KUSTOMIZATION_TEXT = b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [pointer.yaml]\n"
_HEX = re.compile(r"[0-9a-f]{2}")


class Layout(str, Enum):
    """How the directories of the models are laid out: side by side, or in 256 directories by a hash of the name."""

    FLAT = "flat"
    FANOUT = "fanout"


def path_of(key: Key | ConsumerKey, layout: Layout) -> str:
    """The path of the manifest that `key` identifies."""
    if isinstance(key, VersionKey):
        return f"{versions_directory(key.model, layout)}/{_version_file(key.version)}"
    if isinstance(key, StageKey):
        return f"{stages_directory(key.model, layout)}/{encode(key.stage)}/{_POINTER}"
    if isinstance(key, AliasKey):
        return f"{aliases_directory(key.model, layout)}/{encode(key.alias)}/{_POINTER}"
    if isinstance(key, ModelKey):
        return f"{model_directory(key.model, layout)}/model.yaml"
    if isinstance(key, RequestKey):
        return f"{requests_directory(key.model, layout)}/{key.request}{_SUFFIX}"
    if isinstance(key, CommentKey):
        return f"{comments_directory(key.model, key.version, layout)}/{key.comment}{_SUFFIX}"
    if isinstance(key, DeploymentKey):
        return f"{DEPLOYMENTS}/{encode(key.environment)}/{encode(key.name)}{_SUFFIX}"
    if isinstance(key, PolicyKey):
        return POLICY_PATH
    if isinstance(key, ConsumerKey):
        return f"{OBSERVATIONS}/{encode(key.consumer)}{_SUFFIX}"
    return _unreachable(key)


def key_of(path: str, layout: Layout) -> Key | None:
    """The key of the manifest at `path`; None where `path_of` would never write one (see `is_ours`)."""
    try:
        key = _parsed(path.split("/"), layout)
    except Invalid:
        return None
    # Comparing with what would be written refuses every second spelling at once: wrong shard, wrong directory.
    return key if key is not None and path_of(key, layout) == path else None


def consumer_of(path: str) -> ConsumerKey | None:
    """The consumer whose record is at `path` of the branch of observations; None where `path_of` never writes one."""
    try:
        key = ConsumerKey(consumer=ConsumerName.parse(decode(path.rpartition("/")[2].removesuffix(_SUFFIX))))
    except Invalid:
        return None
    return key if path_of(key, Layout.FLAT) == path else None


def is_ours(path: str) -> bool:
    """Whether `path` lies where only the registry writes, so that anything but a manifest there is a fault."""
    return path == POLICY_PATH or path.partition("/")[0] in (MODELS, DEPLOYMENTS, REQUESTS)


def is_companion(path: str, layout: Layout) -> bool:
    """Whether `path` is the `kustomization.yaml` beside a pointer."""
    directory, _, file = path.rpartition("/")
    return file == _KUSTOMIZATION and isinstance(key_of(f"{directory}/{_POINTER}", layout), StageKey | AliasKey)


def companions(key: Key, layout: Layout) -> dict[str, bytes]:
    """The files that live and die with the manifest of `key`: path to content.

    A pointer has a `kustomization.yaml`, so that an overlay can take its directory as a resource.
    """
    if not isinstance(key, StageKey | AliasKey):
        return {}
    return {path_of(key, layout).removesuffix(_POINTER) + _KUSTOMIZATION: _KUSTOMIZATION_TEXT}


def model_directory(name: ModelName, layout: Layout) -> str:
    """The directory of everything that belongs to a model, without a closing `/`."""
    component = encode(name)
    if layout is Layout.FLAT:
        return f"{MODELS}/{component}"
    from hashlib import sha256  # slow to import

    return f"{MODELS}/{sha256(name.encode('utf-8')).hexdigest()[:2]}/{component}"


def versions_directory(name: ModelName, layout: Layout) -> str:
    """The directory of a model's versions; those from 1,000 up are in directories of a thousand below it."""
    return f"{model_directory(name, layout)}/versions"


def stages_directory(name: ModelName, layout: Layout) -> str:
    """The directory that has one directory for each stage that a version of the model is in."""
    return f"{model_directory(name, layout)}/stages"


def aliases_directory(name: ModelName, layout: Layout) -> str:
    """The directory that has one directory for each alias of a model."""
    return f"{model_directory(name, layout)}/aliases"


def requests_directory(name: ModelName | None, layout: Layout) -> str:
    """The directory of a model's requests, open and closed; of the registry's own ones where `name` is None."""
    return REQUESTS if name is None else f"{model_directory(name, layout)}/requests"


def comments_directory(name: ModelName, version: int, layout: Layout) -> str:
    """The directory of the comments on one version."""
    return f"{model_directory(name, layout)}/comments/{version}"


def request_ref(model: ModelName | None, request: Id) -> str:
    """The full name of the branch of an open request; `model` is None for a request about the whole registry."""
    return f"{REQUEST_REFS}{_REGISTRY_WIDE if model is None else encode(model)}/{request}"


@lru_cache(maxsize=4096)
def parse_request_ref(ref: str) -> RequestKey | None:
    """The request whose branch is `ref`; None where `request_ref` never writes `ref`."""
    if not ref.startswith(REQUEST_REFS):
        return None
    owner, slash, request = ref[len(REQUEST_REFS) :].partition("/")
    if not slash:
        return None
    try:
        return RequestKey(model=None if owner == _REGISTRY_WIDE else _model(owner), request=Id.parse(request))
    except Invalid:
        return None


def _unreachable(key: NoReturn) -> NoReturn:
    raise AssertionError(key)  # a new kind of key has no path yet; mypy finds it first


def _version_file(version: int) -> str:
    return f"{version // _SHARD}xxx/{version}{_SUFFIX}" if version >= _SHARD else f"{version}{_SUFFIX}"


def _parsed(parts: list[str], layout: Layout) -> Key | None:
    """What `parts` could be; the caller compares with `path_of`. Raises: Invalid."""
    if parts[0] == MODELS:
        if layout is Layout.FANOUT:
            if len(parts) < 2 or not _HEX.fullmatch(parts[1]):
                return None
            del parts[1]
        return _parsed_in_model(_model(parts[1]), parts[2], parts[3:]) if len(parts) > 2 else None
    if parts == [POLICY_PATH]:
        return PolicyKey()
    if parts[0] == REQUESTS and len(parts) == 2:
        return RequestKey(model=None, request=Id.parse(parts[1].removesuffix(_SUFFIX)))
    if parts[0] == DEPLOYMENTS and len(parts) == 3:
        return DeploymentKey(
            environment=parse_name("environment", decode(parts[1])),
            name=parse_name("deployment", decode(parts[2].removesuffix(_SUFFIX))),
        )
    return None


def _parsed_in_model(model: ModelName, group: str, rest: list[str]) -> Key | None:
    if not rest:
        return ModelKey(model=model) if group == "model.yaml" else None
    file = rest[-1].removesuffix(_SUFFIX)
    if group == "versions":
        return VersionKey(model=model, version=parse_version(file))
    if group == "stages":
        return StageKey(model=model, stage=StageName.parse(decode(rest[0])))
    if group == "aliases":
        return AliasKey(model=model, alias=AliasName.parse(decode(rest[0])))
    if group == "requests":
        return RequestKey(model=model, request=Id.parse(file))
    if group == "comments" and len(rest) == 2:
        return CommentKey(model=model, version=parse_version(rest[0]), comment=Id.parse(file))
    return None


@lru_cache(maxsize=4096)
def _model(component: str) -> ModelName:
    return ModelName.parse(decode(component))
