"""Deployments in a real registry: one commit for a move and everything that follows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.errors import Conflict, Corrupt, Invalid, NotFound, PermissionDenied
from registry_git.gitstore.repository import Repository
from registry_git.registry.facade import Registry
from registry_git.registry.judging.changed import read_changed
from tests.conftest import Git
from tests.registry_scene import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    LEADS,
    As,
    both_ways,
    file_at,
    hand_commit,
    healthy,
    new_registry,
)

SCORER = "deployments/production/scorer.yaml"
GUARDED = """\
rules:
- {on: deployment, to: [production], by: [ml-leads]}
- {on: deployment, require: {tags: [validated]}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    """Three versions; v1 is in Production, where production/scorer follows it."""
    opened = new_registry(place, versions=3)
    alice = opened(ALICE)
    alice.transition("fraud", 1, "Production")
    alice.add_deployment("production", "scorer", model="fraud", stage="production", owner=BOB)
    return opened


def uses(registry: Registry, name: str = "scorer") -> int | None:
    return registry.deployment("production", name).version


def files(git: Git, place: Path, commit: str = "main") -> list[str]:
    """The files that a commit changed."""
    return git(place, "diff-tree", "--no-commit-id", "--name-only", "-r", "-m", "--first-parent", commit).split("\n")


def test_a_promotion_is_one_commit_with_its_whole_blast_radius(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).add_deployment("eu", "batch", model="fraud", stage="Production", workload="job")
    as_(ALICE).add_deployment("eu", "other", model="fraud", version=3)
    before = git(place, "rev-parse", "main")
    as_(ALICE).transition("fraud", 2, "Production", archive_existing=True)
    assert git(place, "rev-parse", "main^") == before
    assert files(git, place) == [
        "deployments/eu/batch.yaml",
        SCORER,
        "models/fraud/stages/Archived/kustomization.yaml",
        "models/fraud/stages/Archived/pointer.yaml",
        "models/fraud/stages/Production/pointer.yaml",
    ]
    view = as_(CAROL).deployment("production", "scorer")
    assert (view.version, view.source, view.standing) == (2, "s3://acme/fraud/2", "current")
    assert view.brought_by == as_(CAROL).commit
    assert view.since is not None
    assert view.since // 1000 == int(git(place, "show", "-s", "--format=%ct", "main"))
    healthy(git, place, as_(ALICE))


def test_every_way_to_move_a_pointer_moves_what_follows(as_: As, place: Path, git: Git) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 2, "Production", archive_existing=True)
    assert uses(alice) == 2
    alice.rollback("fraud", "Production")
    assert uses(alice) == 1
    alice.transition("fraud", 3, "Production", add=True)
    assert uses(alice) == 3
    alice.transition("fraud", 3, "Archived")
    assert uses(alice) == 1
    alice.set_alias("fraud", "champion", 2)
    alice.follow_deployment("production", "scorer", alias="champion")
    assert uses(alice) == 2
    alice.set_alias("fraud", "champion", 3)
    assert uses(alice) == 3
    healthy(git, place, alice)


def test_an_approved_request_brings_the_deployments_that_follow(as_: As, place: Path, git: Git) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    assert asked.changes[SCORER] == "changed"
    assert f"+++ b/{SCORER}" in as_(ALICE).request_diff(asked.id)
    assert as_(ALICE).at(asked.id).deployment("production", "scorer").version == 2
    as_(BOB).approve(asked.id)
    view = as_(CAROL).deployment("production", "scorer")
    assert (view.version, view.request) == (2, asked.id)
    healthy(git, place, as_(ALICE))


