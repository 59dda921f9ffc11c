"""What follows on request: asked for when its pointer moves, once for a version, and decided as any other request."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Conflict, Invalid, NotFound, PermissionDenied
from registry_git.forges.reconcile import reconcile
from registry_git.registry.views import RequestView
from tests.conftest import Git
from tests.registry_scene import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    LEADS,
    As,
    healthy,
    new_registry,
    policy_text,
    told,
    true_merges,
)

SCORER = "deployments/production/scorer.yaml"
GUARDED = """\
rules:
- {on: deployment, to: [production], approvals: 1, by: [ml-leads], four_eyes: true}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    """Three versions; v1 is in Production, which production/scorer follows on request."""
    opened = new_registry(place, versions=3, roles=LEADS)
    opened(ALICE).transition("fraud", 1, "Production")
    opened(ALICE).add_deployment("production", "scorer", model="fraud", stage="Production", follow="request")
    opened(ALICE).set_policy(f"{_policy(opened)}{GUARDED}")
    return opened


def _policy(opened: As) -> str:
    return policy_text(opened(ALICE)).partition("rules:")[0]


def promote(registry: registry_git.Registry, version: int) -> None:
    registry.transition("fraud", version, "Production", archive_existing=True)


def waiting(registry: registry_git.Registry) -> list[tuple[int | None, str]]:
    """Version and state of the requests for rolls, oldest first."""
    return [(one.version, one.state) for one in registry.requests(state="all") if one.action == "deployment"]


def only(registry: registry_git.Registry) -> RequestView:
    (found,) = registry.requests()
    return found


def test_a_promotion_asks_for_the_roll_and_an_approval_makes_it(as_: As, place: Path, git: Git) -> None:
    promote(as_(ALICE), 2)
    view = as_(CAROL).deployment("production", "scorer")
    assert (view.version, view.target, view.standing) == (1, 2, "behind")
    asked = only(as_(CAROL))
    assert (asked.model, asked.version, asked.requester, asked.comment) == (
        "fraud",
        2,
        ALICE,
        "fraud/Production is v2 now.",
    )
    assert asked.changes == {SCORER: "changed"}
    assert [str(one) for one in asked.deployments] == ["production/scorer v1 → v2"]
    with pytest.raises(PermissionDenied, match="may not approve"):
        as_(DAVE).approve(asked.id)
    as_(BOB).approve(asked.id, comment="Go.")
    view = as_(CAROL).deployment("production", "scorer")
    assert (view.version, view.source, view.standing, view.request) == (2, "s3://acme/fraud/2", "current", asked.id)
    assert true_merges(git, place) == 1
    healthy(git, place, as_(ALICE))
    assert told(as_(ALICE))[-2:] == [("REQUESTED_CHANGE", ALICE, "2"), ("APPROVED_REQUEST", BOB, "2")]


def test_the_same_roll_is_asked_for_once(as_: As) -> None:
    promote(as_(ALICE), 2)
    assert as_(BOB).ask_for_rolls() == []
    as_(ALICE).transition("fraud", 3, "Staging")
    assert waiting(as_(ALICE)) == [(2, "open")]


def test_a_later_version_overtakes_the_roll_to_an_earlier_one(as_: As, place: Path, git: Git) -> None:
    promote(as_(ALICE), 2)
    first = only(as_(ALICE))
    promote(as_(ALICE), 3)
    assert waiting(as_(ALICE)) == [(2, "cancelled"), (3, "open")]
    assert as_(ALICE).request(first.id).record.reviews[-1].comment == "Overtaken: fraud/Production is v3 now."
    healthy(git, place, as_(ALICE))


def test_who_may_not_cancel_an_overtaken_roll_leaves_it_stale(as_: As) -> None:
    promote(as_(ALICE), 2)
    promote(as_(DAVE), 3)
    stale = {one.version: one.stale for one in as_(ALICE).requests()}
    assert stale == {2: "it cannot be done any more (fraud/Production is v3 now, not v2)", 3: ""}
    assert as_(BOB).ask_for_rolls() == []
    assert waiting(as_(ALICE)) == [(2, "cancelled"), (3, "open")]


def test_a_rollback_makes_the_roll_moot(as_: As) -> None:
    promote(as_(ALICE), 2)
    as_(ALICE).rollback("fraud", "Production")
    assert waiting(as_(ALICE)) == [(2, "cancelled")]
    assert as_(ALICE).deployment("production", "scorer").standing == "current"


