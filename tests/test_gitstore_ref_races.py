"""References under fire: locks that others hold or left, and real processes that race with each other and with git."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from registry_git.gitstore.refs import Locked, move_ref, read_ref, recover_stale_lock
from tests.conftest import Git
from tests.gitstore_commits import MAIN, PROJECT, commits, locks


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


@pytest.fixture
def ids(bare: Path) -> list[str]:
    return commits(bare)


def test_a_lock_of_git_is_waited_for(bare: Path, ids: list[str]) -> None:
    lock = bare / f"{MAIN}.lock"
    lock.touch()
    threading.Timer(0.15, lock.unlink).start()
    move_ref(bare, MAIN, old=None, new=ids[0])
    assert read_ref(bare, MAIN) == ids[0]


def test_a_lock_that_stays_refuses_the_move_and_only_an_old_one_is_moved_aside(bare: Path, ids: list[str]) -> None:
    lock = bare / f"{MAIN}.lock"
    lock.write_text("of git")
    started = time.monotonic()
    with pytest.raises(Locked) as caught:
        move_ref(bare, MAIN, old=None, new=ids[0])
    assert time.monotonic() - started > 0.9
    assert caught.value.name == MAIN
    assert recover_stale_lock(bare, MAIN, older_than_seconds=3600) is None
    assert lock.exists()
    os.utime(lock, (1_700_000_000, 1_700_000_000))
    kept = recover_stale_lock(bare, MAIN)
    assert kept is not None
    assert kept.read_text() == "of git"
    assert not lock.exists()
    move_ref(bare, MAIN, old=None, new=ids[0])
    assert recover_stale_lock(bare, MAIN) is None


def test_an_old_lock_is_left_alone_while_git_works_in_the_repository(bare: Path, git: Git) -> None:
    lock = bare / f"{MAIN}.lock"
    lock.touch()
    os.utime(lock, (1_700_000_000, 1_700_000_000))
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as at:
        assert at.stdin is not None
        assert at.stdout is not None
        at.stdin.write(b"HEAD\n")
        at.stdin.flush()
        at.stdout.readline()
        assert recover_stale_lock(bare, MAIN) is None
        at.stdin.close()
    assert recover_stale_lock(bare, MAIN) is not None


KILLED = """
import os, signal, sys
from pathlib import Path
from registry_git.gitstore import reflock, refs
git_dir, old, new, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if when == "before":
    os.rename = die
elif when == "after":
    real = os.rename
    os.rename = lambda *a: (real(*a), die())
elif when == "packing":
    reflock.LockFile.__exit__ = die
refs.move_ref(git_dir, "refs/heads/main", old=old, new=None if when == "packing" else new)
"""


@pytest.mark.parametrize("when", ["before", "after", "packing"])
def test_a_lock_of_a_killed_process_of_ours_is_known_to_be_dead_at_once(
    bare: Path, git: Git, ids: list[str], when: str
) -> None:
    move_ref(bare, MAIN, old=None, new=ids[0])
    git(bare, "pack-refs", "--all")
    done = subprocess.run([sys.executable, "-c", KILLED, bare, *ids[:2], when], cwd=PROJECT)
    assert done.returncode == -9
    now = read_ref(bare, MAIN)
    assert now == {"before": ids[0], "after": ids[1], "packing": None}[when]
    if when != "after":
        started = time.monotonic()
        with pytest.raises(Locked) as caught:
            move_ref(bare, MAIN, old=now, new=ids[2])
        assert time.monotonic() - started < 0.5
        assert recover_stale_lock(bare, caught.value.name) is not None
    if when == "packing":
        assert recover_stale_lock(bare, "packed-refs") is not None
    move_ref(bare, MAIN, old=now, new=ids[2])
    move_ref(bare, MAIN, old=ids[2], new=None)
    assert git(bare, "fsck", "--strict", "--full", "--no-dangling") == ""


def test_a_living_lock_of_ours_is_never_recovered_however_old(bare: Path, ids: list[str]) -> None:
    own = bare / "registry-git" / "locks"
    own.mkdir(parents=True)
    with open(own / "1-a", "w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        os.link(own / "1-a", bare / f"{MAIN}.lock")
        os.utime(own / "1-a", (1_700_000_000, 1_700_000_000))
        assert recover_stale_lock(bare, MAIN) is None
    assert recover_stale_lock(bare, MAIN) is not None


COUNT = """
import sys
from pathlib import Path
from registry_git.core.names import Actor
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.refs import Locked, Moved, move_ref, read_ref
git_dir, who, name = Path(sys.argv[1]), Actor.parse(f"W{sys.argv[2]} <w@x.io>"), "refs/heads/main"
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    while True:
        now = read_ref(git_dir, name)
        staging = Staging()
        commit = staging.commit(tree=staging.tree(b""), parents=[now] if now else [], author=who, committer=who,
                                at_seconds=1, message=str(number))
        write_loose(git_dir / "objects", staging, durable=False)
        try:
            move_ref(git_dir, name, old=now, new=commit)
            break
        except (Moved, Locked):
            pass
