"""What pushes leave in a repository that guards itself: packs, which are merged without anybody asking or waiting."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_git
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.pushed import PACKS_MAX, merge_pushed
from registry_git.gitstore.repacking import last_failure
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, Yard, make_guarded, new_version
from tests.registry_scene import healthy
from tests.waiting import until
from tests.warm_program import warm_hooks


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("guarded") / "models.git"
    make_guarded(path)
    with warm_hooks(path):
        yield path


@pytest.fixture
def yard(_template: Path, tmp_path: Path, git: Git) -> Yard:
    shutil.copytree(_template, tmp_path / "models.git")
    return Yard(bare=tmp_path / "models.git", git=git)


def packs(yard: Yard) -> set[str]:
    return {path.name for path in (yard.bare / "objects" / "pack").glob("*.pack")}


def loose(yard: Yard) -> set[str]:
    return {path.name for path in (yard.bare / "objects").glob("??/*")}


def fill(yard: Yard) -> list[str]:
    """One pack more than may be, most with one object, which is given. (What is being pushed does not count yet.)"""
    made = []
    while len(packs(yard)) <= PACKS_MAX:
        staging = Staging()
        made.append(staging.blob(b"%d" % len(made)))
        write_pack(yard.bare / "objects", staging, durable=False)
    return made


def register_one(yard: Yard) -> None:
    clone = yard.hand(ALICE, new_version(yard, 4))
    yard.push(clone, "main", actor=ALICE).taken()


def merged(yard: Yard) -> bool:
    return len(packs(yard)) < 10


def test_a_push_stays_a_pack(yard: Yard, git: Git) -> None:
    before, files = packs(yard), loose(yard)
    register_one(yard)
    asked = yard.as_(ALICE).request_stage("fraud", 4, "Production")
    yard.as_(BOB).approve(asked.request)
    assert len(packs(yard)) == len(before) + 3
    assert loose(yard) == files
    assert list((yard.bare / "objects" / "pack").glob("*.keep")) == []
    healthy(git, yard.bare, registry_git.open(yard.bare, actor=BOB))


def test_the_packs_of_pushes_are_merged_and_nobody_waits_for_it(yard: Yard, git: Git) -> None:
    made = fill(yard)
    with WriterLock(yard.bare):  # the merge cannot begin before this ends, and the push does not mind
        register_one(yard)
        assert len(packs(yard)) == PACKS_MAX + 2
    until(lambda: merged(yard))
    for number in range(2):
        yard.as_(ALICE).register("fraud", f"s3://acme/{number}", read=False)
    assert last_failure(yard.bare) == ""
    assert git(yard.bare, "cat-file", "blob", made[-1]) == str(len(made) - 1)
    assert registry_git.open(yard.bare, actor=BOB).resolve("models:/fraud/4").source == "s3://acme/fraud/1"
    healthy(git, yard.bare, registry_git.open(yard.bare, actor=BOB))


def test_few_packs_are_left_alone(yard: Yard, git: Git) -> None:
    fill(yard)
    git(yard.bare, "config", "gc.autoPackLimit", str(PACKS_MAX + 1))
    register_one(yard)
    assert not (yard.bare / "registry-git" / "repack.log").exists()


def test_a_merge_that_fails_lets_the_push_in_and_the_doctor_tells_of_it(yard: Yard) -> None:
    fill(yard)
    victim = min((yard.bare / "objects" / "pack").glob("*.pack"), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(whole[:12] + bytes(len(whole) - 32) + whole[-20:])
    register_one(yard)
    until(lambda: bool(last_failure(yard.bare)))
    assert last_failure(yard.bare).startswith("git pack-objects failed")
    assert len(packs(yard)) == PACKS_MAX + 2
    assert registry_git.open(yard.bare, actor=BOB).resolve("models:/fraud/4").source == "s3://acme/fraud/1"
    victim.write_bytes(whole)
    (found,) = [one for one in registry_git.open(yard.bare, actor=BOB).doctor() if one.path == "objects/pack"]
    assert "git pack-objects failed" in found.message


def test_the_doctor_sets_what_older_hooks_did_not(yard: Yard, git: Git) -> None:
    git(yard.bare, "config", "--unset", "receive.unpackLimit")
    registry = registry_git.open(yard.bare, actor=ALICE)
    assert [one.message for one in registry.doctor() if one.path == "config"] == [
        "receive.unpackLimit is not 1: a push leaves a file for each of its objects, and nothing packs them."
    ]
    assert "Set receive.unpackLimit to 1." in [one.message for one in registry.doctor(fix=True)]
    assert git(yard.bare, "config", "receive.unpackLimit") == "1"
    assert [one for one in registry.doctor() if one.path == "config"] == []


def test_a_repository_without_hooks_is_left_as_git_has_it(yard: Yard, git: Git) -> None:
    shutil.rmtree(yard.bare / "hooks")
    for key in ("receive.unpackLimit", "receive.fsckObjects"):
        git(yard.bare, "config", "--unset", key)
    registry = registry_git.open(yard.bare, actor=ALICE)
    registry.doctor(fix=True)
    assert [one for one in registry.doctor() if one.path == "config"] == []
    assert git(yard.bare, "config", "receive.unpackLimit", check=False) == ""


def test_where_no_pack_is_there_is_nothing_to_merge(tmp_path: Path) -> None:
    assert not merge_pushed(tmp_path / "gone.git")
