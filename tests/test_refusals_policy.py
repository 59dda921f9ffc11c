"""What the policy must withstand: one's own approval, a policy that judges itself, one that was restored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry_git.core.errors import Conflict, Corrupt, Invalid, PermissionDenied, RegistryError
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
    new_registry,
    policy_text,
    refs,
)

ALICE_IN_CAPITALS = "A. L. Ice <ALICE@Acme.IO>"
OPEN_RULES = "rules: []\n"
GUARD = """\
rules:
  - {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true}
  - {on: policy, approvals: 1, by: [ml-leads], four_eyes: true}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=3, protect=["Production"], roles=LEADS)


def with_rules(registry: Registry, rules: str) -> str:
    return f"{policy_text(registry).partition('rules:')[0]}{rules}"


def ruled(path: Path, rules: str) -> As:
    """A registry with roles and the given rules."""
    opened = new_registry(path, versions=3, protect=["Production"], roles={"ml-leads": [*LEADS["ml-leads"]]})
    request = opened(ALICE).request_policy(with_rules(opened(ALICE), rules))
    assert opened(BOB).approve(request.id).state == "approved"
    return opened


# ------------------------------------------------------------------------------------------------- one's own approval


@pytest.mark.parametrize("actor", [BOB, "Robert <BOB@ACME.IO>"])
def test_the_requesters_own_approval_is_recorded_and_never_counted(as_: As, actor: str) -> None:
    request = as_(BOB).request_stage("fraud", 1, "Production")
    view = as_(actor).approve(request.id, comment="I am sure")
    assert view.state == "open"
    assert [review.comment for review in view.record.reviews] == ["I am sure"]
    assert (view.decision.given, view.decision.needed) == (0, 1)
    assert view.decision.may_approve == ("carol@acme.io",)
    assert as_(ALICE).version("fraud", 1).stage == "None"
    assert as_(CAROL).approve(request.id).state == "approved"
    assert as_(ALICE).version("fraud", 1).stage == "Production"


def test_one_person_under_two_names_counts_once(tmp_path: Path) -> None:
    as_ = ruled(tmp_path / "acme.git", "rules:\n  - {on: stage, approvals: 2, by: [ml-leads]}\n")
    request = as_(ALICE).request_stage("fraud", 1, "Staging")
    for actor in (BOB, "Robert <BOB@acme.io>", "bob <Bob@Acme.io>"):
        view = as_(actor).approve(request.id, comment=actor)
        assert (view.state, view.decision.given) == ("open", 1)
    assert as_(CAROL).approve(request.id).state == "approved"


def test_somebody_without_the_role_may_neither_approve_nor_reject(as_: As, place: Path, git: Git) -> None:
    request = as_(ALICE).request_stage("fraud", 1, "Production")
    before = refs(git, place)
    for action in (as_(DAVE).approve, as_(DAVE).reject, as_(DAVE).cancel):
        with pytest.raises(PermissionDenied) as refused:
            action(request.id)
        assert "dave@acme.io" in refused.value.message
        assert refused.value.hint
        assert refs(git, place) == before


def test_the_request_of_the_only_one_with_the_role_is_rejected_by_nobody_else(as_: As, place: Path, git: Git) -> None:
    alone = policy_text(as_(ALICE)).replace("  - carol@acme.io\n", "")
    assert "carol" not in alone
    as_(CAROL).approve(as_(ALICE).request_policy(alone).id)
    request = as_(BOB).request_stage("fraud", 1, "Production")
    before = refs(git, place)
    for action in (as_(DAVE).reject, as_(CAROL).cancel):
        with pytest.raises(PermissionDenied, match=r"may not (reject|cancel)") as refused:
            action(request.id)
        assert "bob@acme.io" in refused.value.hint
        assert refs(git, place) == before
    assert as_(BOB).cancel(request.id).state == "cancelled"


DIRECT = {
    "stage": lambda registry: registry.transition("fraud", 1, "Production"),
    "in any case": lambda registry: registry.transition("fraud", 1, "production"),
    "added": lambda registry: registry.transition("fraud", 1, "Production", add=True),
    "policy": lambda registry: registry.set_policy(with_rules(registry, OPEN_RULES)),
}


