"""registry-git: a model registry whose only database is a Git repository.

    import registry_git

    registry = registry_git.open("models.git", actor="Alice <alice@acme.io>")
    version = registry.register("fraud", "s3://acme-models/fraud/12", tags={"auc": "0.91"})
    registry.request_stage("fraud", version.version, "Production", comment="better on last week's data")

Everything in `__all__` is public; names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry_git.app import clone, init
    from registry_git.app import open_registry as open  # noqa: A004 - read as registry_git.open
    from registry_git.core.activity import Activity
    from registry_git.core.errors import (
        AlreadyExists,
        Conflict,
        Corrupt,
        Invalid,
        NotFound,
        PermissionDenied,
        RegistryError,
        Unavailable,
    )
    from registry_git.core.model import Dataset, Lineage, Policy
    from registry_git.core.pointing import PointerChange
    from registry_git.registry.comparison import FieldDifference
    from registry_git.registry.deploying import DeploymentSpec
    from registry_git.registry.facade import Registry
    from registry_git.registry.finding import Finding
    from registry_git.registry.observed import Observed
    from registry_git.registry.past import PastReading
    from registry_git.registry.registering import Registration
    from registry_git.registry.resolving import Resolution
    from registry_git.registry.views import (
        CommentView,
        DeploymentView,
        Done,
        ModelPage,
        ModelView,
        RequestView,
        RollView,
        VersionView,
    )
    from registry_git.shortcuts import get_latest_version, get_model_version, register_model

__version__ = "0.1.0"

_HOMES = {
    "registry_git.app": ("clone", "init"),
    "registry_git.core.activity": ("Activity",),
    "registry_git.core.errors": (
        "AlreadyExists",
        "Conflict",
        "Corrupt",
        "Invalid",
        "NotFound",
        "PermissionDenied",
        "RegistryError",
        "Unavailable",
    ),
    "registry_git.core.model": ("Dataset", "Lineage", "Policy"),
    "registry_git.core.pointing": ("PointerChange",),
    "registry_git.registry.deploying": ("DeploymentSpec",),
    "registry_git.registry.comparison": ("FieldDifference",),
    "registry_git.registry.facade": ("Registry",),
    "registry_git.registry.finding": ("Finding",),
    "registry_git.registry.observed": ("Observed",),
    "registry_git.registry.past": ("PastReading",),
    "registry_git.registry.registering": ("Registration",),
    "registry_git.registry.resolving": ("Resolution",),
    "registry_git.registry.views": (
        "CommentView",
        "DeploymentView",
        "Done",
        "ModelPage",
        "ModelView",
        "RequestView",
        "RollView",
        "VersionView",
    ),
    "registry_git.shortcuts": ("get_latest_version", "get_model_version", "register_model"),
}
_PLACES = {name: (home, name) for home, names in _HOMES.items() for name in names}
_PLACES["open"] = ("registry_git.app", "open_registry")

__all__ = [
    "Activity",
    "AlreadyExists",
    "CommentView",
    "Conflict",
    "Corrupt",
    "Dataset",
    "DeploymentSpec",
    "DeploymentView",
    "Done",
    "FieldDifference",
    "Finding",
    "Invalid",
    "Lineage",
    "ModelPage",
    "ModelView",
    "NotFound",
    "Observed",
    "PastReading",
    "PermissionDenied",
    "PointerChange",
    "Policy",
    "Registration",
    "Registry",
    "RegistryError",
    "RequestView",
    "Resolution",
    "RollView",
    "Unavailable",
    "VersionView",
    "clone",
    "get_latest_version",
    "get_model_version",
    "init",
    "open",
    "register_model",
]


def __getattr__(name: str) -> Any:
    # imported on first use, so that the command line starts quickly
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'registry_git' has no attribute {name!r}")
    value = getattr(import_module(place[0]), place[1])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
