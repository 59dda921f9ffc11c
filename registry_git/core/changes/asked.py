"""What a request asks for, decided again from its record: on the day it is made, refreshed, or judged."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.changes.deployments import (
    Followed,
    add_deployment,
    find_deployment,
    follow_deployment,
    pin_deployment,
    remove_deployment,
    roll_deployment,
)
from registry_git.core.changes.edits import change_policy
from registry_git.core.changes.following import with_following
from registry_git.core.changes.pointers import delete_alias, set_alias, transition
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.changes.registration import delete_model, delete_version, rename_model
from registry_git.core.deployed import read_written
from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.model import Action, Declaration, DeploymentChange, Policy, TransitionRequest
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot


def decide_asked(snapshot: Snapshot, record: TransitionRequest, proposed: Policy | None) -> Proposal:
    """The edits that the record asks for, on this snapshot. `proposed` is the policy that a policy request brings.

    The same record on the same snapshot gives the same edits, byte for byte; so anybody can tell whether a branch does
    what its record says and no more. The time in them is the one at which it was asked, or decided again.

    Raises:
        Invalid, NotFound, Conflict: as the change itself does.
        Corrupt: the record lacks what its action needs.
    """
    at = record.refreshed or record.created
    act = Act(actor=record.requester, at=at, id=record.id, comment=record.comment, force=record.force)
    return with_following(snapshot, _asked(snapshot, record, act, proposed), act)


def _asked(snapshot: Snapshot, record: TransitionRequest, act: Act, proposed: Policy | None) -> Proposal:
    if record.action is Action.POLICY and proposed is not None:
        return change_policy(snapshot, act, policy=proposed)
    if record.model is None:
        raise Corrupt(f"Request {record.id} names no model.", hint="Cancel it and ask again.")
    if record.action is Action.STAGE and record.version is not None:
        return transition(
            snapshot,
            act,
            model=record.model,
            version=record.version,
            to=record.to,
            add=record.add,
            archive_existing=record.archive_existing,
        )
    if record.action is Action.ALIAS and record.alias is not None:
        if record.version is None:
            return delete_alias(snapshot, act, model=record.model, alias=record.alias)
        return set_alias(snapshot, act, model=record.model, alias=record.alias, version=record.version)
    if record.action is Action.DELETE:
        if record.version is None:
            return delete_model(snapshot, act, model=record.model)
        return delete_version(snapshot, act, model=record.model, version=record.version)
    if record.action is Action.DEPLOYMENT and record.declaration is not None:
        return _deployment(snapshot, act, record, record.declaration, record.model)
    if record.action is Action.RENAME and record.new_name is not None:
        return rename_model(snapshot, act, model=record.model, new_name=record.new_name)
    raise Invalid(
        f"A request cannot ask for the action {record.action.value!r} this way.",
        hint="A request asks for a stage, an alias, a deletion, a deployment, another name or a policy.",
    )


def _deployment(
    snapshot: Snapshot, act: Act, record: TransitionRequest, said: Declaration, model: ModelName
) -> Proposal:
    key = read_written(record.deployment)
    followed = Followed(stage=said.stage or "", alias=said.alias, version=record.version)
    if said.change is DeploymentChange.ADD:
        return add_deployment(
            snapshot,
            act,
            key=key,
            workload=said.workload,
            owner=said.owner or record.requester,
            model=model,
            followed=followed,
            follow=said.follow,
        )
    if find_deployment(snapshot, key).model != model:
        raise Corrupt(f"Request {record.id} is kept with another model than its deployment's.", hint="Ask anew.")
    if said.change is DeploymentChange.REMOVE:
        return remove_deployment(snapshot, act, key=key)
    if said.change is DeploymentChange.FOLLOW:
        return follow_deployment(snapshot, act, key=key, followed=replace(followed, version=None), follow=said.follow)
    if record.version is None:
        raise Corrupt(f"Request {record.id} names no version.", hint="Cancel it and ask again.")
    change = pin_deployment if said.change is DeploymentChange.PIN else roll_deployment
    return change(snapshot, act, key=key, version=record.version)
