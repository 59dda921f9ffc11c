"""Packs that are merged without anybody asking: nothing is lost, nobody who reads or writes meanwhile notices."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import pairwise
from pathlib import Path

import pygit2
import pytest

import registry_git
from registry_git.core.errors import Unavailable
from registry_git.gitstore import disk, growing, repacking
from registry_git.gitstore.growing_note import KEPT, growing_packs
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.pushed import PACKS_MAX
from registry_git.gitstore.repacking import (
    LOOSE_MAX,
    Pack,
    last_failure,
    loose_objects,
    merge_now,
    merge_what_was_brought,
    merge_when_many,
    mergeable,
    pack_loose_now,
    packs_allowed,
    rolled_up,
)
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.store import Store
from registry_git.registry import doctor
from registry_git.registry.facade import Registry
from registry_git.registry.finding import Finding
from registry_git.registry.registering import Registration
from tests.cli_program import BIN
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, loosen, new_registry
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)
FEW = 12  # packs that remain: the one that grows, those that it has replaced, and a progression
READER = """
import sys, pygit2
repository = pygit2.Repository(sys.argv[1])
commits = sys.argv[2].split()
walked = lambda some: sum(len(repository[repository[one].tree_id]) for one in some)
walked(commits[:3])
print("ready", flush=True)
while sys.stdin.readline() == "go on\\n":
    print(walked(commits), flush=True)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of 120 writes in 68 packs, which are left as they are."""
    place = tmp_path_factory.mktemp("made") / "models.git"
    new_registry(place)
    registry = opened(place)
    pygit2.Repository(str(place)).config["gc.auto"] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "_OBJECTS_MAX", 12)
        for number in range(120):
            registry.register(f"model-{number % 7}", f"s3://acme/{number}", read=False)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of it, whose packs may be merged."""
    copy = tmp_path / "models.git"
    shutil.copytree(made, copy)
    del pygit2.Repository(str(copy)).config["gc.auto"]
    return copy


def opened(place: Path) -> Registry:
    return registry_git.open(place, actor=ALICE, durable=False)


def packs(place: Path) -> set[str]:
    return {path.stem.removeprefix("pack-") for path in (place / "objects" / "pack").glob("pack-*.pack")}


