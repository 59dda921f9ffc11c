"""A power cut: of what was not flushed anything may be lost, and all that was acknowledged is there all the same."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Invalid, Unavailable
from registry_git.gitstore import disk, growing, journal, journal_state, journaling, repository, settling
from registry_git.gitstore.growing_note import KEPT, read_note
from registry_git.gitstore.journal import Journal
from registry_git.gitstore.journal_state import State, state_of
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.settling import settle
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, new_registry
from tests.registry_writers import PROJECT

_OTHER_BOOT = b"after the start."


@pytest.fixture
def place(tmp_path: Path) -> Path:
    new_registry(tmp_path / "models.git", versions=2)
    return tmp_path / "models.git"


@pytest.fixture(autouse=True)
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is flushed but where a test has it flushed."""
    monkeypatch.setattr(journaling, "settle_soon", lambda git_dir: None)


@pytest.fixture(autouse=True)
def same_boot() -> Iterator[None]:
    yield
    journal_state.boot_id.cache_clear()


def opened(place: Path) -> Registry:
    return registry_git.open(place, actor=ALICE)


def register(registry: Registry, count: int) -> list[str]:
    return [registry.register("fraud", f"s3://acme/{number}", read=False).commit for number in range(count)]


def files(place: Path) -> dict[str, bytes]:
    """What git keeps the registry in, and the note of the pack that grows: all that a power cut may take."""
    found = {}
    for folder in ("objects", "refs", "registry-git"):
        for path in (place / folder).rglob("*"):
            name = os.fspath(path.relative_to(place))
            if path.is_file() and name != "registry-git/journal" and "index" not in path.name:
                found[name] = path.read_bytes()
    return found