@pytest.mark.parametrize("what", DIRECT)
@pytest.mark.parametrize("actor", [ALICE, BOB], ids=["no role", "role"])
def test_what_takes_two_people_is_never_done_by_one(as_: As, place: Path, git: Git, what: str, actor: str) -> None:
    before = refs(git, place)
    with pytest.raises(PermissionDenied) as refused:
        DIRECT[what](as_(actor))
    assert "rule on" in refused.value.message
    assert "1 approval by ml-leads" in refused.value.message
    assert "request" in refused.value.hint
    assert refs(git, place) == before


def test_a_version_is_not_taken_out_of_a_guarded_stage_by_one_person(as_: As, place: Path, git: Git) -> None:
    as_(CAROL).approve(as_(ALICE).request_stage("fraud", 1, "Production").id)
    before = refs(git, place)
    for action in (
        lambda: as_(BOB).transition("fraud", 1, "None"),
        lambda: as_(BOB).transition("fraud", 1, "Archived"),
        lambda: as_(BOB).rename("fraud", "other"),
    ):
        with pytest.raises(PermissionDenied):
            action()
        assert refs(git, place) == before


def test_another_layout_decides_nothing_and_takes_no_approval(as_: As) -> None:
    as_(CAROL).approve(as_(ALICE).request_stage("fraud", 1, "Production").id)
    before = as_(ALICE).policy()
    assert as_(DAVE).relayout("fanout").changed
    assert as_(ALICE).policy() == replace(before, layout="fanout")
    assert as_(ALICE).resolve("models:/fraud/Production").version == 1


def test_a_rule_on_edits_of_all_models_says_who_lays_the_registry_out(tmp_path: Path) -> None:
    opened = ruled(tmp_path / "ruled.git", f"{GUARD}  - {{on: edit, by: [ml-leads]}}\n")
    with pytest.raises(PermissionDenied) as refused:
        opened(ALICE).relayout("fanout")
    assert "alice@acme.io is not in ml-leads" in refused.value.message
    assert opened(BOB).relayout("fanout").changed


def test_a_rename_does_not_slip_past_the_rule_of_the_new_name(tmp_path: Path, git: Git) -> None:
    rules = "rules:\n  - {on: stage, to: [Production], models: ['prod-*'], approvals: 1, four_eyes: true}\n"
    as_ = ruled(tmp_path / "acme.git", rules)
    as_(ALICE).transition("fraud", 1, "Production")
    before = refs(git, tmp_path / "acme.git")
    with pytest.raises(PermissionDenied, match="rule on stage to Production for prod-"):
        as_(ALICE).rename("fraud", "prod-fraud")
    assert refs(git, tmp_path / "acme.git") == before
    as_(ALICE).rename("fraud", "dev-fraud")


def test_a_deleted_model_does_not_take_a_guarded_alias_with_it(tmp_path: Path, git: Git) -> None:
    as_ = ruled(tmp_path / "acme.git", "rules:\n  - {on: alias, to: [champion], approvals: 1, four_eyes: true}\n")
    as_(BOB).approve(as_(ALICE).request_alias("fraud", "champion", 1).id)
    before = refs(git, tmp_path / "acme.git")
    for action in (lambda: as_(ALICE).delete("fraud"), lambda: as_(ALICE).delete("fraud", version=1)):
        with pytest.raises(PermissionDenied, match="rule on alias to champion"):
            action()
        assert refs(git, tmp_path / "acme.git") == before


# ----------------------------------------------------------------------------------------- a policy that judges itself


def test_a_request_for_another_policy_is_judged_by_the_one_that_is_there(as_: As) -> None:
    request = as_(BOB).request_policy(with_rules(as_(BOB), OPEN_RULES))
    assert as_(BOB).approve(request.id).state == "open"
    assert as_(ALICE).policy().rules
    assert as_(CAROL).approve(request.id).state == "approved"
    assert as_(ALICE).policy().rules == ()
    assert as_(ALICE).transition("fraud", 1, "Production").stage == "Production"


def test_a_policy_that_makes_its_requester_a_lead_does_not_count_yet(as_: As) -> None:
    text = policy_text(as_(ALICE)).replace("carol@acme.io", "dave@acme.io")
    request = as_(ALICE).request_policy(text)
    with pytest.raises(PermissionDenied):
        as_(DAVE).approve(request.id)
    assert request.decision.may_approve == ("bob@acme.io", "carol@acme.io")


