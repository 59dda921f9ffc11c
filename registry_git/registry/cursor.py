"""How far somebody who follows a registry has come: a small file, replaced as a whole, held by one process."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_git.core.errors import Conflict, Corrupt
from registry_git.core.names import encode, parse_name
from registry_git.gitstore import disk

_OID = re.compile(r"[0-9a-f]{40}")
_NAME_MAX = 200  # bytes; with its suffixes it must still be a file name


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """All changes up to `commit` are delivered (None: none at all).

    `moving_to` is the commit that is being delivered, of which the pointers `delivered` are done; else empty.
    """

    commit: str | None
    moving_to: str = ""
    delivered: frozenset[str] = field(default_factory=frozenset)


class CursorFile:
    """The cursor of one name. What `save` returned from survives a power cut."""

    def __init__(self, directory: Path, name: str) -> None:
        """`directory` is made when it is needed. Raises: Invalid: no name."""
        self.name = parse_name("name of a watch", name, at_most=_NAME_MAX)
        self._directory = directory
        self._path = directory / f"{encode(self.name)}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside it, no other process has this cursor.

        Raises:
            Conflict: one has it now; Unavailable: the directory cannot be written.
        """
        with disk.explained(f"keep the place of the watch in {self._directory}"):
            self._directory.mkdir(parents=True, exist_ok=True)
            fd = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    f"A watch named {self.name!r} is running already.",
                    hint="Each name keeps one place in the history: choose another with --name.",
                ) from None
            yield
        finally:
            os.close(fd)

    def load(self) -> Cursor | None:
        """The cursor as it was saved last; None when nothing is known under the name. Raises: Corrupt, Unavailable."""
        with disk.explained(f"read {self._path}"):
            try:
                text = self._path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return None
            except UnicodeDecodeError:
                raise self._corrupt() from None
        try:
            value: Any = json.loads(text)
            commit, moving_to, delivered = value["commit"], value["moving_to"], value["delivered"]
        except (ValueError, TypeError, KeyError):
            raise self._corrupt() from None
        whole = commit is None or (isinstance(commit, str) and _OID.fullmatch(commit))
        if not whole or not isinstance(moving_to, str) or not isinstance(delivered, list):
            raise self._corrupt()
        return Cursor(commit=commit, moving_to=moving_to, delivered=frozenset(map(str, delivered)))

    def save(self, cursor: Cursor) -> None:
        """Replaces what was saved. Raises: Unavailable; then what was saved before stays."""
        value = {"commit": cursor.commit, "moving_to": cursor.moving_to, "delivered": sorted(cursor.delivered)}
        draft = f"{self._path}.{os.getpid()}"
        with disk.explained(f"keep the place of the watch in {self._directory}"):
            try:
                fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
                try:
                    disk.write_all(fd, json.dumps(value).encode() + b"\n")
                    disk.sync(fd)
                finally:
                    os.close(fd)
                os.replace(draft, self._path)
                disk.sync_directory(self._directory)
            except BaseException:
                disk.remove_quietly(draft)
                raise

    def forget(self) -> None:
        """Removes what was saved. Raises: Unavailable."""
        with disk.explained(f"remove {self._path}"), suppress(FileNotFoundError):
            self._path.unlink()

    def _corrupt(self) -> Corrupt:
        return Corrupt(
            "This is no place of a watch.",
            path=str(self._path),
            hint="Begin anew with --reset, and --since COMMIT for what may have been missed.",
        )
