"""Declarations of deployments: added, pinned to a version, made to follow again, rolled on request, removed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry_git.core.changes.proposal import Act, Headline, Proposal, Touch
from registry_git.core.deployed import AUTO, PINNED, REQUEST, label, reference, resolved_to, settled, target, used
from registry_git.core.errors import AlreadyExists, Conflict, Invalid, NotFound
from registry_git.core.model import Action, Deployment, DeploymentKey, ModelVersion, VersionKey
from registry_git.core.names import Actor, AliasName, ModelName
from registry_git.core.snapshot import Snapshot, find_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What a deployment is to follow: exactly one of a stage (in any case), an alias and a version."""

    stage: str = ""
    alias: AliasName | None = None
    version: int | None = None


def add_deployment(
    snapshot: Snapshot,
    act: Act,
    *,
    key: DeploymentKey,
    workload: str,
    owner: Actor,
    model: ModelName,
    followed: Followed,
    follow: str,
) -> Proposal:
    """Declares a deployment. It uses at once what its reference resolves to; that may be nothing yet.

    Raises:
        NotFound: no such model or version; AlreadyExists: the environment has a deployment of this name.
        Invalid: no such stage, or the mode does not go with what is followed.
    """
    snapshot.model(model)
    if snapshot.find(key) is not None:
        raise AlreadyExists(
            f"There is a deployment {key.environment}/{key.name} already.",
            hint=f"See it with: registry-git deployment show {key.environment} {key.name}",
        )
    new = Deployment(environment=key.environment, name=key.name, workload=workload, owner=owner, model=model, version=1)
    after = _first(snapshot, _following(snapshot, new, followed, follow), act)
    return _proposal(snapshot, act, None, after, f"Add the deployment {label(after)}, which {_does(after)}", "add")


def pin_deployment(snapshot: Snapshot, act: Act, *, key: DeploymentKey, version: int | None = None) -> Proposal:
    """Fixes a deployment to a version; by default to the one that it uses.

    Raises:
        NotFound: no such deployment or version; Conflict: it uses none yet, and none is named.
    """
    before = find_deployment(snapshot, key)
    number = version if version is not None else pinned_to(before)
    after = settled(snapshot, _following(snapshot, before, Followed(version=number), PINNED), act.at)
    return _proposal(snapshot, act, before, after, f"Pin the deployment {label(after)} to {reference(after)}", "pin")


def pinned_to(deployment: Deployment) -> int:
    """The version that a deployment is pinned to when none is named: what it uses. Raises: Conflict: it uses none."""
    number = used(deployment)
    if number is None:
        raise Conflict(
            f"Deployment {label(deployment)} uses no version yet.",
            hint=f"Name one: registry-git deployment pin {deployment.environment} {deployment.name} VERSION",
        )
    return number


def follow_deployment(
    snapshot: Snapshot, act: Act, *, key: DeploymentKey, followed: Followed, follow: str = ""
) -> Proposal:
    """Makes a deployment follow a stage or an alias, with a mode; what is left out stays as it is.

    With the mode `auto` it uses at once what its reference resolves to; with `request` it stays where it is until a
    request for that is approved.

    Raises:
        NotFound: no such deployment; Invalid: no such stage, or it has been pinned and nothing is named to follow.
    """
    before = find_deployment(snapshot, key)
    if followed == Followed():
        if before.stage is None and before.alias is None:
            raise Invalid(
                f"Deployment {label(before)} is pinned to {reference(before)}, so it has to be told what to follow.",
                hint="Name it with --stage STAGE or --alias ALIAS.",
            )
        followed = Followed(stage=before.stage or "", alias=before.alias)
    mode = follow or (before.follow if before.follow != PINNED else AUTO)
    changed = _following(snapshot, before, followed, mode)
    after = settled(snapshot, changed, act.at) if used(changed) else _first(snapshot, changed, act)
    sentence = f"Make the deployment {label(after)} {_do(after)}"
    return _proposal(snapshot, act, before, after, sentence, "follow")