def test_the_policy_of_today_judges_a_request_of_yesterday(as_: As) -> None:
    request = as_(ALICE).request_stage("fraud", 1, "Production")
    text = policy_text(as_(ALICE)).replace("bob@acme.io", "dave@acme.io")
    as_(CAROL).approve(as_(ALICE).request_policy(text).id)
    with pytest.raises(PermissionDenied):
        as_(BOB).approve(request.id)
    assert as_(DAVE).approve(request.id).state == "approved"


def test_an_older_policy_that_is_restored_is_just_another_change(as_: As, place: Path, git: Git) -> None:
    text = policy_text(as_(ALICE))
    as_(CAROL).approve(as_(ALICE).request_policy(with_rules(as_(ALICE), OPEN_RULES)).id)
    older = file_at(git, place, "main", "registry.yaml")
    assert older != text
    as_(ALICE).set_policy(text)
    before = refs(git, place)
    for actor in (ALICE, BOB):
        with pytest.raises(PermissionDenied, match="rule on policy"):
            as_(actor).set_policy(older)
    assert refs(git, place) == before
    request = as_(BOB).request_policy(older)
    assert as_(BOB).approve(request.id).state == "open"
    assert as_(ALICE).policy().rules


def test_a_policy_is_not_changed_into_one_that_cannot_work(as_: As, place: Path, git: Git) -> None:
    text = policy_text(as_(ALICE))
    before = refs(git, place)
    for bad in (
        "",
        "just text",
        "[]",
        text.replace("kind: Registry", "kind: Model"),
        text.replace("by:", "bye:"),
        text.replace("approvals: 1", "approvals: 1_0"),
        text.replace("approvals: 1", "approvals: -1"),
        text.replace("to: [Production]", "to: [Nowhere]").replace("- Production\n", "- Nowhere\n"),
        f"{text}---\n{text}",
        f"{text}rules: []\n",
        text.replace("name: acme", "name: &a acme"),
        "\ufeff" + text.replace("flat", "deep"),
        "x" * 300_000,
    ):
        for action in (as_(ALICE).request_policy, as_(ALICE).set_policy):
            with pytest.raises(Invalid):
                action(bad)
            assert refs(git, place) == before


def test_a_policy_does_not_take_a_stage_away_that_is_in_use(as_: As, place: Path, git: Git) -> None:
    as_(CAROL).approve(as_(ALICE).request_stage("fraud", 1, "Production").id)
    text = with_rules(as_(ALICE), OPEN_RULES).replace("Production", "Live")
    before = refs(git, place)
    with pytest.raises(Conflict, match="fraud has a version in Production") as refused:
        as_(ALICE).request_policy(text)
    assert refused.value.hint
    assert refs(git, place) == before


# ---------------------------------------------------------------------------------- branches that were changed by hand


def refuses_to_land(as_: As, place: Path, git: Git, request: str, *actors: str) -> RegistryError:
    """The refusal of an approval; `main` and the branch stay where they are."""
    before = refs(git, place)
    for actor in actors:
        with pytest.raises((Conflict, Corrupt, PermissionDenied)) as refused:
            as_(actor).approve(request)
        assert refused.value.hint
        assert refs(git, place) == before
    return refused.value


def test_a_request_that_also_edits_the_policy_does_not_land(as_: As, place: Path, git: Git) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    hand_commit(git, place, view.branch, {"registry.yaml": with_rules(as_(ALICE), OPEN_RULES)}, author=ALICE)
    refuses_to_land(as_, place, git, view.id, BOB, CAROL)
    assert as_(BOB).request(view.id).stale
    assert as_(BOB).reject(view.id).state == "rejected"
    assert as_(ALICE).policy().rules


def test_a_request_for_one_model_that_touches_another_does_not_land(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).register("credit", "s3://acme/credit/1")
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    pointer = file_at(git, place, view.branch, "models/fraud/stages/Production/pointer.yaml")
    for files in (
        {"models/credit/stages/Production/pointer.yaml": pointer.replace("fraud", "credit")},
        {"models/fraud/versions/1.yaml": None},
        {"README.md": "hello\n"},
        {".gitattributes": "* -text\n"},
    ):
        tip = git(place, "rev-parse", view.branch)
        hand_commit(git, place, view.branch, files, author=ALICE)
        refuses_to_land(as_, place, git, view.id, BOB)
        git(place, "update-ref", f"refs/heads/{view.branch}", tip)
    assert as_(BOB).approve(view.id).state == "approved"


