"""Reading deployments: which job or service uses which version, since when, and whether it is behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from registry_git.core import deployed
from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.keys import DeploymentKey
from registry_git.core.model import Deployment
from registry_git.core.names import ModelName, parse_name, parse_version
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.manifests.layout import path_of
from registry_git.registry.views import DeploymentView

if TYPE_CHECKING:
    from registry_git.index.queries import Brought, Queries


class DeploymentReading(ABC):
    """The part of reading that is about deployments."""

    @abstractmethod
    def _snapshot(self) -> GitSnapshot:
        """The moment that is shown."""

    @abstractmethod
    def _queries(self, snapshot: Snapshot) -> Queries:
        """The index at that moment."""

    def deployments(
        self,
        *,
        environment: str | None = None,
        workload: str | None = None,
        model: str | None = None,
        version: int | str | None = None,
    ) -> list[DeploymentView]:
        """The deployments of which all that is given is true, by environment and name.

        `version` (with `model`) asks who uses that version: what a deployment is declared to use, not what it runs.

        Raises:
            Invalid: no such workload, or a version without its model; NotFound: no such model or version.
        """
        snapshot = self._snapshot()
        if workload is not None and workload not in deployed.WORKLOADS:
            raise Invalid(f"{workload!r} is no workload.", hint=f"There are {' and '.join(deployed.WORKLOADS)}.")
        if version is not None and model is None:
            raise Invalid("A version is asked for, and no model.", hint="Name both, as fraud/12.")
        number = None if version is None else parse_version(version)
        name = None if model is None else ModelName.parse(model)
        queries = self._queries(snapshot)
        found = queries.deployments(environment=environment, workload=workload, model=name, version=number)
        if not found and name is not None:
            # a mistyped name must not read as "nobody uses it"
            snapshot.model(name)
            if number is not None:
                snapshot.version(name, number)
        views = []
        for here in found:
            key = DeploymentKey(environment=here.environment, name=here.name)
            try:
                one = snapshot.deployment(key)
                if one is not None:  # the index may be a moment ahead, when somebody writes just now
                    views.append(_view(snapshot, one, here))
            except Corrupt as problem:
                # one broken manifest must not hide the others (`unreadable` tells of it)
                if problem.path != path_of(key, snapshot.layout):
                    raise
        return views

    def deployment(self, environment: str, name: str) -> DeploymentView:
        """One deployment. Raises: NotFound."""
        snapshot = self._snapshot()
        from registry_git.core.changes.deployments import find_deployment  # what changes them is slow to import

        one = find_deployment(snapshot, deployment_key(environment, name))
        return _view(snapshot, one, self._queries(snapshot).deployed(environment, name))


def deployment_key(environment: str, name: str) -> DeploymentKey:
    """The checked key of a deployment. Raises: Invalid."""
    return DeploymentKey(environment=parse_name("environment", environment), name=parse_name("deployment", name))


def _view(snapshot: Snapshot, one: Deployment, brought: Brought | None) -> DeploymentView:
    resolved = one.resolved
    version = deployed.used(one)
    by = brought if version is not None else None
    said = resolved.since if resolved else None
    return DeploymentView(
        environment=one.environment,
        name=one.name,
        workload=one.workload,
        owner=one.owner,
        model=one.model,
        reference=deployed.reference(one),
        follow=one.follow,
        version=version,
        source=resolved.source if resolved else "",
        digest=resolved.digest if resolved else "",
        since=by.since if by else said,
        request=by.request if by else "",
        brought_by=by.commit if by else "",
        target=deployed.target(snapshot, one),
        standing=deployed.standing(snapshot, one).value,
        manifest=one,
        commit=snapshot.commit,
    )
