"""What git leaves to chance in a push: the directories that name what it has flushed.

Imported by a hook that runs twice for every push, so it imports little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from registry_git.gitstore import disk


def make_durable(git_dir: Path, state: str, moves: str) -> None:
    """Returns when what git's reference-transaction hook tells about is on disk.

    Args:
        git_dir: the repository.
        state: `prepared`: objects are flushed, before references move; `committed`: the references are.
        moves: the lines of the hook's standard input, `<old> <new> <reference>`.

    Raises:
        Unavailable: the disk does not take it.
    """
    names = [line.split(" ", 2)[2] for line in moves.split("\n") if line.count(" ") >= 2]
    if state == "prepared":
        sync_objects(git_dir / "objects")
    elif state == "committed":
        sync_references(git_dir, [name for name in names if name.startswith("refs/") and ".." not in name])


def sync_objects(objects: Path) -> None:
    """Returns when the names of all stored objects are on disk: git itself flushes only what is in the files.

    Raises:
        Unavailable: the disk does not take them.
    """
    with disk.explained("make the pushed objects durable"):
        for folder in _object_directories(objects):
            with suppress(FileNotFoundError):
                disk.sync_directory(folder)


def sync_references(git_dir: Path, names: Sequence[str]) -> None:
    """Returns when the references, and the directories that name them, are on disk. Raises: Unavailable."""
    folders = {os.fspath(git_dir)}
    with disk.explained("make the moved references durable"):
        for name in names:
            path = git_dir / name
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    disk.sync(fd)
                finally:
                    os.close(fd)
            while len(path.parts) > len(git_dir.parts) + 1:
                path = path.parent
                folders.add(os.fspath(path))
        for folder in sorted(folders, key=len, reverse=True):
            with suppress(FileNotFoundError, NotADirectoryError):
                disk.sync_directory(folder)


def _object_directories(objects: Path) -> Iterator[str]:
    with os.scandir(objects) as entries:
        for entry in entries:
            if entry.name == "pack" or len(entry.name) == 2:
                yield entry.path
    yield os.fspath(objects)
