"""A file of secrets: for its owner alone, written whole or not at all, and looked at again whenever it changed."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from registry_git.core.errors import Corrupt, Invalid, Unavailable
from registry_git.gitstore import disk

T = TypeVar("T")


class PrivateFile(Generic[T]):
    """The value that a file holds. Safe to share between threads and processes."""

    def __init__(
        self, path: Path, *, what: str, absent: T, parse: Callable[[str], T], write: Callable[[T], str]
    ) -> None:
        """`what` it is (`file of accounts`), the value where there is no file, and how the value is written."""
        self.path = path
        self._what = what
        self._absent = absent
        self._parse = parse
        self._write = write
        self._read: tuple[object, T] = (None, absent)

    def value(self) -> T:
        """The value as the file holds it now.

        Raises:
            Corrupt: it is no such file; Unavailable: others may read it, or we may not.
        """
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return self._absent
        except OSError as problem:
            raise Unavailable(f"{self.path} cannot be read: {problem.strerror}.") from None
        seen = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
        known, value = self._read
        if known != seen:
            if status.st_mode & 0o077:
                raise Unavailable(f"Others may read {self.path}.", hint=f"Make it yours alone: chmod 600 {self.path}")
            value = self._parsed()
            self._read = (seen, value)
        return value

    def change(self, change: Callable[[T], T]) -> None:
        """Replaces the value by what `change` makes of it; nobody else changes it meanwhile. Raises: as `value`."""
        try:
            make_private(self.path.parent)
            with self._locked():
                text = self._write(change(self.value()))
                draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
                fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(fd, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    disk.sync(fd)
                os.replace(draft, self.path)
                disk.sync_directory(self.path.parent)
        except OSError as problem:
            raise Unavailable(f"{self.path} cannot be written: {problem.strerror}.") from None

    def _parsed(self) -> T:
        try:
            return self._parse(self.path.read_text(encoding="utf-8"))
        except OSError as problem:
            raise Unavailable(f"{self.path} cannot be read: {problem.strerror}.") from None
        except (ValueError, KeyError, TypeError, Invalid) as problem:
            raise Corrupt(
                f"It is no {self._what}: {problem}.", path=str(self.path), hint="Put back a copy of it."
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def make_private(directory: Path) -> None:
    """Makes a directory, and those above it that are missing, for their owner alone. Raises: OSError."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(exist_ok=True, mode=0o700)
