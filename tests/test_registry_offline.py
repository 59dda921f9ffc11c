"""Clones that write while their remote is away, and what `sync` makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.app import open_registry

ALICE = "Alice <alice@acme.io>"
BOB = "Bob <bob@acme.io>"
Git = Callable[..., str]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    place = tmp_path / "remote.git"
    registry = registry_git.init(place, actor=ALICE, durable=False)
    registry.register("fraud", "s3://models/1")
    return place


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Path:
    place = tmp_path / "clone.git"
    registry_git.clone(str(remote), place, actor=BOB)
    return place


def away(clone: Path) -> registry_git.Registry:
    return open_registry(clone, actor=BOB, durable=False, offline=True)


def online(clone: Path) -> registry_git.Registry:
    return open_registry(clone, actor=BOB, durable=False, offline=False)


def test_what_was_written_offline_reaches_the_remote_with_sync(remote: Path, clone: Path) -> None:
    made = away(clone).register("fraud", "s3://models/2")
    assert registry_git.open(remote, actor=ALICE).model("fraud").versions == 1
    done = online(clone).sync()
    assert (done.sent, done.kept) == (1, ())
    there = registry_git.open(remote, actor=ALICE).version("fraud", made.version)
    assert there.source == "s3://models/2"
    assert there.created_by == BOB


def test_an_ordinary_write_says_to_sync_first_when_offline_commits_wait(clone: Path) -> None:
    away(clone).register("fraud", "s3://models/2")
    with pytest.raises(registry_git.Conflict, match="registry-git sync"):
        online(clone).register("fraud", "s3://models/3")


def test_a_version_whose_number_was_taken_meanwhile_gets_the_next_one(remote: Path, clone: Path) -> None:
    away(clone).register("fraud", "s3://bob/2", tags={"auc": "0.9"})
    registry_git.open(remote, actor=ALICE).register("fraud", "s3://alice/2")
    done = online(clone).sync()
    assert [(one.model, one.old, one.new) for one in done.renumbered] == [("fraud", 2, 3)]
    assert "v2 of fraud is v3 now" in str(done)
    there = registry_git.open(remote, actor=ALICE)
    assert [version.source for version in there.versions("fraud")] == ["s3://bob/2", "s3://alice/2", "s3://models/1"]
    assert there.version("fraud", 3).tags == {"auc": "0.9"}
    assert there.check() == []


def test_what_was_said_of_a_version_that_was_renumbered_is_said_of_no_other(remote: Path, clone: Path) -> None:
    own = away(clone)
    number = own.register("fraud", "s3://bob/2").version
    own.set_tag("fraud", "auc", "0.9", version=number)
    own.add_comment("fraud", number, "It is mine.")
    own.set_alias("fraud", "champion", number)
    own.transition("fraud", number, "Staging")
    own.add_deployment("eu", "pinned", model="fraud", version=number)
    own.add_deployment("eu", "asks", model="fraud", alias="champion", follow="request")
    own.add_deployment("eu", "follows", model="fraud", stage="Staging")
    there = registry_git.open(remote, actor=ALICE)
    assert there.register("fraud", "s3://bob/2").version == number  # the same source, and another version
    done = online(clone).sync()
    assert [(one.old, one.new) for one in done.renumbered] == [(number, number + 1)]
    assert done.sent == 1
    assert len(done.kept) == 7
    assert [version.tags for version in there.versions("fraud")] == [{}, {}, {}]
    assert (there.comments("fraud", number), there.deployments()) == ([], [])
    assert there.check() == []


def test_a_deployment_that_follows_what_is_there_is_replayed_with_the_version_there(remote: Path, clone: Path) -> None:
    own = away(clone)
    own.transition("fraud", own.register("fraud", "s3://bob/2").version, "Staging")
    own.add_deployment("eu", "follows", model="fraud", stage="Staging")
    there = registry_git.open(remote, actor=ALICE)
    there.transition("fraud", there.register("fraud", "s3://alice/2").version, "Staging")
    assert len(online(clone).sync().kept) == 1
    assert there.deployment("eu", "follows").source == "s3://alice/2"


def test_changes_of_other_files_are_replayed_as_they_were(remote: Path, clone: Path, git: Git) -> None:
    away(clone).describe("fraud", "finds fraud")
    registry_git.open(remote, actor=ALICE).register("churn", "s3://churn/1")
    assert online(clone).sync().kept == ()
    assert registry_git.open(remote, actor=ALICE).model("fraud").description == "finds fraud"
    assert "unsynced" not in git(clone, "for-each-ref")


def test_what_does_not_fit_is_kept_on_a_named_branch_and_nothing_is_lost(remote: Path, clone: Path, git: Git) -> None:
    away(clone).transition("fraud", 1, "Production")
    away(clone).describe("fraud", "finds fraud")
    registry_git.open(remote, actor=ALICE).register("fraud", "s3://models/2")
    registry_git.open(remote, actor=ALICE).transition("fraud", 2, "Production")
    done = online(clone).sync()
    assert done.kept == ("Move fraud v1 to Production",)
    assert done.kept_on.startswith("unsynced/")
    assert "Move fraud v1 to Production" in git(clone, "log", "--format=%s", done.kept_on)
    there = registry_git.open(remote, actor=ALICE)
    assert there.resolve("models:/fraud/Production").version == 2
    assert there.model("fraud").description == "finds fraud"


def test_a_request_made_offline_can_be_approved_after_sync(remote: Path, clone: Path) -> None:
    asked = away(clone).request_stage("fraud", 1, "Production", comment="please")
    assert online(clone).sync().requests_sent == (asked.id,)
    alice = registry_git.open(remote, actor=ALICE)
    assert alice.approve(asked.id).state == "approved"
    assert alice.resolve("models:/fraud/Production").version == 1


def test_a_request_for_a_version_that_was_renumbered_stays_here(remote: Path, clone: Path) -> None:
    away(clone).register("fraud", "s3://bob/2")
    asked = away(clone).request_stage("fraud", 2, "Production")
    registry_git.open(remote, actor=ALICE).register("fraud", "s3://alice/2")
    done = online(clone).sync()
    assert done.requests_kept == (asked.id,)
    assert registry_git.open(remote, actor=ALICE).requests() == []


def test_sync_without_a_remote_says_how_to_get_one(remote: Path) -> None:
    with pytest.raises(registry_git.Invalid, match="registry-git clone"):
        registry_git.open(remote, actor=ALICE).sync()


def test_a_remote_whose_history_was_rewritten_is_an_alarm(remote: Path, clone: Path, git: Git) -> None:
    git(remote, "update-ref", "refs/heads/main", git(remote, "rev-parse", "main~1").strip())
    before = git(clone, "for-each-ref")
    with pytest.raises(registry_git.Corrupt, match="rewritten"):
        online(clone).sync()
    assert git(clone, "for-each-ref") == before


@pytest.mark.parametrize("name", ["refs/registry-git/seen/main", "refs/heads/main"])
def test_a_lock_that_a_killed_process_left_in_a_clone_is_in_nobodys_way(remote: Path, clone: Path, name: str) -> None:
    online(clone).register("fraud", "s3://models/2")  # what is seen of the remote has a place now
    registry_git.open(remote, actor=ALICE, durable=False).register("fraud", "s3://models/3")
    for pid, use in enumerate((lambda: online(clone).sync(), lambda: online(clone).refresh_from_remote())):
        owner = clone / "registry-git" / "locks" / f"{pid}-dead"
        owner.parent.mkdir(parents=True, exist_ok=True)
        owner.write_text("")
        (clone / f"{name}.lock").hardlink_to(owner)  # as ours are, but nobody holds it
        use()
        assert not (clone / f"{name}.lock").exists()
        registry_git.open(remote, actor=ALICE, durable=False).register("fraud", "s3://models/4")
    assert len(online(clone).versions("fraud")) >= 3