"""


def race(bare: Path) -> list[subprocess.Popen[str]]:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, str(bare), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        for number in range(8)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    return workers


def test_eight_processes_without_a_common_lock_lose_no_commit(bare: Path, git: Git) -> None:
    for worker in race(bare):
        _, error = worker.communicate()
        assert (worker.returncode, error) == (0, "")
    authors = git(bare, "log", "--first-parent", "--format=%an %s", MAIN).splitlines()
    assert len(authors) == len(set(authors)) == 200
    assert git(bare, "fsck", "--strict", "--full", "--no-dangling") == ""
    assert locks(bare) == []


def test_eight_processes_lose_no_commit_while_git_packs_the_references(bare: Path, git: Git) -> None:
    workers = race(bare)
    packed = 0
    while any(worker.poll() is None for worker in workers):
        # git gives up on a reference that is locked at the moment; that is its right
        packed += not subprocess.run(["git", "pack-refs", "--all"], cwd=bare, stderr=subprocess.DEVNULL).returncode
    assert packed
    assert [worker.communicate()[1] for worker in workers] == [""] * 8
    assert git(bare, "rev-list", "--count", MAIN) == "200"
    assert git(bare, "fsck", "--strict", "--full", "--no-dangling") == ""


def test_a_deleted_branch_stays_deleted_while_git_packs_the_references(bare: Path, ids: list[str]) -> None:
    move_ref(bare, MAIN, old=None, new=ids[0])
    stop = threading.Event()

    def pack() -> None:
        while not stop.is_set():
            subprocess.run(["git", "pack-refs", "--all"], cwd=bare, stderr=subprocess.DEVNULL)

    packer = threading.Thread(target=pack)
    packer.start()
    try:
        for number in range(60):
            name = f"refs/heads/request/fraud/{number}"
            move_ref(bare, name, old=None, new=ids[0], durable=False)
            time.sleep(0.003 * (number % 3))
            move_ref(bare, name, old=ids[0], new=None, durable=False)
            assert read_ref(bare, name) is None
            assert read_ref(bare, MAIN) == ids[0]
    finally:
        stop.set()
        packer.join()
    assert [number for number in range(60) if read_ref(bare, f"refs/heads/request/fraud/{number}")] == []


def test_git_cannot_pack_a_branch_while_it_is_being_deleted(
    bare: Path, git: Git, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    git(bare, "config", "core.packedRefsTimeout", "0")
    move_ref(bare, MAIN, old=None, new=ids[0])
    git(bare, "pack-refs", "--all")
    move_ref(bare, MAIN, old=ids[0], new=ids[1])
    real = os.unlink
    refused: list[int] = []

    def unlink(path: str) -> None:
        if str(path) == str(bare / MAIN):  # gone from packed-refs, the file still there: the worst moment
            done = subprocess.run(["git", "pack-refs", "--all"], cwd=bare, capture_output=True)
            refused.append(done.returncode)
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        move_ref(bare, MAIN, old=ids[1], new=None)
    assert len(refused) == 1
    assert refused[0] != 0
    assert read_ref(bare, MAIN) is None


def test_git_sees_the_lock_and_waits_for_no_one_elses_reference(bare: Path, git: Git, ids: list[str]) -> None:
    move_ref(bare, MAIN, old=None, new=ids[0])
    (bare / f"{MAIN}.lock").touch()
    move_ref(bare, "refs/heads/observations", old=None, new=ids[1])
    assert git(bare, "rev-parse", "observations") == ids[1]
