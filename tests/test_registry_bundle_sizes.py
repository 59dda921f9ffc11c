"""A bundle takes no more of the other side than it was allowed: of its disk, and of its memory."""

from __future__ import annotations

import shutil
import tarfile
from collections import namedtuple
from pathlib import Path

import pytest

import registry_git
from registry_git import Corrupt, Invalid, Unavailable
from registry_git.gitstore import bundles
from registry_git.registry import bundle_file
from tests.cli_program import Cli
from tests.conftest import Git
from tests.registry_scene import ALICE, new_registry, person

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def here(tmp_path: Path) -> Path:
    new_registry(tmp_path / "here.git", versions=1)
    return tmp_path / "here.git"


@pytest.fixture
def file(here: Path, tmp_path: Path) -> Path:
    """A bundle of it."""
    registry_git.open(here, actor=ALICE).create_bundle(tmp_path / "bundle.tar")
    return tmp_path / "bundle.tar"


@pytest.fixture
def there(tmp_path: Path, git: Git) -> registry_git.Registry:
    git(tmp_path, "init", "--quiet", "--bare", "there.git")
    return registry_git.open(tmp_path / "there.git", actor=ALICE, durable=False)


def nothing_came(there: registry_git.Registry, git: Git, tmp_path: Path) -> None:
    place = tmp_path / "there.git"
    assert git(place, "for-each-ref") == ""
    assert git(place, "count-objects") == "0 objects, 0 kilobytes"
    assert not list((place / "registry-git").glob("incoming-*"))


def test_a_file_of_more_bytes_than_are_allowed_is_not_even_opened(
    file: Path, there: registry_git.Registry, git: Git, tmp_path: Path
) -> None:
    size = file.stat().st_size
    for act in (there.verify_bundle, there.apply_bundle):
        with pytest.raises(Invalid, match="and no more than") as raised:
            act(file, max_bytes=size - 1)
        assert "--max-size 1G" in raised.value.hint
    with file.open("r+b") as grown:  # a hole, which takes no space here
        grown.truncate(bundle_file.BYTES_MAX + 1)
    with pytest.raises(Invalid, match=r"has 16 GB, and no more than 16 GB are taken"):
        there.apply_bundle(file)
    nothing_came(there, git, tmp_path)
    with file.open("r+b") as whole:
        whole.truncate(size)
    assert there.apply_bundle(file, max_bytes=size).changed


def test_a_file_that_there_is_no_room_for_is_not_unpacked(
    file: Path, there: registry_git.Registry, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 100))
    with pytest.raises(Unavailable, match="there are 100 bytes free in") as raised:
        there.apply_bundle(file)
    assert "TMPDIR" in raised.value.hint
    nothing_came(there, git, tmp_path)


def test_an_object_that_grows_when_it_is_looked_into_is_refused(
    here: Path, there: registry_git.Registry, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven megabytes of nothing are seven kilobytes in a bundle; the bound is made as small here."""
    monkeypatch.setattr(bundles, "_BOUNDED", {"GIT_ALLOC_LIMIT": str(5 << 20)})
    (tmp_path / "zeros").write_bytes(bytes(7 << 20))
    blob = git(here, "hash-object", "-w", str(tmp_path / "zeros"))
    env = {"GIT_INDEX_FILE": str(here / "x.index"), **person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    git(here, "read-tree", "main", env=env)
    git(here, "update-index", "--add", "--cacheinfo", f"100644,{blob},notes.txt", env=env)
    tip = git(here, "commit-tree", git(here, "write-tree", env=env), "-p", "main", "-m", "Notes", env=env)
    git(here, "update-ref", "refs/heads/main", tip)
    file = tmp_path / "grown.tar"
    registry_git.open(here, actor=ALICE).create_bundle(file)
    assert file.stat().st_size < 1 << 17
    with pytest.raises(Corrupt, match="takes more than 512 MiB at once"):
        there.apply_bundle(file)
    nothing_came(there, git, tmp_path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_of_any_length_is_not_read_into_memory(
    there: registry_git.Registry, tmp_path: Path, kind: bytes
) -> None:
    header = tarfile.TarInfo("name")
    header.type, header.size = kind, 1 << 30
    file = tmp_path / "long.tar"
    with file.open("wb") as made:
        made.write(header.tobuf(tarfile.USTAR_FORMAT))
        made.truncate(1 << 30)
    with pytest.raises(Corrupt, match="which no bundle does"):
        there.verify_bundle(file)


def test_more_files_than_any_model_has_are_refused(
    file: Path, there: registry_git.Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_file, "_MEMBERS_MAX", 1)
    with pytest.raises(Corrupt, match="more than 1 files"):
        there.verify_bundle(file)


@pytest.mark.parametrize(
    ("size", "code"), [("1K", 2), ("0.5k", 2), ("1kB", 2), ("9M", 0), ("1.5g", 0), ("x", 2), ("-1", 2)]
)
def test_the_size_is_given_as_people_write_it(file: Path, here: Path, size: str, code: int) -> None:
    ended = Cli(registry=here)("bundle", "verify", str(file), "--max-size", size, code=code)
    if code and size[0] not in "x-":
        assert "and no more than" in ended.err
        assert "allow it with --max-size 1G" in ended.err
    elif code:
        assert "is no size" in ended.err