def objects(git: Git, place: Path) -> set[str]:
    found = git(place, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(found.split())


def whole(git: Git, place: Path) -> None:
    assert git(place, "fsck", "--full", "--strict", "--no-dangling", "--no-progress") == ""
    left = sorted(os.listdir(place / "objects" / "pack"))
    assert left == sorted(f"pack-{name}{suffix}" for name in packs(place) for suffix in (".idx", ".pack"))


def ended(place: Path) -> bool:
    """Whether no merge is going on any more."""
    with (place / "registry-git" / "repack.log").open("rb") as log:
        try:
            flock(log, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_many_packs_are_merged_without_anybody_asking(place: Path, git: Git) -> None:
    before = objects(git, place)
    assert len(packs(place)) > PACKS_MAX
    registry = opened(place)
    commit = registry.register("model-1", "s3://acme/last", read=False).commit
    for number in range(60):  # the pack that grows becomes full, and another begins
        registry.register("model-2", f"s3://acme/more/{number}", read=False)
    until(lambda: len(packs(place)) <= FEW and ended(place))
    assert before < objects(git, place)
    assert last_failure(place) == ""
    assert opened(place).at(commit).resolve("model-1").source == "s3://acme/last"
    whole(git, place)
    healthy(git, place, registry)
    # nothing more to do: no further process for each pack
    assert not merge_when_many(Repository(place))


def test_a_command_starts_it_and_ends_before(place: Path, git: Git) -> None:
    (place / "registry-git" / "growing-pack").unlink()  # so that this write begins a pack
    program = [
        os.fspath(BIN / "registry-git"),
        "-R",
        os.fspath(place),
        "--as",
        ALICE,
        "register",
        "model-1",
        "s3://acme/last",
    ]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    until(lambda: len(packs(place)) <= FEW and ended(place))
    whole(git, place)


def test_many_at_once_are_a_pack_that_counts(place: Path, git: Git) -> None:
    many = [Registration(name=f"new-{number}", source="s3://acme/x") for number in range(growing._OBJECTS_MAX)]
    opened(place).register_many(many)
    until(lambda: len(packs(place)) <= FEW + 1 and ended(place))
    whole(git, place)


def test_few_packs_are_left_alone_without_a_look_into_them(place: Path, git: Git) -> None:
    git(place, "config", "gc.autoPackLimit", str(len(packs(place))))
    before = packs(place)
    assert not merge_when_many(Repository(place))
    assert packs(place) == before
    assert not (place / "registry-git" / "repack.log").exists()
    git(place, "config", "gc.autoPackLimit", str(len(packs(place)) - 1))
    assert merge_when_many(Repository(place))
    until(lambda: ended(place))


def test_what_was_brought_is_merged_at_the_end(place: Path, git: Git) -> None:
    before = len(packs(place) - growing_packs(place))
    assert before > 8
    assert merge_what_was_brought(Repository(place)) == before
    assert len(packs(place) - growing_packs(place)) == 1
    whole(git, place)
    assert merge_what_was_brought(Repository(place)) == 0


def test_what_was_brought_stays_as_it_is_where_it_cannot_be_merged(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(git_dir: Path) -> int:
        raise Unavailable("Could not merge packs: the disk is full.", hint="Free some space.")

    before = packs(place)
    with monkeypatch.context() as patched:
        patched.setattr(repacking, "merge_now", refused)
        assert merge_what_was_brought(Repository(place)) == 0
    assert "the disk is full" in caplog.text
    git(place, "config", "gc.auto", "0")
    assert merge_what_was_brought(Repository(place)) == 0
    assert packs(place) == before


@pytest.mark.parametrize("setting", [("gc.auto", "0"), ("gc.autoPackLimit", "0"), ("gc.auto", "x"), ("gc.auto", "-1")])
def test_who_wants_nothing_tidied_is_left_alone(place: Path, git: Git, setting: tuple[str, str]) -> None:
    git(place, "config", *setting)
    (place / "registry-git" / "growing-pack").unlink()
    before = packs(place)
    registry = opened(place)
    registry.register("model-1", "s3://acme/last", read=False)
    assert not merge_when_many(registry._store.repository)
    assert before < packs(place)
    (found,) = [one for one in registry.doctor() if one.path == "objects/pack"]
    assert (found.level, "because gc.auto" in found.message) == ("note", True)
    assert not (place / "registry-git" / "repack.log").exists()
    # asked by name, the doctor does it all the same
    assert any(one.message.startswith("Merged ") for one in registry.doctor(fix=True))
    assert [one for one in registry.doctor() if one.path == "objects/pack"] == []
    assert len(packs(place)) <= FEW
    healthy(git, place, registry)


def test_that_somebody_wants_nothing_tidied_anywhere_counts_too(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[gc]\n\tauto = 0\n")
    levels = pygit2.enums.ConfigLevel.GLOBAL
    before = pygit2.settings.search_path[levels]
    pygit2.settings.search_path[levels] = str(home)
    try:
        assert packs_allowed(Repository(place)) == 0
    finally:
        pygit2.settings.search_path[levels] = before
    assert packs_allowed(Repository(place)) == PACKS_MAX


def test_nothing_starts_where_people_only_read(place: Path) -> None:
    before = packs(place)
    registry = opened(place)
    assert registry.version("model-1", 1).source
    assert registry.activity("model-1")
    registry.doctor()
    assert packs(place) == before
    assert not (place / "registry-git" / "repack.log").exists()


def test_one_at_a_time(place: Path) -> None:
    before = packs(place)
    with repacking._turn(place):
        assert not merge_when_many(Repository(place))
        assert merge_now(place) == 0
    assert packs(place) == before
    assert merge_now(place) > 50


def test_packs_that_somebody_keeps_stay(place: Path, git: Git) -> None:
    kept = sorted(packs(place) - growing_packs(place))[:3]
    for name, mark in zip(kept, (".keep", ".promisor", ".mtimes"), strict=True):
        (place / "objects" / "pack" / f"pack-{name}{mark}").touch()
    merge_now(place)
    assert {*kept, *growing_packs(place)} <= packs(place)
    assert len(packs(place)) <= FEW + 3
    for name, mark in zip(kept, (".keep", ".promisor", ".mtimes"), strict=True):
        (place / "objects" / "pack" / f"pack-{name}{mark}").unlink()
    whole(git, place)


def test_packs_that_git_maintenance_looks_after_stay(place: Path, git: Git) -> None:
    git(place, "multi-pack-index", "write")
    before = packs(place)
    assert mergeable(place / "objects") == []
    assert merge_now(place) == 0
    assert packs(place) == before


def test_the_pack_that_grows_goes_on_growing(place: Path, git: Git) -> None:
    registry = opened(place)
    registry.register("model-1", "s3://acme/begun", read=False)
    before = growing_packs(place)
    merge_now(place)
    assert before <= packs(place)
    registry.register("model-1", "s3://acme/on", read=False)
    assert len(before & growing_packs(place)) == KEPT
    healthy(git, place, registry)


def test_who_writes_meanwhile_goes_on(place: Path, git: Git) -> None:
    registry = opened(place)
    git(place, "config", "gc.autoPackLimit", "0")
    with going_on(lambda: registry.register("fraud", "s3://acme/x", read=False)) as written:
        merged = [merge_now(place) for _ in range(4)]
        until(lambda: len(written) > 20)
    assert merged[0] > 50
    assert registry.versions("fraud")[0].version == len(written)
    whole(git, place)
    healthy(git, place, registry)


def test_who_reads_meanwhile_goes_on_here_and_elsewhere(place: Path, git: Git) -> None:
    commits = git(place, "rev-list", "main")
    ids = commits.split()
    early, opened_before = pygit2.Repository(str(place)), Repository(place)
    assert str(early[ids[-1]].id) == opened_before.commit(ids[-1]).id == ids[-1]
    with (
        subprocess.Popen(
            [sys.executable, "-c", READER, place, commits],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as reader,
        going_on(lambda: len([Repository(place).commit(one) for one in ids])) as whiles,
    ):  # fmt: skip
        assert reader.stdin
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
        asked = "go on\n" * 20
        reader.stdin.write(asked)
        reader.stdin.flush()
        assert merge_now(place) > 50
        count = len(whiles)
        until(lambda: len(whiles) > count + 1)
        reader.stdin.close()
        answers = reader.stdout.read().split()
    assert reader.returncode == 0
    assert len(answers) == 20
    assert len(set(answers)) == 1
    assert set(whiles) == {len(ids)}
    assert [str(early[one].id) for one in ids] == [opened_before.commit(one).id for one in ids] == ids
    assert [opened_before.read(opened_before.commit(one).tree) for one in ids]


def test_who_clones_meanwhile_gets_all_of_it(place: Path, tmp_path: Path, git: Git) -> None:
    clones: list[Path] = []

    def clone() -> int:
        clones.append(tmp_path / f"clone-{len(clones)}.git")
        git(tmp_path, "clone", "-q", "--bare", "--no-local", place, clones[-1])
        return int(git(clones[-1], "rev-list", "--count", "main"))

    with going_on(clone) as counts:
        until(lambda: len(counts) > 0)
        assert merge_now(place) > 50
        count = len(counts)
        until(lambda: len(counts) > count + 1)
    assert set(counts) == {int(git(place, "rev-list", "--count", "main"))}


def test_what_nothing_names_is_kept_too(place: Path, git: Git) -> None:
    staging = Staging()
    loose = staging.blob(b"written, and not yet named by a commit")
    write_pack(place / "objects", staging, durable=False)
    before = objects(git, place)
    merge_now(place)
    assert git(place, "cat-file", "-t", loose) == "blob"
    assert objects(git, place) == before


@pytest.mark.parametrize("limit", ["", "20k"])
def test_the_new_pack_has_its_name_on_disk_before_an_old_one_goes(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    if limit:
        git(place, "config", "pack.packSizeLimit", limit)  # several new ones
    before, known = packs(place), objects(git, place)
    flushed: list[set[str]] = []
    sync = disk.sync_directory

    def noted(path: Path | str) -> None:
        sync(path)
        if os.fspath(path).endswith("/objects/pack"):
            flushed.append(packs(place))

    monkeypatch.setattr(disk, "sync_directory", noted)
    merge_now(place)
    (then,) = flushed
    assert before < then
    assert packs(place) - growing_packs(place) >= then - before
    assert objects(git, place) == known
    whole(git, place)


def test_a_kill_at_any_time_leaves_a_healthy_registry(place: Path, git: Git) -> None:
    folder = place / "objects" / "pack"
    before, known = packs(place), objects(git, place)
    moments: list[Callable[[], bool]] = [
        lambda: any(name.startswith("tmp_") for name in os.listdir(folder)),
        lambda: bool(packs(place) - before),
        lambda: bool(before - packs(place)),
    ]
    for moment in moments:
        command = [sys.executable, "-c", repacking._COMMAND, os.fspath(place), *map(os.path.abspath, sys.path)]
        with subprocess.Popen(command, start_new_session=True) as process:
            while not moment() and process.poll() is None:
                pass
            with suppress(ProcessLookupError):  # it was faster
                os.killpg(process.pid, signal.SIGKILL)
        assert git(place, "fsck", "--full", "--strict", "--no-dangling", "--no-progress") == ""
        assert objects(git, place) == known
        assert opened(place).check() == []
    opened(place).register("model-1", "s3://acme/after", read=False)
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    merge_now(place)
    assert len(packs(place)) <= FEW
    whole(git, place)


@pytest.mark.parametrize("suffix", ["idx", "rev", "bitmap"])
def test_what_a_kill_left_of_a_pack_goes_after_a_day(place: Path, git: Git, suffix: str) -> None:
    folder = place / "objects" / "pack"
    left = folder / f"pack-{'0' * 40}.{suffix}"
    shutil.copy(next(folder.glob("*.idx")), left)
    before = objects(git, place)
    assert opened(place).check() == []
    merge_now(place)
    assert left.exists()
    os.utime(left, (0, 0))
    merge_now(place)
    assert not left.exists()
    assert objects(git, place) == before
    whole(git, place)


def test_a_draft_of_somebody_who_lives_stays(place: Path) -> None:
    draft = place / "objects" / "pack" / "tmp_pack_abc"
    draft.write_bytes(b"PACK")
    merge_now(place)
    assert draft.exists()


def test_a_damaged_pack_is_told_of_and_none_goes(place: Path, git: Git) -> None:
    sound = max(mergeable(place / "objects"))
    name = next(one for one in sorted(packs(place)) if one not in growing_packs(place) and one != sound.name)
    path = place / "objects" / "pack" / f"pack-{name}.pack"
    whole_pack = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole_pack[:12] + bytes(len(whole_pack) - 32) + whole_pack[-20:])
    before = packs(place)
    with pytest.raises(Unavailable, match="pack-objects"):
        merge_now(place)
    assert merge_when_many(Repository(place))
    until(lambda: ended(place))
    assert packs(place) == before
    failure = last_failure(place)
    assert failure.startswith("git pack-objects failed")
    path.write_bytes(whole_pack)
    (found,) = [one for one in opened(place).doctor() if one.path == "objects/pack"]
    assert found.message.endswith(failure)
    opened(place).doctor(fix=True)
    assert last_failure(place) == ""
    assert len(packs(place)) <= FEW
    whole(git, place)


def test_a_failure_is_the_doctors_to_tell(place: Path) -> None:
    for path in (place / "objects" / "pack").glob("*.pack"):
        path.chmod(0o644)
        path.write_bytes(b"")
    found = [one for one in _merged_by_the_doctor(place) if one.level == "warning"]
    assert [(one.path, one.message.partition(":")[0]) for one in found] == [("objects/pack", "git pack-objects failed")]


@pytest.mark.parametrize(
    "sizes",
    [
        [1, 1, 1],
        [1, 2, 4, 8],
        [1, 2, 4, 7],
        [3, 3, 100],
        [5, 5, 12, 18, 90],
        [2, 5, 5, 30, 31, 200],
        [1, 9, 10, 50, 60],
        [1, 3, 7, 15],
    ],
)
def test_the_packs_that_become_one_are_those_that_git_would_choose(tmp_path: Path, git: Git, sizes: list[int]) -> None:
    place = tmp_path / "x.git"
    pygit2.init_repository(str(place), bare=True)
    for which, size in enumerate(sizes):
        staging = Staging()
        for number in range(size):
            staging.blob(b"%d of %d" % (number, which))
        write_pack(place / "objects", staging, durable=False)
    before = packs(place)
    found = mergeable(place / "objects")
    assert [pack.objects for pack in found] == sorted(sizes)
    git(place, "repack", "--geometric=2", "-d", "-q")
    assert {pack.name for pack in rolled_up(found)} == before - packs(place)


def test_what_remains_is_a_progression() -> None:
    packs: list[Pack] = []
    copied = 0
    for number in range(3_000):
        packs = sorted([*packs, Pack(str(number), 250)], key=lambda pack: pack.objects)
        if len(packs) > 50:
            old = rolled_up(packs)
            copied += sum(pack.objects for pack in old)
            packs = sorted(
                [*packs[len(old) :], Pack(f"m{number}", sum(pack.objects for pack in old))],
                key=lambda pack: pack.objects,
            )
            assert all(2 * one.objects <= other.objects for one, other in pairwise(packs))
        assert len(packs) <= 51
    assert copied < 3_000 * 250 * 10


def test_an_index_that_is_none_is_passed_over(place: Path) -> None:
    folder = place / "objects" / "pack"
    for name, content in (("a", b""), ("b", b"\xfftOc\0\0\0\1" + bytes(2000))):
        (folder / f"pack-{name}.idx").write_bytes(content)
        (folder / f"pack-{name}.pack").write_bytes(b"PACK")
    (folder / "pack-c.pack").write_bytes(b"PACK")
    assert {"a", "b", "c"}.isdisjoint(pack.name for pack in mergeable(place / "objects"))
    assert mergeable(place / "nowhere") == []


def _merged_by_the_doctor(place: Path) -> list[Finding]:
    return list(doctor._packed(Store(place)))  # the rest of it needs objects that can be read


@contextmanager
def going_on(action: Callable[[], int | object]) -> Iterator[list[int | object]]:
    """Does something again and again in another thread, and gives the list of what came of it. It must not fail."""
    found: list[int | object] = []
    failed: list[BaseException] = []
    enough = threading.Event()

    def run() -> None:
        try:
            while not enough.is_set():
                found.append(action())
        except BaseException as problem:
            failed.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield found
    finally:
        enough.set()
        thread.join()
    assert failed == []


def loosened(place: Path) -> None:
    """Makes a file of its own of every object, and of many that nothing names."""
    loosen(place)
    staging = Staging()
    for number in range(LOOSE_MAX):
        staging.blob(b"%d" % number)
    write_loose(place / "objects", staging, durable=False)


def test_many_loose_objects_are_told_of_and_packed(place: Path, git: Git) -> None:
    loosened(place)
    before, count = objects(git, place), loose_objects(place / "objects")
    commits = git(place, "rev-list", "main").split()
    early = Repository(place)
    assert early.commit(commits[0]).id == commits[0]
    registry = opened(place)
    assert [one.message for one in registry.doctor() if one.path == "objects"] == [
        f"{count:,} objects are a file each, which makes pushes and copies slower."
    ]
    assert f"Packed {count:,} objects." in [one.message for one in registry.doctor(fix=True)]
    assert loose_objects(place / "objects") == 0
    assert objects(git, place) == before
    assert [early.commit(one).id for one in commits] == commits
    assert [one for one in registry.doctor() if one.path.startswith("objects")] == []
    whole(git, place)
    healthy(git, place, registry)


def test_where_packs_are_merged_loose_objects_are_packed_as_well(place: Path, git: Git) -> None:
    loosened(place)
    before = objects(git, place)
    for number in range(PACKS_MAX + 1):
        staging = Staging()
        before.add(staging.blob(b"packed %d" % number))
        write_pack(place / "objects", staging, durable=False)
    assert merge_when_many(Repository(place))
    until(lambda: ended(place))
    assert last_failure(place) == ""
    assert loose_objects(place / "objects") == 0
    assert len(packs(place)) <= FEW
    assert objects(git, place) == before
    whole(git, place)


def test_what_a_power_cut_left_of_a_loose_object_keeps_no_other_from_its_pack(place: Path, git: Git) -> None:
    loosened(place)
    empty = place / "objects" / "00" / ("0" * 38)
    empty.parent.mkdir(exist_ok=True)
    empty.touch()
    assert pack_loose_now(place) > LOOSE_MAX
    assert loose_objects(place / "objects") == 1
    empty.unlink()
    whole(git, place)


def test_few_loose_objects_stay_as_they_are(place: Path) -> None:
    before = loose_objects(place / "objects")
    assert 0 < before <= LOOSE_MAX
    assert pack_loose_now(place) == 0
    assert loose_objects(place / "objects") == before
