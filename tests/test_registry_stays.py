"""Which version was in which stage from when until when: for every way in which versions move."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import NotFound
from registry_git.core.keys import StageKey
from registry_git.core.names import ModelName, StageName
from registry_git.core.stays import Stay
from registry_git.manifests.layout import Layout, path_of
from registry_git.registry.facade import Registry
from registry_git.registry.past import moment_asked
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, LEADS, As, file_at, hand_commit, new_registry, policy_text

RULES = """rules:
- on: stage
  to: [Production]
  approvals: 1
  by: [ml-leads]
  four_eyes: true
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=3)


def shown(registry: Registry, name: str = "fraud") -> list[str]:
    """The stays from the oldest on, as `v1 Staging`, with `…` where they last; the same from an index made anew."""
    found = registry.stays(name)
    assert found.total == len(found.newest)
    assert set(found.held) == {one for one in found.newest if one.until is None}
    registry.reindex()
    assert registry.stays(name) == found
    return [f"v{one.version} {one.stage}{' …' if one.until is None else ''}" for one in reversed(found.newest)]


def of(registry: Registry, version: int, stage: str) -> Stay:
    """The newest stay of a version in a stage."""
    return next(one for one in registry.stays("fraud").newest if (one.version, one.stage) == (version, stage))


def test_a_direct_move_ends_one_stay_and_begins_another(as_: As) -> None:
    alice = as_(ALICE)
    assert shown(alice) == []
    alice.transition("fraud", 1, "Staging")
    commit = alice.commit
    assert shown(alice) == ["v1 Staging …"]
    as_(BOB).transition("fraud", 1, "Production")
    assert shown(alice) == ["v1 Staging", "v1 Production …"]
    first, second = of(alice, 1, "Staging"), of(alice, 1, "Production")
    assert (first.by, first.commit, first.request) == (ALICE, commit, "")
    assert (second.by, second.until) == (BOB, None)
    assert first.until == second.since
    moves = [one for one in alice.activity("fraud") if one.activity_type == "APPLIED_TRANSITION"]
    assert [first.since, second.since] == [one.creation_timestamp for one in moves]


def test_who_leaves_all_stages_is_in_none(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Staging")
    alice.transition("fraud", 1, "None")
    assert shown(alice) == ["v1 Staging"]
    alice.transition("fraud", 1, "Staging")
    assert shown(alice) == ["v1 Staging", "v1 Staging …"]


def test_several_versions_share_a_stage_and_one_version_is_in_several(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Production")
    alice.transition("fraud", 2, "Production")
    alice.transition("fraud", 2, "Staging", add=True)
    assert shown(alice) == ["v1 Production …", "v2 Production …", "v2 Staging …"]
    alice.transition("fraud", 2, "Archived")
    assert shown(alice) == ["v1 Production …", "v2 Production", "v2 Staging", "v2 Archived …"]


def test_versions_that_make_room_are_archived_at_that_moment(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Production")
    alice.transition("fraud", 2, "Production", archive_existing=True)
    assert sorted(shown(alice)) == ["v1 Archived …", "v1 Production", "v2 Production …"]
    assert of(alice, 1, "Production").until == of(alice, 1, "Archived").since == of(alice, 2, "Production").since
    alice.rollback("fraud", "Production")
    assert sorted(shown(alice)) == sorted(
        ["v1 Production", "v1 Archived", "v2 Production", "v1 Production …", "v2 Archived …"]
    )


def test_an_approved_request_begins_a_stay_by_who_landed_it(tmp_path: Path) -> None:
    as_ = new_registry(tmp_path / "guarded.git", versions=2, roles=LEADS, rules=RULES)
    alice, bob = as_(ALICE), as_(BOB)
    first = alice.request_stage("fraud", 1, "Production")
    assert shown(alice) == []
    bob.approve(first.id)
    second = alice.request_stage("fraud", 2, "Production", archive_existing=True)
    bob.approve(second.id)
    rejected = alice.request_stage("fraud", 1, "Production")
    bob.reject(rejected.id)
    assert sorted(shown(alice)) == ["v1 Archived …", "v1 Production", "v2 Production …"]
    assert (of(alice, 1, "Production").request, of(alice, 1, "Production").by) == (first.id, BOB)
    assert of(alice, 2, "Production").request == of(alice, 1, "Archived").request == second.id


def test_a_deleted_version_leaves_its_stays_behind(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 2, "Staging")
    alice.delete("fraud", version=2, leaving=True)
    assert shown(alice) == ["v2 Staging"]


def test_a_renamed_model_takes_its_stays_along(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Staging")
    before = alice.stays("fraud")
    alice.rename("fraud", "scam")
    assert alice.stays("scam") == before
    with pytest.raises(NotFound):
        alice.stays("fraud")
    alice.transition("scam", 1, "Archived")
    alice.register("fraud", "s3://acme/fraud/1")
    assert shown(alice, "scam") == ["v1 Staging", "v1 Archived …"]
    assert shown(alice) == []


def test_a_model_that_takes_the_name_of_a_deleted_one_begins_without_stays(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Archived")
    alice.delete("fraud")
    alice.register("fraud", "s3://acme/fraud/1")
    assert shown(alice) == []
    alice.register("other", "s3://acme/other/1")
    alice.transition("other", 1, "Staging")
    alice.delete("fraud")
    alice.rename("other", "fraud")
    assert shown(alice) == ["v1 Staging …"]


def test_stages_may_have_any_name_and_may_go_from_the_policy(as_: As) -> None:
    alice = as_(ALICE)
    with_more = policy_text(alice).replace("- name: Staging", "- name: A b.c-d é\n- name: Staging", 1)
    alice.set_policy(with_more)
    alice.transition("fraud", 1, "A b.c-d é")
    assert shown(alice) == ["v1 A b.c-d é …"]


def test_a_pointer_that_is_edited_by_hand_counts_as_much(as_: As, place: Path, git: Git) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Production")
    path = path_of(StageKey(model=ModelName("fraud"), stage=StageName("Production")), Layout.FLAT)
    text = file_at(git, place, "main", path)
    hand_commit(git, place, "main", {path: None}, author=BOB)
    fresh = registry_git.open(place, actor=ALICE)
    assert shown(fresh) == ["v1 Production"]
    hand_commit(git, place, "main", {path: text}, author=BOB)
    fresh = registry_git.open(place, actor=ALICE)
    assert shown(fresh) == ["v1 Production", "v1 Production …"]
    assert of(fresh, 1, "Production").by == BOB


def test_of_hundreds_the_newest_are_given_with_all_that_last(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 3, "Production")
    for _ in range(10):
        alice.transition("fraud", 1, "Staging")
        alice.transition("fraud", 1, "Archived")
    found = alice.stays("fraud", limit=5)
    assert found.total == 21
    assert [one.stage for one in found.newest] == ["Archived", "Staging", "Archived", "Staging", "Archived"]
    assert {(one.version, one.stage) for one in found.held} == {(1, "Archived"), (3, "Production")}


def test_the_past_shows_the_stays_of_then(as_: As) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 1, "Staging")
    then = alice.commit
    alice.transition("fraud", 1, "Archived")
    past = alice.at(then)
    assert [(one.stage, one.until) for one in past.stays("fraud").newest] == [("Staging", None)]
    assert past.committed_at() // 1000 == past.stays("fraud").newest[0].since // 1000


def test_the_moment_that_a_date_means_is_its_end() -> None:
    assert moment_asked("1970-01-01") == 86_399_000
    assert moment_asked("1970-01-01T00:00:02Z") == 2000
    assert moment_asked("0f096f5c1fa6") is None
