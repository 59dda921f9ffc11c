"""One pack for many objects: real git must find it flawless."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Unavailable
from registry_git.core.names import Actor
from registry_git.gitstore.delta import tree_delta
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.pack import write_pack
from tests.conftest import Git

BOB = Actor.parse("Bob <bob@acme.io>")


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


def entry(name: str, oid: str, mode: bytes = b"100644") -> bytes:
    return mode + b" " + name.encode() + b"\0" + bytes.fromhex(oid)


def many_registrations(count: int) -> tuple[Staging, str]:
    """`count` commits, each of which adds one file to one growing directory, in no particular place of it."""
    staging = Staging()
    entries: dict[str, bytes] = {}
    bases: dict[str, str | None] = {"versions": None, "root": None}
    commit: str | None = None
    for number in range(count):
        name = f"{hashlib.sha256(str(number).encode()).hexdigest()[:12]}.yaml"
        text = f"version: {number}\n" + hashlib.sha512(str(number).encode()).hexdigest() * 7
        entries[name] = entry(name, staging.blob(text.encode()))
        bases["versions"] = staging.tree(b"".join(entries[each] for each in sorted(entries)), bases["versions"])
        bases["root"] = staging.tree(entry("versions", bases["versions"], b"40000"), bases["root"])
        commit = staging.commit(
            tree=bases["root"],
            parents=[commit] if commit else [],
            author=BOB,
            committer=BOB,
            at_seconds=1_700_000_000 + number,
            message=f"Register v{number}",
        )
    assert commit is not None
    return staging, commit


def test_git_finds_a_pack_of_many_registrations_flawless(bare: Path, git: Git) -> None:
    staging, tip = many_registrations(300)
    name = write_pack(bare / "objects", staging)
    pack = bare / "objects" / "pack" / f"pack-{name}.pack"
    git(bare, "update-ref", "refs/heads/main", tip)
    assert git(bare, "fsck", "--strict", "--full") == ""
    assert git(bare, "rev-list", "--count", "main") == "300"
    git(bare, "index-pack", "--strict", "--fsck-objects", "-o", "own.idx", pack)
    assert (bare / "own.idx").read_bytes() == pack.with_suffix(".idx").read_bytes()
    for oid in (tip, *list(staging.delta_bases)[-3:]):
        kind, data = staging.objects[oid]
        size = git(bare, "cat-file", "--batch-check=%(objecttype) %(objectsize)", stdin=oid + "\n")
        assert size == f"{kind} {len(data)}"


def test_growing_trees_are_stored_as_differences_in_short_chains(bare: Path, git: Git) -> None:
    staging, _ = many_registrations(300)
    name = write_pack(bare / "objects", staging)
    pack = bare / "objects" / "pack" / f"pack-{name}.pack"
    trees = sum(len(data) for kind, data in staging.objects.values() if kind == "tree")
    blobs = sum(len(data) for kind, data in staging.objects.values() if kind == "blob")
    assert trees > 1_500_000
    assert pack.stat().st_size < blobs + 250_000
    chains = [line for line in git(bare, "verify-pack", "-v", pack).splitlines() if line.startswith("chain length")]
    assert max(int(line.split()[3].rstrip(":")) for line in chains) == 50


def test_a_tree_whose_earlier_version_is_not_in_the_pack_is_stored_whole(bare: Path, git: Git) -> None:
    staging = Staging()
    blob = staging.blob(b"x")
    content = b"".join(entry(f"{number:04}", blob) for number in range(100))
    oid = staging.tree(content, delta_base="a" * 40)
    write_pack(bare / "objects", staging)
    assert git(bare, "cat-file", "-s", oid) == str(len(content))


def test_the_empty_blob_the_empty_tree_and_large_blobs_come_back(bare: Path, git: Git) -> None:
    staging = Staging()
    large = os.urandom(3_000_000)
    ids = [staging.blob(b""), staging.tree(b""), staging.blob(b"y" * 99), staging.blob(b"z" * 100), staging.blob(large)]
    write_pack(bare / "objects", staging)
    sizes = git(bare, "cat-file", "--batch-check=%(objectsize)", stdin="\n".join(ids))
    assert sizes.split() == ["0", "0", "99", "100", "3000000"]
    assert git(bare, "fsck", "--strict", "--full").count("dangling") == len(ids)


def test_the_same_objects_give_the_same_pack_and_writing_it_twice_is_no_harm(bare: Path, git: Git) -> None:
    staging, tip = many_registrations(20)
    assert write_pack(bare / "objects", staging) == write_pack(bare / "objects", many_registrations(20)[0])
    assert git(bare, "cat-file", "-t", tip) == "commit"
    assert len(list((bare / "objects" / "pack").iterdir())) == 2


def test_an_empty_staging_writes_nothing(bare: Path) -> None:
    assert write_pack(bare / "objects", Staging()) == ""
    assert list((bare / "objects" / "pack").iterdir()) == []


def test_a_store_without_a_pack_directory_gets_one(bare: Path, git: Git) -> None:
    (bare / "objects" / "pack").rmdir()
    staging, tip = many_registrations(2)
    write_pack(bare / "objects", staging)
    assert git(bare, "cat-file", "-t", tip) == "commit"


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_an_input_output_error_fails_the_write_leaves_no_draft_and_the_next_one_works(
    bare: Path, git: Git, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    calls = 0
    real = os.fsync

    def fsync(fd: int) -> None:
        nonlocal calls
        calls += 1
        if calls > allowed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    staging, tip = many_registrations(3)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(Unavailable, match="input/output error"):
            write_pack(bare / "objects", staging)
    assert list((bare / "objects" / "pack").glob("tmp_*")) == []
    assert len(list((bare / "objects" / "pack").glob("*.pack"))) == (allowed == 2)
    write_pack(bare / "objects", staging)
    git(bare, "update-ref", "refs/heads/main", tip)
    assert git(bare, "fsck", "--strict", "--full") == ""


@pytest.mark.parametrize("whole", [False, True])
def test_an_index_that_cannot_be_put_in_place_takes_only_a_new_pack_with_it(
    bare: Path, git: Git, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    staging, tip = many_registrations(3)
    if whole:
        write_pack(bare / "objects", staging)
    real = os.rename

    def rename(source: str, target: str) -> None:
        if target.endswith(".idx"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(Unavailable):
            write_pack(bare / "objects", staging)
    assert len(list((bare / "objects" / "pack").iterdir())) == 2 * whole
    if whole:
        assert git(bare, "cat-file", "-t", tip) == "commit"


def test_a_pack_has_the_permissions_of_the_store(bare: Path) -> None:
    (bare / "objects").chmod(0o750)
    write_pack(bare / "objects", many_registrations(1)[0])
    assert {path.stat().st_mode & 0o777 for path in (bare / "objects" / "pack").iterdir()} == {0o440}


def applied(base: bytes, delta: bytes) -> bytes:
    """What `git help format-pack` says a reader makes of a delta."""
    at = 0

    def size() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = delta[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def number(flags: int, most: int) -> int:
        nonlocal at
        value = 0
        for bit in range(most):
            if flags >> bit & 1:
                value |= delta[at] << 8 * bit
                at += 1
        return value

    assert size() == len(base)
    wanted = size()
    out = b""
    while at < len(delta):
        opcode = delta[at]
        at += 1
        if opcode & 0x80:
            offset = number(opcode, 4)
            length = number(opcode >> 4, 3) or 0x10000
            assert offset + length <= len(base)
            out += base[offset : offset + length]
        else:
            assert opcode
            out += delta[at : at + opcode]
            at += opcode
    assert len(out) == wanted
    return out


@given(start=st.binary(max_size=300), old=st.binary(max_size=300), new=st.binary(max_size=300), end=st.binary())
def test_a_difference_applied_to_the_old_gives_the_new(start: bytes, old: bytes, new: bytes, end: bytes) -> None:
    base, target = start + old + end, start + new + end
    assert applied(base, tree_delta(base, target)) == target


@pytest.mark.parametrize("size", [0xFFFF, 0x10000, 0x10001, 0x20000, 0x100001])
def test_a_difference_of_large_trees_is_right_too(size: int) -> None:
    base = bytes(size)
    target = base + b"new" + base
    assert applied(base + base, tree_delta(base + base, target)) == target
