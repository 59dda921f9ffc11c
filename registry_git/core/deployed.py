"""What a deployment's reference resolves to, and how what the deployment says stands to that."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from registry_git.core.errors import Invalid
from registry_git.core.keys import DeploymentKey, ModelKey, VersionKey
from registry_git.core.model import Deployment, ModelVersion, RegisteredModel, Resolved
from registry_git.core.names import ModelName, decode, encode, parse_name
from registry_git.core.snapshot import Snapshot, stages_of
from registry_git.core.times import Timestamp

WORKLOADS = ("job", "service")
AUTO, REQUEST, PINNED = "auto", "request", "pinned"


class Standing(str, Enum):
    """How a deployment stands: the first of these that is true of it."""

    DELETED = "deleted"  # the version that it uses was deleted
    DANGLING = "dangling"  # its stage or alias holds nothing: it keeps what it used last
    BEHIND = "behind"  # its reference resolves to another version
    ARCHIVED = "archived"  # its version is in stages that do not serve, and in no other
    CURRENT = "current"


def used(deployment: Deployment) -> int | None:
    """The version that a deployment uses; None for one whose reference has resolved to nothing yet."""
    return deployment.resolved.version if deployment.resolved else deployment.version


def target(snapshot: Snapshot, deployment: Deployment) -> int | None:
    """The version that a deployment's reference resolves to now; None when it resolves to nothing."""
    if deployment.version is not None:
        return deployment.version
    if deployment.alias is not None:
        alias = snapshot.alias_pointer(deployment.model, deployment.alias)
        return alias.version if alias else None
    stage = snapshot.stage_pointer(deployment.model, deployment.stage) if deployment.stage else None
    return stage.version if stage else None


def reference(deployment: Deployment) -> str:
    """What a deployment follows, in the short form: `fraud/Production`, `fraud@champion`, `fraud/12`."""
    if deployment.alias is not None:
        return f"{deployment.model}@{deployment.alias}"
    return f"{deployment.model}/{deployment.version or deployment.stage}"


def label(deployment: Deployment) -> str:
    """How people name a deployment: `production/scorer`."""
    return f"{deployment.environment}/{deployment.name}"


def written(key: DeploymentKey) -> str:
    """How a record names a deployment: `environment/name`, each as in its path."""
    return f"{encode(key.environment)}/{encode(key.name)}"


def read_written(text: str) -> DeploymentKey:
    """The key that `written` wrote. Raises: Invalid."""
    environment, slash, name = text.partition("/")
    if not slash:
        raise Invalid(f"{text!r} names no deployment.", hint="Write it as ENVIRONMENT/NAME.")
    return DeploymentKey(
        environment=parse_name("environment", decode(environment)), name=parse_name("deployment", decode(name))
    )


def settled(snapshot: Snapshot, deployment: Deployment, at: Timestamp) -> Deployment:
    """The deployment with `resolved` as it must be: moved along if it follows by itself, and copies that are true.

    One whose reference resolves to nothing keeps what it used last: no job may lose its model because a stage is
    emptied. What was deleted is kept as it was copied.
    """
    known = deployment.resolved
    moves = deployment.version is not None or deployment.follow == AUTO
    number = target(snapshot, deployment) if moves else None
    number = number or used(deployment)
    if number is None:
        return deployment
    return resolved_to(snapshot, deployment, number, known.since if known and known.version == number else at)


def resolved_to(snapshot: Snapshot, deployment: Deployment, number: int, since: Timestamp) -> Deployment:
    """The deployment with `resolved` for this version; as it is when there is no such version."""
    version = snapshot.find(VersionKey(model=deployment.model, version=number))
    if not isinstance(version, ModelVersion):
        return deployment
    resolved = Resolved(version=number, source=version.source, digest=version.digest, since=since)
    return replace(deployment, resolved=resolved)


def standing(snapshot: Snapshot, deployment: Deployment) -> Standing:
    """How a deployment stands."""
    now = used(deployment)
    if now is not None and snapshot.find(VersionKey(model=deployment.model, version=now)) is None:
        return Standing.DELETED
    wanted = target(snapshot, deployment)
    if wanted is None:
        return Standing.DANGLING
    if wanted != now:
        return Standing.BEHIND
    serving = {stage.name for stage in snapshot.policy().stages if stage.serving}
    held = stages_of(snapshot.stage_pointers(deployment.model), now)
    return Standing.ARCHIVED if held and not serving & set(held) else Standing.CURRENT


def was_deleted(snapshot: Snapshot, model: ModelName, number: int) -> bool:
    """Whether a version that is not there may have been there: numbers are never given again."""
    known = snapshot.find(ModelKey(model=model))
    return isinstance(known, RegisteredModel) and number <= known.last_deleted


def happened_to(was: Deployment | None, now: Deployment | None) -> tuple[str, str] | None:
    """What a change did to a deployment: the activity's type and its remark; None for copies that were made true."""
    if was is None or now is None:
        if now is not None:
            return "ADDED_DEPLOYMENT", f"{label(now)}, {_follows(now)}"
        return ("REMOVED_DEPLOYMENT", label(was)) if was is not None else None
    if replace(was, resolved=None) == replace(now, resolved=None):
        before = used(was)
        remark = f"{label(now)} from v{before}" if before else label(now)
        return ("ROLLED_DEPLOYMENT", remark) if before != used(now) else None
    if _follows(was) == _follows(now):
        return "CHANGED_DEPLOYMENT", label(now)
    if now.follow == PINNED:
        return "PINNED_DEPLOYMENT", f"{label(now)} to {reference(now)}"
    return "FOLLOWED_DEPLOYMENT", f"{label(now)}, now {_follows(now)}"


def _follows(deployment: Deployment) -> str:
    if deployment.follow == PINNED:
        return f"pinned to {reference(deployment)}"
    return f"following {reference(deployment)}{' on request' if deployment.follow == REQUEST else ''}"
