"""The newest commits in one pack that grows: a write puts a pack in its place that holds its objects, too.

A commit is six or seven objects. As loose files each has to be made, named and flushed, with the directory that it is
in; two files cost a third of that. And a directory of a thousand models is stored as its difference from the last.
All packs are whole, and git's own: whoever reads meanwhile finds either one. Which one grows is only noted; where the
note is gone or wrong, another pack begins.
"""

from __future__ import annotations

import os
import zlib
from bisect import insort
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha1
from pathlib import Path
from struct import unpack, unpack_from

from registry_git.gitstore import disk
from registry_git.gitstore.delta import tree_delta
from registry_git.gitstore.lock import OWN_DIRECTORY
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.pack import MAX_CHAIN, OFS_DELTA, Entry, install, pack_head, packed, packed_delta

_NOTE = "growing-pack"
_OBJECTS_MAX = 256  # about forty commits: then another pack begins
_BYTES_MAX = 1_000_000  # every write writes the whole pack again
_HEAD = 12  # bytes before the first object
_ID = 20
_KEPT = 8  # packs that were replaced and stay for a while, for who has just looked which there are
_DELTA_FROM = 200  # bytes; a smaller tree is stored as it is


@dataclass(slots=True)
class _Pack:
    """A pack in memory: the bytes of its objects, and where each of them begins in the file.

    Its entries are sorted, as its index has them. `chains` says how many differences lead to an object, for those that
    were asked for.
    """

    name: str = ""
    body: bytes = b""
    entries: list[Entry] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    chains: dict[str, int] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.entries) >= _OBJECTS_MAX or len(self.body) >= _BYTES_MAX

    def chain(self, oid: str) -> int:
        """How many differences lead from the object to one that is whole."""
        known = self.chains.get(oid)
        if known is not None:
            return known
        place, count = self.places[oid], 0
        while (self.body[place - _HEAD] >> 4) & 7 == OFS_DELTA:
            place -= _distance(self.body, place - _HEAD)
            count += 1
        self.chains[oid] = count
        return count


class GrowingPack:
    """The pack of one repository that grows. Whoever writes holds the writer's lock."""

    def __init__(self, git_dir: Path) -> None:
        self._objects = os.fspath(git_dir / "objects")
        self._note = os.fspath(git_dir / OWN_DIRECTORY / _NOTE)
        self._known = _Pack()

    def takes(self, staging: Staging) -> bool:
        """Whether the objects are few enough; many are better off in a pack of their own."""
        return len(staging) < _OBJECTS_MAX and sum(len(data) for _, data in staging.objects.values()) < _BYTES_MAX

    def write(
        self, staging: Staging, *, read: Callable[[str], bytes], durable: bool = True, beside: int | None = None
    ) -> bool:
        """Writes all staged objects. On return they are on disk, names included.

        Gives whether another pack was begun: there is one more then.

        Args:
            staging: the objects.
            read: gives the content of an object that is stored.
            durable: False leaves the flushing to the kernel.
            beside: another open file that is to be on disk then.

        Raises:
            Unavailable: disk full, read-only, input/output error …; no temporary file stays, no object is visible.
        """
        before = self._current()
        after = _grown(before, staging, read)
        with disk.explained("write to the registry"):
            if after is None:  # it holds all of them; but whoever put them there may not have flushed it
                if durable:
                    self._flush(before.name, beside)
                return False
            digest = install(self._objects, partial(_write, after), durable=durable, beside=beside)
            name = digest.hex()
            replaced = [*before.replaced, before.name] if before.name else before.replaced
            self._known = replace(after, name=name, replaced=replaced[-_KEPT:])
            self._write_note(self._known)
        # only now: what they hold is on disk in the new one
        for old in replaced[:-_KEPT]:
            for suffix in ("pack", "idx"):  # an index that a kill leaves behind is small, and nobody heeds it
                disk.remove_quietly(self._path(old, suffix))
        return not before.name

    def _current(self) -> _Pack:
        """The pack to go on with; an empty one where there is none, or it is full."""
        name, *replaced = _read_note(self._note) or [""]
        if not name:
            return _Pack()
        if name != self._known.name or not os.path.exists(self._path(name, "idx")):
            self._known = self._loaded(name, replaced) or _Pack()
        # those that the full one replaced are still to go
        return _Pack(replaced=self._known.replaced) if self._known.full else self._known

    def _flush(self, name: str, beside: int | None) -> None:
        if beside is not None:
            disk.sync(beside)
        if not name:
            return
        for suffix in ("pack", "idx"):
            fd = os.open(self._path(name, suffix), os.O_RDONLY | os.O_CLOEXEC)
            try:
                disk.sync(fd)
            finally:
                os.close(fd)
        disk.sync_directory(f"{self._objects}/pack")

    def _path(self, name: str, suffix: str) -> str:
        return f"{self._objects}/pack/pack-{name}.{suffix}"

    def _loaded(self, name: str, replaced: list[str]) -> _Pack | None:
        """The pack of that name, if it is whole."""
        try:
            content, index = (Path(self._path(name, suffix)).read_bytes() for suffix in ("pack", "idx"))
        except OSError:
            return None
        entries = _entries(index)
        digest = sha1(content[:-_ID], usedforsecurity=False).digest()
        if entries is None or not content[-_ID:] == digest == bytes.fromhex(name) == index[-2 * _ID : -_ID]:
            return None
        places = {oid.hex(): place for oid, _, place in entries}
        return _Pack(name, content[_HEAD:-_ID], entries, places, {}, replaced)

    def _write_note(self, pack: _Pack) -> None:
        names = " ".join((pack.name, *pack.replaced)).encode("ascii")
        # in place, and not flushed: it is no more than a hint
        with suppress(OSError):
            fd = self._open_note()
            try:
                os.pwrite(fd, b"%s %08x\n" % (names, zlib.crc32(names)), 0)
            finally:
                os.close(fd)

    def _open_note(self) -> int:
        flags = os.O_WRONLY | os.O_CLOEXEC
        try:
            return os.open(self._note, flags)
        except FileNotFoundError:
            fd = os.open(self._note, flags | os.O_CREAT, 0o666)
            with suppress(PermissionError):
                os.fchmod(fd, os.stat(self._objects).st_mode & 0o666)
            return fd