def roll_deployment(snapshot: Snapshot, act: Act, *, key: DeploymentKey, version: int) -> Proposal:
    """Brings a deployment that follows on request to the version that its reference resolves to.

    Raises:
        NotFound: no such deployment; Invalid: it does not follow on request.
        Conflict: its reference resolves to another version than `version` by now.
    """
    before = find_deployment(snapshot, key)
    if before.follow != REQUEST or before.version is not None:
        raise Invalid(
            f"Deployment {label(before)} {_does(before)}, so there is nothing to roll by hand.",
            hint=f"See it with: registry-git deployment show {key.environment} {key.name}",
        )
    wanted = target(snapshot, before)
    if wanted != version:
        now = f"is v{wanted}" if wanted else "holds nothing"
        raise Conflict(
            f"{reference(before)} {now} now, not v{version}.",
            hint=f"See it with: registry-git deployment show {key.environment} {key.name}",
        )
    after = before if used(before) == version else resolved_to(snapshot, before, version, act.at)
    return _proposal(snapshot, act, before, after, f"Roll the deployment {label(after)} to v{version}", "roll")


def remove_deployment(snapshot: Snapshot, act: Act, *, key: DeploymentKey) -> Proposal:
    """Removes a deployment; history keeps it. Raises: NotFound."""
    before = find_deployment(snapshot, key)
    return _proposal(snapshot, act, before, None, f"Remove the deployment {label(before)}", "remove")


def find_deployment(snapshot: Snapshot, key: DeploymentKey) -> Deployment:
    """A deployment. Raises: NotFound, with the nearest name as a hint."""
    found = snapshot.deployment(key)
    if found is None:
        from difflib import get_close_matches  # only a fault pays for it

        known = [f"{one.environment}/{one.name}" for one in snapshot.deployments()]
        near = get_close_matches(f"{key.environment}/{key.name}", known, 1, 0.6)
        hint = f"Did you mean {near[0]}?" if near else "List them with: registry-git deployment list"
        raise NotFound(f"There is no deployment {key.environment}/{key.name}.", hint=hint)
    return found


def _following(snapshot: Snapshot, deployment: Deployment, followed: Followed, follow: str) -> Deployment:
    """The deployment with another reference and mode. Raises: Invalid, NotFound."""
    if followed.version is not None:
        if follow != PINNED:
            raise Invalid(
                f"A deployment that names a version is pinned to it, and follows nothing by {follow!r}.",
                hint="Name a stage or an alias to follow, or say pinned.",
            )
        snapshot.version(deployment.model, followed.version)
        return replace(deployment, stage=None, alias=None, version=followed.version, follow=PINNED)
    if follow == PINNED:
        raise Invalid("A deployment is pinned to a version, and none is named.", hint="Name it with --version N.")
    if followed.alias is not None:
        return replace(deployment, stage=None, alias=followed.alias, version=None, follow=follow)
    stage = find_stage(snapshot.policy(), followed.stage)
    if stage is None:
        raise Invalid("The stage None cannot be followed: it holds nothing.", hint="Name another stage.")
    return replace(deployment, stage=stage.name, alias=None, version=None, follow=follow)


def _first(snapshot: Snapshot, deployment: Deployment, act: Act) -> Deployment:
    """The deployment as it begins: also one that follows on request uses what is there on the day it is declared."""
    number = target(snapshot, deployment)
    return deployment if number is None else resolved_to(snapshot, deployment, number, act.at)


def _proposal(
    snapshot: Snapshot, act: Act, before: Deployment | None, after: Deployment | None, sentence: str, verb: str
) -> Proposal:
    one = after or before
    assert one is not None  # noqa: S101 - for the type checker: a change has at least one side
    touch = Touch(
        action=Action.DEPLOYMENT,
        model=one.model,
        target=one.environment,
        entering=entering(snapshot, before, after),
    )
    return Proposal(
        edits={} if before == after else {one.key: after},
        touches=() if before == after else (touch,),
        headline=Headline(
            sentence=sentence,
            action=f"{verb}-deployment",
            model=one.model,
            version=used(one),
        ),
        comment=act.comment,
    )


def entering(snapshot: Snapshot, before: Deployment | None, after: Deployment | None) -> ModelVersion | None:
    """The version that a deployment comes to use with a change, on which gates are checked; None when it stays."""
    number = used(after) if after is not None else None
    if after is None or number is None or (before is not None and used(before) == number):
        return None
    found = snapshot.find(VersionKey(model=after.model, version=number))
    return found if isinstance(found, ModelVersion) else None


def _does(deployment: Deployment) -> str:
    if deployment.follow == PINNED or deployment.version is not None:
        return f"is pinned to {reference(deployment)}"
    return f"follows {reference(deployment)}{' on request' if deployment.follow == REQUEST else ''}"


def _do(deployment: Deployment) -> str:
    return f"follow {reference(deployment)}{' on request' if deployment.follow == REQUEST else ''}"
