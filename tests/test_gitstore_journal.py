"""The journal of writes: whole entries in their order or none, whatever else is in the file, and whoever adds to it."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from registry_git.gitstore import disk, journal, journal_state
from registry_git.gitstore.journal import SIZE, Entry, Full, Journal, LeftOver
from registry_git.gitstore.journal_state import State, boot_id, state_of

_BLOCK = 4096


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "registry-git").mkdir()
    return tmp_path


def entry(number: int, size: int = 10) -> Entry:
    return Entry(
        old=f"{number:040x}",
        new=f"{number + 1:040x}",
        pack=f"{number + 1000:040x}",
        replaced=f"{number + 999:040x}" if number % 2 else "",
        objects={f"{number:02x}" * 20: b"x" * size, f"{number + 1:02x}" * 20: b""},
    )


def taken_back(number: int) -> Entry:
    return replace(entry(number), new=entry(number).old, replaced="")


def add(journal: Journal, added: Entry) -> None:
    journal.begin(added)
    journal.flush()


def content(place: Path) -> bytes:
    return (place / "registry-git" / "journal").read_bytes()


def overwrite(place: Path, at: int, data: bytes) -> None:
    with (place / "registry-git" / "journal").open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_entries_come_back_as_they_were_added(place: Path) -> None:
    assert Journal(place).entries() == []
    one = Journal(place)
    added = [entry(0), entry(1, size=9000), entry(2)]
    for each in added:
        add(one, each)
    assert one.entries() == Journal(place).entries() == added
    assert len(content(place)) == SIZE


def test_each_entry_begins_a_block_of_its_own(place: Path) -> None:
    one = Journal(place)
    add(one, entry(1))
    before = content(place)
    add(one, entry(2))
    assert content(place)[:_BLOCK] == before[:_BLOCK]
    assert content(place)[_BLOCK : _BLOCK + 8] == content(place)[:8] != bytes(8)


def test_what_others_add_is_neither_lost_nor_overwritten(place: Path) -> None:
    here, there = Journal(place), Journal(place)
    for number in range(6):
        add(here if number % 2 else there, entry(number))
    assert Journal(place).entries() == [entry(number) for number in range(6)]
    there.clear()
    add(here, entry(7))
    add(there, entry(8))
    assert Journal(place).entries() == [entry(7), entry(8)]


def test_after_it_was_cleared_nothing_that_was_there_comes_back(place: Path) -> None:
    one = Journal(place)
    for number in range(5):
        add(one, entry(number))
    one.clear()
    assert one.entries() == []
    add(one, entry(9))
    assert one.entries() == [entry(9)]


@pytest.mark.parametrize("at", [8, 25, 30, 34, 60, 150])
def test_an_entry_that_is_half_written_ends_it(place: Path, at: int) -> None:
    one = Journal(place)
    for number in range(3):
        add(one, entry(number))
    byte = content(place)[_BLOCK + at]
    overwrite(place, _BLOCK + at, bytes([byte ^ 1]))
    assert Journal(place).entries() == [entry(0)]
    add(Journal(place), entry(5))
    assert Journal(place).entries() == [entry(0), entry(5)]


@pytest.mark.parametrize("junk", [b"", b"junk", b"rg-jrnl1", b"rg-jrnl1" + b"\xff" * 100, os.urandom(SIZE)])
def test_a_file_of_something_else_has_no_entries(place: Path, junk: bytes) -> None:
    (place / "registry-git" / "journal").write_bytes(junk)
    assert Journal(place).entries() == []
    add(Journal(place), entry(1))
    assert Journal(place).entries() == [entry(1)]


def test_it_is_full_at_its_size_and_goes_on_once_it_is_cleared(place: Path) -> None:
    one = Journal(place)
    room = SIZE // (25 * _BLOCK)
    for number in range(room):
        add(one, entry(number, size=100_000))
    with pytest.raises(Full):
        add(one, entry(room, size=100_000))
    assert len(one.entries()) == room
    assert len(content(place)) == SIZE
    one.clear()
    add(one, entry(1))
    assert one.entries() == [entry(1)]


def test_what_is_taken_back_does_not_count(place: Path) -> None:
    one = Journal(place)
    add(one, entry(1))
    add(one, entry(2))
    one.cancel()
    one.cancel()  # there is nothing more to take back
    assert one.entries() == [entry(1), taken_back(2)]
    add(one, entry(3))
    assert Journal(place).entries() == [entry(1), taken_back(2), entry(3)]


@pytest.mark.parametrize("times", [1, 2])
def test_an_entry_that_cannot_be_flushed_does_not_count_and_nobody_goes_on_behind_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    one = Journal(place)
    add(one, entry(1))
    failures = [None] * times

    def broken(fd: int) -> None:
        if failures:
            failures.pop()
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync_content", broken)
        with pytest.raises(OSError, match="error"):
            add(one, entry(2))
    left = [entry(1), taken_back(2)] if times == 1 else [entry(1)]  # what is not on disk is not there
    assert one.entries() == left
    add(Journal(place), entry(3))
    add(one, entry(4))
    assert one.entries() == [*left, entry(3), entry(4)]


def test_an_entry_that_cannot_be_begun_takes_back_none_before_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(place)
    add(one, entry(1))

    def broken(fd: int, size: int, at: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", broken)
        with pytest.raises(OSError, match="error"):
            one.begin(entry(2))
    one.cancel()
    assert one.entries() == [entry(1)]


def test_a_file_that_cannot_be_made_leaves_no_draft(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync", full)
        with pytest.raises(OSError, match="space"):
            add(Journal(place), entry(1))
    assert list((place / "registry-git").iterdir()) == []
    add(Journal(place), entry(1))


def test_entries_of_before_the_machine_started_are_noticed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of(place) is State.FINE
    one = Journal(place)
    add(one, entry(1))
    assert state_of(place) is State.FINE
    for module in (journal, journal_state):
        monkeypatch.setattr(module, "boot_id", lambda: b"another boot....")
    there = Journal(place)
    assert state_of(place) is State.LEFT_OVER
    for _ in range(2):
        with pytest.raises(LeftOver):
            add(there, entry(2))
    Journal(place).clear()
    assert state_of(place) is State.FINE
    add(there, entry(2))
    assert there.entries() == [entry(2)]


def test_entries_that_nobody_has_settled_for_long_are_noticed(place: Path) -> None:
    one = Journal(place)
    add(one, entry(1))
    assert state_of(place) is State.FINE
    os.utime(place / "registry-git" / "journal", (0, 0))
    assert state_of(place) is State.ABANDONED
    one.clear()
    os.utime(place / "registry-git" / "journal", (0, 0))
    assert state_of(place) is State.FINE


def test_each_start_of_the_machine_has_an_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) == 16
    boot_id.cache_clear()
    monkeypatch.setattr(journal_state, "_BOOT", tmp_path / "none")
    unknown = boot_id()
    boot_id.cache_clear()
    assert boot_id() != unknown  # as another process would have it
    boot_id.cache_clear()


def test_all_who_may_write_the_repository_may_write_the_journal(place: Path) -> None:
    place.chmod(0o2775)
    add(Journal(place), entry(1))
    assert (place / "registry-git" / "journal").stat().st_mode & 0o777 == 0o664
