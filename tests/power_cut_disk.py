"""What a disk may hold after a power cut, from what the kernel was asked to do: it knows nothing of the registry.

`Disk` reads a trace by strace of real processes. On disk is what was there before them, and what was flushed since: a
file's content by a flush of the file, a name by a flush of its directory. Of all else a cut may leave anything: of each
block of a file any state since the last flush, or zeros where it had none; a file may be shorter; of each name what it
stood for at any moment since the last flush of the directory, without regard to any other name.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

CALLS = (
    "write,pwrite64,writev,ftruncate,open,openat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
    "mkdir,mkdirat,rmdir,fsync,fdatasync"
)
STRACE = ("strace", "-f", "-y", "-xx", "-s", "4000000", "--seccomp-bpf", "-e", f"trace={CALLS}", "-e", "signal=none")
_BLOCK = 4096
_LONG_AGO = 1_700_000_000  # a machine takes a while to start
_LINE = re.compile(r"(\d+) +(.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?(?: .*)?")
_FD = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(text: str) -> str:
    """A path as `-y` shows it beside a descriptor."""
    return os.fsdecode(_bytes(text)) if text.startswith("\\x") else text


@dataclass(slots=True)
class _File:
    """A file: what reading it gives, what is on disk, and what else may be there of each block."""

    now: bytearray
    flushed: bytes | None
    blocks: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)  # states since, and when they came

    def write(self, when: int, place: int, data: bytes) -> None:
        if len(self.now) < place:
            self.now.extend(bytes(place - len(self.now)))
        self.now[place : place + len(data)] = data
        for block in range(place // _BLOCK, -(-(place + len(data)) // _BLOCK)):
            state = bytes(self.now[block * _BLOCK : (block + 1) * _BLOCK])
            self.blocks.setdefault(block, []).append((when, state))

    def flush(self, content: bytes, asked: int) -> None:
        """It was asked for when this was the content; what was written since may be on disk or not."""
        self.flushed = content
        later = {block: [one for one in states if one[0] > asked] for block, states in self.blocks.items()}
        self.blocks = {block: states for block, states in later.items() if states}

    def after(self, dice: random.Random) -> bytes:
        if self.flushed is not None and not self.blocks and len(self.flushed) == len(self.now):
            return self.flushed
        flushed = self.flushed or b""
        kind = dice.random()
        if kind < 0.2:
            return flushed
        if kind < 0.4:
            return bytes(self.now)
        size = dice.choice((len(flushed), len(self.now), len(self.now) // 2))
        parts = []
        for block in range(-(-size // _BLOCK)):
            here = slice(block * _BLOCK, (block + 1) * _BLOCK)
            before = flushed[here]
            states = [before, bytes(_BLOCK) if len(before) < _BLOCK else before]
            states += [state for _, state in self.blocks.get(block, ())] * 2
            parts.append(dice.choice(states).ljust(_BLOCK, b"\0"))
        return b"".join(parts)[:size]


def _read(folder: _Folder, above: str) -> Iterator[tuple[str, bytes]]:
    for name, entry in folder.now.items():
        if isinstance(entry, _Folder):
            yield from _read(entry, f"{above}{name}/")
        else:
            yield above + name, bytes(entry.now)


_Entry: TypeAlias = "_File | _Folder | None"


@dataclass(slots=True)
class _Folder:
    """A directory: names now, on disk, and what else they may stand for."""

    now: dict[str, _File | _Folder] = field(default_factory=dict)
    flushed: dict[str, _File | _Folder] = field(default_factory=dict)
    names: dict[str, list[tuple[int, _Entry]]] = field(default_factory=dict)

    def put(self, when: int, name: str, entry: _Entry) -> None:
        if entry is None:
            self.now.pop(name, None)
        else:
            self.now[name] = entry
        self.names.setdefault(name, []).append((when, entry))

    def flush(self, names: dict[str, _File | _Folder], asked: int) -> None:
        self.flushed = names
        later = {name: [one for one in states if one[0] > asked] for name, states in self.names.items()}
        self.names = {name: states for name, states in later.items() if states}

    def after(self, dice: random.Random) -> Iterator[tuple[str, _File | _Folder]]:
        for name in sorted({*self.flushed, *self.names}):
            left = dice.choice([self.flushed.get(name), *(entry for _, entry in self.names.get(name, ()))])
            if left is not None:
                yield name, left


class Disk:
    """The disk under the directory `root`, which holds what `before` holds when the trace begins.

    `acknowledged` is what was written to the file `acks` up to now, whether or not its flush came back.
    """

    def __init__(self, root: Path, before: Path, acks: Path) -> None:
        self._root, self._acks = os.fspath(root), os.fspath(acks)
        self._top = self._stored(before)
        self._when = 0
        self._offsets: dict[tuple[str, str], int] = {}
        self._begun: dict[str, tuple[str, int, object]] = {}
        self.acknowledged: list[str] = []

    def _stored(self, path: Path) -> _Folder:
        folder = _Folder()
        for entry in path.iterdir():
            if entry.is_dir():
                folder.now[entry.name] = self._stored(entry)
            else:
                content = entry.read_bytes()
                folder.now[entry.name] = _File(bytearray(content), content)
        folder.flushed = folder.now.copy()
        return folder

    def take(self, line: str) -> None:
        """Does what a line of the trace says."""
        self._when += 1
        match = _LINE.fullmatch(line)
        if match is None:
            return
        thread, text = match.groups()
        if text.endswith("<unfinished ...>"):
            begun = text.removesuffix("<unfinished ...>").rstrip()
            self._begun[thread] = (begun, self._when, self._seen(begun))
            self._acknowledge(begun)
            return
        resumed = _RESUMED.fullmatch(text)
        if resumed is not None:
            if thread not in self._begun:
                return
            begun, asked, seen = self._begun.pop(thread)
            text = begun + resumed[1]
        else:
            asked, seen = self._when, self._seen(text)
            self._acknowledge(text)
        call = _CALL.fullmatch(text)
        if call is not None and int(call[3]) >= 0:
            self._do(call[1], call[2], int(call[3]), call[4] or "", asked, seen)

    def read(self) -> dict[str, bytes]:
        """All files by their path below the root, as reading them gives them now."""
        return dict(_read(self._top, ""))

    def leave(self, place: Path, dice: random.Random) -> None:
        """Makes, at `place`, what a power cut at this moment may leave."""
        self._leave(self._top, place, dice, {})

    def _leave(self, folder: _Folder, place: Path, dice: random.Random, left: dict[int, Path]) -> None:
        """`left`: where the files are that were made already, whatever other names they have."""
        place.mkdir()
        for name, entry in folder.after(dice):
            path = place / name
            if isinstance(entry, _Folder):
                self._leave(entry, path, dice, left)
            elif id(entry) in left:
                os.link(left[id(entry)], path)
            else:
                path.write_bytes(entry.after(dice))
                os.utime(path, (_LONG_AGO, _LONG_AGO))
                left[id(entry)] = path

    def _acknowledge(self, text: str) -> None:
        if text.startswith("write(") and (found := _FD.search(text)) and _path(found[1]) == self._acks:
            said = _TEXT.search(text)
            if said:
                self.acknowledged += _bytes(said[1]).decode().splitlines()

    def _seen(self, text: str) -> object:
        """What a flush that is asked for now will have flushed."""
        if not text.startswith(("fsync(", "fdatasync(")):
            return None
        entry = self._entry(self._fd(text))
        if isinstance(entry, _File):
            return entry, bytes(entry.now)
        return None if entry is None else (entry, entry.now.copy())

    def _do(self, name: str, given: str, result: int, shown: str, asked: int, seen: object) -> None:
        if name in ("fsync", "fdatasync"):
            if isinstance(seen, tuple):
                seen[0].flush(seen[1], asked)
        elif name in ("write", "writev", "pwrite64"):
            path = self._fd(given)
            entry = self._entry(path)
            if isinstance(entry, _File):
                self._write(name, given, result, path, entry)
        elif name == "ftruncate":
            entry = self._entry(self._fd(given))
            if isinstance(entry, _File):
                size = int(given.rpartition(", ")[2], 0)
                assert size == 0 or entry.now[size:] == b"" or not entry.flushed, given
                if size == 0:
                    entry.now.clear()
                    entry.blocks.clear()
                    entry.flushed = entry.flushed and b""
        elif name in ("open", "openat"):
            self._open(given, shown)
        elif name in ("mkdir", "mkdirat"):
            self._put(self._named(given)[-1], _Folder())
        elif name in ("unlink", "unlinkat", "rmdir"):
            self._put(self._named(given)[-1], None)
        elif name in ("link", "linkat"):
            old, new = self._named(given)
            self._put(new, self._entry(old))
        elif name.startswith("rename"):
            old, new = self._named(given)
            entry, other = self._entry(old), self._entry(new)
            if entry is not None or other is not None:
                self._put(new, entry)
                self._put(old, other if "RENAME_EXCHANGE" in given else None)

    def _open(self, given: str, shown: str) -> None:
        path = _path(shown)
        entry = self._entry(path)
        if "O_RDONLY" not in given:
            self._offsets[path, "append"] = "O_APPEND" in given
            self._offsets[path, "at"] = 0
        if "O_CREAT" in given and entry is None and "O_TMPFILE" not in given:
            self._put(path, _File(bytearray(), None))
        elif "O_TRUNC" in given and isinstance(entry, _File):
            entry.now.clear()

    def _write(self, name: str, given: str, result: int, path: str, entry: _File) -> None:
        data = b"".join(_bytes(text) for text in _TEXT.findall(given))[:result]
        assert len(data) == result, (name, path, len(data), result)
        if name == "pwrite64":
            place = int(given.rpartition(", ")[2])
        elif self._offsets.get((path, "append")):
            place = len(entry.now)
        else:
            place = self._offsets.get((path, "at"), 0)
            self._offsets[path, "at"] = place + result
        entry.write(self._when, place, data)

    def _fd(self, text: str) -> str:
        found = _FD.search(text)
        return _path(found[1]) if found else ""

    def _named(self, given: str) -> list[str]:
        """The paths in a call's arguments, absolute: those after a descriptor are beneath it."""
        paths, above = [], ""
        for part in re.finditer(rf"{_FD.pattern}|{_TEXT.pattern}", given):
            if part[2] is None:
                above = _path(part[1])
            else:
                paths.append(os.path.normpath(os.path.join(above, os.fsdecode(_bytes(part[2])))))
        return paths

    def _parts(self, path: str) -> list[str] | None:
        if path == self._root:
            return []
        return path[len(self._root) + 1 :].split("/") if path.startswith(f"{self._root}/") else None

    def _entry(self, path: str) -> _Entry:
        parts = self._parts(path)
        here: _Entry = self._top if parts is not None else None
        for part in parts or ():
            here = here.now.get(part) if isinstance(here, _Folder) else None
        return here

    def _put(self, path: str, entry: _Entry) -> None:
        above = self._entry(os.path.dirname(path))
        if isinstance(above, _Folder):
            above.put(self._when, os.path.basename(path), entry)
