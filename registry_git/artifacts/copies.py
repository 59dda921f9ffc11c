"""Writes the files of a tree: into a directory of this machine, or through a driver."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from registry_git.artifacts.location import writing
from registry_git.artifacts.tree import File
from registry_git.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy of one file while it is written."""

    stream: Any
    name: str

    def write(self, block: bytes) -> None:
        """Adds a block. Raises: Unavailable."""
        with writing(self.name):
            self.stream.write(block)


Writer = Callable[[File], AbstractContextManager[Copy]]


@contextmanager
def unfinished(parent: Path, name: str) -> Iterator[Path]:
    """A new empty directory within a hidden one in `parent`; whatever is left of it at the end is removed.

    Missing parents are made, and taken away again when nothing came of it.

    Raises:
        Unavailable: it cannot be made.
    """
    made: list[Path] = []
    hidden: Path | None = None
    try:
        with writing(str(parent)):
            for missing in reversed([path for path in (parent, *parent.parents) if not path.exists()]):
                missing.mkdir(exist_ok=True)
                made.append(missing)
            hidden = Path(tempfile.mkdtemp(prefix=f".{name[:40]}-", suffix=".partial", dir=parent))
            # mkdtemp's own directory is closed to everybody else; the one within gets the usual permissions
            (hidden / "tree").mkdir()
        yield hidden / "tree"
    finally:
        if hidden is not None:
            shutil.rmtree(hidden, ignore_errors=True)
        for path in reversed(made):
            try:
                path.rmdir()
            except OSError:
                break  # it is in use by now


def local_writer(root: Path, *, durable: bool) -> Writer:
    """Opens the copy of each file below `root`; with `durable`, its bytes are on the disk when it is closed."""
    base = os.fsencode(root)

    @contextmanager
    def copy_of(file: File) -> Iterator[Copy]:
        path = os.path.join(base, file.name)
        shown = os.fsdecode(file.name)
        with writing(shown):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            stream: BinaryIO = open(path, "xb")  # noqa: SIM115 - closed below
        with _closing(stream, shown):
            yield Copy(stream, shown)
            if durable:
                with writing(shown):
                    stream.flush()
                    os.fsync(stream.fileno())

    return copy_of


def remote_writer(files: Any, root: str) -> Writer:
    """Opens the copy of each file below the path `root` of an fsspec file system."""

    @contextmanager
    def copy_of(file: File) -> Iterator[Copy]:
        shown = os.fsdecode(file.name)
        try:
            path = f"{root}/{file.name.decode('utf-8')}"
        except UnicodeDecodeError:
            raise Invalid(f"The name {shown!r} is not UTF-8.", hint="Rename the file.") from None
        with writing(shown):
            files.makedirs(path.rpartition("/")[0], exist_ok=True)
            stream = files.open(path, "wb")
        with _closing(stream, shown):
            yield Copy(stream, shown)

    return copy_of


@contextmanager
def _closing(stream: Any, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(Exception):  # what went wrong first is what the caller has to hear
            stream.close()
        raise
    with writing(name):
        stream.close()  # drivers send the last bytes only now


def sync_directories(root: Path) -> None:
    """Brings the names of all files below `root` to the disk. Raises: Unavailable."""
    for directory, _names, _files in os.walk(root, topdown=False):
        sync_directory(Path(directory))


def sync_directory(directory: Path) -> None:
    """Brings the names in one directory to the disk. Raises: Unavailable."""
    with writing(str(directory)):
        number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        finally:
            os.close(number)
