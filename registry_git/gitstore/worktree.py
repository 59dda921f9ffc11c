"""The checkout of a registry: it follows `main` where it is clean, and is left alone where edits are in the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pygit2

from registry_git.core.errors import Conflict
from registry_git.gitstore.disk import explained
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.trees import FileChange


class WorkTree:
    """The work tree of a repository whose HEAD is on `main`."""

    def __init__(self, repository: Repository, directory: Path) -> None:
        self._repository = repository
        self._directory = directory

    @classmethod
    def of(cls, repository: Repository) -> WorkTree | None:
        """The work tree that shows `main`; None in a bare repository, or when another branch is checked out."""
        if repository.workdir is None or repository.git.lookup_reference("HEAD").target != MAIN:
            return None
        return cls(repository, repository.workdir)

    def check(self, changes: Sequence[FileChange]) -> None:
        """Returns when every file that is to change is as `main` has it, in the index and on disk.

        Raises:
            Conflict: edits are in the way; nothing was touched.
        """
        index = self._index()
        dirty = []
        for change in changes:
            staged = str(index[change.path].id) if change.path in index else None
            on_disk = self._blob_on_disk(change.path)
            # what is already as the change wants it is not in the way: a retry after a crash finds it so
            if {staged, on_disk} - {change.before, change.after}:
                dirty.append(change.path)
        if dirty:
            more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
            raise Conflict(
                f"{dirty[0]}{more} has edits in the work tree that are not committed, so nothing was changed.",
                hint="Commit them (git commit), put them aside (git stash), or take them back (git restore).",
            )

    def follow(self, changes: Sequence[FileChange]) -> None:
        """Writes the files as `main` has them now, and the index with them. Raises: Unavailable."""
        index = self._index()
        with explained("update the work tree"):
            for change in changes:
                path = self._directory / change.path
                if change.after is None:
                    path.unlink(missing_ok=True)
                    self._remove_empty(path.parent)
                    if change.path in index:
                        index.remove(change.path)
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(self._repository.read(change.after))
                    index.add(pygit2.IndexEntry(change.path, pygit2.Oid(hex=change.after), pygit2.enums.FileMode.BLOB))
            index.write()

    def _index(self) -> pygit2.Index:
        index: pygit2.Index = self._repository.git.index
        index.read(True)
        return index

    def _blob_on_disk(self, path: str) -> str | None:
        file = self._directory / path
        if not file.is_file() or file.is_symlink():
            return "something else" if os.path.lexists(file) else None
        return str(pygit2.hash(file.read_bytes()))

    def _remove_empty(self, directory: Path) -> None:
        with suppress(OSError):
            while directory != self._directory:
                directory.rmdir()
                directory = directory.parent
