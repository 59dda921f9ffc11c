"""From a request to its pull request: the branch is at the remote already; this opens the review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry_git.core.errors import Invalid
from registry_git.forges.base import PullRequest
from registry_git.forges.description import describe
from registry_git.forges.settings import forge_of
from registry_git.registry.facade import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where a request can be reviewed: its branch at the remote, and the pull request where a forge is configured."""

    branch: str
    remote: str
    pull: PullRequest | None


def require_remote(registry: Registry) -> str:
    """The URL that requests are pushed to.

    Raises:
        Invalid: the registry follows no remote, or works offline.
    """
    if registry.remote is None:
        raise Invalid(
            "There is nowhere to push the request: this registry follows no remote, or works offline.",
            hint="Work in a clone: registry-git clone URL PATH",
        )
    return registry.remote


def publish(registry: Registry, id: str, *, environment: Mapping[str, str]) -> Published:
    """Opens the pull request of an open request; finds the one that is open already.

    Args:
        registry: a clone, whose writes go to the remote.
        id: the request's.
        environment: the variables of this process, for the forge's token.

    Raises:
        Invalid: there is no remote; NotFound: no such request; PermissionDenied, Unavailable: the forge says no. The
        request itself is pushed in each case, and can be published again.
    """
    remote = require_remote(registry)
    forge = forge_of(registry.policy(), environment=environment, origin=remote)
    new = describe(registry, id)
    return Published(branch=new.branch, remote=remote, pull=forge.open(new) if forge is not None else None)
