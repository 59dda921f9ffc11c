"""Loose objects: what git reads back, and that all of it is flushed."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.errors import Invalid
from registry_git.core.names import Actor
from registry_git.gitstore import disk
from registry_git.gitstore.objects import Staging, commit_bytes, write_loose
from tests.conftest import Git

ALICE = Actor.parse("Alice Ünal <alice@acme.io>")
BOB = Actor.parse("Bob <bob@acme.io>")
AT = 1_700_000_000


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


def tree_of(**blobs: str) -> bytes:
    return b"".join(b"100644 %s\0%s" % (name.encode(), bytes.fromhex(oid)) for name, oid in sorted(blobs.items()))


def one_commit(text: str = "hello\n", parents: tuple[str, ...] = ()) -> tuple[Staging, str]:
    staging = Staging()
    tree = staging.tree(tree_of(a=staging.blob(text.encode())))
    commit = staging.commit(
        tree=tree, parents=parents, author=ALICE, committer=BOB, at_seconds=AT, message="Register v1\n\nTöne: ✓"
    )
    return staging, commit


def loose(bare: Path, oid: str) -> Path:
    return bare / "objects" / oid[:2] / oid[2:]


def drafts(bare: Path) -> list[Path]:
    return list((bare / "objects").rglob("tmp_*"))


def test_git_reads_what_was_staged_under_the_same_ids(bare: Path, git: Git) -> None:
    staging, commit = one_commit()
    write_loose(bare / "objects", staging)
    assert git(bare, "cat-file", "-p", f"{commit}^{{tree}}:a") == "hello"
    assert git(bare, "log", "-1", "--format=%an|%ae|%cn|%at|%ct|%aI|%B", commit).splitlines() == [
        f"Alice Ünal|alice@acme.io|Bob|{AT}|{AT}|2023-11-14T22:13:20+00:00|Register v1",
        "",
        "Töne: ✓",
    ]
    git(bare, "update-ref", "refs/heads/main", commit)
    assert git(bare, "fsck", "--strict", "--full") == ""
    for oid, (kind, data) in staging.objects.items():
        assert git(bare, "cat-file", "-t", oid) == kind
        assert staging.read(oid) == data


def test_the_same_arguments_give_the_same_commit(bare: Path) -> None:
    assert one_commit()[1] == one_commit()[1]


def test_equal_content_is_held_once_and_an_unknown_id_reads_as_none() -> None:
    staging = Staging()
    assert staging.blob(b"x") == staging.blob(b"x")
    assert len(staging) == 1
    assert staging.read("0" * 40) is None


@pytest.mark.parametrize("wrong", [{"at_seconds": -1}, {"message": "a\0b"}, {"tree": "HEAD"}, {"parents": ["A" * 40]}])
def test_a_commit_that_git_would_refuse_is_refused(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"tree": "a" * 40, "parents": [], "author": BOB, "committer": BOB, "at_seconds": 1}
    with pytest.raises(Invalid):
        commit_bytes(**{"message": "m", **good, **wrong})


def test_a_kind_that_git_does_not_know_is_refused() -> None:
    with pytest.raises(Invalid):
        Staging().add("bolb", b"")


def test_objects_are_read_only_and_no_draft_stays(bare: Path) -> None:
    staging, commit = one_commit()
    write_loose(bare / "objects", staging)
    assert stat.S_IMODE(loose(bare, commit).stat().st_mode) == 0o444
    assert drafts(bare) == []


def test_a_shared_repository_keeps_its_group(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "--bare", "--shared=0660", "registry.git")
    bare = tmp_path / "registry.git"
    staging, commit = one_commit()
    write_loose(bare / "objects", staging)
    assert stat.S_IMODE(loose(bare, commit).stat().st_mode) == 0o440
    assert loose(bare, commit).parent.stat().st_mode == (bare / "objects").stat().st_mode


def test_an_object_that_is_whole_is_not_written_again(bare: Path) -> None:
    staging, commit = one_commit()
    write_loose(bare / "objects", staging)
    before = loose(bare, commit).stat()
    write_loose(bare / "objects", staging)
    assert loose(bare, commit).stat().st_ino == before.st_ino


@pytest.mark.parametrize("rest", [b"", b"\0" * 80, zlib.compress(b"blob 1\0x")[:5], zlib.compress(b"blob 1\0y")])
def test_an_object_that_a_power_cut_left_empty_or_torn_is_written_anew(bare: Path, git: Git, rest: bytes) -> None:
    staging, commit = one_commit()
    write_loose(bare / "objects", staging)
    for oid in staging.objects:
        loose(bare, oid).chmod(0o644)
        loose(bare, oid).write_bytes(rest)
    # libgit2 and git say of an empty file that the object exists
    write_loose(bare / "objects", staging, exists=lambda oid: True)
    git(bare, "update-ref", "refs/heads/main", commit)
    assert git(bare, "fsck", "--strict", "--full") == ""


def test_an_object_that_a_pack_has_is_not_written(bare: Path, git: Git) -> None:
    staging, commit = one_commit()
    write_loose(bare / "objects", staging)
    git(bare, "update-ref", "refs/heads/main", commit)
    git(bare, "repack", "-adq")
    assert not loose(bare, commit).exists()
    write_loose(bare / "objects", staging, exists=lambda oid: git(bare, "cat-file", "-e", oid) == "")
    assert not loose(bare, commit).exists()


def test_on_return_every_file_and_every_directory_was_flushed_after_its_last_change(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[tuple[str, str]] = []
    real_sync, real_rename, real_mkdir = disk.sync, os.rename, os.mkdir

    def sync(fd: int) -> None:
        real_sync(fd)
        happened.append(("sync", os.readlink(f"/proc/self/fd/{fd}")))

    def rename(old: str, new: str) -> None:
        happened.append(("rename", str(old)))
        real_rename(old, new)
        happened.append(("changed", os.path.dirname(new)))

    def mkdir(path: str, mode: int = 0o777) -> None:
        real_mkdir(path, mode)
        happened.append(("changed", os.path.dirname(path)))

    monkeypatch.setattr(disk, "sync", sync)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "mkdir", mkdir)
    staging, _ = one_commit()
    write_loose(bare / "objects", staging)
    renamed = [path for what, path in happened if what == "rename"]
    assert len(renamed) == 3
    for path in renamed:
        assert happened.index(("sync", path)) < happened.index(("rename", path))
    changed = {path for what, path in happened if what == "changed"}
    assert str(bare / "objects") in changed
    for path in changed:
        last = len(happened) - 1 - happened[::-1].index(("changed", path))
        assert ("sync", path) in happened[last:]
