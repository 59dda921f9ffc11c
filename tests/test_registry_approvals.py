"""Whose yes counts: four eyes, several approvals, forged and replayed reviews, branches that do more than they say."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Corrupt, PermissionDenied
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    LEADS,
    As,
    file_at,
    hand_commit,
    healthy,
    new_registry,
    policy_text,
    record_of,
    refs,
    review,
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


def refused(git: Git, place: Path, registry: Registry, request: str, words: str) -> None:
    """Asserts that an approval is refused as Corrupt with these words, that nothing moves, and that rejecting works."""
    before = refs(git, place)
    with pytest.raises(Corrupt, match=words):
        registry.approve(request)
    assert refs(git, place) == before
    assert registry.reject(request).state == "rejected"
    assert true_merges(git, place) == 1
    assert registry.check() == []


def test_ones_own_approval_is_recorded_and_not_counted(place: Path, as_: As) -> None:
    asked = as_(BOB).request_stage("fraud", 2, "Production")
    own = as_(BOB).approve(asked.request)
    assert own.state == "open"
    assert [one.by for one in own.record.reviews] == [BOB]
    assert own.decision.given == 0
    assert own.decision.may_approve == ("carol@acme.io",)
    assert as_(CAROL).approve(asked.request).state == "approved"


def test_another_spelling_of_ones_own_address_is_still_ones_own(place: Path, as_: As) -> None:
    asked = as_(BOB).request_stage("fraud", 2, "Production")
    assert as_("Robert <BOB@ACME.io>").approve(asked.request).state == "open"


def test_two_approvals_are_two_people(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=1, roles=LEADS, rules=TWO)
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    assert as_(BOB).approve(asked.request).decision.given == 1
    again = as_(BOB).approve(asked.request, comment="really")
    assert (again.state, again.decision.given, len(again.record.reviews)) == ("open", 1, 2)
    assert as_(CAROL).approve(asked.request).state == "approved"
    assert true_merges(git, place) == 1
    healthy(git, place, as_(ALICE))


def test_who_holds_no_role_cannot_approve_and_nothing_is_written(place: Path, as_: As, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    before = refs(git, place)
    for decide in (as_(DAVE).approve, as_(DAVE).reject, as_(DAVE).cancel):
        with pytest.raises(PermissionDenied, match=r"dave@acme\.io may not"):
            decide(asked.request)
    assert refs(git, place) == before


def test_gates_are_looked_at_again_when_the_approval_comes(place: Path) -> None:
    gate = "rules:\n  - {on: stage, to: [Production], approvals: 1, require: {tags: [validated], min: {auc: 0.9}}}\n"
    as_ = new_registry(place, versions=1, rules=gate)
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    assert as_(BOB).approve(asked.request).state == "open"
    as_(ALICE).set_tags("fraud", {"validated": "yes", "auc": "0.95"}, version=1)
    assert as_(BOB).approve(asked.request, comment="now").state == "approved"


def test_a_commit_after_the_approval_that_changes_the_proposal_is_refused(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=3, roles=LEADS, rules=TWO)
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    as_(BOB).approve(asked.request)
    pointer = "models/fraud/stages/Production/pointer.yaml"
    text = file_at(git, place, asked.branch, pointer).replace("s3://acme/fraud/2", "s3://evil/1")
    hand_commit(git, place, asked.branch, {pointer: text}, author=ALICE)
    refused(git, place, as_(CAROL), asked.request, "changes something else")


def test_an_approval_is_lost_when_record_and_edits_are_rewritten_together_to_another_version(
    place: Path, git: Git
) -> None:
    as_ = new_registry(place, versions=3, roles=LEADS, rules=TWO)
    asked = as_(ALICE).request_stage("fraud", 2, "Production", id="asked")
    as_(BOB).approve(asked.request)
    reviewed = file_at(git, place, asked.branch, record_of("asked"))
    # what the registry itself would write for version 3 under the same id and at the same moment
    elsewhere = new_registry(place.with_name("same.git"), versions=3, roles=LEADS, rules=TWO)
    other = elsewhere(ALICE).request_stage("fraud", 3, "Production", id="asked")
    fresh = file_at(git, place.with_name("same.git"), other.branch, record_of("asked"))
    fresh = fresh.replace(fresh.partition("created: ")[2][:26], reviewed.partition("created: ")[2][:26])
    pointer = "models/fraud/stages/Production/pointer.yaml"
    files = {
        pointer: file_at(git, place.with_name("same.git"), other.branch, pointer),
        record_of("asked"): fresh + reviewed[reviewed.index("reviews:") :],
    }
    hand_commit(git, place, asked.branch, files, author=ALICE)
    seen = as_(CAROL).approve("asked")
    assert (seen.state, seen.version, seen.decision.given) == ("open", 3, 1)


@pytest.mark.parametrize("path", ["registry.yaml", "models/spam/model.yaml", ".gitattributes", "README.md"])
def test_a_branch_that_changes_more_than_its_record_says_is_refused(place: Path, as_: As, git: Git, path: str) -> None:
    as_(ALICE).create_model("spam")
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    text = file_at(git, place, "main", path) if path.endswith(".yaml") else ""
    text = text.replace("four_eyes: true", "four_eyes: false") + "annotations: {more: 'yes'}\n"
    hand_commit(git, place, asked.branch, {path: text}, author=ALICE)
    refused(git, place, as_(BOB), asked.request, f"changes something else .*{path}")


def test_a_branch_that_changes_more_is_refused_though_its_digest_was_made_to_fit(
    place: Path, as_: As, git: Git
) -> None:
    from registry_git.gitstore.merge import changed_files
    from registry_git.gitstore.repository import Repository
    from registry_git.registry.open_request import proposal_digest

    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    policy = policy_text(as_(ALICE)).replace("four_eyes: true", "four_eyes: false")
    assert policy != policy_text(as_(ALICE))
    hand_commit(git, place, asked.branch, {"registry.yaml": policy}, author=ALICE)
    edits = changed_files(Repository(place), git(place, "rev-parse", "main"), git(place, "rev-parse", asked.branch))
    edits.pop(record_of(asked.request))
    record = file_at(git, place, asked.branch, record_of(asked.request))
    record = record.replace(asked.record.proposal, proposal_digest(edits))
    hand_commit(git, place, asked.branch, {record_of(asked.request): record}, author=ALICE)
    refused(git, place, as_(BOB), asked.request, "changes something else")


def test_a_branch_without_a_record_is_refused(place: Path, as_: As, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    hand_commit(git, place, asked.branch, {record_of(asked.request): None}, author=ALICE)
    with pytest.raises(Corrupt, match="no record"):
        as_(BOB).approve(asked.request)


@pytest.mark.parametrize("broken", ["registry.yaml", "the record"])
def test_a_branch_with_a_broken_manifest_hides_no_other_request(place: Path, as_: As, git: Git, broken: str) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    other = as_(ALICE).request_stage("fraud", 1, "Production")
    path = broken if broken.endswith(".yaml") else record_of(asked.request)
    hand_commit(git, place, asked.branch, {path: "no: [\n"}, author=ALICE)
    assert other.request in [one.request for one in as_(BOB).requests()]
    assert other.request in [one.request for one in as_(BOB).activity("fraud")]
    with pytest.raises(Corrupt):
        as_(BOB).approve(asked.request)
    if broken == "registry.yaml":
        assert "registry.yaml" in as_(BOB).request(asked.request).changes or as_(BOB).request(asked.request).stale
        assert as_(BOB).reject(asked.request).state == "rejected"
    assert as_(BOB).approve(other.request).state == "approved"


def test_a_forged_review_in_a_commit_by_somebody_else_does_not_count(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=1, roles=LEADS, rules=TWO)
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    record = file_at(git, place, asked.branch, record_of(asked.request))
    forged = f"{record}reviews:\n{review(BOB, asked.record.proposal)}"
    hand_commit(git, place, asked.branch, {record_of(asked.request): forged}, author=ALICE)
    seen = as_(ALICE).request(asked.request)
    assert len(seen.record.reviews) == 1
    assert seen.decision.given == 0
    assert as_(CAROL).approve(asked.request).state == "open"


def test_a_review_that_is_made_to_fit_the_new_content_by_hand_is_refused(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=2, roles=LEADS, rules=TWO)
    rival = as_(ALICE).request_stage("fraud", 1, "Production")
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    old = as_(BOB).approve(asked.request).record
    as_(BOB).reject(rival.request)
    as_(ALICE).transition("fraud", 1, "Staging")
    as_(ALICE).transition("fraud", 2, "Staging")
    new = as_(ALICE).refresh(asked.request).record
    assert new.proposal != old.proposal
    record = file_at(git, place, asked.branch, record_of(asked.request)).replace(old.proposal, new.proposal)
    hand_commit(git, place, asked.branch, {record_of(asked.request): record}, author=ALICE)
    before = refs(git, place)
    with pytest.raises(Corrupt, match="rewritten by hand"):
        as_(CAROL).approve(asked.request)
    assert refs(git, place) == before


def test_a_request_in_another_persons_name_is_refused(place: Path, as_: As, git: Git) -> None:
    """Or four eyes could be had alone: ask as somebody else, approve as oneself."""
    asked = as_(BOB).request_stage("fraud", 2, "Production")
    record = file_at(git, place, asked.branch, record_of(asked.request)).replace(BOB, DAVE)
    tip = git(place, "rev-parse", asked.branch)
    later = hand_commit(git, place, asked.branch, {record_of(asked.request): record}, author=BOB)
    with pytest.raises(Corrupt, match="rewritten by hand"):
        as_(BOB).approve(asked.request)
    # the same in one commit, as if it had been so from the start
    git(place, "update-ref", f"refs/heads/{asked.branch}", "main")
    files = git(place, "diff", "--name-only", tip + "^", tip).split()
    hand_commit(git, place, asked.branch, {path: file_at(git, place, later, path) for path in files}, author=BOB)
    refused(git, place, as_(BOB), asked.request, "says that Dave .* asks, but Bob")


def test_an_approval_is_not_replayed_on_another_request(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=2, roles=LEADS, rules=TWO)
    first = as_(ALICE).request_stage("fraud", 1, "Production")
    second = as_(ALICE).request_stage("fraud", 2, "Production")
    given = as_(BOB).approve(first.request).record.reviews[0]
    record = file_at(git, place, second.branch, record_of(second.request))
    # Bob's own words, in a commit that claims to be Bob's: they are about another proposal
    copied = f"{record}reviews:\n{review(BOB, given.proposal)}"
    hand_commit(git, place, second.branch, {record_of(second.request): copied}, author=BOB)
    assert as_(ALICE).request(second.request).decision.given == 0
    assert as_(CAROL).approve(second.request).state == "open"


def test_an_approval_is_not_replayed_on_another_model(place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=1, roles=LEADS, rules=TWO)
    as_(ALICE).register("spam", "s3://acme/fraud/1")
    one = as_(ALICE).request_stage("fraud", 1, "Production", id="same-id")
    as_(BOB).approve(one.request)
    tip = git(place, "rev-parse", one.branch)
    as_(ALICE).cancel(one.request)
    # Bob's commit under another model's branch: it holds no record of that model
    git(place, "update-ref", "refs/heads/request/spam/same-id", tip)
    with pytest.raises(Corrupt, match="no record"):
        as_(CAROL).approve("same-id")


def test_an_approval_is_not_replayed_in_another_registry(tmp_path: Path, place: Path, git: Git) -> None:
    as_ = new_registry(place, versions=1, roles=LEADS, rules=TWO)
    elsewhere = tmp_path / "test.git"
    in_test = new_registry(elsewhere, versions=1, roles=LEADS, rules=TWO)
    asked = in_test(ALICE).request_stage("fraud", 1, "Production")
    in_test(BOB).approve(asked.request)
    git(place, "fetch", "-q", str(elsewhere), f"{asked.branch}:{asked.branch}")
    with pytest.raises(Corrupt, match="no common history"):
        as_(CAROL).approve(asked.request)


def test_a_landed_approval_is_not_replayed_after_a_rollback(place: Path, as_: As, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    as_(BOB).approve(asked.request)
    landed = git(place, "rev-parse", "main^2")
    back = as_(ALICE).request_stage("fraud", 1, "None")
    as_(BOB).approve(back.request)
    git(place, "update-ref", f"refs/heads/{asked.branch}", landed)
    with pytest.raises(Exception, match="approved already"):
        as_(CAROL).approve(asked.request)
    assert as_(ALICE).version("fraud", 1).stage == "None"


def test_a_request_for_a_policy_is_judged_by_the_policy_on_main(place: Path, as_: As) -> None:
    wanted = (
        policy_text(as_(ALICE)).replace("bob@acme.io", "dave@acme.io").replace("four_eyes: true", "four_eyes: false")
    )
    asked = as_(ALICE).request_policy(wanted)
    with pytest.raises(PermissionDenied):
        as_(DAVE).approve(asked.request)
    assert as_(ALICE).approve(asked.request).state == "open"
    assert as_(BOB).approve(asked.request).state == "approved"


def test_a_policy_that_changed_after_the_request_judges_it(place: Path, as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 1, "Production")
    stricter = as_(ALICE).request_policy(policy_text(as_(ALICE)).replace("approvals: 1", "approvals: 2"))
    as_(BOB).approve(stricter.request)
    assert as_(BOB).approve(asked.request).state == "open"
    assert as_(CAROL).approve(asked.request).state == "approved"


def test_the_way_back_into_a_guarded_stage_can_be_asked_for(tmp_path: Path) -> None:
    alice = registry_git.init(tmp_path / "models.git", actor="Alice <alice@acme.io>", durable=False)
    for number in (1, 2):
        alice.register("fraud", f"s3://models/{number}")
        alice.transition("fraud", number, "Production", archive_existing=True)
    alice.set_policy(
        "apiVersion: registry-git.dev/v1\nkind: Registry\nname: models\nlayout: flat\n"
        "stages:\n- {name: Staging}\n- {name: Production, exclusive: true, after: [Staging]}\n"
        "- {name: Archived, serving: false}\n"
        "rules:\n- {on: stage, to: [Production], approvals: 1, four_eyes: true}\n"
    )
    with pytest.raises(registry_git.PermissionDenied, match="request create fraud 1 Production"):
        alice.rollback("fraud", "Production")
    asked = alice.request_stage("fraud", 1, "Production", comment="v2 is slow")
    registry_git.open(tmp_path / "models.git", actor="Bob <bob@acme.io>").approve(asked.id)
    assert alice.resolve("models:/fraud/Production").version == 1
