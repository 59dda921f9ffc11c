"""Three-way merges by manifest: whole files, never lines.

What the branch changed since its base must still be on `main` as the base had it; else the two aimed at one slot. Git's
own merge of such trees gives the same result, so anyone can recompute every merge of a registry with plain git.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry_git.core.errors import Conflict
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.trees import compare_trees


class Stale(Conflict):
    """`main` has changed what the request aims at; `paths` are the files in question."""

    def __init__(self, message: str, *, hint: str, paths: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.paths = paths


def changed_files(repository: Repository, before: str, after: str) -> dict[str, str | None]:
    """The files in which the tree of commit `after` differs from that of `before`: path to blob id, None when gone."""
    changes = compare_trees(repository.tree_of(before), repository.tree_of(after), read=repository.read)
    return {change.path: change.after for change in changes}


def overtaken(repository: Repository, *, base: str, main: str, edits: Mapping[str, str | None]) -> tuple[str, ...]:
    """The paths among `edits` that `main` holds otherwise than `base` did, and otherwise than the edits want them."""
    base_tree, main_tree = repository.tree_of(base), repository.tree_of(main)
    found = []
    for path, wanted in edits.items():
        then, now = repository.entry(base_tree, path), repository.entry(main_tree, path)
        if then != now and (now[1] if now else None) != wanted:
            found.append(path)
    return tuple(found)
