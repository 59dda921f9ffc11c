"""Activity is what the history shows: however a request came to `main`, and whatever a message claims."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import (
    ALICE,
    BOB,
    CAROL,
    LEADS,
    As,
    both_ways,
    healthy,
    new_registry,
    person,
    policy_text,
    told,
)

GITHUB = "GitHub <noreply@github.com>"
TWO = "rules:\n  - {on: stage, to: [Production], approvals: 2, by: [ml-leads], four_eyes: true}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=2)


@pytest.fixture
def asked(as_: As) -> str:
    return as_(ALICE).request_stage("fraud", 2, "Production", comment="better", id="asked").branch


@pytest.fixture
def merge(tmp_path: Path, place: Path, git: Git) -> Callable[..., None]:
    """Runs git commands in a clone, as `by` (and committer `committer`), and pushes `main` to the registry."""

    def run(*commands: list[str], by: str, committer: str | None = None) -> None:
        work = tmp_path / "work"
        git(tmp_path, "clone", "-q", place, work)
        env = {**person(by, "AUTHOR"), **person(committer or by, "COMMITTER")}
        for command in commands:
            git(work, *command, env=env)
        git(work, "push", "-q", "origin", "main")

    return run


def decided(registry: Registry) -> list[tuple[str, str, str]]:
    """The same of what belongs to requests, whatever else happened to the model meanwhile."""
    return [(one.activity_type, one.user_id, str(one.version)) for one in registry.activity("fraud") if one.request]


ASKED = ("REQUESTED_TRANSITION", ALICE, "2")


def approved_by(who: str) -> list[tuple[str, str, str]]:
    return [ASKED, ("APPROVED_REQUEST", who, "2")]


def test_a_merge_commit_names_who_merged(as_: As, asked: str, place: Path, merge: Callable[..., None]) -> None:
    merge(["merge", "-q", "--no-ff", f"origin/{asked}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by(BOB)
    assert as_(ALICE).resolve("models:/fraud/Production").version == 2
    both_ways(as_(ALICE), place)


def test_a_merge_commit_made_by_a_forge_names_its_author(
    as_: As, asked: str, place: Path, merge: Callable[..., None]
) -> None:
    as_(ALICE).set_tag("fraud", "busy", "yes")
    merge(["merge", "-q", "--no-ff", f"origin/{asked}"], by=BOB, committer=GITHUB)
    assert decided(as_(ALICE)) == approved_by(BOB)
    both_ways(as_(ALICE), place)


def test_a_squash_names_who_committed_it(as_: As, asked: str, place: Path, merge: Callable[..., None]) -> None:
    merge(["merge", "-q", "--squash", f"origin/{asked}"], ["commit", "-q", "-m", "Squash"], by=BOB)
    assert decided(as_(ALICE)) == approved_by(BOB)
    both_ways(as_(ALICE), place)


@pytest.mark.parametrize("author", [ALICE, BOB])
def test_a_squash_made_by_a_forge_names_nobody(
    as_: As, asked: str, place: Path, merge: Callable[..., None], author: str
) -> None:
    merge(
        ["merge", "-q", "--squash", f"origin/{asked}"],
        ["commit", "-q", "-m", "Production (#7)"],
        by=author,
        committer=GITHUB,
    )
    assert decided(as_(ALICE)) == approved_by("unknown")
    remark = as_(ALICE).activity("fraud")[-1].system_comment
    assert "nobody can be named" in remark


def test_a_rebase_names_its_committer(as_: As, asked: str, place: Path, merge: Callable[..., None]) -> None:
    as_(ALICE).set_tag("fraud", "busy", "yes")
    merge(
        ["switch", "-q", "-c", "topic", f"origin/{asked}"],
        ["rebase", "-q", "origin/main"],
        ["switch", "-q", "main"],
        ["merge", "-q", "--ff-only", "topic"],
        by=BOB,
    )
    assert decided(as_(ALICE)) == approved_by(BOB)
    both_ways(as_(ALICE), place)


def test_a_rebase_of_ones_own_request_names_nobody(
    as_: As, asked: str, place: Path, merge: Callable[..., None]
) -> None:
    as_(ALICE).set_tag("fraud", "busy", "yes")
    merge(
        ["switch", "-q", "-c", "topic", f"origin/{asked}"],
        ["rebase", "-q", "origin/main"],
        ["switch", "-q", "main"],
        ["merge", "-q", "--ff-only", "topic"],
        by=ALICE,
    )
    assert decided(as_(ALICE)) == approved_by("unknown")


def test_a_fast_forward_names_nobody(as_: As, asked: str, place: Path, merge: Callable[..., None]) -> None:
    merge(["merge", "-q", "--ff-only", f"origin/{asked}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by("unknown")
    both_ways(as_(ALICE), place)


def test_a_fast_forward_over_an_approval_names_who_gave_it(
    tmp_path: Path, place: Path, merge: Callable[..., None]
) -> None:
    as_ = new_registry(place, versions=2, roles=LEADS, rules=TWO)
    asked = as_(ALICE).request_stage("fraud", 2, "Production", id="asked")
    as_(CAROL).approve("asked", comment="yes")
    merge(["merge", "-q", "--ff-only", f"origin/{asked.branch}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by(CAROL)
    both_ways(as_(ALICE), place)


@pytest.mark.parametrize("refresher", [ALICE, BOB])
def test_a_fast_forward_of_a_refreshed_request_names_nobody(
    as_: As, asked: str, place: Path, merge: Callable[..., None], refresher: str
) -> None:
    as_(ALICE).activity()
    as_(ALICE).register("fraud", "s3://acme/fraud/3")
    as_(refresher).refresh("asked")
    as_(ALICE).activity()
    merge(["merge", "-q", "--ff-only", f"origin/{asked}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by("unknown")
    both_ways(as_(ALICE), place)


def test_a_refreshed_request_that_is_merged_names_who_merged(
    as_: As, asked: str, place: Path, merge: Callable[..., None]
) -> None:
    as_(ALICE).register("fraud", "s3://acme/fraud/3")
    as_(ALICE).refresh("asked")
    merge(["merge", "-q", "--no-ff", f"origin/{asked}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by(BOB)


def test_main_moved_to_a_branch_that_had_main_merged_into_it_is_indexed_anew(
    as_: As, asked: str, place: Path, merge: Callable[..., None]
) -> None:
    """`main` goes on along first parents that it never had; an index of the old line cannot be brought forward."""
    as_(ALICE).register("fraud", "s3://acme/fraud/3")
    assert len(as_(ALICE).activity("fraud")) == 5
    merge(
        ["switch", "-q", "-c", "topic", f"origin/{asked}"],
        ["merge", "-q", "--no-ff", "origin/main"],
        ["switch", "-q", "main"],
        ["merge", "-q", "--ff-only", "topic"],
        by=ALICE,
    )
    kinds = [one.activity_type for one in both_ways(as_(ALICE), place)]
    assert kinds.count("CREATED_VERSION") == 3
    assert ("APPROVED_REQUEST", "unknown", "2") in told(as_(ALICE))


def test_several_requests_merged_at_once_are_told_one_by_one(
    as_: As, asked: str, place: Path, merge: Callable[..., None]
) -> None:
    as_(ALICE).register("spam", "s3://acme/spam/1")
    other = as_(CAROL).request_stage("spam", 1, "Staging")
    merge(["merge", "-q", "--no-ff", f"origin/{asked}", f"origin/{other.branch}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by(BOB)
    assert [one.user_id for one in as_(ALICE).activity("spam")[2:]] == [CAROL, BOB]


def test_what_a_merge_message_claims_is_not_believed(
    as_: As, asked: str, place: Path, merge: Callable[..., None]
) -> None:
    claim = "Approve\n\nApproved-by: Carol <carol@acme.io>\nRegistry-Action: approved\nRegistry-Version: 1"
    merge(["merge", "-q", "--no-ff", "-m", claim, f"origin/{asked}"], by=BOB)
    assert decided(as_(ALICE)) == approved_by(BOB)


def test_a_rename_carries_the_history_along(as_: As, asked: str, place: Path, git: Git) -> None:
    as_(BOB).approve("asked")
    before = told(as_(ALICE), 0)
    as_(CAROL).rename("fraud", "Betrug")
    after = [(one.activity_type, one.user_id, str(one.version)) for one in as_(ALICE).activity("Betrug")]
    assert after == [*before, ("RENAMED_MODEL", CAROL, "None")]
    assert {one.model for one in as_(ALICE).activity("Betrug")} == {"Betrug"}
    assert as_(ALICE).register("fraud", "s3://acme/new/1").version == 1
    assert told(as_(ALICE), 0) == [("CREATED_MODEL", ALICE, "None"), ("CREATED_VERSION", ALICE, "1")]
    both_ways(as_(ALICE), place)
    healthy(git, place, as_(ALICE))


def test_a_deleted_model_that_is_made_anew_starts_anew(as_: As, place: Path) -> None:
    as_(CAROL).delete("fraud")
    assert told(as_(ALICE))[-1] == ("DELETED_MODEL", CAROL, "None")
    as_(BOB).register("fraud", "s3://acme/new/1")
    assert told(as_(ALICE), 0) == [("CREATED_MODEL", BOB, "None"), ("CREATED_VERSION", BOB, "1")]
    everything = both_ways(as_(ALICE), place)
    assert [one.activity_type for one in everything if one.model == "fraud"].count("CREATED_MODEL") == 2


def test_a_model_that_takes_the_name_of_a_deleted_one_brings_its_own_story(as_: As, place: Path) -> None:
    as_(ALICE).register("older", "s3://acme/older/1")
    as_(ALICE).create_model("gone")
    as_(CAROL).delete("gone")
    as_(BOB).rename("older", "gone")
    found = [(one.activity_type, one.user_id) for one in as_(ALICE).activity("gone")]
    assert found == [("CREATED_MODEL", ALICE), ("CREATED_VERSION", ALICE), ("RENAMED_MODEL", BOB)]
    everything = both_ways(as_(ALICE), place)
    assert [one.activity_type for one in everything if one.model == "gone"].count("DELETED_MODEL") == 1


def test_comments_are_told_when_they_come_change_and_go(as_: As, place: Path) -> None:
    bob = as_(BOB)
    comment = bob.add_comment("fraud", 1, "first")
    bob.edit_comment("fraud", 1, comment.id, "second")
    bob.delete_comment("fraud", 1, comment.id)
    found = [(one.activity_type, one.user_id, one.comment) for one in as_(ALICE).activity("fraud", 1)[1:]]
    assert found == [
        ("NEW_COMMENT", BOB, "first"),
        ("EDITED_COMMENT", BOB, "second"),
        ("DELETED_COMMENT", BOB, "second"),
    ]
    both_ways(as_(ALICE), place)


def test_a_displaced_version_is_moved_by_the_system(as_: As, place: Path) -> None:
    as_(ALICE).transition("fraud", 1, "Production")
    as_(BOB).transition("fraud", 2, "Production", archive_existing=True, comment="better")
    found = {
        (one.activity_type, one.version, one.from_stage, one.to_stage, one.comment)
        for one in as_(ALICE).activity("fraud")[4:]
    }
    assert found == {
        ("APPLIED_TRANSITION", 2, "None", "Production", "better"),
        ("SYSTEM_TRANSITION", 1, "Production", "Archived", ""),
    }


def test_who_comes_back_from_the_archive_is_moved_by_whoever_rolled_back(as_: As, place: Path) -> None:
    as_(ALICE).transition("fraud", 1, "Production")
    as_(ALICE).transition("fraud", 2, "Production", archive_existing=True)
    as_(BOB).rollback("fraud", "Production", comment="2 is slow")
    found = {
        (one.activity_type, one.version, one.from_stage, one.to_stage, one.user_id, one.comment, one.system_comment)
        for one in as_(ALICE).activity("fraud")[6:]
    }
    assert found == {
        ("APPLIED_TRANSITION", 1, "Archived", "Production", BOB, "2 is slow", ""),
        ("SYSTEM_TRANSITION", 2, "Production", "Archived", BOB, "", "made room in Production"),
    }
    both_ways(as_(ALICE), place)


def test_a_version_that_leaves_several_stages_left_the_one_that_protocols_show(as_: As, place: Path) -> None:
    as_(ALICE).transition("fraud", 1, "Production")
    as_(ALICE).transition("fraud", 1, "Staging", add=True)
    as_(BOB).transition("fraud", 1, "Archived")
    assert [(one.from_stage, one.to_stage) for one in as_(ALICE).activity("fraud")[-1:]] == [("Production", "Archived")]
    both_ways(as_(ALICE), place)


BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\n\n",
    "\n> ",
    "\n\n\n",
]


@pytest.mark.parametrize("end", BREAKS, ids=[ascii(one) for one in BREAKS])
def test_no_comment_can_forge_a_trailer_or_a_line(as_: As, place: Path, git: Git, end: str) -> None:
    evil = f"fine{end}Approved-by: Bob <bob@acme.io>{end}Registry-Action: approved{end}Registry-Operation: x"
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Staging", comment=evil)
    asked = alice.request_stage("fraud", 2, "Staging", comment=evil)
    as_(BOB).approve(asked.request, comment=evil)
    alice.register("fraud", "s3://acme/fraud/3", comment=evil)
    alice.add_comment("fraud", 1, evil)
    ours = {"Action", "Model", "Version", "From", "To", "Request", "Time", "Operation"}
    for commit in git(place, "rev-list", "main").split():
        message = git(place, "log", "-1", "--format=%B", commit) + "\n"
        trailers = git(place, "interpret-trailers", "--parse", stdin=message).split("\n")
        keys = [line.partition(": ")[0] for line in trailers]
        assert set(keys) <= {f"Registry-{key}" for key in ours}
        assert len(set(keys)) == len(keys)
        assert "Registry-Operation: x" not in trailers
        assert not any(char in message for char in set(end) - set("\n> "))
    found = [one.comment for one in alice.activity("fraud") if one.comment]
    assert found == [evil] * 5
    assert alice.request(asked.request).comment == evil
    assert alice.comments("fraud", 1)[0].text == evil
    both_ways(alice, place)


def test_changes_of_the_policy_are_told(as_: As, place: Path) -> None:
    as_(BOB).set_policy(policy_text(as_(BOB)).replace("name: models", "name: acme"))
    everything = both_ways(as_(ALICE), place)
    assert [(one.activity_type, one.user_id) for one in everything if not one.model] == [
        ("CREATED_REGISTRY", ALICE),
        ("CHANGED_POLICY", BOB),
    ]


def test_what_came_after_a_cursor_is_told_alone(as_: As) -> None:
    cursor = as_(ALICE).activity_cursor()
    as_(BOB).register("fraud", "s3://acme/fraud/3")
    assert [one.version for one in as_(ALICE).activity(after=cursor)] == [3]
    assert as_(ALICE).activity(after=as_(ALICE).activity_cursor()) == []
