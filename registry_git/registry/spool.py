"""Uses of versions, noted by those who read and not recorded yet: files beside the repository, appended to.

A read notes a use without waiting for anybody: it looks into one small file, and adds a line where something is new.
There is one file for each consumer and day. Only those of past days are ever removed, after they were recorded and when
nobody writes to them any more, so that no line is lost to a reader and a recorder that meet.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from registry_git.core.errors import Invalid
from registry_git.core.names import ConsumerName, ModelName, decode, encode
from registry_git.core.observations import Use, day_of
from registry_git.core.times import Timestamp
from registry_git.gitstore import disk
from registry_git.gitstore.lock import OWN_DIRECTORY

_KEPT_DAYS = 2  # the newest two: a line may still be added by who looked at the clock a moment before midnight
_LINE_MAX = 4_000  # bytes; so much is appended at once or not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Uses that were noted, by consumer, and how far each file was read for that."""

    uses: dict[ConsumerName, list[Use]]
    read: dict[str, int]


class Spool:
    """What was noted about the repository at `git_dir`."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._root = git_dir / OWN_DIRECTORY / "observed"

    def note(self, consumer: ConsumerName, use: Use) -> bool:
        """Notes a use; False when this version was noted last, of this model by this consumer today.

        Raises:
            OSError: the disk does not take it.
        """
        day = str(day_of(use.last))
        path = self._root / day / encode(consumer)
        line = json.dumps([use.model, use.version, use.asked, int(use.last)]).encode() + b"\n"
        try:
            known = path.read_bytes()
        except FileNotFoundError:
            known = b""
        for other in reversed(known.splitlines()):
            found = _parsed(other)
            if found is not None and found.model == use.model:
                if found.version == use.version:
                    return False
                break
        for folder in (self._root.parent, self._root, self._root / day):
            disk.make_directory(folder, like=self._git_dir)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._share(fd)
            if len(line) <= _LINE_MAX:
                # after a line that a full disk cut short, so that this one is not lost with it
                os.write(fd, line if known.endswith(b"\n") or not known else b"\n" + line)
        finally:
            os.close(fd)
        return True

    @contextmanager
    def held(self, *, wait: bool) -> Iterator[bool]:
        """Inside it nobody else records what was noted; False, without waiting, when somebody does already.

        Raises:
            OSError: the directory cannot be written.
        """
        for folder in (self._root.parent, self._root):
            disk.make_directory(folder, like=self._git_dir)
        fd = os.open(self._root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._share(fd)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(fd)

    def waiting(self) -> Noted:
        """What was noted and not recorded yet. Raises: OSError."""
        recorded = self._recorded()
        uses: dict[ConsumerName, list[Use]] = {}
        read: dict[str, int] = {}
        for name, path in self._files():
            size = path.stat().st_size
            if recorded.get(name) == size:
                continue
            data = path.read_bytes()
            read[name] = len(data)
            with suppress(Invalid):  # a file of that name is nobody's
                found = [use for use in map(_parsed, data.splitlines()) if use is not None]
                uses.setdefault(ConsumerName.parse(decode(path.name)), []).extend(found)
        return Noted(uses={consumer: found for consumer, found in uses.items() if found}, read=read)

    def done(self, noted: Noted) -> None:
        """Remembers that this was recorded, and removes what nobody adds to any more. Raises: OSError."""
        recorded = {**self._recorded(), **noted.read}
        files = self._files()
        oldest = max((_day(name) for name, _ in files), default=0) - _KEPT_DAYS
        for name, path in files:
            if _day(name) <= oldest and recorded.get(name) == path.stat().st_size:
                disk.remove_quietly(path)
                with suppress(OSError):
                    path.parent.rmdir()
        there = {name for name, _ in self._files()}
        draft = self._root / f"recorded.{os.getpid()}"
        draft.write_text(json.dumps({name: size for name, size in recorded.items() if name in there}))
        draft.replace(self._root / "recorded.json")

    def _share(self, fd: int) -> None:
        """Whoever may write to the repository may write to the file, too."""
        with suppress(PermissionError):
            os.fchmod(fd, os.stat(self._git_dir).st_mode & 0o666)

    def _files(self) -> list[tuple[str, Path]]:
        found = []
        with suppress(FileNotFoundError):
            for folder in sorted(self._root.iterdir()):
                if folder.name.isdigit():
                    found += [(f"{folder.name}/{path.name}", path) for path in sorted(folder.iterdir())]
        return found

    def _recorded(self) -> dict[str, int]:
        """How far each file is recorded. Nothing is lost when that is forgotten: to record twice changes nothing."""
        try:
            value = json.loads((self._root / "recorded.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(name): size for name, size in value.items()} if isinstance(value, dict) else {}


def _day(name: str) -> int:
    return int(name.partition("/")[0])


def _parsed(line: bytes) -> Use | None:
    """The use in a line; None for a line that a full disk cut short."""
    try:
        model, version, asked, at = json.loads(line)
        when = Timestamp.of(int(at))
        return Use(model=ModelName(model), version=int(version), asked=str(asked), first=when, last=when)
    except (ValueError, TypeError, Invalid):
        return None
