"""Stored objects: read by many reads as by few, also while packs come, go and are damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pygit2
import pytest

from registry_git.core.errors import Corrupt
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.repository import Repository
from tests.conftest import Git

MANY = 40


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    pygit2.init_repository(str(tmp_path / "x.git"), bare=True, initial_head="main")
    return tmp_path / "x.git" / "objects"


def blobs(name: str) -> Staging:
    staging = Staging()
    for number in range(MANY):
        staging.blob(f"{name} {number} ".encode() * 20)
    return staging


def read_all(repository: Repository, staging: Staging) -> None:
    for oid, (_, data) in staging.objects.items():
        assert repository.read(oid) == data


def test_packed_and_loose_objects_are_read_in_any_order(objects: Path) -> None:
    packed, loose = blobs("packed"), blobs("loose")
    write_pack(objects, packed)
    write_loose(objects, loose)
    repository = Repository(objects.parent)
    read_all(repository, packed)
    read_all(repository, loose)
    for (one, (_, first)), (other, (_, second)) in zip(packed.objects.items(), loose.objects.items(), strict=True):
        assert (repository.read(one), repository.read(other)) == (first, second)


def test_a_pack_that_comes_later_is_found(objects: Path) -> None:
    before, after = blobs("before"), blobs("after")
    write_pack(objects, before)
    repository = Repository(objects.parent)
    read_all(repository, before)
    write_pack(objects, after)
    read_all(repository, after)


def test_objects_are_found_when_packs_have_become_one(objects: Path, git: Git) -> None:
    one, other = blobs("one"), blobs("other")
    write_pack(objects, one)
    repository = Repository(objects.parent)
    read_all(repository, one)
    name = write_pack(objects, other)
    for staging in (one, other):
        for oid in staging.objects:
            git(objects.parent, "update-ref", f"refs/tags/{oid}", oid)
    git(objects.parent, "repack", "-q", "-a", "-d")
    assert not (objects / "pack" / f"pack-{name}.pack").exists()
    read_all(repository, other)
    read_all(repository, one)


def test_what_is_packed_is_not_looked_for_among_loose_files(objects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = blobs("packed")
    write_pack(objects, packed)
    repository = Repository(objects.parent)
    read_all(repository, packed)
    monkeypatch.setattr("registry_git.gitstore.stored.read_loose", None)
    monkeypatch.setattr("registry_git.gitstore.loose.read_loose", None)
    read_all(repository, packed)


def test_a_borrowed_directory_is_read_after_many_reads_too(objects: Path, tmp_path: Path) -> None:
    packed, lent = blobs("packed"), blobs("lent")
    write_pack(objects, packed)
    (tmp_path / "lent").mkdir()
    write_pack(tmp_path / "lent", lent)
    repository = Repository(objects.parent)
    repository.borrow(tmp_path / "lent")
    read_all(repository, packed)
    read_all(repository, lent)


def test_a_damaged_pack_is_an_error_that_names_the_object(objects: Path) -> None:
    good, bad = blobs("good"), blobs("bad")
    write_pack(objects, good)
    name = write_pack(objects, bad)
    file = objects / "pack" / f"pack-{name}.pack"
    content = bytearray(file.read_bytes())
    for at in range(20, len(content) - 20):
        content[at] ^= 0x55
    file.unlink()
    file.write_bytes(content)
    repository = Repository(objects.parent)
    read_all(repository, good)
    for oid in bad.objects:
        with pytest.raises(Corrupt, match=oid) as told:
            repository.read(oid)
        assert told.value.hint


def test_an_object_that_is_nowhere_is_an_error_and_may_come_later(objects: Path) -> None:
    packed, later = blobs("packed"), blobs("later")
    write_pack(objects, packed)
    repository = Repository(objects.parent)
    read_all(repository, packed)
    with pytest.raises(Corrupt):
        repository.read(next(iter(later.objects)))
    write_loose(objects, later)
    read_all(repository, later)
    shutil.rmtree(objects / "pack")
    write_loose(objects, packed, exists=None)
    read_all(repository, packed)
