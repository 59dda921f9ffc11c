"""Moves of references that nobody flushes: two files are exchanged, and nothing of that is seen, whatever happens."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from registry_git.gitstore import disk
from registry_git.gitstore.refs import move_ref, read_ref, recover_stale_lock
from tests.conftest import Git
from tests.gitstore_commits import MAIN, PROJECT, commits, locks

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux exchanges files")


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


@linux
def test_two_files_are_exchanged_or_stay(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    assert not disk.exchange(str(one), str(other))
    other.write_text("2")
    assert disk.exchange(str(one), str(other))
    assert (one.read_text(), other.read_text()) == ("2", "1")


@pytest.mark.parametrize("how", ["exchanged", "refused", "unknown"])
def test_a_reference_is_moved_with_an_exchange_or_without(
    bare: Path, git: Git, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "refused":
        monkeypatch.setattr(disk, "_renameat2", lambda: lambda *arguments: -1)
    if how == "unknown":
        monkeypatch.setattr(disk, "_renameat2", lambda: None)
    one, two, three, _ = commits(bare)
    move_ref(bare, MAIN, old=None, new=one, durable=False)
    git(bare, "pack-refs", "--all")
    move_ref(bare, MAIN, old=one, new=two, durable=False)
    before = (bare / MAIN).stat()
    move_ref(bare, MAIN, old=two, new=three, durable=False)
    assert git(bare, "rev-parse", MAIN) == three
    assert (bare / MAIN).stat().st_nlink == 1
    assert (bare / MAIN).stat().st_mode == before.st_mode
    assert locks(bare) == []


@linux
def test_readers_see_the_old_value_or_the_new_one(bare: Path) -> None:
    one, two, *_ = commits(bare)
    move_ref(bare, MAIN, old=None, new=one)
    seen: set[str | None] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(read_ref(bare, MAIN))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(200):
            move_ref(bare, MAIN, old=one, new=two, durable=False)
            move_ref(bare, MAIN, old=two, new=one, durable=False)
    finally:
        done.set()
        reader.join()
    assert seen <= {one, two}


KILLED = """
import os, sys
from pathlib import Path
from registry_git.gitstore.refs import move_ref
real = os.unlink
def unlink(path):
    if str(path).endswith("main.lock"):
        os._exit(9)  # the files are exchanged, the lock is still there
    real(path)
os.unlink = unlink
move_ref(Path(sys.argv[1]), "refs/heads/main", old=sys.argv[2], new=sys.argv[3], durable=False)
"""


@linux
def test_a_writer_that_dies_between_the_exchange_and_the_end_of_its_lock_is_known_to_be_dead(
    bare: Path, git: Git
) -> None:
    one, two, three, _ = commits(bare)
    move_ref(bare, MAIN, old=None, new=one)
    assert subprocess.run([sys.executable, "-c", KILLED, bare, one, two], cwd=PROJECT, check=False).returncode == 9
    assert read_ref(bare, MAIN) == two
    assert recover_stale_lock(bare, MAIN, older_than_seconds=3600) is not None
    move_ref(bare, MAIN, old=two, new=three, durable=False)
    assert git(bare, "rev-parse", MAIN) == three
    assert git(bare, "fsck", "--strict", "--no-dangling") == ""
