"""What acknowledged writes need to outlive a power cut, in one file that is flushed once a write.

Git keeps a commit in a pack, its index and a reference: new files and new names, which take five flushes. The journal
has its size from the beginning, so flushing an entry is one wait for the disk, without the file system's own
book-keeping. Git's files are written all the same, and seen by everybody at once; they are flushed a moment later
(`settling`), and made again from the journal where a power cut was faster (`recovery`).

Whoever writes holds the writer's lock.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import Struct

from registry_git.gitstore import disk
from registry_git.gitstore.journal_state import HEAD, MAGIC, boot_id, journal_path

SIZE = 1 << 20
_BLOCK = 4096  # what a power cut may tear: no entry shares one with another
_MOVE = Struct(">20s20s20s20sI")  # main before and after, pack and the one whose place it took, number of objects
_OBJECT = Struct(">20sI")  # id, bytes
_CHECKED = slice(8, 32)


class Full(Exception):
    """There is no room for the entry before the journal is settled."""


class LeftOver(Exception):
    """There are entries of before the machine started: what they tell must be made again first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A write: `main` moved from `old` to `new`, and the objects for that, as a thin pack holds them, by id.

    Attributes:
        old: the commit before.
        new: the commit after; `old` again where it did not move after all.
        pack: the SHA-1 in the name of the pack that is made for the objects, or "".
        replaced: that of the pack whose place it takes, or "".
        objects: by id.
    """

    old: str
    new: str
    pack: str
    replaced: str
    objects: Mapping[str, bytes] = field(repr=False)


def made_by(entries: Sequence[Entry]) -> set[str]:
    """The packs that writes have made without flushing them, by the SHA-1s in their names."""
    return {entry.pack for entry in entries if entry.pack}


class Journal:
    """The journal of one repository.

    One object may be kept for many writes: what other objects and processes add meanwhile is noticed.
    """

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._path = journal_path(git_dir)
        self._begins = b""  # the head of the first entry, as last seen
        self._end = 0
        self._before = 0  # the check of the last entry
        self._added: tuple[Entry, int, int] | None = None  # what this object added last, and what was before it
        self._fd = -1  # while it is being written

    def begin(self, entry: Entry) -> None:
        """Adds an entry, which the disk begins to write. It counts once `flush` has returned.

        Raises:
            Full: settle the journal, and try again.
            LeftOver: recover the repository, and try again.
            OSError: there is no such entry.
        """
        self._added = None
        fd = self._opened()
        try:
            self._find_end(fd)
            added = entry, self._end, self._before
            self._put(fd, entry)
        except BaseException:
            os.close(fd)
            raise
        disk.start_writing(fd, added[1], self._end - added[1])
        self._fd, self._added = fd, added

    def flush(self) -> None:
        """Returns when the entry that was begun is on disk. Raises: OSError: it does not count."""
        try:
            disk.sync_content(self._fd)
        except OSError:
            self.cancel()
            raise
        self._close()

    def _put(self, fd: int, entry: Entry) -> None:
        content = b"".join(_content(entry))
        head = _head(self._before, content)
        if self._end + len(head) + len(content) > SIZE:
            raise Full
        _write(fd, head + content, self._end)
        if not self._end:
            self._begins = head
        self._go_past(head, len(content))

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def cancel(self) -> None:
        """Takes back the write that this object has added last, as far as the disk lets it.

        The names of its packs stay: of them, too, a power cut may leave what is not whole.
        """
        self._close()
        if self._added is None:
            return
        entry, place, before = self._added
        self._added = None
        self._end, self._before = place, before
        with suppress(OSError):
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            try:
                # with its objects: somebody may have stored others that need them, as those of a push
                self._put(fd, replace(entry, new=entry.old, replaced=""))
                disk.sync_content(fd)
            except OSError:
                self._end, self._before = place, before
                _write(fd, bytes(HEAD.size), place)  # or others would go on behind an entry that is not on disk
            finally:
                os.close(fd)

    def entries(self) -> list[Entry]:
        """All entries, oldest first. Raises: OSError."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        try:
            content = os.pread(fd, SIZE, 0)
        finally:
            os.close(fd)
        return [_entry(content[start:end]) for _, start, end in _found(content)]

    def clear(self) -> None:
        """Forgets all entries; on return they are gone from the disk, too. Raises: OSError."""
        fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _write(fd, bytes(HEAD.size), 0)
            disk.sync_content(fd)
        finally:
            os.close(fd)

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            self.make()
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)

    def make(self) -> None:
        """Makes the file, empty, where there is none. Raises: OSError; nothing stays."""
        if os.path.exists(self._path):
            return
        draft = f"{self._path}-{os.getpid()}"
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            try:
                with suppress(PermissionError):
                    os.fchmod(fd, os.stat(self._git_dir).st_mode & 0o666)
                # written, not only reserved: or each flush of an entry would have to say that the blocks are in use
                disk.write_all(fd, bytes(SIZE))
                disk.sync(fd)
            finally:
                os.close(fd)
            os.rename(draft, self._path)
        except OSError:
            disk.remove_quietly(draft)
            raise
        disk.sync_directory(os.path.dirname(self._path))
        disk.sync_directory(self._git_dir)

    def _find_end(self, fd: int) -> None:
        """Learns where the next entry belongs, and the check of the one before. Raises: LeftOver."""
        begins = os.pread(fd, HEAD.size, 0)
        if begins != self._begins:
            self._begins = begins
            self._end, self._before = 0, 0
        if not self._is_taken(os.pread(fd, HEAD.size, self._end)):
            return
        content = os.pread(fd, SIZE, self._end)
        for boot, start, end in _found(content, self._before):
            if boot != boot_id():
                self._begins = b""
                raise LeftOver
            head = content[start : start + HEAD.size]
            self._go_past(head, end - start - len(head))

    def _is_taken(self, head: bytes) -> bool:
        """Whether somebody else may have added an entry there; mostly there is an old one, or none."""
        return len(head) == HEAD.size and head.startswith(MAGIC) and HEAD.unpack(head)[2] == self._before

    def _go_past(self, head: bytes, size: int) -> None:
        self._end += _blocks(len(head) + size)
        self._before = int.from_bytes(head[_CHECKED.stop :], "big")


