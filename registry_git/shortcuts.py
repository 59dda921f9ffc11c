"""Functions of the module for the registry that the environment names: register, get a version, get the latest."""

from __future__ import annotations

from registry_git.app import open_registry
from registry_git.registry.views import VersionView


def register_model(model_uri: str, name: str) -> VersionView:
    """Registers the model at `model_uri` as the next version of `name`.

    The registry is the one that `REGISTRY_GIT_URI` names, else the repository around the working directory.

    Raises:
        NotFound, Invalid, PermissionDenied, Unavailable: as `Registry.register`.
    """
    return open_registry().register(name, model_uri)


def get_model_version(*, registered_model: str, version: int | str) -> VersionView:
    """One version of a registered model. Raises: NotFound."""
    return open_registry().version(registered_model, version)


def get_latest_version(*, registered_model: str, stage: str | None = None) -> VersionView:
    """The version that a stage resolves to; without a stage, the newest version. Raises: NotFound."""
    return open_registry().lookup(f"{registered_model}/{stage or 'latest'}")
