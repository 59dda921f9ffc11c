"""What a change brings with it for deployments, and what it must not do to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry_git.core.changes import edits, pointers, registration
from registry_git.core.changes.deployments import (
    Followed,
    add_deployment,
    follow_deployment,
    pin_deployment,
    remove_deployment,
    roll_deployment,
)
from registry_git.core.changes.following import with_following
from registry_git.core.changes.proposal import Proposal, Roll
from registry_git.core.deployed import Standing, standing, used
from registry_git.core.errors import AlreadyExists, Conflict, Invalid, NotFound
from registry_git.core.integrity import disagreements
from registry_git.core.model import Action, Deployment, DeploymentKey, Policy, Stage
from registry_git.core.names import ModelName, StageName
from registry_git.core.snapshot import Overlay
from tests.change_scene import ALICE, BOB, CHAMPION, FRAUD, POLICY, PRODUCTION, STAGING, Scene

SCORER = DeploymentKey(environment="production", name="scorer")
NIGHTLY = DeploymentKey(environment="production", name="nightly")
IN_PRODUCTION, AS_CHAMPION = Followed(stage="production"), Followed(alias=CHAMPION)


@pytest.fixture
def scene() -> Scene:
    """v1 is in Production, v2 in Staging, and v1 is the champion."""
    made = Scene()
    made.move(1, "Production")
    made.move(2, "Staging")
    made.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    return made


def add(
    scene: Scene, key: DeploymentKey = SCORER, followed: Followed = IN_PRODUCTION, follow: str = "auto"
) -> Proposal:
    return scene.do(add_deployment, key=key, workload="job", owner=BOB, model=FRAUD, followed=followed, follow=follow)


def at(scene: Scene, key: DeploymentKey = SCORER) -> Deployment:
    found = scene.now.deployment(key)
    assert found is not None
    return found


def uses(scene: Scene, key: DeploymentKey = SCORER) -> int | None:
    return used(at(scene, key))


def how(scene: Scene, key: DeploymentKey = SCORER) -> Standing:
    return standing(scene.now, at(scene, key))


def test_a_deployment_uses_at_once_what_it_follows(scene: Scene) -> None:
    proposal = add(scene)
    found = at(scene)
    assert (found.stage, found.alias, found.version, found.follow) == (PRODUCTION, None, None, "auto")
    assert found.resolved is not None
    assert (found.resolved.version, found.resolved.source) == (1, "s3://x/1")
    (touch,) = proposal.touches
    assert (touch.action, touch.target, touch.entering) == (
        Action.DEPLOYMENT,
        "production",
        scene.now.version(FRAUD, 1),
    )


@pytest.mark.parametrize("followed", [IN_PRODUCTION, AS_CHAMPION], ids=["stage", "alias"])
def test_one_that_follows_by_itself_moves_with_its_pointer_and_is_no_touch(scene: Scene, followed: Followed) -> None:
    add(scene, followed=followed)
    since = at(scene).resolved.since  # type: ignore[union-attr]
    if followed.alias:
        proposal = scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=2)
    else:
        scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=2)
        assert uses(scene) == 1
        proposal = scene.move(2, "Production")
    found = at(scene)
    assert found.resolved is not None
    assert (found.resolved.version, found.resolved.source) == (2, "s3://x/2")
    assert found.resolved.since > since
    assert proposal.rolls == (Roll(key=SCORER, before=1, after=2),)
    assert Action.DEPLOYMENT not in {touch.action for touch in proposal.touches}


def test_a_rollback_takes_deployments_back(scene: Scene) -> None:
    add(scene)
    scene.move(2, "Production")
    proposal = scene.do(pointers.rollback, model=FRAUD, stage="Production")
    assert uses(scene) == 1
    assert proposal.rolls == (Roll(key=SCORER, before=2, after=1),)


def test_what_follows_another_slot_or_model_stays(scene: Scene) -> None:
    other = ModelName("credit")
    scene.do(registration.register, model=other, new=registration.NewVersion(source="s3://y/1"))
    scene.do(pointers.transition, model=other, version=1, to="Staging")
    elsewhere = DeploymentKey(environment="staging", name="scorer")
    scene.do(
        add_deployment,
        key=elsewhere,
        workload="job",
        owner=BOB,
        model=other,
        followed=Followed(stage="Staging"),
        follow="auto",
    )
    add(scene, followed=Followed(stage="Staging"))
    before = at(scene, elsewhere)
    proposal = scene.move(3, "Shadow")
    assert {key for key in proposal.edits if isinstance(key, DeploymentKey)} == set()
    scene.move(3, "Staging")
    assert uses(scene) == 3
    assert at(scene, elsewhere) == before


def test_the_same_change_on_the_same_snapshot_follows_to_the_same_bytes(scene: Scene) -> None:
    add(scene)
    add(scene, NIGHTLY, Followed(stage="Staging"))
    act = scene.act()
    once = pointers.transition(scene.now, act, model=FRAUD, version=2, to="Production", add=True)
    followed = with_following(scene.now, once, act)
    assert SCORER in followed.edits
    assert followed == with_following(scene.now, once, act)


def test_an_empty_stage_may_be_followed_before_anything_is_in_it(scene: Scene) -> None:
    add(scene, followed=Followed(stage="Shadow"))
    assert uses(scene) is None
    assert how(scene) is Standing.DANGLING
    scene.move(3, "Shadow")
    assert uses(scene) == 3
    assert how(scene) is Standing.CURRENT


# What would leave a deployment in the lurch.


def refused(scene: Scene, change: object, match: str, **arguments: object) -> None:
    """Asserts that the change is refused, and also with force alone, and made when forced with a comment."""
    for force, why in ((False, "because"), (True, ""), (True, "  ")):
        with pytest.raises(Conflict, match=match):
            scene.decide(change, force=force, why=why, **arguments)  # type: ignore[arg-type]
    proposal = scene.do(change, force=True, why="because", **arguments)  # type: ignore[arg-type]
    assert match.split()[-1] in proposal.headline.forced


def test_a_promotion_may_archive_what_a_deployment_moves_away_from(scene: Scene) -> None:
    add(scene)
    scene.move(2, "Production")
    assert scene.placed()["Archived"] == (1,)


def test_a_promotion_that_archives_a_pinned_version_is_refused(scene: Scene) -> None:
    add(scene, followed=Followed(version=1), follow="pinned")
    refused(scene, pointers.transition, "production/scorer uses v1", model=FRAUD, version=2, to="Production")
    assert uses(scene) == 1
    assert how(scene) is Standing.ARCHIVED


def test_a_promotion_may_archive_what_is_about_to_be_asked_for(scene: Scene) -> None:
    add(scene, follow="request")
    proposal = scene.move(2, "Production")
    assert uses(scene) == 1
    assert how(scene) is Standing.BEHIND
    assert proposal.rolls == (Roll(key=SCORER, before=1, after=2, asked=True),)


def test_a_version_that_an_alias_still_serves_to_a_job_is_not_archived(scene: Scene) -> None:
    add(scene, followed=AS_CHAMPION)
    refused(scene, pointers.transition, "production/scorer uses v1", model=FRAUD, version=2, to="Production")


@pytest.mark.parametrize("to", ["Archived", "None"])
def test_what_is_used_is_not_taken_out_of_service(scene: Scene, to: str) -> None:
    add(scene)
    refused(scene, pointers.transition, "production/scorer uses v1", model=FRAUD, version=1, to=to)
    assert uses(scene) == 1
    assert how(scene) is Standing.DANGLING


def test_a_stage_that_is_followed_is_not_emptied(scene: Scene) -> None:
    add(scene)
    refused(scene, pointers.transition, "follows fraud/Production", model=FRAUD, version=1, to="Staging")
    assert how(scene) is Standing.DANGLING
    scene.move(2, "Production")
    assert uses(scene) == 2


def test_an_alias_that_is_followed_is_not_deleted(scene: Scene) -> None:
    add(scene, followed=AS_CHAMPION)
    refused(scene, pointers.delete_alias, "follows fraud@champion", model=FRAUD, alias=CHAMPION)
    assert uses(scene) == 1


def test_a_version_that_never_served_may_be_archived_whoever_is_pinned_to_it(scene: Scene) -> None:
    add(scene, followed=Followed(version=3), follow="pinned")
    scene.move(3, "Archived")
    assert how(scene) is Standing.ARCHIVED


def test_a_version_that_serves_elsewhere_too_may_leave_a_stage(scene: Scene) -> None:
    scene.move(1, "Shadow", add=True)
    add(scene, followed=Followed(version=1), follow="pinned")
    scene.move(2, "Production")
    assert how(scene) is Standing.CURRENT


def test_a_used_version_is_deleted_by_force_alone_and_its_job_keeps_what_it_said(scene: Scene) -> None:
    add(scene, followed=Followed(version=3), follow="pinned")
    before = at(scene)
    refused(scene, registration.delete_version, "production/scorer uses v3", model=FRAUD, version=3)
    assert at(scene) == before
    assert how(scene) is Standing.DELETED
    assert list(disagreements(scene.now, [SCORER])) == []


def test_a_model_that_is_followed_goes_by_force_alone_and_takes_its_deployments_along(scene: Scene) -> None:
    add(scene, followed=Followed(stage="Shadow"))
    for version in (1, 2):
        scene.move(version, "None")
    with pytest.raises(Conflict, match="Deployment production/scorer follows fraud"):
        scene.decide(registration.delete_model, model=FRAUD)
    proposal = scene.do(registration.delete_model, model=FRAUD, force=True, why="the end")
    assert scene.now.deployments() == ()
    assert (Action.DEPLOYMENT, "production") in {(touch.action, touch.target) for touch in proposal.touches}


def test_a_stage_that_is_followed_stays_in_the_policy(scene: Scene) -> None:
    add(scene, followed=Followed(stage="Shadow"))
    fewer = Policy(name="acme", stages=tuple(one for one in POLICY.stages if one.name != "Shadow"))
    with pytest.raises(Conflict, match="production/scorer follows Shadow"):
        scene.decide(edits.change_policy, policy=fewer)
    scene.do(edits.change_policy, policy=Policy(name="acme", stages=(*POLICY.stages, Stage(name=StageName("New")))))


# Declarations.


def test_pinning_fixes_what_is_used_or_what_is_named(scene: Scene) -> None:
    add(scene)
    first = at(scene).resolved
    proposal = scene.do(pin_deployment, key=SCORER)
    found = at(scene)
    assert (found.stage, found.version, found.follow, found.resolved) == (None, 1, "pinned", first)
    assert proposal.touches[0].entering is None
    proposal = scene.do(pin_deployment, key=SCORER, version=3)
    assert uses(scene) == 3
    assert proposal.touches[0].entering == scene.now.version(FRAUD, 3)
    assert scene.decide(pin_deployment, key=SCORER, version=3).edits == {}
    with pytest.raises(NotFound, match="v9 of fraud"):
        scene.decide(pin_deployment, key=SCORER, version=9)


def test_following_again_needs_to_be_told_what_after_a_pin(scene: Scene) -> None:
    add(scene, followed=Followed(version=3), follow="pinned")
    with pytest.raises(Invalid, match="has to be told what to follow"):
        scene.decide(follow_deployment, key=SCORER, followed=Followed())
    scene.do(follow_deployment, key=SCORER, followed=IN_PRODUCTION)
    assert uses(scene) == 1
    proposal = scene.do(follow_deployment, key=SCORER, followed=Followed(stage="Staging"), follow="request")
    assert uses(scene) == 1
    assert proposal.rolls == (Roll(key=SCORER, before=1, after=2, asked=True),)
    scene.do(follow_deployment, key=SCORER, followed=Followed(), follow="auto")
    assert (at(scene).stage, uses(scene)) == (STAGING, 2)


def test_a_roll_brings_one_that_follows_on_request_to_where_its_reference_is(scene: Scene) -> None:
    add(scene, follow="request")
    scene.move(2, "Production")
    with pytest.raises(Conflict, match="fraud/Production is v2 now, not v3"):
        scene.decide(roll_deployment, key=SCORER, version=3)
    proposal = scene.do(roll_deployment, key=SCORER, version=2)
    assert uses(scene) == 2
    assert proposal.touches[0].entering == scene.now.version(FRAUD, 2)
    assert scene.decide(roll_deployment, key=SCORER, version=2).edits == {}
    scene.do(follow_deployment, key=SCORER, followed=Followed(), follow="auto")
    with pytest.raises(Invalid, match="nothing to roll by hand"):
        scene.decide(roll_deployment, key=SCORER, version=2)


def test_what_is_removed_is_gone_and_a_typo_is_told(scene: Scene) -> None:
    add(scene)
    with pytest.raises(NotFound, match=r"no deployment production/scorre.*Did you mean production/scorer\?"):
        scene.decide(remove_deployment, key=DeploymentKey(environment="production", name="scorre"))
    scene.do(remove_deployment, key=SCORER)
    assert scene.now.deployments() == ()


@pytest.mark.parametrize(
    ("followed", "follow", "match"),
    [
        (Followed(version=1), "auto", "pinned to it"),
        (IN_PRODUCTION, "pinned", "none is named"),
        (Followed(stage="None"), "auto", "cannot be followed"),
        (Followed(stage="Nowhere"), "auto", "no stage 'Nowhere'"),
    ],
    ids=["version by auto", "stage pinned", "None", "unknown"],
)
def test_what_makes_no_sense_is_not_declared(scene: Scene, followed: Followed, follow: str, match: str) -> None:
    with pytest.raises(Invalid, match=match):
        add(scene, followed=followed, follow=follow)


def test_a_name_is_declared_once_in_an_environment(scene: Scene) -> None:
    add(scene)
    with pytest.raises(AlreadyExists, match="production/scorer already"):
        add(scene, followed=AS_CHAMPION)
    add(scene, DeploymentKey(environment="staging", name="scorer"))


# What manifests must say of each other.


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"source": "s3://other"}, "has another source than v1"),
        ({"digest": "sha256:00"}, "has another digest than v1"),
        ({"version": 2}, "follows fraud/Production, which is v1, and its `resolved` says v2"),
        ({"version": 9}, "uses v9 of fraud, which does not exist"),
    ],
    ids=["source", "digest", "version", "no version"],
)
def test_what_a_deployment_copies_is_true(scene: Scene, change: dict[str, object], sentence: str) -> None:
    add(scene)
    found = at(scene)
    assert found.resolved is not None
    wrong = replace(found, resolved=replace(found.resolved, **change))  # type: ignore[arg-type]
    now = Overlay(scene.now, {SCORER: wrong})
    assert [told for _, told in disagreements(now, [SCORER])] == [f"deployment production/scorer {sentence}"]


def test_who_declares_for_another_names_the_owner(scene: Scene) -> None:
    add(scene)
    assert at(scene).owner == BOB != ALICE