def _content(entry: Entry) -> Iterator[bytes]:
    pack, replaced = (bytes.fromhex(name) or bytes(20) for name in (entry.pack, entry.replaced))
    yield _MOVE.pack(bytes.fromhex(entry.old), bytes.fromhex(entry.new), pack, replaced, len(entry.objects))
    for oid, written in entry.objects.items():
        yield _OBJECT.pack(bytes.fromhex(oid), len(written))
    yield from entry.objects.values()


def _head(before: int, content: bytes) -> bytes:
    said = HEAD.pack(MAGIC, boot_id(), before, len(content), 0)[: _CHECKED.stop]
    return said + zlib.crc32(content, zlib.crc32(said[_CHECKED])).to_bytes(4, "big")


def _found(content: bytes, before: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """The whole entries that follow each other from the beginning: boot, where it begins, where it ends.

    `before` is the check of the one before the first. What is behind the last is of before the journal was settled.
    """
    place = 0
    while place + HEAD.size <= len(content):
        magic, boot, follows, size, check = HEAD.unpack_from(content, place)
        start = place + HEAD.size
        if magic != MAGIC or follows != before or start + size > len(content):
            return
        said = content[place + _CHECKED.start : place + _CHECKED.stop]
        if zlib.crc32(content[start : start + size], zlib.crc32(said)) != check:
            return
        yield boot, place, start + size
        before = check
        place += _blocks(HEAD.size + size)


def _blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _entry(written: bytes) -> Entry:
    old, new, pack, replaced, count = _MOVE.unpack_from(written, HEAD.size)
    place = HEAD.size + _MOVE.size
    data = place + count * _OBJECT.size
    objects = {}
    for at in range(place, data, _OBJECT.size):
        oid, size = _OBJECT.unpack_from(written, at)
        objects[oid.hex()] = written[data : data + size]
        data += size
    names = (name.hex() if any(name) else "" for name in (pack, replaced))
    return Entry(old=old.hex(), new=new.hex(), pack=next(names), replaced=next(names), objects=objects)


def _write(fd: int, data: bytes, place: int) -> None:
    while data:
        written = os.pwrite(fd, data, place)
        data, place = data[written:], place + written
