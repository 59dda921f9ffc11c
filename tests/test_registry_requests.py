"""Requests over real repositories: asking is a branch, every decision is a true merge, and a refusal writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Conflict, Invalid, NotFound, PermissionDenied
from registry_git.gitstore.merge import Stale
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
    refs,
    true_merges,
)

TWO = """\
rules:
  - {on: stage, to: [Production], approvals: 2, by: [ml-leads], four_eyes: true}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=3, protect=["Production"], roles=LEADS)


def test_an_approval_lands_as_a_true_merge_by_the_approver(as_: As, place: Path, git: Git) -> None:
    before = git(place, "rev-parse", "main")
    asked = as_(ALICE).request_stage("fraud", 2, "production", comment="better")
    assert git(place, "rev-parse", "main") == before
    assert as_(BOB).approve(asked.request, comment="go").state == "approved"
    assert git(place, "rev-parse", "main^1") == before
    assert git(place, "log", "-1", "--format=%an <%ae>", "main") == BOB
    assert true_merges(git, place) == 1
    assert as_(ALICE).resolve("models:/fraud/Production").version == 2
    assert git(place, "for-each-ref", "refs/heads/request") == ""
    healthy(git, place, as_(ALICE))


def test_the_branch_of_a_request_is_the_preview(as_: As, place: Path) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    registry = as_(ALICE)
    for name in (asked.request, asked.branch):
        assert registry.at(name).resolve("models:/fraud/Production").version == 2
    with pytest.raises(NotFound):
        registry.resolve("models:/fraud/Production")


def test_a_rejection_keeps_the_proposal_reachable_and_its_change_does_not_happen(
    as_: As, place: Path, git: Git
) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    proposal = git(place, "rev-parse", asked.branch)
    assert as_(BOB).reject(asked.request, comment="no").state == "rejected"
    git(place, "merge-base", "--is-ancestor", proposal, "main")
    assert "stages/Production" in git(place, "diff-tree", "-r", "--name-only", proposal)
    changed = git(place, "diff", "--name-only", "main^1", "main")
    assert changed == f"models/fraud/requests/{asked.request}.yaml"
    assert true_merges(git, place) == 1
    assert as_(ALICE).version("fraud", 2).stage == "None"
    healthy(git, place, as_(ALICE))


