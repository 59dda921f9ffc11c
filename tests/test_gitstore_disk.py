"""Several flushes at a time, by threads that are kept."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from registry_git.gitstore import disk


def test_every_item_is_dealt_with_once_however_many_there_are() -> None:
    for count in (0, 1, 2, 7, 8, 9, 40):
        seen: list[int] = []
        disk.at_once(seen.append, range(count))
        assert sorted(seen) == list(range(count))


def test_what_fails_is_told_after_all_have_ended_and_the_next_flush_works() -> None:
    ended: list[int] = []
    late = threading.Event()

    def act(item: int) -> None:
        if item == 1:
            late.set()
            raise OSError(5, "broken")
        assert late.wait(10)
        ended.append(item)

    with pytest.raises(OSError, match="broken"):
        disk.at_once(act, range(5))
    assert sorted(ended) == [0, 2, 3, 4]
    seen: list[int] = []
    disk.at_once(seen.append, range(5))
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_threads_are_used_again_and_only_so_many_are_kept() -> None:
    def flush() -> None:
        barrier = threading.Barrier(8)

        def act(item: int) -> None:
            barrier.wait(10)

        disk.at_once(act, range(8))

    flush()
    before = {one.ident for one in threading.enumerate() if one.name == "flush"}
    flush()
    assert {one.ident for one in threading.enumerate() if one.name == "flush"} == before
    callers = [threading.Thread(target=flush) for _ in range(12)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert len(disk._idle) <= disk._HELPERS_KEPT


def test_a_child_of_a_fork_flushes_with_threads_of_its_own() -> None:
    disk.at_once(lambda item: None, range(8))
    child = os.fork()
    if child == 0:
        seen: list[int] = []
        disk.at_once(seen.append, range(8))
        os._exit(0 if sorted(seen) == list(range(8)) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("taken", [0, 1, 3, 4, 6])
def test_pieces_are_written_one_behind_the_other_also_where_the_system_takes_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr(os, "writev", lambda fd, pieces: os.write(fd, b"".join(pieces)[:taken]))
    with open(tmp_path / "x", "wb", buffering=0) as file:
        disk.write_all(file.fileno(), b"abc", b"", b"def")
    assert (tmp_path / "x").read_bytes() == b"abcdef"


@pytest.mark.parametrize("took", [0.0, 60.0])
def test_files_are_flushed_all_of_them_on_a_fast_disk_and_on_a_slow_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: float
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(disk._last, "took", took)
    monkeypatch.setattr(os, "fsync", flushed.append)
    files = [open(tmp_path / name, "wb", buffering=0) for name in "abc"]  # noqa: SIM115 - closed below
    disk.sync_all([file.fileno() for file in files])
    assert sorted(flushed) == sorted(file.fileno() for file in files)
    assert 0 < disk._last.took < 60

    def broken(fd: int) -> None:
        if fd == files[2].fileno():
            raise OSError(5, "broken")

    monkeypatch.setattr(disk._last, "took", took)
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        disk.sync_all([file.fileno() for file in files])
    for file in files:
        file.close()


def test_a_slow_disk_flushes_several_files_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=10)
    monkeypatch.setattr(disk._last, "took", 60.0)
    monkeypatch.setattr(disk, "sync", lambda fd: together.wait())
    disk.sync_all([1, 2, 3])  # one after the other would wait for ever
