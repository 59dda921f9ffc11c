"""Loose objects that a power cut spoiled: an error at once, where libgit2 by itself would never return."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2
import pytest

from registry_git.core.errors import Corrupt
from registry_git.gitstore.loose import read_loose
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.repository import Repository
from tests.conftest import Git
from tests.gitstore_commits import BOB, commits

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    pygit2.init_repository(str(tmp_path / "x.git"), bare=True, initial_head="main")
    return tmp_path / "x.git"


def blob(bare: Path, data: bytes = b"hello" * 1000) -> str:
    staging = Staging()
    oid = staging.blob(data)
    write_loose(bare / "objects", staging)
    return oid


def cut(bare: Path, oid: str, length: int) -> None:
    """Leaves the first bytes of a loose object's file."""
    file = bare / "objects" / oid[:2] / oid[2:]
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:length])


def test_a_whole_object_is_read(bare: Path) -> None:
    assert read_loose(str(bare / "objects"), blob(bare)) == (3, b"hello" * 1000)


def test_an_object_that_is_not_loose_is_left_to_libgit2(bare: Path, git: Git) -> None:
    made = commits(bare, 3)
    git(bare, "update-ref", "refs/heads/main", made[-1])
    git(bare, "repack", "-q", "-a", "-d")
    assert read_loose(str(bare / "objects"), made[0]) is None
    repository = Repository(bare)
    assert repository.commit(made[0]).id == made[0]
    assert repository.read(made[0]).startswith(b"tree ")
    assert not repository.has("0" * 40)


def test_a_blob_of_any_other_length_is_an_error(bare: Path) -> None:
    oid = blob(bare, os.urandom(300))
    size = (bare / "objects" / oid[:2] / oid[2:]).stat().st_size
    for length in range(size - 1, -1, -7):
        cut(bare, oid, length)
        with pytest.raises(Corrupt, match=oid) as told:
            Repository(bare).read(oid)
        assert told.value.hint


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"no zlib at all", b"\x78\x01"])
def test_a_file_that_holds_something_else_is_an_error(bare: Path, content: bytes) -> None:
    oid = blob(bare)
    cut(bare, oid, 0)
    (bare / "objects" / oid[:2] / oid[2:]).write_bytes(content)
    with pytest.raises(Corrupt):
        Repository(bare).read(oid)


def test_a_whole_object_under_another_name_is_an_error(bare: Path) -> None:
    one, other = blob(bare, b"one"), blob(bare, b"other")
    file = bare / "objects" / one[:2] / one[2:]
    file.unlink()
    file.write_bytes((bare / "objects" / other[:2] / other[2:]).read_bytes())
    with pytest.raises(Corrupt):
        Repository(bare).read(one)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_walk_over_a_truncated_commit_comes_to_an_end(bare: Path, share: float) -> None:
    made = commits(bare, 9)
    file = bare / "objects" / made[4][:2] / made[4][2:]
    cut(bare, made[4], int(file.stat().st_size * share))
    for walk in (
        lambda repository: repository.commit(made[4]),
        lambda repository: repository.tree_of(made[4]),
        lambda repository: repository.is_ancestor(made[0], made[8]),
        lambda repository: repository.merge_base(made[1], made[8]),
    ):
        with pytest.raises(Corrupt) as told:
            walk(Repository(bare))
        assert told.value.hint


def test_a_truncated_tree_is_an_error_and_not_an_empty_one(bare: Path) -> None:
    staging = Staging()
    entry = staging.blob(b"x")
    tree = staging.tree(b"".join(b"100644 %03d\0" % number + bytes.fromhex(entry) for number in range(200)))
    commit = staging.commit(tree=tree, parents=(), author=BOB, committer=BOB, at_seconds=1, message="x")
    write_loose(bare / "objects", staging)
    assert Repository(bare).entry(tree, "007") == ("100644", entry)
    cut(bare, tree, 40)
    for read in (
        lambda repository: repository.entry(tree, "007"),
        lambda repository: repository.names(tree, ""),
        lambda repository: repository.entry(repository.tree_of(commit), "none"),
    ):
        with pytest.raises(Corrupt):
            read(Repository(bare))


def test_many_repositories_are_opened_and_closed(bare: Path) -> None:
    oid = blob(bare)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(200):
        assert Repository(bare).git[oid].size == 5000
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after <= before + 2
