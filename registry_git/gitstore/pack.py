"""Many objects at once: one pack and its index, instead of a file for each object.

The formats are git's pack version 2 and index version 2 (`git help format-pack`).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Set
from contextlib import suppress
from hashlib import sha1
from itertools import accumulate
from pathlib import Path
from struct import pack as struct_pack
from typing import TypeAlias

from registry_git.core.errors import Invalid
from registry_git.gitstore import disk
from registry_git.gitstore.delta import tree_delta
from registry_git.gitstore.objects import Staging

_TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_ORDER = {"commit": 0, "tag": 0, "tree": 1, "blob": 2}  # what history walks read lies together
OFS_DELTA = 6
_REF_DELTA = 7
MAX_CHAIN = 50  # git's own limit: every link is one more object to inflate at a read
_MAX_BYTES = 2**31 - 1  # beyond it an index needs wide offsets
_DRAFT = "tmp_"  # git's own prefix: `git prune` clears what a killed process leaves
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_BUFFER = 1 << 20
Entry: TypeAlias = tuple[bytes, int, int]  # an object's id, the CRC-32 of its bytes in the pack, where they begin
WriteObjects: TypeAlias = Callable[[int], tuple[bytes, list[Entry]]]  # to a descriptor; gives the pack's SHA-1
_SMALL_TREE = 512  # bytes; below it a tree is stored as it is, too: most of it is ids
_WINDOW = 4096  # bytes; so far back a small compressor looks
_STORE_BELOW = 100  # bytes; ids and deltas of this size do not shrink, and a compressor costs more than they do


def write_pack(objects_dir: Path, staging: Staging, *, durable: bool = True, beside: int | None = None) -> str:
    """Writes all staged objects as one pack. On return they are on disk, names included.

    Trees that were staged with a `delta_base` take the space of the difference. The same staging gives the same pack.

    Args:
        objects_dir: the store, `<git dir>/objects`.
        staging: the objects; objects that the store has already are written again, which does no harm.
        durable: False leaves the flushing to the kernel.
        beside: another open file that is to be on disk then.

    Returns:
        The SHA-1 in the names `pack/pack-<SHA-1>.pack` and `.idx`; empty for an empty staging, which writes nothing.

    Raises:
        Unavailable: disk full, read-only, input/output error …; no temporary file stays, no object is visible.
        Invalid: the pack would be larger than 2 GiB.
    """
    if not len(staging):
        return ""
    with disk.explained("write to the registry"):
        digest = install(os.fspath(objects_dir), lambda fd: _write_objects(fd, staging), durable=durable, beside=beside)
        return digest.hex()


def install(
    root: str,
    write: WriteObjects,
    *,
    durable: bool,
    beside: int | None = None,
    before: Callable[[], None] | None = None,
) -> bytes:
    """Puts the pack that `write` writes, and its index, into the store `root`. Gives its SHA-1.

    `beside` is another open file to flush: together they take little more than one. `before` is called when both files
    are written, and have no names yet that git would look at.

    Raises:
        OSError: no temporary file stays, no object is visible.
    """
    folder = f"{root}/pack"
    token = os.urandom(6).hex()
    pack, index = f"{folder}/{_DRAFT}pack_{token}", f"{folder}/{_DRAFT}idx_{token}"
    leftovers = [pack, index]
    fds: list[int] = []
    made = False
    try:
        try:
            fds.append(os.open(pack, _NEW, 0o444))
        except FileNotFoundError:
            made = disk.make_directory(folder, like=root)
            fds.append(os.open(pack, _NEW, 0o444))
        fds.append(os.open(index, _NEW, 0o444))
        digest, entries = write(fds[0])
        found, mode = os.fstat(fds[0]), os.stat(root).st_mode & 0o444
        if found.st_mode & 0o777 != mode:
            for fd in fds:
                os.fchmod(fd, mode)
        if durable and found.st_size >= _BUFFER:
            disk.start_writing(fds[0])
        disk.write_all(fds[1], _index(entries, digest))
        if durable:
            disk.sync_all(fds if beside is None else [*fds, beside])
        if before is not None:
            before()
        name = f"{folder}/pack-{digest.hex()}"
        os.rename(pack, f"{name}.pack")
        leftovers = [index, f"{name}.pack"]
        os.rename(index, f"{name}.idx")  # the last: it is what makes git look at the pack
        leftovers = []
        if durable:
            disk.sync_directory(folder)
            if made:
                disk.sync_directory(root)
        return digest
    finally:
        for fd in fds:
            with suppress(OSError):
                os.close(fd)
        for path in leftovers:
            # the same pack may have been there before, whole
            if path.endswith(".pack") and os.path.exists(f"{path[: -len('.pack')]}.idx"):
                continue
            disk.remove_quietly(path)


def flush_packs(root: str, names: Set[str]) -> None:
    """Returns when those packs `pack-<name>` of the store `root` that are there are on disk. Raises: OSError."""
    folder = f"{root}/pack"
    fds: list[int] = []
    try:
        for file in _of(names, folder):
            with suppress(FileNotFoundError):
                fds.append(os.open(f"{folder}/{file}", os.O_RDONLY | os.O_CLOEXEC))
        disk.sync_all(fds)
    finally:
        for fd in fds:
            os.close(fd)
    disk.sync_directory(folder)


def remove_packs(root: str, names: Set[str]) -> set[str]:
    """Removes those packs `pack-<name>` of the store `root` that are there. Gives their names. Raises: OSError."""
    folder = f"{root}/pack"
    gone = _of(names, folder)
    for file in gone:  # a pack before its index, which alone is nothing
        with suppress(FileNotFoundError):
            os.unlink(f"{folder}/{file}")
    return {_named(file) for file in gone}


def _of(names: Set[str], folder: str) -> list[str]:
    """The files in a directory that are packs of these names, or their indexes: each pack first."""
    files = [file for file in os.listdir(folder) if file.endswith((".pack", ".idx")) and _named(file) in names]
    return sorted(files, reverse=True)


def _named(file: str) -> str:
    return file.removeprefix("pack-").partition(".")[0]


def _write_objects(fd: int, staging: Staging) -> tuple[bytes, list[Entry]]:
    """Writes the pack; gives its SHA-1 and for each object its id, CRC-32 and offset."""
    digest = sha1(usedforsecurity=False)
    entries: list[Entry] = []
    waiting: list[bytes] = [pack_head(len(staging))]
    size = held = len(waiting[0])
    offsets: dict[str, int] = {}
    chains: dict[str, int] = {}
    objects = staging.objects
    for oid in sorted(objects, key=lambda each: _ORDER[objects[each][0]]):
        kind, data = objects[oid]
        base = staging.delta_bases.get(oid, "")
        delta = b""
        if base in offsets and chains.get(base, 0) < MAX_CHAIN:
            delta = tree_delta(objects[base][1], data)
        if delta and len(delta) < len(data) // 2:
            chains[oid] = chains.get(base, 0) + 1
            written, _ = packed_deltas(delta, size - offsets[base], base)
        else:
            written = packed(kind, data)
        offsets[oid] = size
        entries.append((bytes.fromhex(oid), zlib.crc32(written), size))
        waiting.append(written)
        size += len(written)
        held += len(written)
        if size > _MAX_BYTES:
            raise Invalid("This is more than 2 GiB in one batch.", hint="Split it into smaller batches.")
        if held > _BUFFER:
            chunk = b"".join(waiting)
            digest.update(chunk)
            disk.write_all(fd, chunk)
            waiting, held = [], 0
    chunk = b"".join(waiting)
    digest.update(chunk)
    disk.write_all(fd, chunk + digest.digest())
    return digest.digest(), entries


def pack_head(count: int) -> bytes:
    """How a pack of that many objects begins."""
    return b"PACK" + struct_pack(">II", 2, count)


def packed(kind: str, data: bytes) -> bytes:
    """An object as a pack holds it."""
    small = _SMALL_TREE if kind == "tree" else _STORE_BELOW
    return _header(_TYPES[kind], len(data)) + (_stored(data) if len(data) < small else _compressed(data))


def packed_deltas(delta: bytes, distance: int, base: str) -> tuple[bytes, bytes]:
    """An object as a pack and as a thin pack hold it: the difference from the object with the id `base`.

    In the pack that begins `distance` bytes before it; for the thin pack it may be anywhere.
    """
    shrunk = _stored(delta) if len(delta) < _STORE_BELOW else _compressed(delta)
    near = _header(OFS_DELTA, len(delta)) + _distance(distance) + shrunk
    return near, _header(_REF_DELTA, len(delta)) + bytes.fromhex(base) + shrunk


def _header(kind: int, size: int) -> bytes:
    byte = kind << 4 | size & 0x0F
    size >>= 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    out.append(byte)
    return bytes(out)


def _distance(offset: int) -> bytes:
    out = [offset & 0x7F]
    offset >>= 7
    while offset:
        offset -= 1
        out.append(offset & 0x7F | 0x80)
        offset >>= 7
    return bytes(reversed(out))


def _compressed(data: bytes) -> bytes:
    if len(data) > _WINDOW:
        return zlib.compress(data, 1)
    # tables of the usual size take longer to clear than so little takes to compress
    compressor = zlib.compressobj(1, zlib.DEFLATED, 12, 4)
    return compressor.compress(data) + compressor.flush()


def _stored(data: bytes) -> bytes:
    size = len(data)  # one stored block, written by hand
    return b"\x78\x01\x01" + struct_pack("<HH", size, size ^ 0xFFFF) + data + struct_pack(">I", zlib.adler32(data))


def _index(entries: list[Entry], pack_digest: bytes) -> bytes:
    ids, checks, places = zip(*sorted(entries), strict=True) if entries else ((), (), ())
    counts = [0] * 256
    for oid in ids:
        counts[oid[0]] += 1
    content = b"".join(
        (
            b"\xfftOc" + struct_pack(">I", 2),
            struct_pack(">256I", *accumulate(counts)),
            *ids,
            struct_pack(f">{len(ids)}I", *checks),
            struct_pack(f">{len(ids)}I", *places),
            pack_digest,
        )
    )
    return content + sha1(content, usedforsecurity=False).digest()