def test_a_rejected_roll_is_asked_for_again_only_when_the_stage_has_moved_again(as_: As) -> None:
    promote(as_(ALICE), 2)
    as_(BOB).reject(only(as_(ALICE)).id, comment="Not today.")
    assert as_(ALICE).ask_for_rolls() == []
    as_(ALICE).rollback("fraud", "Production")
    promote(as_(ALICE), 2)
    assert waiting(as_(ALICE)) == [(2, "rejected"), (2, "open")]


@pytest.mark.parametrize("how", ["pin", "remove", "auto"])
def test_what_no_longer_follows_on_request_is_not_asked_for(as_: As, how: str) -> None:
    promote(as_(ALICE), 2)
    as_(ALICE).set_policy(_policy(as_) + "rules: []\n")
    if how == "pin":
        as_(ALICE).pin_deployment("production", "scorer")
    elif how == "remove":
        as_(ALICE).remove_deployment("production", "scorer")
    else:
        as_(ALICE).follow_deployment("production", "scorer", follow="auto")
        assert as_(ALICE).deployment("production", "scorer").version == 2
    assert waiting(as_(ALICE)) == [(2, "cancelled")]


def test_an_approved_promotion_asks_for_the_rolls_that_follow_it(as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    assert [str(one) for one in asked.deployments] == ["production/scorer v1 → v2 (to be asked for)"]
    as_(BOB).approve(asked.id)
    roll = only(as_(ALICE))
    assert (roll.version, roll.requester) == (2, BOB)
    as_(CAROL).approve(roll.id)
    assert as_(ALICE).deployment("production", "scorer").version == 2


def test_a_merge_that_nobody_was_there_for_is_caught_up_with_by_hand(as_: As, place: Path, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    tree = git(place, "merge-tree", "--write-tree", "main", asked.branch)
    merge = git(place, "commit-tree", tree, "-p", "main", "-p", asked.branch, "-m", "Merge pull request 7")
    git(place, "update-ref", "refs/heads/main", merge)
    assert [one.version for one in as_(ALICE).ask_for_rolls(environment="staging")] == []
    assert [one.version for one in as_(ALICE).ask_for_rolls(environment="production", model="fraud")] == [2]


@pytest.mark.parametrize("style", ["merge", "squash", "fast-forward"])
def test_reconcile_asks_for_what_a_merge_on_a_forge_has_moved(as_: As, place: Path, git: Git, style: str) -> None:
    as_(ALICE).add_deployment("eu", "along", model="fraud", stage="Production")
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    tree = git(place, "merge-tree", "--write-tree", "main", asked.branch)
    parents = ["-p", "main", *(["-p", asked.branch] if style == "merge" else [])]
    merge = asked.head
    if style != "fast-forward":
        merge = git(place, "commit-tree", tree, *parents, "-m", "Move fraud v2 to Production (#7)")
    git(place, "update-ref", "refs/heads/main", merge)
    git(place, "update-ref", "-d", f"refs/heads/{asked.branch}")
    assert as_(ALICE).deployment("eu", "along").version == 2
    assert [one.request for one in reconcile(as_(CAROL), None)] == [asked.id]
    (roll,) = as_(ALICE).requests()
    assert (roll.version, roll.requester) == (2, CAROL)
    assert reconcile(as_(CAROL), None) == []
    as_(BOB).approve(roll.id)
    assert as_(ALICE).deployment("production", "scorer").version == 2
    healthy(git, place, as_(ALICE))


def test_a_roll_may_be_made_directly_by_who_may(as_: As) -> None:
    promote(as_(ALICE), 2)
    with pytest.raises(PermissionDenied, match=r"registry-git deployment roll production scorer --request"):
        as_(BOB).roll_deployment("production", "scorer")
    as_(ALICE).set_policy(_policy(as_) + "rules: []\n")
    assert as_(BOB).roll_deployment("production", "scorer").version == 2
    assert waiting(as_(ALICE)) in ([(2, "cancelled")], [(2, "open")])


def test_a_roll_to_a_version_without_what_the_rule_requires_waits_for_it(as_: As) -> None:
    as_(ALICE).set_policy(_policy(as_) + "rules:\n- {on: deployment, to: [production], require: {tags: [validated]}}\n")
    promote(as_(ALICE), 2)
    asked = only(as_(ALICE))
    assert [one.why for one in asked.decision.unmet] == ["fraud v2 lacks the tag 'validated'"]
    as_(ALICE).set_tag("fraud", "validated", "yes", version=2)
    as_(BOB).approve(asked.id)
    assert as_(ALICE).deployment("production", "scorer").version == 2


# Requests for declarations.


def ask(registry: registry_git.Registry, change: str, name: str = "scorer", **said: object) -> RequestView:
    spec = registry_git.DeploymentSpec(**said)  # type: ignore[arg-type]
    return registry.request_deployment("production", name, change, spec)


def test_every_change_of_a_deployment_can_be_asked_for(as_: As, place: Path, git: Git) -> None:
    asked = ask(as_(ALICE), "add", "nightly", model="fraud", stage="production", workload="job", owner=DAVE)
    assert asked.changes == {"deployments/production/nightly.yaml": "added"}
    with pytest.raises(NotFound):
        as_(ALICE).deployment("production", "nightly")
    as_(BOB).approve(asked.id)
    view = as_(ALICE).deployment("production", "nightly")
    assert (view.workload, view.owner, view.reference, view.follow, view.version) == (
        "job",
        DAVE,
        "fraud/Production",
        "auto",
        1,
    )
    as_(BOB).approve(ask(as_(ALICE), "pin", "nightly", version=3).id)
    assert as_(ALICE).deployment("production", "nightly").reference == "fraud/3"
    as_(BOB).approve(ask(as_(ALICE), "follow", "nightly", stage="Production", follow="request").id)
    view = as_(ALICE).deployment("production", "nightly")
    assert (view.reference, view.follow, view.version, view.target) == ("fraud/Production", "request", 3, 1)
    assert [one.action for one in as_(ALICE).requests()] == ["deployment"]
    as_(BOB).reject(only(as_(ALICE)).id)
    as_(BOB).approve(ask(as_(ALICE), "roll", "nightly").id)
    assert as_(ALICE).deployment("production", "nightly").version == 1
    as_(BOB).approve(ask(as_(ALICE), "remove", "nightly").id)
    with pytest.raises(NotFound):
        as_(ALICE).deployment("production", "nightly")
    healthy(git, place, as_(ALICE))
    true_merges(git, place)


def test_what_is_asked_is_decided_again_on_a_refresh(as_: As) -> None:
    asked = ask(as_(ALICE), "pin", version=3)
    as_(ALICE).set_policy(_policy(as_) + "rules: []\n")
    as_(BOB).roll_deployment("production", "scorer")
    as_(BOB).follow_deployment("production", "scorer", stage="Staging")
    assert as_(ALICE).request(asked.id).stale == f"{SCORER} has changed on main since it was asked"
    as_(ALICE).refresh(asked.id)
    as_(BOB).approve(asked.id)
    assert as_(ALICE).deployment("production", "scorer").reference == "fraud/3"


def test_nonsense_is_not_asked_for(as_: As) -> None:
    with pytest.raises(Invalid, match="no change"):
        ask(as_(ALICE), "dance")
    with pytest.raises(Invalid, match="exactly one of"):
        ask(as_(ALICE), "add", "nightly", model="fraud")
    with pytest.raises(Invalid, match="is a deployment of fraud, not of spam"):
        ask(as_(ALICE), "pin", model="spam")
    with pytest.raises(Invalid, match="nothing to ask for"):
        ask(as_(ALICE), "roll")
    as_(ALICE).set_policy(_policy(as_) + "rules: []\n")
    as_(ALICE).follow_deployment("production", "scorer", stage="Staging")
    with pytest.raises(Conflict, match="fraud/Staging holds nothing"):
        ask(as_(ALICE), "roll")


def test_force_is_asked_for_with_a_comment_and_stands_in_the_record(as_: As, place: Path, git: Git) -> None:
    as_(BOB).approve(ask(as_(ALICE), "pin", version=1).id)
    with pytest.raises(Conflict, match="production/scorer uses v1"):
        as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    with pytest.raises(Invalid, match="needs a comment"):
        as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True, force=True)
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True, force=True, comment="It leaks.")
    assert asked.record.force
    as_(BOB).approve(asked.id)
    forced = "Registry-Forced: deployment production/scorer uses v1 of fraud, which would be in no serving stage"
    assert forced in git(place, "show", "-s", "--format=%B", "main")
    assert as_(ALICE).deployment("production", "scorer").standing == "archived"
    healthy(git, place, as_(ALICE))
