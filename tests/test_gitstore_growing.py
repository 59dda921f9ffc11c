"""The pack that grows: real git finds every one of them flawless, and nothing that it held is ever lost."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pygit2
import pytest

import registry_git
from registry_git.core.names import Actor
from registry_git.gitstore import growing, repository
from registry_git.gitstore.growing import GrowingPack
from registry_git.gitstore.growing_note import KEPT
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.repository import Repository
from registry_git.registry.registering import Registration
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, new_registry

BOB = Actor.parse("Bob <bob@acme.io>")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    new_registry(tmp_path / "models.git")
    return tmp_path / "models.git"


def packs(place: Path) -> set[str]:
    return {path.stem for path in (place / "objects" / "pack").glob("pack-*.pack")}


def loose(place: Path) -> int:
    return sum(1 for path in (place / "objects").glob("??/*") if path.is_file())


def grow(pack: GrowingPack, staging: Staging) -> None:
    pack.write(pack.growth(staging, read=_nothing))


def register(place: Path, number: int, model: str = "fraud") -> str:
    return registry_git.open(place, actor=ALICE).register(model, f"s3://acme/{number}", read=False).commit


def test_each_write_puts_a_pack_in_place_of_the_one_before(place: Path, git: Git) -> None:
    first = loose(place)
    registry = registry_git.open(place, actor=ALICE)
    for number in range(KEPT * 3):
        registry.register("fraud", f"s3://acme/{number}", read=False)
        assert git(place, "fsck", "--strict", "--full") == ""
    assert loose(place) == first
    assert len(packs(place)) <= KEPT + 2  # and the last one that was flushed
    healthy(git, place, registry)


def test_the_newest_pack_holds_all_that_those_before_it_did(place: Path, git: Git) -> None:
    for number in range(5):
        register(place, number)
    tip = git(place, "rev-parse", "main")
    newest = max(
        (place / "objects" / "pack").glob("pack-*.idx"), key=lambda path: len(git(place, "verify-pack", "-v", path))
    )
    for path in (place / "objects" / "pack").glob("pack-*"):
        if path.stem != newest.stem:
            path.unlink()
    assert git(place, "rev-parse", "main") == tip
    healthy(git, place, registry_git.open(place, actor=ALICE))


def test_a_large_directory_is_stored_as_what_differs(place: Path, git: Git) -> None:
    registry = registry_git.open(place, actor=ALICE)
    registry.register_many([Registration(name=f"model-{number:04}", source="s3://acme/x") for number in range(1000)])
    sizes = []
    for number in range(4):
        register(place, number, "model-0500")
        newest = max((place / "objects" / "pack").glob("*.pack"), key=lambda path: path.stat().st_mtime_ns)
        sizes.append(newest.stat().st_size)
    tree = int(git(place, "cat-file", "-s", "main:models"))
    assert tree > 30_000
    assert all(later - before < 3_000 for before, later in pairwise(sizes))
    healthy(git, place, registry)


def test_another_pack_begins_where_one_is_full(place: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "_OBJECTS_MAX", 20)
    registry = registry_git.open(place, actor=ALICE)
    for number in range(30):
        registry.register("fraud", f"s3://acme/{number}", read=False)
    # one for each twenty objects, the one that grows, and those that it has just replaced
    assert 6 < len(packs(place)) < 30
    healthy(git, place, registry)


def test_chains_of_differences_stay_short(place: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MAX_CHAIN", 3)
    registry = registry_git.open(place, actor=ALICE)
    registry.register_many([Registration(name=f"model-{number:02}", source="s3://acme/x") for number in range(40)])
    for number in range(10):
        register(place, number, "model-05")  # a new handle: chains are counted in the file
    newest = max((place / "objects" / "pack").glob("*.idx"), key=lambda path: path.stat().st_mtime_ns)
    chains = [line for line in git(place, "verify-pack", "-v", newest).splitlines() if line.startswith("chain length")]
    assert [line.partition(":")[0] for line in chains] == [f"chain length = {length}" for length in (1, 2, 3)]
    healthy(git, place, registry)


@pytest.mark.parametrize("content", [b"", b"\0" * 60, b"pack-of-nothing 00000000\n", None])
def test_without_a_note_that_holds_another_pack_begins(place: Path, git: Git, content: bytes | None) -> None:
    register(place, 1)
    before = packs(place)
    note = place / "registry-git" / "growing-pack"
    if content is None:
        note.unlink()
    else:
        note.write_bytes(content)
    register(place, 2)
    assert len(packs(place) - before) == 1
    assert before <= packs(place)
    healthy(git, place, registry_git.open(place, actor=ALICE))


def test_a_note_of_a_pack_that_is_damaged_leads_to_another_one(place: Path, git: Git) -> None:
    register(place, 1)
    (name,) = packs(place)
    path = place / "objects" / "pack" / f"{name}.pack"
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:40] + b"\0\0\0\0" + whole[44:])
    staging = Staging()
    oid = staging.blob(b"something else")
    grow(GrowingPack(place), staging)
    (other,) = packs(place) - {name}
    assert git(place, "verify-pack", "-v", place / "objects" / "pack" / f"{other}.idx").startswith(oid)
    assert name in packs(place)  # what is damaged is not taken away: it may be all that there is
    path.write_bytes(whole)
    healthy(git, place, registry_git.open(place, actor=ALICE))


def test_a_garbage_collection_between_writes_is_noticed(place: Path, git: Git) -> None:
    registry = registry_git.open(place, actor=ALICE)
    for number in range(3):
        registry.register("fraud", f"s3://acme/{number}", read=False)
        git(place, "gc", "-q", "--prune=now")
    registry.register("fraud", "s3://acme/last", read=False)
    assert [view.version for view in registry.versions("fraud")] == [4, 3, 2, 1]
    healthy(git, place, registry)


def test_what_is_there_already_is_not_written_again(place: Path) -> None:
    pack = GrowingPack(place)
    staging = Staging()
    staging.blob(b"one")
    grow(pack, staging)
    before = packs(place)
    grow(pack, staging)
    grow(GrowingPack(place), staging)
    assert packs(place) == before


def test_many_objects_at_once_are_a_pack_of_their_own(place: Path) -> None:
    pack = GrowingPack(place)
    many, large, few = Staging(), Staging(), Staging()
    for number in range(growing._OBJECTS_MAX):
        many.blob(b"%d" % number)
    large.blob(os.urandom(growing._BYTES_MAX))
    few.blob(b"one")
    assert [pack.takes(one) for one in (many, large, few)] == [False, False, True]


def test_a_disk_that_refuses_leaves_the_pack_before_as_it_was(place: Path, git: Git) -> None:
    register(place, 1)
    before = packs(place)
    registry = registry_git.open(place, actor=ALICE)
    limit = 'ulimit -f 1; exec "$@"'
    code = (
        "import signal, sys, registry_git; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "registry_git.open(sys.argv[1], actor='Bob <bob@acme.io>').register('fraud', 's3://acme/2', "
        "description='x' * 60000 + ''.join(map(chr, range(300, 3000))), read=False)"
    )
    done = subprocess.run(
        ["bash", "-c", limit, "-", sys.executable, "-B", "-c", code, os.fspath(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "may write" in done.stderr, done.stderr
    assert packs(place) == before
    assert not list((place / "objects" / "pack").glob("tmp_*"))
    registry.register("fraud", "s3://acme/2", read=False)
    healthy(git, place, registry)


def test_who_has_looked_for_packs_before_still_finds_everything(place: Path) -> None:
    commits = [register(place, 0)]
    other = pygit2.Repository(str(place))
    reader = Repository(place)
    for number in range(1, KEPT * 2):
        assert str(other[commits[-1]].id) == commits[-1]
        assert reader.commit(commits[-1]).id == commits[-1]
        commits.append(register(place, number))
    assert [str(other[commit].id) for commit in commits] == commits


def test_a_reader_lets_go_of_packs_that_are_gone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_RENEWED_AFTER", 5)
    writer, reader = registry_git.open(place, actor=ALICE), registry_git.open(place, actor=ALICE)
    for number in range(60):
        writer.register("fraud", f"s3://acme/{number}", read=False)
        assert reader.version("fraud", number + 1).source == f"s3://acme/{number}"
    assert len([name for name in open_files() if name.startswith(f"{place}/") and "/pack/" in name]) <= 25


def test_a_long_branch_is_judged_while_the_repository_is_opened_anew(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = git(place, "rev-parse", "main")
    for number in range(12):
        register(place, number)
    expected = registry_git.open(place, actor=ALICE).gate(base, "main")
    monkeypatch.setattr(repository, "_RENEWED_AFTER", 1)
    assert registry_git.open(place, actor=ALICE).gate(base, "main") == expected
    reader = Repository(place)
    found = reader.reachable(git(place, "rev-parse", "main"), base)
    assert found == git(place, "rev-list", f"{base}..main").split()
    assert [reader.commit(one).id for one in found] == found


def test_an_index_of_another_kind_is_none() -> None:
    assert growing._entries(b"") is None
    assert growing._entries(b"\xfftOc\0\0\0\2" + bytes(1064)) == []
    assert growing._entries(b"\xfftOc\0\0\0\1" + bytes(1064)) is None
    assert growing._entries(b"\xfftOc\0\0\0\2" + bytes(1100)) is None


def open_files() -> list[str]:
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that lists them
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
    return found


def _nothing(oid: str) -> bytes:
    raise AssertionError(f"{oid} was read")
