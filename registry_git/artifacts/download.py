"""Brings the files of a version here, and proves that they are the ones that were registered."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

from registry_git.artifacts.copies import local_writer, unfinished
from registry_git.artifacts.digest import TreeDigest, read_tree
from registry_git.artifacts.location import unreadable, writing
from registry_git.artifacts.tree import open_tree
from registry_git.core.errors import AlreadyExists, Corrupt, Invalid

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def download(
    source: str, destination: Path, *, expected: str | None, progress: Callable[[int], None] | None = None
) -> TreeDigest:
    """Copies a tree to a directory that then holds exactly it; on any error nothing is left behind.

    Args:
        source: a path, a `file://` URL, or a URL of an installed fsspec driver. One file becomes a directory of it.
        destination: where the tree goes: a directory that does not exist, or is empty. Missing parents are made.
        expected: the digest that was registered; None only when none was, and then nothing is verified.
        progress: told the number of bytes after each block of at most 1 MiB.

    Raises:
        Corrupt: the files are not the registered ones; the message names both digests.
        AlreadyExists: something is at the destination.
        NotFound: nothing is at the source.
        Invalid: the source names no files, or holds names or links that leave it.
        Unavailable: no driver, or it cannot be read or written now.
    """
    if expected is not None and not _DIGEST.fullmatch(expected):
        raise Invalid(f"{expected!r} is no digest.", hint="A digest is 'sha256:' and 64 hexadecimal digits.")
    destination = Path(os.path.abspath(destination))
    _refuse_taken(destination)
    tree = open_tree(source)
    if tree is None:
        raise unreadable(source)
    with unfinished(destination.parent, destination.name) as partial:
        found = read_tree(tree, progress=progress, copy_to=local_writer(partial, durable=False)).digest
        if expected is not None and found.digest != expected:
            raise Corrupt(
                f"The files at {source!r} are not the registered ones: their digest is {found.digest}, registered is"
                f" {expected}.",
                hint="Somebody changed them after the registration; nothing was downloaded.",
            )
        _put_in_place(partial, destination)
    return found


def _refuse_taken(destination: Path) -> None:
    with writing(str(destination)):
        if destination.is_symlink() or (
            destination.exists() and (not destination.is_dir() or any(destination.iterdir()))
        ):
            raise _taken(destination)


def _taken(destination: Path) -> AlreadyExists:
    return AlreadyExists(f"Something is at {str(destination)!r}.", hint="Name a directory that does not exist.")


def _put_in_place(partial: Path, destination: Path) -> None:
    with writing(str(destination)):
        try:
            os.rename(partial, destination)
        except OSError as problem:
            if problem.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise _taken(destination) from None
            raise
