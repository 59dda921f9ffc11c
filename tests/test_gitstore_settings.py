"""What registries have set in git's configuration, and what becomes of older ones."""

from __future__ import annotations

from pathlib import Path

import registry_git
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.repository import Repository
from tests.conftest import Git
from tests.registry_scene import ALICE


def test_what_an_older_release_has_set_for_everybody_gives_way(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    registry = registry_git.init(place, actor=ALICE, durable=False)
    git(place, "config", "--unset", "maintenance.auto")
    git(place, "config", "gc.auto", "0")
    assert [one.message for one in registry.doctor() if one.path == "config"] == [
        "maintenance.auto is not false: git may collect garbage beside a writer."
    ]
    assert [one.message for one in registry.doctor(fix=True) if one.path == "config"] == [
        "Set maintenance.auto to false.",
        "Removed gc.auto: packs are merged by themselves.",
    ]
    assert git(place, "config", "gc.auto", check=False) == ""
    git(place, "config", "gc.auto", "0")
    registry.doctor(fix=True)
    assert git(place, "config", "gc.auto") == "0"


def test_git_itself_collects_nothing_beside_a_writer(tmp_path: Path, git: Git) -> None:
    place, bare = tmp_path / "tree", tmp_path / "models.git"
    registry_git.init(place, actor=ALICE, durable=False)
    registry_git.init(bare, actor=ALICE, durable=False)
    for repository in (place, bare):
        git(repository, "config", "gc.autoPackLimit", "1")
        git(repository, "config", "gc.autoDetach", "false")
        for number in range(4):
            staging = Staging()
            staging.blob(b"%d" % number)
            write_pack(Repository(repository).objects_dir, staging, durable=False)
    trace = tmp_path / "trace"
    said = {"GIT_TRACE": str(trace)}
    git(place, "commit", "-q", "--allow-empty", "-m", "by hand", env=said)
    git(place, "fetch", "-q", bare, "main", env=said)
    git(place, "push", "-q", bare, "HEAD:refs/heads/other", env=said)
    assert "git commit" in trace.read_text()
    assert "receive-pack" in trace.read_text()
    assert " gc" not in trace.read_text()
    assert len(list((bare / "objects" / "pack").glob("*.pack"))) == 4
