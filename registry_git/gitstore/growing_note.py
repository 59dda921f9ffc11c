"""The note of which pack grows, which it has replaced lately, and which of these is known to be on disk.

No more than a hint: written in place, and not flushed. What is half written, or gone, is no note.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from registry_git.gitstore.lock import OWN_DIRECTORY

KEPT = 8  # packs that were replaced and stay for a while, for who has just looked which there are
_NAME = "growing-pack"
_FLUSHED = "!"  # behind the name of the pack that is
_MOST = 64 * (KEPT + 3)  # bytes


@dataclass(frozen=True, slots=True)
class GrowingNote:
    """Packs by the SHA-1s in their names.

    Attributes:
        current: the one that grows; "" when none does.
        replaced: those that it has replaced and that are still there, oldest first.
        flushed: the newest of all of them that a power cut would leave; "" when that is not known.
    """

    current: str = ""
    replaced: tuple[str, ...] = ()
    flushed: str = ""


def read_note(git_dir: str) -> GrowingNote:
    """The note in a repository; one of nothing where there is none that is whole."""
    try:
        fd = os.open(_path(git_dir), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return GrowingNote()
    try:
        line, _, _ = os.read(fd, _MOST).partition(b"\n")
    except OSError:
        return GrowingNote()
    finally:
        os.close(fd)
    names, _, check = line.rpartition(b" ")
    if check != b"%08x" % zlib.crc32(names):
        return GrowingNote()  # half written when somebody was killed
    words = names.decode("ascii").split(" ")
    current, *replaced = [word.removesuffix(_FLUSHED) for word in words]
    return GrowingNote(current, tuple(replaced), next((name[:-1] for name in words if name.endswith(_FLUSHED)), ""))


def write_note(git_dir: str, note: GrowingNote) -> None:
    """Writes the note, where that is possible. Whoever calls holds the writer's lock."""
    names = " ".join(
        name + _FLUSHED if name == note.flushed else name for name in (note.current, *note.replaced)
    ).encode("ascii")
    with suppress(OSError):
        fd = _opened(git_dir)
        try:
            os.pwrite(fd, b"%s %08x\n" % (names, zlib.crc32(names)), 0)
        finally:
            os.close(fd)


def note_flushed(git_dir: str, note: GrowingNote, gone: set[str]) -> None:
    """Notes that the pack that grows is on disk, and others are gone. Whoever calls holds the writer's lock."""
    left = tuple(name for name in note.replaced if name not in gone)
    write_note(git_dir, replace(note, replaced=left, flushed=note.current))


def growing_packs(git_dir: Path) -> frozenset[str]:
    """The SHA-1s of the pack that grows and of those that it has replaced lately: writers take these away."""
    note = read_note(os.fspath(git_dir))
    return frozenset(name for name in (note.current, *note.replaced) if name)


def _path(git_dir: str) -> str:
    return f"{git_dir}/{OWN_DIRECTORY}/{_NAME}"


def _opened(git_dir: str) -> int:
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        return os.open(_path(git_dir), flags)
    except FileNotFoundError:
        fd = os.open(_path(git_dir), flags | os.O_CREAT, 0o666)
        with suppress(PermissionError):
            os.fchmod(fd, os.stat(git_dir).st_mode & 0o666)
        return fd