def test_a_cancellation_is_a_true_merge_too(as_: As, place: Path, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    assert as_(ALICE).cancel(asked.request, comment="too early").state == "cancelled"
    assert true_merges(git, place) == 1
    assert [one.state for one in as_(ALICE).requests("fraud", state="all")] == ["cancelled"]


def test_every_merge_of_a_long_history_can_be_recomputed_with_plain_git(as_: As, place: Path, git: Git) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    alice.register("spam", "s3://acme/spam/1")
    alice.register("spam", "s3://acme/spam/2")
    open_ones = [
        alice.request_stage("fraud", 1, "Production"),
        alice.request_stage("spam", 1, "Production", archive_existing=True),
        alice.request_alias("spam", "champion", 2),
        alice.request_delete("fraud", 3),
        alice.request_policy(policy_text(alice).replace("name: models", "name: acme")),
        alice.request_stage("spam", 2, "Staging"),
    ]
    alice.set_tag("fraud", "auc", "0.9", version=1)
    bob.approve(open_ones[0].request)
    alice.register("fraud", "s3://acme/fraud/4")
    bob.reject(open_ones[1].request)
    bob.approve(open_ones[2].request)
    bob.approve(open_ones[3].request)
    alice.describe("spam", "ham")
    bob.approve(open_ones[4].request)
    bob.cancel(open_ones[5].request)
    again = alice.request_stage("fraud", 2, "Production", archive_existing=True)
    bob.approve(again.request)
    back = alice.request_stage("fraud", 1, "Production", archive_existing=True)
    bob.approve(back.request)
    assert true_merges(git, place) == 8
    assert alice.model("fraud").stages == {"Production": (1,), "Archived": (2,)}
    assert alice.policy().name == "acme"
    healthy(git, place, alice)


def test_of_two_requests_for_one_slot_the_second_is_stale_and_nothing_is_written(
    as_: As, place: Path, git: Git
) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    one = alice.request_stage("fraud", 1, "Production")
    other = alice.request_stage("fraud", 2, "Production")
    bob.approve(one.request)
    before = refs(git, place)
    with pytest.raises(Stale, match=r"stale: .*Production.*has changed on main.*request refresh"):
        bob.approve(other.request)
    assert refs(git, place) == before
    assert bob.request(other.request).stale != ""
    assert bob.reject(other.request).state == "rejected"
    assert true_merges(git, place) == 2


def test_a_version_that_went_elsewhere_meanwhile_makes_its_request_stale(as_: As, place: Path, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    as_(ALICE).transition("fraud", 1, "Staging")
    before = refs(git, place)
    with pytest.raises(Stale):
        as_(BOB).approve(asked.request)
    assert refs(git, place) == before
    as_(ALICE).refresh(asked.request)
    as_(BOB).approve(asked.request)
    assert as_(ALICE).version("fraud", 1).stages == ("Production",)
    assert true_merges(git, place) == 1


def test_a_request_for_a_version_that_was_deleted_meanwhile_is_stale(as_: As, place: Path, git: Git) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    stage = alice.request_stage("fraud", 2, "Production")
    gone = alice.request_delete("fraud", 2)
    bob.approve(gone.request)
    before = refs(git, place)
    with pytest.raises(Stale, match="v2 of fraud does not exist"):
        bob.approve(stage.request)
    assert refs(git, place) == before
    assert bob.reject(stage.request).state == "rejected"
    healthy(git, place, alice)


def test_a_deletion_of_a_version_that_entered_a_stage_meanwhile_is_stale(as_: As, place: Path, git: Git) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    gone = alice.request_delete("fraud", 2)
    alice.transition("fraud", 2, "Staging")
    with pytest.raises(Stale, match="is in Staging"):
        bob.approve(gone.request)
    healthy(git, place, alice)


def test_a_deletion_of_a_model_that_got_another_version_meanwhile_is_stale(as_: As, place: Path, git: Git) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    gone = alice.request_delete("fraud", None)
    alice.register("fraud", "s3://acme/fraud/4")
    with pytest.raises(Stale):
        bob.approve(gone.request)
    assert len(alice.versions("fraud")) == 4
    alice.refresh(gone.request)
    assert bob.approve(gone.request).state == "approved"
    with pytest.raises(NotFound):
        alice.model("fraud")
    assert true_merges(git, place) == 1
    healthy(git, place, alice)


def test_a_comment_that_came_meanwhile_is_not_left_behind_by_a_deletion(as_: As, place: Path, git: Git) -> None:
    gone = as_(ALICE).request_delete("fraud", 2)
    as_(DAVE).add_comment("fraud", 2, "wait!")
    with pytest.raises(Stale):
        as_(BOB).approve(gone.request)


def test_a_refresh_decides_again_and_drops_the_approvals_of_the_old_content(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=2, roles=LEADS, rules=TWO)
    alice, bob, carol = as_(ALICE), as_(BOB), as_(CAROL)
    rival = alice.request_stage("fraud", 1, "Production")
    asked = alice.request_stage("fraud", 2, "Production")
    assert bob.approve(asked.request).decision.given == 1
    bob.approve(rival.request)
    carol.approve(rival.request)
    with pytest.raises(Stale):
        carol.approve(asked.request)
    fresh = alice.refresh(asked.request)
    assert fresh.stale == ""
    assert fresh.decision.given == 0
    assert [review.by for review in fresh.record.reviews] == [BOB]
    assert carol.approve(asked.request).state == "open"
    assert bob.approve(asked.request).state == "approved"
    assert alice.model("fraud").stages == {"Production": (1, 2)}
    assert true_merges(git, place) == 2
    healthy(git, place, alice)


def test_a_refresh_keeps_mains_own_line_of_first_parents(as_: As, place: Path, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    as_(ALICE).register("spam", "s3://acme/spam/1")
    as_(ALICE).refresh(asked.request)
    assert git(place, "rev-parse", f"{asked.branch}^1") == git(place, "rev-parse", "main")


def test_a_request_whose_wish_came_true_otherwise_cannot_be_refreshed(as_: As, place: Path) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Staging")
    as_(ALICE).transition("fraud", 2, "Staging")
    with pytest.raises(Invalid, match="so already"):
        as_(ALICE).refresh(asked.request)
    with pytest.raises(Stale):
        as_(BOB).approve(asked.request)


def test_what_is_so_already_cannot_be_asked_for(as_: As) -> None:
    as_(ALICE).transition("fraud", 2, "Staging")
    with pytest.raises(Invalid, match="would change nothing"):
        as_(ALICE).request_stage("fraud", 2, "Staging")
    with pytest.raises(Invalid):
        as_(ALICE).request_alias("fraud", "champion", None)
    with pytest.raises(NotFound):
        as_(ALICE).request_stage("fraud", 9, "Staging")


def test_a_closed_request_takes_no_other_decision(as_: As, place: Path, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    as_(BOB).approve(asked.request)
    before = refs(git, place)
    for again in (as_(BOB).reject, as_(CAROL).approve, as_(ALICE).cancel, as_(ALICE).refresh):
        with pytest.raises(Conflict, match="approved already by Bob"):
            again(asked.request)
    assert refs(git, place) == before


def test_a_retry_of_a_decision_that_has_landed_changes_nothing(as_: As, place: Path, git: Git) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    yes, no, never = (alice.request_stage("fraud", number, "Production") for number in (1, 2, 3))
    bob.approve(yes.request)
    bob.reject(no.request)
    alice.cancel(never.request)
    before = refs(git, place)
    assert bob.approve(yes.request).state == "approved"
    assert bob.reject(no.request).state == "rejected"
    assert alice.cancel(never.request).state == "cancelled"
    assert refs(git, place) == before


def test_a_retry_of_a_request_with_the_same_id_changes_nothing(as_: As, place: Path, git: Git) -> None:
    alice = as_(ALICE)
    first = alice.request_stage("fraud", 2, "Production", id="req-0001")
    before = refs(git, place)
    assert alice.request_stage("fraud", 2, "Production", id="req-0001").head == first.head
    as_(BOB).approve("req-0001")
    landed = refs(git, place)
    assert alice.request_stage("fraud", 2, "Production", id="req-0001").state == "approved"
    assert landed == refs(git, place) != before


def test_a_retry_of_an_approval_that_does_not_suffice_is_recorded_once(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=1, roles=LEADS, rules=TWO)
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    as_(BOB).approve(asked.request, comment="fine")
    before = refs(git, place)
    assert len(as_(BOB).approve(asked.request, comment="fine").record.reviews) == 1
    assert refs(git, place) == before


def test_a_direct_change_is_refused_where_the_policy_wants_a_request(as_: As, place: Path, git: Git) -> None:
    before = refs(git, place)
    with pytest.raises(PermissionDenied, match=r"rule on stage to Production.*request create fraud 2 Production"):
        as_(BOB).transition("fraud", 2, "Production")
    assert refs(git, place) == before


def test_requests_for_aliases_and_deletions_land(as_: As, place: Path, git: Git) -> None:
    alice, bob = as_(ALICE), as_(BOB)
    bob.approve(alice.request_alias("fraud", "champion", 2).request)
    assert alice.resolve("models:/fraud@champion").version == 2
    bob.approve(alice.request_alias("fraud", "champion", None).request)
    assert alice.model("fraud").aliases == {}
    bob.approve(alice.request_delete("fraud", 3).request)
    assert alice.register("fraud", "s3://acme/fraud/4").version == 4
    assert true_merges(git, place) == 3
    healthy(git, place, alice)


def test_a_model_that_a_request_deleted_can_be_made_anew(as_: As, place: Path, git: Git) -> None:
    gone = as_(ALICE).request_delete("fraud", None)
    as_(BOB).approve(gone.request)
    assert as_(ALICE).models() == []
    with pytest.raises(NotFound) as caught:
        as_(ALICE).model("fraud")
    assert "Did you mean" not in caught.value.hint
    assert "model.yaml" in as_(ALICE).request_diff(gone.request)
    assert as_(ALICE).register("fraud", "s3://acme/fraud/1").version == 1
    assert [one.activity_type for one in as_(ALICE).activity("fraud")] == ["CREATED_MODEL", "CREATED_VERSION"]
    assert "model.yaml" in as_(ALICE).request_diff(gone.request)
    healthy(git, place, as_(ALICE))


def test_a_request_for_a_policy_lands(as_: As, place: Path, git: Git) -> None:
    wanted = policy_text(as_(ALICE)).replace("approvals: 1", "approvals: 2")
    asked = as_(ALICE).request_policy(wanted)
    as_(BOB).approve(asked.request)
    assert {rule.approvals for rule in as_(ALICE).policy().rules} == {2}
    assert true_merges(git, place) == 1


def test_requests_through_clones_are_seen_and_decided_everywhere(
    tmp_path: Path, place: Path, as_: As, git: Git
) -> None:
    alice = registry_git.clone(str(place), tmp_path / "alice.git", actor=ALICE)
    bob = registry_git.clone(str(place), tmp_path / "bob", actor=BOB)
    asked = alice.request_stage("fraud", 2, "Production")
    rival = alice.request_stage("fraud", 1, "Production")
    assert bob.approve(asked.request).state == "approved"
    before = refs(git, place)
    with pytest.raises(Stale):
        bob.approve(rival.request)
    assert refs(git, place) == before
    alice.sync()
    assert alice.resolve("models:/fraud/Production").version == 2
    assert [one.request for one in alice.requests()] == [rival.request]
    alice.cancel(rival.request)
    bob.sync()
    assert bob.requests() == []
    assert true_merges(git, place) == 2
    healthy(git, place, as_(ALICE))


def test_an_old_retry_of_a_move_is_not_made_again_after_a_later_one(tmp_path: Path) -> None:
    registry = registry_git.init(tmp_path / "models.git", actor="Alice <alice@acme.io>", durable=False)
    registry.register("fraud", "s3://models/1")
    registry.transition("fraud", 1, "Staging", id="move-0001")
    registry.transition("fraud", 1, "Production")
    before = registry.commit
    assert registry.transition("fraud", 1, "Staging", id="move-0001").stage == "Production"
    assert registry.commit == before
