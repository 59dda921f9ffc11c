"""The newest commits in one pack that grows: a write puts a pack in its place that holds its objects, too.

A commit is six or seven objects. As loose files each has to be made, named and flushed, with the directory that it is
in; two files cost a third of that. And a directory of a thousand models is stored as its difference from the last.
All packs are whole, and git's own: whoever reads meanwhile finds either one. Which one grows is only noted; where the
note is gone or wrong, another pack begins.

Where a journal answers for what was written (`gitstore/journal.py`), a pack need not be flushed before the next one
takes its place. Then the last one that was flushed stays, however old it is: after a power cut it is what there is. A
full one is flushed before another begins, so that a flushed pack holds all that is not in the journal, or in full ones.
"""

from __future__ import annotations

import os
import zlib
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha1
from pathlib import Path
from struct import unpack, unpack_from

from registry_git.gitstore import disk
from registry_git.gitstore.delta import tree_delta
from registry_git.gitstore.growing_note import KEPT, GrowingNote, read_note, write_note
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.pack import (
    MAX_CHAIN,
    OFS_DELTA,
    Entry,
    flush_packs,
    install,
    pack_head,
    packed,
    packed_deltas,
)
from registry_git.gitstore.settling import settle

_OBJECTS_MAX = 256  # about forty commits: then another pack begins
_BYTES_MAX = 1_000_000  # every write writes the whole pack again
_HEAD = 12  # bytes before the first object
_ID = 20
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

    @property
    def head(self) -> bytes:
        """What is before the objects in the file."""
        return pack_head(len(self.entries))

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


@dataclass(frozen=True, slots=True)
class Growth:
    """What a write puts into packs.

    Attributes:
        pack: the SHA-1 in the name of the pack that will hold it.
        replaced: that of the pack whose place it takes, "" where another pack is begun or none is written.
        begins: whether another pack is begun: there will be one more.
        objects: all objects of the write by id, as a thin pack holds them.
        flushed: the newest pack that is known to be on disk, of those in whose place it goes on.
    """

    pack: str
    replaced: str
    begins: bool
    objects: dict[str, bytes]
    content: _Pack | None = field(repr=False)  # None: the pack holds all of it
    older: tuple[str, ...]
    flushed: str


class GrowingPack:
    """The pack of one repository that grows. Whoever writes holds the writer's lock."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = os.fspath(git_dir)
        self._objects = f"{self._git_dir}/objects"
        self._known = _Pack()

    def takes(self, staging: Staging) -> bool:
        """Whether the objects are few enough; many are better off in a pack of their own."""
        return len(staging) < _OBJECTS_MAX and sum(len(data) for _, data in staging.objects.values()) < _BYTES_MAX

    def growth(self, staging: Staging, *, read: Callable[[str], bytes]) -> Growth:
        """What is to be written for all staged objects; `read` gives the content of an object that is stored.

        Raises:
            Unavailable: a pack that is full is flushed before another one begins, and the disk does not take it.
        """
        note = self._found()
        before = self._known
        if before.full:
            if note.flushed != note.current:
                # or what is flushed of the next one would not be all that came before
                settle(Path(self._git_dir), writing=True)
                note = read_note(self._git_dir)
            before, note = _Pack(), replace(note, flushed="")
        after, objects = _grown(before, staging, read)
        if after is None:
            return Growth(before.name, "", False, objects, None, note.replaced, note.flushed)
        after.name = sha1(b"".join((after.head, after.body)), usedforsecurity=False).hexdigest()
        return Growth(after.name, before.name, not before.name, objects, after, note.replaced, note.flushed)

    def write(
        self,
        growth: Growth,
        *,
        durable: bool = True,
        beside: int | None = None,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Writes what is to be written. On return all of it is on disk, names included.

        Args:
            growth: what `growth` gave, since when nobody has written.
            durable: False leaves the flushing to the caller, or to the kernel.
            beside: another open file that is to be on disk then.
            before: is called when all is written, before anything has its name.

        Raises:
            Unavailable: disk full, read-only, input/output error …; no temporary file stays, no object is visible.
        """
        after = growth.content
        with disk.explained("write to the registry"):
            if after is None:  # it is there; but whoever put it there may not have flushed it
                if durable:
                    self._flush(growth.pack, beside)
                if before is not None:
                    before()
                return
            install(self._objects, partial(_write, after), durable=durable, beside=beside, before=before)
            replaced = (*growth.older, growth.replaced) if growth.replaced else growth.older
            flushed = growth.pack if durable else growth.flushed
            # only now: what they hold is in the new one, or else in one that is on disk already
            gone = [old for old in replaced[:-KEPT] if old != flushed]
            self._known = after
            left = tuple(old for old in replaced if old not in gone)
            write_note(self._git_dir, GrowingNote(after.name, left, flushed))
        for old in gone:
            for suffix in ("pack", "idx"):  # an index that a kill leaves behind is small, and nobody heeds it
                disk.remove_quietly(self._path(old, suffix))

    def _found(self) -> GrowingNote:
        """The note, where it holds. Then the pack that it names is known; else an empty one."""
        note = read_note(self._git_dir)
        name = note.current
        if not name or name != self._known.name or not os.path.exists(self._path(name, "idx")):
            self._known = (self._loaded(name) if name else None) or _Pack()
        return note if self._known.name else GrowingNote()

    def _flush(self, name: str, beside: int | None) -> None:
        if beside is not None:
            disk.sync(beside)
        if name:
            flush_packs(self._objects, {name})

    def _path(self, name: str, suffix: str) -> str:
        return f"{self._objects}/pack/pack-{name}.{suffix}"

    def _loaded(self, name: str) -> _Pack | None:
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
        return _Pack(name, content[_HEAD:-_ID], entries, places, {})


def _write(pack: _Pack, fd: int) -> tuple[bytes, list[Entry]]:
    """Writes the pack. Gives its SHA-1, and what its index holds."""
    digest = bytes.fromhex(pack.name)
    disk.write_all(fd, pack.head, pack.body, digest)
    return digest, pack.entries


def _grown(pack: _Pack, staging: Staging, read: Callable[[str], bytes]) -> tuple[_Pack | None, dict[str, bytes]]:
    """The pack with the staged objects that it lacks, not written yet, or None when it lacks none.

    And all staged objects as a thin pack holds them.
    """
    objects = staging.objects
    thin: dict[str, bytes] = {}
    entries, places, chains = pack.entries.copy(), pack.places.copy(), pack.chains.copy()
    added = [pack.body]
    size = _HEAD + len(pack.body)
    for oid, (kind, data) in objects.items():
        if oid in pack.places:
            thin[oid] = packed(kind, data)
            continue
        base = staging.delta_bases.get(oid, "")
        written = b""
        if base in places and len(data) >= _DELTA_FROM:
            length = chains[base] if base in chains else pack.chain(base)
            if length < MAX_CHAIN:
                old = objects[base][1] if base in objects else read(base)
                delta = tree_delta(old, data)
                if len(delta) < len(data) // 2:
                    written, thin[oid] = packed_deltas(delta, size - places[base], base)
                    chains[oid] = length + 1
        if not written:
            written = thin[oid] = packed(kind, data)
            chains[oid] = 0
        insort(entries, (bytes.fromhex(oid), zlib.crc32(written), size))
        places[oid] = size
        added.append(written)
        size += len(written)
    grown = _Pack("", b"".join(added), entries, places, chains) if len(added) > 1 else None
    return grown, thin


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