def cut_power(place: Path, flushed: dict[str, bytes], dice: random.Random) -> None:
    """Leaves of each file that changed since it was flushed what a disk may leave of it."""
    now = files(place)
    for name in sorted({*flushed, *now, *written_between(place)}):
        before, after = flushed.get(name), now.get(name)
        if before != after or before is None:
            kept = [before, after]
            if before is None or after is not None:
                kept += [b"", bytes(len(after or b"")), (after or b"")[: len(after or b"") // 2]]
            leave(place / name, dice.choice(kept))


def written_between(place: Path) -> Iterator[str]:
    """Packs that other packs took the place of: that they are gone is not on disk either."""
    for entry in Journal(place).entries():
        yield from (f"objects/pack/pack-{entry.pack}.{suffix}" for suffix in ("pack", "idx"))


def leave(path: Path, content: bytes | None) -> None:
    path.unlink(missing_ok=True)
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def flushes(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of the files that are flushed from now on."""
    on_disk: set[int] = set()
    real = disk.sync

    def sync(fd: int) -> None:
        on_disk.add(os.fstat(fd).st_ino)
        real(fd)

    monkeypatch.setattr(disk, "sync", sync)
    return on_disk


def start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (journal, journal_state):
        monkeypatch.setattr(module, "boot_id", lambda: _OTHER_BOOT)


@pytest.mark.parametrize("seed", range(40))
def test_all_that_was_acknowledged_is_there_after_it(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    registry = opened(place)
    register(registry, 1 + dice.randrange(3))
    if seed % 2:
        register(registry, dice.randrange(3 * KEPT))
        settle(place)
    flushed = files(place)
    register(registry, 1)  # the first of a store is flushed where it is
    if not seed % 2:
        flushed = files(place)

    def settle_a_full_pack(git_dir: Path, *, writing: bool) -> None:
        settle(git_dir, writing=writing)
        flushed.clear()
        flushed.update(files(place))

    monkeypatch.setattr(growing, "settle", settle_a_full_pack)
    commits = register(registry, dice.randrange(1, 3 * KEPT))
    registry.set_tag("fraud", "seed", str(seed), version=1)
    registry.transition("fraud", 2, "Staging")
    main, versions = git(place, "rev-parse", "main"), registry.versions("fraud")
    cut_power(place, flushed, dice)

    start_again(monkeypatch)
    registry = opened(place)
    assert git(place, "rev-parse", "main") == main
    assert git(place, "fsck", "--full", "--strict", "--no-dangling", "--no-progress") == ""
    assert registry.versions("fraud") == versions
    assert git(place, "rev-list", "--first-parent", "main").split()[2 : 2 + len(commits)] == commits[::-1]
    assert state_of(place) is State.FINE
    register(registry, 3)
    healthy(git, place, opened(place))


def test_a_command_that_writes_once_leaves_no_journal(place: Path) -> None:
    register(opened(place), 1)
    assert not (place / "registry-git" / "journal").exists()


def test_where_it_is_not_wanted_each_write_flushes_what_git_keeps(place: Path, git: Git) -> None:
    git(place, "config", "registry-git.journal", "false")
    register(opened(place), 3)
    assert not (place / "registry-git" / "journal").exists()


def test_a_setting_that_says_neither_yes_nor_no_is_told(place: Path, git: Git) -> None:
    git(place, "config", "registry-git.journal", "maybe")
    registry = opened(place)
    register(registry, 1)
    with pytest.raises(Invalid, match="journal is 'maybe'") as caught:
        register(registry, 1)
    assert "git config registry-git.journal" in caught.value.hint
    assert len(registry.versions("fraud")) == 3


def test_main_moves_and_packs_get_names_only_once_the_journal_is_flushed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    register(registry, 2)
    flushed: list[str] = []
    packs = {path.name for path in (place / "objects/pack").glob("pack-*")}
    before = (place / "refs/heads/main").read_text()

    def sync_content(fd: int) -> None:
        assert (place / "refs/heads/main").read_text() == before
        assert {path.name for path in (place / "objects/pack").glob("pack-*")} == packs
        flushed.append(os.readlink(f"/proc/self/fd/{fd}"))
        os.fdatasync(fd)

    monkeypatch.setattr(disk, "sync_content", sync_content)
    monkeypatch.setattr(disk, "sync", lambda fd: flushed.append("too much"))
    register(registry, 1)
    assert flushed == [f"{place}/registry-git/journal"]
    (*_, entry) = Journal(place).entries()
    assert (entry.old, entry.new) == (before.strip(), (place / "refs/heads/main").read_text().strip())


def test_what_is_found_done_is_flushed_unless_this_store_has_made_it_safe(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(disk, "sync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))
    registry, other = opened(place), opened(place)
    for _ in range(2):
        registry.set_tag("fraud", "team", "risk", version=1)  # writes, and then finds it done
    flushed.clear()
    registry.set_tag("fraud", "team", "risk", version=1)
    assert flushed == []
    other.set_tag("fraud", "team", "risk", version=1)  # it may be that of a process that was killed
    assert f"{place}/refs/heads/main" in flushed
    flushed.clear()
    other.set_tag("fraud", "team", "risk", version=1)
    assert flushed == []


def test_a_journal_that_cannot_be_flushed_fails_the_write_and_it_does_not_come_back(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    register(registry, 3)
    main = git(place, "rev-parse", "main")

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync_content", broken)
        with pytest.raises(Unavailable, match="input/output error"):
            register(registry, 1)
    assert git(place, "rev-parse", "main") == main
    flushed = files(place)
    shutil.copytree(place, place.parent / "cut.git")
    with monkeypatch.context() as patched:
        start_again(patched)
        assert len(opened(place.parent / "cut.git").versions("fraud")) == 5
    register(registry, 1)
    cut_power(place, flushed, random.Random(1))
    start_again(monkeypatch)
    assert len(opened(place).versions("fraud")) == 6
    healthy(git, place, opened(place))


def test_a_write_that_somebody_else_was_faster_than_is_taken_back(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    register(registry, 2)
    other = git(place, "commit-tree", "main^{tree}", "-p", "main", "-m", "by hand")
    real = disk.sync_content
    pushed: list[str] = []

    def sync_content(fd: int) -> None:
        real(fd)
        if not pushed:
            pushed.append(other)
            git(place, "update-ref", "refs/heads/main", other)

    monkeypatch.setattr(disk, "sync_content", sync_content)
    (commit,) = register(registry, 1)
    assert git(place, "rev-parse", f"{commit}^") == other
    *_, taken_back, entry = Journal(place).entries()
    assert taken_back.old == taken_back.new
    assert (entry.old, entry.new) == (other, commit)


def test_a_branch_that_went_on_by_a_push_is_not_moved_back(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    register(registry, 3)
    other = git(place, "commit-tree", "main^{tree}", "-p", "main", "-m", "by hand")
    git(place, "update-ref", "refs/heads/main", other)
    start_again(monkeypatch)
    opened(place)
    assert git(place, "rev-parse", "main") == other
    assert state_of(place) is State.FINE


def test_settling_flushes_what_git_keeps_and_forgets(place: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = opened(place)
    register(registry, 5)
    synced: list[str] = []
    real = disk.sync

    def sync(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}").removeprefix(f"{place}/"))
        real(fd)

    monkeypatch.setattr(disk, "sync", sync)
    settle(place)
    current = read_note(os.fspath(place)).current
    order = [synced.index(name) for name in (f"objects/pack/pack-{current}.idx", "objects/pack", "refs/heads/main")]
    assert sorted(order) == order
    assert synced[order[-1] + 1 :][:2] == ["refs/heads", "refs"]
    assert read_note(os.fspath(place)).flushed == current
    assert Journal(place).entries() == []
    register(registry, 3 * KEPT)
    assert f"objects/pack/pack-{current}.pack" in files(place)  # it is what a power cut would leave
    settle(place)
    register(registry, KEPT + 1)
    assert f"objects/pack/pack-{current}.pack" not in files(place)
    healthy(git, place, registry)


def test_what_is_there_once_it_is_settled_is_on_disk(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = opened(place)
    on_disk = flushes(monkeypatch)
    register(registry, 3 * KEPT)
    settle(place)
    assert {path.stat().st_ino for path in (place / "objects/pack").iterdir()} <= on_disk


def test_a_full_pack_is_on_disk_before_another_one_begins(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "_OBJECTS_MAX", 60)
    registry = opened(place)
    register(registry, 1)
    full = ""
    on_disk = flushes(monkeypatch)
    for _ in range(60):
        (note, entries) = read_note(os.fspath(place)), Journal(place).entries()
        register(registry, 1)
        if note.flushed != note.current and Journal(place).entries()[0] not in entries:
            full = note.current
            break
    assert read_note(os.fspath(place)).current != full
    assert (place / "objects" / "pack" / f"pack-{full}.pack").stat().st_ino in on_disk
    assert len(Journal(place).entries()) == 1
    register(opened(place), 1)  # flushed where it is: what was flushed before may go
    healthy(git, place, registry)


def test_of_a_writer_that_was_killed_before_its_pack_the_one_before_is_flushed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    register(registry, 3)
    current, (*_, last) = read_note(os.fspath(place)).current, Journal(place).entries()
    killed = Journal(place)
    killed.begin(replace(last, old=last.new, new="1" * 40, pack="2" * 40, replaced=current))
    killed.flush()
    on_disk = flushes(monkeypatch)
    settle(place)
    assert (place / "objects" / "pack" / f"pack-{current}.pack").stat().st_ino in on_disk


@pytest.mark.parametrize("failing", range(5))
def test_what_could_not_be_flushed_is_made_again_from_the_journal(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    registry = opened(place)
    register(registry, 5)
    main, made = git(place, "rev-parse", "main"), list(written_between(place))
    real = disk.sync
    asked: list[int] = []
    on_disk: set[int] = set()

    def sync(fd: int) -> None:
        asked.append(os.fstat(fd).st_ino)
        if len(asked) == failing + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))  # the kernel says so once, and drops what was not written
        if asked[-1] != asked[min(failing, len(asked) - 1)]:
            on_disk.add(asked[-1])
        real(fd)

    monkeypatch.setattr(disk, "sync", sync)
    with ExitStack() as held:
        for name in (*made, "refs/heads/main"):
            if (place / name).exists():
                held.enter_context((place / name).open())  # or another file might get its number
        settle(place)
    assert len(asked) > failing
    assert Journal(place).entries() == []
    for name in (*made, "refs/heads/main"):
        if (place / name).exists() and (place / name).stat().st_ino not in on_disk:
            leave(place / name, b"")  # the journal has forgotten it, so this is what a power cut may do
    assert git(place, "rev-parse", "main") == main
    healthy(git, place, opened(place))


def test_a_full_journal_is_settled_and_the_write_goes_on(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SIZE", 5 * 4096)
    registry = opened(place)
    register(registry, 14)
    assert 0 < len(Journal(place).entries()) <= 5
    assert len(registry.versions("fraud")) == 16
    healthy(git, place, registry)


def test_who_may_only_read_is_told_and_reads_what_there_is(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    registry = opened(place)
    register(registry, 3)
    start_again(monkeypatch)

    def refused(*arguments: object, **more: object) -> int:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr("registry_git.gitstore.lock.WriterLock._open", refused)
        assert len(opened(place).versions("fraud")) == 5
    assert "After a power cut" in caplog.text
    assert state_of(place) is State.LEFT_OVER


WRITER = """
import sys, time, registry_git
registry = registry_git.open(sys.argv[1], actor="Bob <bob@acme.io>")
for number in range(4):
    registry.register("fraud", f"s3://acme/{number}", read=False)
    print(number, flush=True)
    sys.stdin.readline()
"""


def writer(place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, os.fspath(place)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_settles_when_it_ends(place: Path) -> None:
    with writer(place) as process:
        assert process.communicate("\n" * 4)[0].split() == ["0", "1", "2", "3"]
    assert (place / "registry-git" / "journal").exists()
    assert Journal(place).entries() == []


FORKED = """
import os, sys, registry_git
from registry_git.gitstore import settling
registry = registry_git.open(sys.argv[1], actor="Bob <bob@acme.io>")
for number in range(3):
    registry.register("fraud", f"s3://acme/{number}", read=False)
with settling._settlers[0]._busy:  # as when the thread is at it
    child = os.fork()
    if not child:
        sys.exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_leaves_settling_to_its_parent(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, os.fspath(place)], cwd=PROJECT, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert Journal(place).entries() == []


def test_a_process_that_is_killed_leaves_its_journal_to_the_next_one(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writer(place) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        flushed = files(place)
        process.stdin.write("\n\n\n")
        process.stdin.flush()
        for _ in range(3):
            process.stdout.readline()
        process.kill()
    registry = opened(place)
    register(registry, 1)  # the first of a store is flushed where it is
    here = read_note(os.fspath(place)).flushed
    flushed |= {name: data for name, data in files(place).items() if here in name or name == "refs/heads/main"}
    register(registry, 2)
    main = git(place, "rev-parse", "main")
    if len(Journal(place).entries()) == 5:  # else the writer was so slow that it has settled
        cut_power(place, flushed, random.Random(7))
    start_again(monkeypatch)
    assert len(opened(place).versions("fraud")) == 9
    assert git(place, "rev-parse", "main") == main


def test_the_journal_of_writers_that_were_killed_is_settled_by_whoever_comes_next(place: Path, git: Git) -> None:
    register(opened(place), 3)
    os.utime(place / "registry-git" / "journal", (0, 0))
    assert len(opened(place).versions("fraud")) == 5
    assert Journal(place).entries() == []
    assert read_note(os.fspath(place)).flushed == read_note(os.fspath(place)).current
    healthy(git, place, opened(place))


def test_a_writer_that_reads_much_history_does_not_wait_for_its_own_lock(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    commits = register(registry, 3)
    reader = Repository(place)
    monkeypatch.setattr(repository, "_RENEWED_AFTER", 1)
    os.utime(place / "registry-git" / "journal", (0, 0))
    begun = time.monotonic()
    with WriterLock(place):
        for commit in commits:
            assert reader.commit(commit).id == commit
    assert time.monotonic() - begun < 30
    assert len(Journal(place).entries()) == 2


def test_where_there_is_no_room_for_a_journal_each_write_flushes_what_git_keeps(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Journal) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Journal, "make", full)
    registry = opened(place)
    register(registry, 3)
    note = read_note(os.fspath(place))
    assert note.flushed == note.current
    healthy(git, place, registry)


def test_a_writer_that_goes_on_settles_before_long(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaling, "settle_soon", settling.settle_soon)
    monkeypatch.setattr(settling, "_AFTER_SECONDS", 0.05)
    registry = opened(place)
    register(registry, 3)
    until = time.monotonic() + 20
    while Journal(place).entries() and time.monotonic() < until:
        time.sleep(0.02)
    assert Journal(place).entries() == []
    assert read_note(os.fspath(place)).flushed == read_note(os.fspath(place)).current


def test_who_writes_all_the_time_is_not_settled_all_the_time(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settler, settled = settling._Settler(), []

    def settle_one(git_dir: Path) -> None:
        settled.append(git_dir)
        settler.add(git_dir)  # a write meanwhile

    monkeypatch.setattr(settling, "_settle_or_warn", settle_one)
    settler.add(place)
    settler.settle_all()
    assert settled == [place]
    settler.settle_all()
    assert settled == [place, place]


def test_a_registry_that_is_gone_is_no_matter_for_whoever_settles(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = opened(place)
    register(registry, 3)
    shutil.rmtree(place)
    settling._settle_or_warn(place)
    assert caplog.text == ""
    assert not place.exists()


def test_packed_references_are_on_disk_before_others_take_their_place(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(place)
    kept, gone = (registry.request_stage("fraud", version, "Production").id for version in (1, 2))
    git(place, "pack-refs", "--all")
    register(registry, 2)
    on_disk = flushes(monkeypatch)
    registry.cancel(gone)
    packed = (place / "packed-refs").read_text()
    assert kept in packed
    assert gone not in packed
    assert (place / "packed-refs").stat().st_ino in on_disk
