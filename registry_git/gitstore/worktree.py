"""The checkout of a registry: it follows `main` where it is clean, and is left alone where edits are in the way."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pygit2

from registry_git.core.errors import Conflict
from registry_git.gitstore import disk
from registry_git.gitstore.disk import explained
from registry_git.gitstore.lock import OWN_DIRECTORY
from registry_git.gitstore.reflock import LockFile
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.trees import EMPTY_TREE, FileChange, ReadTree, compare_trees

_INDEX = "index"
_NOTE = "worktree"  # in our own directory, while `main` moves: what the work tree shows, and what it is to show
_MOVE = re.compile(r"([0-9a-f]{40}) ([0-9a-f]{40})\n")


class WorkTree:
    """The work tree of a repository whose HEAD is on `main`."""

    def __init__(self, repository: Repository, directory: Path) -> None:
        self._repository = repository
        self._directory = directory
        self._own = repository.git_dir / OWN_DIRECTORY

    @classmethod
    def of(cls, repository: Repository) -> WorkTree | None:
        """The work tree that shows `main`; None in a bare repository, or when another branch is checked out."""
        if repository.workdir is None or repository.git.lookup_reference("HEAD").target != MAIN:
            return None
        return cls(repository, repository.workdir)

    @contextmanager
    def following(self, before: str, after: str, *, read: ReadTree) -> Iterator[None]:
        """Inside it `main` moves from the tree `before` to the tree `after`; then the files and git's index follow.

        Git's index is locked all the while, so nothing can be staged in between.

        Raises:
            Conflict: edits are in the way; nothing was touched. Locked: git works on the index.
            Unavailable: the files cannot be written.
        """
        changes = list(compare_trees(before, after, read=read))
        with LockFile(os.fspath(self._repository.git_dir), _INDEX) as lock:
            edited = self._edited(changes)
            if edited:
                more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
                raise Conflict(
                    f"{edited[0]}{more} has edits in the work tree that are not committed, so nothing was changed.",
                    hint="Commit them (git commit), put them aside (git stash), or take them back (git restore).",
                )
            with explained("update the work tree"):
                disk.make_directory(self._own, like=self._repository.git_dir)
                (self._own / _NOTE).write_text(f"{before} {after}\n", encoding="ascii")
            yield
            self._show(changes, lock)
            disk.remove_quietly(self._own / _NOTE)

    def catch_up(self) -> None:
        """Shows what a writer had no time to show, because it was killed after `main` had moved.

        Files that were edited since are left as they are. Raises: Locked, Unavailable.
        """
        note = self._own / _NOTE
        try:
            found = _MOVE.fullmatch(note.read_text(encoding="ascii", errors="replace"))
        except FileNotFoundError:
            return
        main = self._repository.ref(MAIN)
        if found and main:
            read = self._repository.read
            with LockFile(os.fspath(self._repository.git_dir), _INDEX) as lock:
                changes = list(compare_trees(found[1], self._repository.tree_of(main), read=read))
                edited = set(self._edited(changes))
                self._show([change for change in changes if change.path not in edited], lock)
        disk.remove_quietly(note)

    def _edited(self, changes: Sequence[FileChange]) -> list[str]:
        """The files among those that are to change which are not as `main` has them, in the index or on disk."""
        index = self._repository.git.index
        index.read(True)
        edited = []
        for change in changes:
            staged = str(index[change.path].id) if change.path in index else None
            # what is already as the change wants it is not in the way: a retry after a crash finds it so
            if {staged, self._blob_on_disk(change.path)} - {change.before, change.after}:
                edited.append(change.path)
        return edited

    def _show(self, changes: Sequence[FileChange], lock: LockFile) -> None:
        """Writes the files as the changes want them, each at once or not at all, and git's index with them."""
        draft = self._own / f"{_NOTE}-{os.getpid()}"
        with explained("update the work tree"):
            try:
                with suppress(FileNotFoundError):
                    draft.write_bytes((self._repository.git_dir / _INDEX).read_bytes())
                index = pygit2.Index(os.fspath(draft))
                for change in changes:
                    path = self._directory / change.path
                    if change.after is None:
                        path.unlink(missing_ok=True)
                        self._remove_empty(path.parent)
                        if change.path in index:
                            index.remove(change.path)
                    else:
                        path.parent.mkdir(parents=True, exist_ok=True)
                        content = draft.with_name(f"{draft.name}-file")
                        content.write_bytes(self._repository.read(change.after))
                        content.replace(path)
                        oid = pygit2.Oid(hex=change.after)
                        index.add(pygit2.IndexEntry(change.path, oid, pygit2.enums.FileMode.BLOB))
                index.write()
                disk.write_all(lock.fd, draft.read_bytes())
                lock.commit()
            finally:
                disk.remove_quietly(draft)

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


@contextmanager
def followed(repository: Repository, before: str | None, after: str, *, read: ReadTree) -> Iterator[None]:
    """Inside it `main` moves between two trees (`before` None: from nothing); the work tree, if there is one, follows.

    Raises:
        As `WorkTree.following`.
    """
    worktree = WorkTree.of(repository)
    with worktree.following(before or EMPTY_TREE, after, read=read) if worktree is not None else nullcontext():
        yield