def growing_packs(git_dir: Path) -> frozenset[str]:
    """The SHA-1s of the pack that grows and of those that it has replaced lately: writers take these away."""
    return frozenset(_read_note(os.fspath(git_dir / OWN_DIRECTORY / _NOTE)) or ())


def _read_note(note: str) -> list[str] | None:
    """The names in the note: of the pack that grows, then of those that it replaced, oldest first."""
    try:
        fd = os.open(note, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        line, _, _ = os.read(fd, _ID * 3 * (_KEPT + 2)).partition(b"\n")
    except OSError:
        return None
    finally:
        os.close(fd)
    names, _, check = line.rpartition(b" ")
    if check != b"%08x" % zlib.crc32(names):
        return None  # half written when somebody was killed
    return names.decode("ascii").split(" ")


def _write(pack: _Pack, fd: int) -> tuple[bytes, list[Entry]]:
    """Writes the pack. Gives its SHA-1, and what its index holds."""
    head = pack_head(len(pack.entries))
    digest = sha1(head, usedforsecurity=False)
    digest.update(pack.body)
    disk.write_all(fd, head, pack.body, digest.digest())
    return digest.digest(), pack.entries


def _grown(pack: _Pack, staging: Staging, read: Callable[[str], bytes]) -> _Pack | None:
    """The pack with the staged objects that it lacks, not written yet; None when it lacks none."""
    objects = staging.objects
    fresh = [oid for oid in objects if oid not in pack.places]
    if not fresh:
        return None
    entries, places, chains = pack.entries.copy(), pack.places.copy(), pack.chains.copy()
    added = [pack.body]
    size = _HEAD + len(pack.body)
    for oid in fresh:
        kind, data = objects[oid]
        base = staging.delta_bases.get(oid, "")
        written = b""
        if base in places and len(data) >= _DELTA_FROM:
            length = chains[base] if base in chains else pack.chain(base)
            if length < MAX_CHAIN:
                old = objects[base][1] if base in objects else read(base)
                delta = tree_delta(old, data)
                if len(delta) < len(data) // 2:
                    written = packed_delta(delta, size - places[base])
                    chains[oid] = length + 1
        if not written:
            written = packed(kind, data)
            chains[oid] = 0
        insort(entries, (bytes.fromhex(oid), zlib.crc32(written), size))
        places[oid] = size
        added.append(written)
        size += len(written)
    return _Pack("", b"".join(added), entries, places, chains)


def _distance(body: bytes, at: int) -> int:
    """How many bytes before it the object begins that the one at `at` is a difference from."""
    while body[at] & 0x80:
        at += 1  # the size
    at += 1
    found = body[at] & 0x7F
    while body[at] & 0x80:
        at += 1
        found = (found + 1) << 7 | body[at] & 0x7F
    return found


def _entries(index: bytes) -> list[Entry] | None:
    """What an index of version 2 holds, sorted; None when it is none."""
    if len(index) < 1072 or index[:8] != b"\xfftOc\0\0\0\2":
        return None
    (count,) = unpack_from(">I", index, 1028)
    ids, checks, places = 1032, 1032 + _ID * count, 1032 + (_ID + 4) * count
    if len(index) != 1032 + (_ID + 8) * count + 2 * _ID:
        return None
    return sorted(
        zip(
            (index[at : at + _ID] for at in range(ids, checks, _ID)),
            unpack(f">{count}I", index[checks:places]),
            unpack(f">{count}I", index[places : places + 4 * count]),
            strict=True,
        )
    )
