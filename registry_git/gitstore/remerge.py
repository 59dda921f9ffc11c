"""Merges made again with plain git, beside the repository: nothing is written into it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from registry_git.core.errors import Unavailable
from registry_git.gitstore.opening import listed
from registry_git.gitstore.porcelain import Porcelain
from registry_git.gitstore.repository import Repository

# Whole files are merged, never names: a file that looks like another one must not move to where that went.
_CONFIG = ("merge.renames=false", "merge.directoryRenames=false", "core.attributesFile=/dev/null")
_NOBODY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "registry-git"), ("EMAIL", "registry-git@localhost"), ("DATE", "@0 +0000"))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remerged:
    """What git makes of two commits: the id of the merged tree, and the paths that are in conflict."""

    tree: str
    conflicts: tuple[str, ...]


class Scratch:
    """`with Scratch(repository) as scratch:` makes merges that the repository can read until the block ends.

    Raises:
        Unavailable: git is older than 2.38, or the disk for temporary files is full.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._git = Porcelain(repository.git_dir)
        self._directory = tempfile.TemporaryDirectory(prefix="registry-git-")
        self._objects = Path(self._directory.name)

    def __enter__(self) -> Scratch:
        self._environment = {
            "GIT_OBJECT_DIRECTORY": os.fspath(self._objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": listed(
                [self._repository.objects_dir, *self._repository.borrowed],
            ),
        }
        self._repository.borrow(self._objects)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._repository.give_back(self._objects)
        self._directory.cleanup()

    def merge(self, ours: str, theirs: str) -> Remerged:
        """The three-way merge of two commits, as `git merge-tree --write-tree` makes it, without following renames."""
        status, out, err = self._git.run(
            "merge-tree",
            "--write-tree",
            "-z",
            "--name-only",
            "--no-messages",
            ours,
            theirs,
            extra=self._environment,
            config=_CONFIG,
            ok=range(256),
        )
        if status not in (0, 1):
            said = err.strip().split("\n")[0]
            raise Unavailable(f"git cannot merge {ours[:12]} and {theirs[:12]}: {said}", hint="Use git 2.38 or newer.")
        tree, *conflicts = out.split("\0")
        return Remerged(tree=tree.strip(), conflicts=tuple(dict.fromkeys(filter(None, conflicts))))

    def commit(self, tree: str, parents: Sequence[str]) -> str:
        """A commit by nobody that shows a tree; gone with the block."""
        flags = [part for parent in parents for part in ("-p", parent)]
        _, out, _ = self._git.run(
            "commit-tree", tree, *flags, "-m", "What a merge would make", extra={**self._environment, **_NOBODY}
        )
        return out.strip()
