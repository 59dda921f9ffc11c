"""Deployments as methods: declared, pinned, made to follow, removed."""

from __future__ import annotations

from registry_git.core.changes import deployments
from registry_git.core.changes.deployments import Followed
from registry_git.core.deployed import AUTO, PINNED, REQUEST, WORKLOADS
from registry_git.core.errors import Invalid
from registry_git.core.names import Actor, AliasName, ModelName, parse_version
from registry_git.registry.deployed import deployment_key
from registry_git.registry.views import DeploymentView, Done
from registry_git.registry.writes import Writes


class Deploying(Writes):
    """The part of the registry that knows which jobs and services follow what."""

    def add_deployment(
        self,
        environment: str,
        name: str,
        *,
        model: str,
        stage: str = "",
        alias: str = "",
        version: int | str | None = None,
        workload: str = "service",
        owner: str = "",
        follow: str = "",
        comment: str = "",
    ) -> DeploymentView:
        """Declares that a `job` or `service` follows a stage or an alias, or is pinned to a version of a model.

        `follow` is `auto` (the default: it gets another version in the commit that moves the pointer), `request` (that
        opens a request) or `pinned` (the default for a version). `owner` answers for it; by default, who declares it.

        Raises:
            NotFound: no such model or version; AlreadyExists; Invalid; PermissionDenied.
        """
        key, kind = deployment_key(environment, name), _one_of(workload, WORKLOADS, "workload")
        followed = parse_followed(stage, alias, version)
        mode = follow or (PINNED if followed.version is not None else AUTO)
        _one_of(mode, (AUTO, REQUEST, PINNED), "mode")
        answers = Actor.parse(owner) if owner else None
        subject = ModelName.parse(model)
        self._apply(
            self._act(comment),
            lambda snapshot, act: deployments.add_deployment(
                snapshot,
                act,
                key=key,
                workload=kind,
                owner=answers or act.actor,
                model=subject,
                followed=followed,
                follow=mode,
            ),
        )
        return self.deployment(environment, name)

    def pin_deployment(
        self, environment: str, name: str, version: int | str | None = None, *, comment: str = ""
    ) -> DeploymentView:
        """Fixes a deployment to a version; by default to the one that it uses. Raises: NotFound, PermissionDenied."""
        key, number = deployment_key(environment, name), None if version is None else parse_version(version)
        self._apply(
            self._act(comment),
            lambda snapshot, act: deployments.pin_deployment(snapshot, act, key=key, version=number),
        )
        return self.deployment(environment, name)

    def follow_deployment(
        self, environment: str, name: str, *, stage: str = "", alias: str = "", follow: str = "", comment: str = ""
    ) -> DeploymentView:
        """Makes a deployment follow a stage or an alias, by `auto` or on `request`; what is left out stays as it is.

        Raises:
            NotFound; Invalid: it is pinned, and nothing is named to follow; PermissionDenied.
        """
        key = deployment_key(environment, name)
        followed = parse_followed(stage, alias, None) if stage or alias else Followed()
        if follow:
            _one_of(follow, (AUTO, REQUEST), "mode of following")
        self._apply(
            self._act(comment),
            lambda snapshot, act: deployments.follow_deployment(
                snapshot, act, key=key, followed=followed, follow=follow
            ),
        )
        return self.deployment(environment, name)

    def remove_deployment(self, environment: str, name: str, *, comment: str = "") -> Done:
        """Removes a deployment; history keeps it. Raises: NotFound, PermissionDenied."""
        key = deployment_key(environment, name)
        written = self._apply(
            self._act(comment), lambda snapshot, act: deployments.remove_deployment(snapshot, act, key=key)
        )
        return Done(commit=written.commit, changed=written.changed)


def parse_followed(stage: str, alias: str, version: int | str | None) -> Followed:
    """What is to be followed. Raises: Invalid: not exactly one of the three."""
    if sum((bool(stage), bool(alias), version is not None)) != 1:
        raise Invalid(
            "A deployment follows one thing: a stage, an alias or a version.",
            hint="Give exactly one of --stage, --alias and --version.",
        )
    return Followed(
        stage=stage,
        alias=AliasName.parse(alias) if alias else None,
        version=None if version is None else parse_version(version),
    )


def _one_of(word: str, known: tuple[str, ...], what: str) -> str:
    if word not in known:
        raise Invalid(f"{word!r} is no {what}.", hint=f"There are {', '.join(known)}.")
    return word