def test_an_edit_that_names_its_own_digest_does_not_land(as_: As, place: Path, git: Git) -> None:
    from registry_git.gitstore.merge import changed_files
    from registry_git.registry.open_request import proposal_digest

    view = as_(ALICE).request_stage("fraud", 1, "Production")
    record = "models/fraud/requests/" + view.id + ".yaml"
    hand_commit(git, place, view.branch, {"registry.yaml": with_rules(as_(ALICE), OPEN_RULES)}, author=ALICE)
    repository = as_(ALICE)._store.repository
    edits = changed_files(repository, git(place, "rev-parse", "main"), git(place, "rev-parse", view.branch))
    edits.pop(record)
    text = file_at(git, place, view.branch, record)
    forged = text.replace(view.record.proposal, proposal_digest(edits))
    assert forged != text
    hand_commit(git, place, view.branch, {record: forged}, author=ALICE)
    refuses_to_land(as_, place, git, view.id, BOB, CAROL)


def test_an_approval_that_somebody_else_wrote_does_not_count(as_: As, place: Path, git: Git) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    record = "models/fraud/requests/" + view.id + ".yaml"
    review = (
        "reviews:\n- by: Bob <bob@acme.io>\n  at: '2026-11-23T06:14:11.412Z'\n  verdict: approved\n"
        f"  source: commit\n  proposal: {view.record.proposal}\n"
    )
    text = file_at(git, place, view.branch, record)
    hand_commit(git, place, view.branch, {record: text + review}, author=ALICE)
    seen = as_(CAROL).request(view.id)
    assert (seen.state, seen.decision.given) == ("open", 0)
    assert as_(ALICE).version("fraud", 1).stage == "None"


def test_a_request_in_another_persons_name_does_not_land(as_: As, place: Path, git: Git) -> None:
    view = as_(BOB).request_stage("fraud", 1, "Production")
    record = "models/fraud/requests/" + view.id + ".yaml"
    text = file_at(git, place, view.branch, record)
    hand_commit(git, place, view.branch, {record: text.replace(f"requester: {BOB}", f"requester: {DAVE}")}, author=BOB)
    refuses_to_land(as_, place, git, view.id, BOB, CAROL)


def test_a_change_after_the_approval_makes_it_count_no_more(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "acme.git"
    as_ = ruled(place, "rules:\n  - {on: stage, approvals: 2, by: [ml-leads]}\n")
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    as_(BOB).approve(view.id)
    record = "models/fraud/requests/" + view.id + ".yaml"
    text = file_at(git, place, view.branch, record)
    hand_commit(git, place, view.branch, {record: text.replace("version: 1", "version: 3")}, author=ALICE)
    refuses_to_land(as_, place, git, view.id, CAROL)


def test_an_approval_given_to_another_request_does_not_count(as_: As, place: Path, git: Git) -> None:
    one, other = (as_(ALICE).request_stage("fraud", number, "Production") for number in (1, 3))
    approved = as_(BOB).approve(one.id)
    (review,) = approved.record.reviews
    record = "models/fraud/requests/" + other.id + ".yaml"
    text = file_at(git, place, other.branch, record)
    replayed = (
        f"reviews:\n- by: {review.by}\n  at: '{review.at.text()}'\n  verdict: approved\n"
        f"  source: commit\n  proposal: {review.proposal}\n"
    )
    hand_commit(git, place, other.branch, {record: text + replayed}, author=BOB)
    assert as_(CAROL).request(other.id).decision.given == 0
    assert as_(ALICE).version("fraud", 3).stage == "None"


def test_a_gate_is_looked_at_when_the_change_lands(tmp_path: Path) -> None:
    rules = "rules:\n  - {on: stage, to: [Production], approvals: 1, require: {tags: [validated], min: {auc: 0.9}}}\n"
    as_ = ruled(tmp_path / "acme.git", rules)
    as_(ALICE).set_tags("fraud", {"auc": "0.95", "validated": "yes"}, version=1)
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    as_(ALICE).set_tag("fraud", "auc", "0.5", version=1)
    seen = as_(BOB).approve(view.id)
    assert seen.state == "open"
    assert any("at least 0.9 is required" in unmet.why for unmet in seen.decision.unmet)
    assert as_(ALICE).version("fraud", 1).stage == "None"