def test_a_deployment_that_is_declared_meanwhile_makes_a_request_stale(as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    as_(DAVE).add_deployment("eu", "batch", model="fraud", stage="Production")
    with pytest.raises(Conflict, match="it would be another change"):
        as_(BOB).approve(asked.id)
    assert "deployments/eu/batch.yaml" in as_(ALICE).refresh(asked.id).changes
    as_(BOB).approve(asked.id)
    assert {view.version for view in as_(CAROL).deployments()} == {2}


def test_a_deployment_that_is_pinned_meanwhile_makes_a_request_stale(as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 2, "Production")
    as_(DAVE).pin_deployment("production", "scorer")
    assert as_(ALICE).request(asked.id).stale == f"{SCORER} has changed on main since it was asked"
    assert SCORER not in as_(ALICE).refresh(asked.id).changes
    as_(BOB).approve(asked.id)
    assert uses(as_(CAROL)) == 1


def test_who_uses_a_version_is_asked_by_environment_and_workload(as_: As) -> None:
    alice = as_(ALICE)
    alice.add_deployment("production", "nightly", model="fraud", version=2, workload="job")
    alice.add_deployment("staging", "nightly", model="fraud", version=2, workload="job")

    def found(**wanted: str | int) -> list[str]:
        return [f"{one.environment}/{one.name}" for one in alice.deployments(**wanted)]  # type: ignore[arg-type]

    assert found() == ["production/nightly", "production/scorer", "staging/nightly"]
    assert found(environment="production", workload="job", model="fraud", version=2) == ["production/nightly"]
    assert found(model="fraud", version=1) == ["production/scorer"]
    assert found(model="fraud", version=3) == []
    assert [one.version for one in alice.at("main").deployments(workload="service")] == [1]
    with pytest.raises(NotFound, match="'spam' does not exist"):
        found(model="spam")
    with pytest.raises(Invalid, match="no model"):
        found(version=2)
    with pytest.raises(Invalid, match="no workload"):
        found(workload="cron")


def test_what_happened_to_deployments_is_told_of_their_model(as_: As, place: Path) -> None:
    alice = as_(ALICE)
    alice.transition("fraud", 2, "Production", archive_existing=True)
    as_(BOB).pin_deployment("production", "scorer", comment="Hold.")
    as_(BOB).follow_deployment("production", "scorer", stage="Production", follow="request")
    alice.remove_deployment("production", "scorer")
    told = [
        (one.activity_type, one.user_id, one.version, one.system_comment, one.comment)
        for one in both_ways(alice, place)
        if one.activity_type.endswith("_DEPLOYMENT") and one.model == "fraud"
    ]
    assert told == [
        ("ADDED_DEPLOYMENT", ALICE, 1, "production/scorer, following fraud/Production", ""),
        ("ROLLED_DEPLOYMENT", ALICE, 2, "production/scorer from v1", ""),
        ("PINNED_DEPLOYMENT", BOB, 2, "production/scorer to fraud/2", "Hold."),
        ("FOLLOWED_DEPLOYMENT", BOB, 2, "production/scorer, now following fraud/Production on request", ""),
        ("REMOVED_DEPLOYMENT", ALICE, 2, "production/scorer", ""),
    ]


def test_what_is_in_use_is_deleted_by_force_and_the_commit_says_so(as_: As, place: Path, git: Git) -> None:
    alice = as_(ALICE)
    alice.pin_deployment("production", "scorer", 3)
    with pytest.raises(Conflict, match="production/scorer uses v3"):
        alice.delete("fraud", version=3)
    with pytest.raises(Invalid, match="needs a comment"):
        alice.delete("fraud", version=3, force=True)
    alice.delete("fraud", version=3, force=True, comment="It leaks.")
    message = git(place, "show", "-s", "--format=%B", "main")
    assert "> It leaks." in message
    assert "Registry-Forced: deployment production/scorer uses v3 of fraud, which would be deleted" in message
    view = alice.deployment("production", "scorer")
    assert (view.version, view.source, view.standing) == (3, "s3://acme/fraud/3", "deleted")
    assert [(one.level, one.message) for one in alice.check()] == [
        ("warning", "Deployment production/scorer uses v3 of fraud, which was deleted.")
    ]


def test_a_deployment_that_was_left_behind_is_a_warning_and_one_that_waits_is_none(as_: As) -> None:
    alice = as_(ALICE)
    alice.add_deployment("eu", "early", model="fraud", stage="Staging")
    assert alice.check() == []
    alice.transition("fraud", 1, "None", force=True, comment="It leaks.")
    (found,) = alice.check()
    assert (found.level, found.fix) == ("warning", "registry-git deployment pin production scorer VERSION")
    assert "uses v1 of fraud, and fraud/Production holds nothing any more" in found.message


def test_since_when_and_by_what_a_version_is_used_survives_a_new_index(as_: As) -> None:
    alice = as_(ALICE)
    asked = alice.request_stage("fraud", 2, "Production", archive_existing=True)
    as_(BOB).approve(asked.id)
    landed = as_(BOB).commit
    before = alice.deployment("production", "scorer")
    as_(ALICE).follow_deployment("production", "scorer", follow="request")
    after = alice.deployment("production", "scorer")
    assert (after.since, after.request, after.brought_by) == (before.since, asked.id, landed)
    alice.reindex()
    assert alice.deployment("production", "scorer") == after
    assert alice.deployments() == [after]


def test_declarations_are_judged_by_environment_and_a_roll_along_is_not(place: Path) -> None:
    as_ = new_registry(place, versions=2, roles=LEADS, rules=GUARDED)
    as_(ALICE).transition("fraud", 1, "Production")
    with pytest.raises(PermissionDenied, match="lacks the tag 'validated'"):
        as_(BOB).add_deployment("production", "scorer", model="fraud", stage="Production")
    as_(ALICE).set_tag("fraud", "validated", "yes", version=1)
    with pytest.raises(PermissionDenied, match="not in ml-leads"):
        as_(ALICE).add_deployment("production", "scorer", model="fraud", stage="Production")
    as_(ALICE).add_deployment("staging", "scorer", model="fraud", stage="Production")
    as_(BOB).add_deployment("production", "scorer", model="fraud", stage="Production")
    as_(ALICE).transition("fraud", 2, "Production", archive_existing=True)
    assert uses(as_(ALICE)) == 2
    with pytest.raises(PermissionDenied, match="not in ml-leads"):
        as_(ALICE).pin_deployment("production", "scorer", 1)
    with pytest.raises(PermissionDenied, match="not in ml-leads"):
        as_(ALICE).remove_deployment("production", "scorer")


def test_what_a_merge_elsewhere_left_behind_is_named_and_mended(as_: As, place: Path, git: Git) -> None:
    """A forge merges a promotion whose branch does not know of a deployment that was declared meanwhile."""
    asked = as_(ALICE).request_stage("fraud", 2, "Production", archive_existing=True)
    as_(DAVE).add_deployment("eu", "batch", model="fraud", stage="Production")
    tree = git(place, "merge-tree", "--write-tree", "main", asked.branch)
    merge = git(place, "commit-tree", tree, "-p", "main", "-p", asked.branch, "-m", "Merge pull request 7")
    git(place, "update-ref", "refs/heads/main", merge)
    alice = as_(ALICE)
    assert [(one.path, one.message) for one in alice.check()] == [
        (
            "deployments/eu/batch.yaml",
            "Deployment eu/batch follows fraud/Production, which is v2, and its `resolved` says v1.",
        )
    ]
    assert "deployments/eu/batch.yaml" in [one.path for one in alice.doctor(fix=True) if one.level == "note"]
    assert alice.deployment("eu", "batch").version == 2
    healthy(git, place, alice)


def test_a_move_whose_reach_cannot_be_told_is_refused_with_the_file_that_hides_it(
    as_: As, place: Path, git: Git
) -> None:
    bad = {"deployments/eu/bad.yaml": "model: fraud\n", "deployments/eu/other.yaml": "model: spam\n"}
    hand_commit(git, place, "main", bad, author=ALICE)
    with pytest.raises(Corrupt, match=r"deployments/eu/bad\.yaml:1"):
        as_(ALICE).transition("fraud", 2, "Production")
    as_(ALICE).register("fraud", "s3://acme/fraud/4")
    hand_commit(git, place, "main", {"deployments/eu/bad.yaml": None}, author=ALICE)
    as_(ALICE).transition("fraud", 2, "Production")


def test_a_name_that_yaml_hides_is_found_nevertheless(as_: As, place: Path, git: Git) -> None:
    text = file_at(git, place, "main", SCORER)
    assert "model: fraud\n" in text
    hidden = text.replace("model: fraud\n", 'model: "\\x66raud"\n').replace("fraud/", "\\x66raud/")
    hidden = hidden.replace("source: s3://acme/\\x66raud/1", 'source: "s3://acme/\\x66raud/1"')
    hand_commit(git, place, "main", {SCORER: hidden}, author=ALICE)
    assert "fraud" not in hidden
    as_(ALICE).transition("fraud", 2, "Production")
    assert uses(as_(ALICE)) == 2


def test_a_deployment_that_cannot_be_read_hides_no_other(as_: As, place: Path, git: Git) -> None:
    hand_commit(git, place, "main", {"deployments/eu/bad.yaml": "model: fraud\n"}, author=ALICE)
    alice = as_(ALICE)
    assert [one.name for one in alice.deployments()] == ["scorer"]
    assert [one.path for one in alice.unreadable()] == ["deployments/eu/bad.yaml"]


def test_a_hand_that_rolls_a_deployment_touches_what_the_command_does_not(as_: As, place: Path, git: Git) -> None:
    """Moving along is no touch; the same file with anything else in it is one, in its environment."""
    alice = as_(ALICE)
    before = alice.commit
    alice.transition("fraud", 2, "Production", archive_existing=True)
    moved = read_changed(Repository(place), before, alice.commit)
    assert "deployment" not in {touch.action.value for touch in moved.touches()}
    text = file_at(git, place, "main", SCORER)
    changes = {
        "owner": text.replace("owner: Bob <bob@acme.io>", "owner: Eve <eve@acme.io>"),
        "since": text.replace("since: '20", "since: '19"),
        "follow": text.replace("follow: auto", "follow: request"),
        "version": text.replace("version: '2'", "version: '1'").replace("fraud/2", "fraud/1"),
        "gone": None,
    }
    for what, wrong in changes.items():
        assert wrong != text, what
        commit = hand_commit(git, place, "main", {SCORER: wrong}, author=ALICE)
        changed = read_changed(Repository(place), git(place, "rev-parse", f"{commit}^"), commit)
        touches = [(touch.action.value, touch.target) for touch in changed.touches()]
        assert touches == [("deployment", "production")], what
        hand_commit(git, place, "main", {SCORER: text}, author=ALICE)
