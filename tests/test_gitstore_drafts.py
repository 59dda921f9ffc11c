"""What a reference is to become is written and flushed before anybody is locked out, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Invalid, Unavailable
from registry_git.gitstore import growing, pack, refs
from registry_git.gitstore.refs import Moved, draft_ref, move_ref, read_ref
from tests.conftest import Git
from tests.gitstore_commits import MAIN, commits, locks
from tests.registry_scene import ALICE, healthy, new_registry


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


def test_a_draft_becomes_the_reference(bare: Path, git: Git) -> None:
    one, two, *_ = commits(bare)
    move_ref(bare, MAIN, old=None, new=one)
    drafted = draft_ref(bare, MAIN, two)
    assert read_ref(bare, MAIN) == one
    move_ref(bare, MAIN, old=one, new=two, drafted=drafted)
    assert git(bare, "rev-parse", MAIN) == two
    drafted.discard()
    assert locks(bare) == []


def test_while_there_is_a_draft_git_may_move_the_reference_and_then_the_draft_is_too_late(bare: Path, git: Git) -> None:
    one, two, three, _ = commits(bare)
    move_ref(bare, MAIN, old=None, new=one)
    drafted = draft_ref(bare, MAIN, three)
    git(bare, "update-ref", MAIN, two, one)
    with pytest.raises(Moved):
        move_ref(bare, MAIN, old=one, new=three, drafted=drafted)
    assert read_ref(bare, MAIN) == two
    assert locks(bare) == []


def test_a_draft_that_is_discarded_leaves_nothing(bare: Path) -> None:
    one, *_ = commits(bare)
    draft_ref(bare, MAIN, one).discard()
    assert read_ref(bare, MAIN) is None
    assert locks(bare) == []
    with pytest.raises(Invalid):
        draft_ref(bare, MAIN, "not an id")
    with pytest.raises(Invalid):
        draft_ref(bare, "main", one)
    assert locks(bare) == []


def test_objects_and_draft_are_flushed_before_the_reference_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    registry = registry_git.open(place, actor=ALICE)
    flushed: list[str] = []
    for module in (pack, refs):
        monkeypatch.setattr(module.disk, "sync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))
    before = (place / MAIN).read_text()
    moved = os.rename

    def rename(source: str, target: str) -> None:
        if str(target).endswith(MAIN):
            kinds = [name.removeprefix(f"{place}/").partition("_")[0].rpartition("/")[0] for name in flushed]
            assert sorted(kinds[:3]) == ["objects/pack", "objects/pack", "registry-git/locks"]  # perhaps at once
            assert kinds[3:] == ["objects"]
            assert (place / MAIN).read_text() == before
        moved(source, target)

    monkeypatch.setattr(os, "rename", rename)
    registry.register("fraud", "s3://acme/1", read=False)
    assert flushed[-1] == f"{place}/refs/heads"
    assert (place / MAIN).read_text() != before


def test_objects_that_cannot_be_written_leave_no_draft(
    tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    registry = registry_git.open(place, actor=ALICE)

    def full(*arguments: object, **more: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(growing, "install", full)
        with pytest.raises(Unavailable, match="the disk is full"):
            registry.register("fraud", "s3://acme/1", read=False)
    assert list((place / "registry-git" / "locks").glob("*")) == []
    assert registry.register("fraud", "s3://acme/1", read=False).version == 1
    healthy(git, place, registry)


def test_the_doctor_takes_away_what_a_killed_writer_drafted(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    left, fresh = (place / "registry-git" / "locks" / name for name in ("1-abc", "2-abc"))
    for path in (left, fresh):
        path.parent.mkdir(exist_ok=True)
        path.write_text("0" * 40)
    long_ago = time.time() - 60
    os.utime(left, (long_ago, long_ago))
    registry_git.open(place, actor=ALICE).doctor(fix=True)
    assert [left.exists(), fresh.exists()] == [False, True]
