"""A registry in a work tree: the files follow `main` where they are clean, and edits are never overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Conflict
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, healthy, new_registry, policy_text, refs

VERSION_2 = "models/fraud/versions/2.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def registry(place: Path) -> Registry:
    return new_registry(place, versions=2)(ALICE)


def clean(git: Git, place: Path) -> bool:
    """Whether git finds the work tree and its index to be just what `main` is."""
    return git(place, "status", "--porcelain=v1", "--ignored", "--untracked-files=all") == ""


WRITES: dict[str, Callable[[Registry], object]] = {
    "register": lambda r: r.register("fraud", "s3://acme/fraud/3"),
    "another model": lambda r: r.register("a b%ü", "s3://acme/x"),
    "tag": lambda r: r.set_tag("fraud", "auc", "0.9", version=1),
    "describe": lambda r: r.describe("fraud", "two\nlines"),
    "stage": lambda r: r.transition("fraud", 2, "Staging"),
    "alias": lambda r: r.set_alias("fraud", "champion", 2),
    "comment": lambda r: r.add_comment("fraud", 1, "nice"),
    "request": lambda r: r.request_stage("fraud", 1, "Production", id="asked"),
    "approve": lambda r: r.approve("asked"),
    "second request": lambda r: r.request_stage("fraud", 2, "Production", id="again"),
    "reject": lambda r: r.reject("again"),
    "policy": lambda r: r.set_policy(policy_text(r).replace("name: models", "name: acme")),
    "alias away": lambda r: r.delete_alias("fraud", "champion"),
    "rename": lambda r: r.rename("fraud", "Fraud"),
    "relayout": lambda r: r.relayout("fanout"),
    "delete": lambda r: r.delete("a b%ü"),
}


def test_the_work_tree_is_clean_after_each_write(place: Path, registry: Registry, git: Git) -> None:
    assert clean(git, place)
    for name, write in WRITES.items():
        write(registry)
        assert clean(git, place), name
    assert git(place, "ls-files") == git(place, "ls-tree", "-r", "--name-only", "main")
    healthy(git, place, registry)


def test_directories_that_become_empty_go(place: Path, registry: Registry) -> None:
    registry.set_alias("fraud", "champion", 1)
    assert (place / "models/fraud/aliases/champion/kustomization.yaml").is_file()
    registry.delete_alias("fraud", "champion")
    assert not (place / "models/fraud/aliases").exists()


def edit(place: Path, git: Git) -> None:
    (place / VERSION_2).write_text("mine\n")


def edit_and_stage(place: Path, git: Git) -> None:
    edit(place, git)
    git(place, "add", VERSION_2)


def stage_and_restore_the_file(place: Path, git: Git) -> None:
    before = (place / VERSION_2).read_text()
    edit_and_stage(place, git)
    (place / VERSION_2).write_text(before)


def remove(place: Path, git: Git) -> None:
    (place / VERSION_2).unlink()


def stage_a_removal(place: Path, git: Git) -> None:
    git(place, "rm", "-q", "--cached", VERSION_2)


def put_a_link(place: Path, git: Git) -> None:
    remove(place, git)
    (place / VERSION_2).symlink_to("1.yaml")


def put_a_directory(place: Path, git: Git) -> None:
    remove(place, git)
    (place / VERSION_2).mkdir()


@pytest.mark.parametrize(
    "get_in_the_way",
    [edit, edit_and_stage, stage_and_restore_the_file, remove, stage_a_removal, put_a_link, put_a_directory],
)
def test_edits_in_the_way_are_refused_before_anything_moves(
    place: Path, registry: Registry, git: Git, get_in_the_way: Callable[[Path, Git], None]
) -> None:
    get_in_the_way(place, git)
    status, before = git(place, "status", "--porcelain"), refs(git, place)
    with pytest.raises(Conflict, match=rf"{VERSION_2} has edits in the work tree .* nothing was changed.*git stash"):
        registry.set_tag("fraud", "auc", "0.9", version=2)
    assert refs(git, place) == before
    assert git(place, "status", "--porcelain") == status
    assert registry.version("fraud", 2).tags == {}


def test_an_untracked_file_in_the_way_is_refused_before_anything_moves(
    place: Path, registry: Registry, git: Git
) -> None:
    (place / "models/fraud/versions/3.yaml").write_text("mine\n")
    before = refs(git, place)
    with pytest.raises(Conflict, match=r"3\.yaml has edits"):
        registry.register("fraud", "s3://acme/fraud/3")
    assert refs(git, place) == before
    assert (place / "models/fraud/versions/3.yaml").read_text() == "mine\n"


def test_edits_elsewhere_are_left_alone(place: Path, registry: Registry, git: Git) -> None:
    edit_and_stage(place, git)
    (place / "notes.txt").write_text("untracked\n")
    registry.set_tag("fraud", "auc", "0.9", version=1)
    assert git(place, "status", "--porcelain").split("\n") == [f"M  {VERSION_2}", "?? notes.txt"]
    assert (place / VERSION_2).read_text() == "mine\n"


def test_an_approval_is_refused_too_when_edits_are_in_the_way(place: Path, registry: Registry, git: Git) -> None:
    registry.transition("fraud", 1, "Production")
    asked = registry.request_stage("fraud", 2, "Production")
    (place / "models/fraud/stages/Production/pointer.yaml").write_text("mine\n")
    before = refs(git, place)
    bob = registry_git.open(place, actor=BOB)
    with pytest.raises(Conflict, match=r"pointer\.yaml has edits"):
        bob.approve(asked.request)
    assert refs(git, place) == before
    git(place, "restore", ".")
    assert bob.approve(asked.request).state == "approved"
    assert clean(git, place)


def test_with_another_branch_checked_out_main_moves_and_the_work_tree_stays(
    place: Path, registry: Registry, git: Git
) -> None:
    git(place, "switch", "-q", "-c", "mine")
    edit(place, git)
    registry.set_tag("fraud", "auc", "0.9", version=2)
    assert (place / VERSION_2).read_text() == "mine\n"
    git(place, "restore", ".")
    assert clean(git, place)
    git(place, "switch", "-q", "main")
    assert "auc" in (place / VERSION_2).read_text()
    assert clean(git, place)


def test_a_detached_head_is_left_alone(place: Path, registry: Registry, git: Git) -> None:
    git(place, "switch", "-q", "--detach", "main")
    registry.register("fraud", "s3://acme/fraud/3")
    assert clean(git, place)
    assert not (place / "models/fraud/versions/3.yaml").exists()


def test_a_registry_is_opened_from_a_directory_in_its_work_tree(place: Path, registry: Registry) -> None:
    found = registry_git.open(place / "models" / "fraud", actor=BOB)
    assert found.register("fraud", "s3://acme/fraud/3").version == 3


def test_a_clone_with_a_work_tree_follows_and_refuses_as_well(
    tmp_path: Path, place: Path, registry: Registry, git: Git
) -> None:
    git(tmp_path, "clone", "-q", "--bare", place, "hub.git")
    here = tmp_path / "here"
    mine = registry_git.clone(str(tmp_path / "hub.git"), here, actor=BOB)
    other = registry_git.clone(str(tmp_path / "hub.git"), tmp_path / "other.git", actor=ALICE)
    other.register("fraud", "s3://acme/fraud/3")
    mine.register("fraud", "s3://acme/fraud/4")
    assert clean(git, here)
    assert (here / "models/fraud/versions/4.yaml").is_file()
    other.set_tag("fraud", "auc", "0.9", version=2)
    edit(here, git)
    before = refs(git, here)
    with pytest.raises(Conflict, match="has edits in the work tree"):
        mine.sync()
    assert git(here, "rev-parse", "main") in before
    git(here, "restore", ".")
    mine.sync()
    assert clean(git, here)
    assert "auc" in (here / VERSION_2).read_text()


def test_gits_lock_on_its_index_is_respected(place: Path, registry: Registry, git: Git) -> None:
    (place / ".git" / "index.lock").touch()
    before = refs(git, place)
    with pytest.raises(registry_git.Unavailable, match="index is locked by another process"):
        registry.register("fraud", "s3://acme/fraud/3")
    assert refs(git, place) == before
    (place / ".git" / "index.lock").unlink()
    registry.register("fraud", "s3://acme/fraud/3")
    assert clean(git, place)


def test_what_a_killed_writer_did_not_show_is_shown_by_the_next(place: Path, registry: Registry, git: Git) -> None:
    """Killed between the move of `main` and the files: as if the files and git's index had never followed."""
    before = git(place, "rev-parse", "main^{tree}")
    registry.set_tag("fraud", "auc", "0.9", version=2)
    registry.register("fraud", "s3://acme/fraud/3")
    after = git(place, "rev-parse", "main^{tree}")
    git(place, "read-tree", before)
    git(place, "checkout-index", "--all", "--force")
    (place / "models/fraud/versions/3.yaml").unlink()
    (place / "models/fraud/versions/1.yaml").write_text("mine\n")
    (place / ".git" / "registry-git" / "worktree").write_text(f"{before} {after}\n")
    registry.set_tag("fraud", "auc", "0.91", version=2)
    assert git(place, "status", "--porcelain") == " M models/fraud/versions/1.yaml"
    assert not (place / ".git" / "registry-git" / "worktree").exists()
