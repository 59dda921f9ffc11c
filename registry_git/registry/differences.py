"""The entities that differ between two commits, as those see them who follow the history of `main`."""

from __future__ import annotations

from collections.abc import Callable, Container

from registry_git.core.errors import Corrupt
from registry_git.core.events import Difference
from registry_git.core.model import Entity, Key
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import EMPTY_TREE, compare_trees
from registry_git.manifests.layout import key_of


def differences_between(
    repository: Repository, before: str | None, after: str, wanted: Container[object], warn: Callable[[str], None]
) -> list[Difference]:
    """The entities, of those whose keys are `wanted`, that differ at `after` from `before` (None: where nothing was).

    `warn` is told of those that cannot be read at `after`.
    """
    commit = repository.commit(after)
    new = GitSnapshot(repository, after)
    old = None if before is None else GitSnapshot(repository, before)
    was: dict[Key, Entity | None] = {}
    now: dict[Key, Entity | None] = {}
    unreadable: dict[Key, str] = {}
    for file in compare_trees(old.tree if old else EMPTY_TREE, commit.tree, read=repository.read):
        key = key_of(file.path, old.layout) if old and file.before else None
        if old and file.before and key in wanted and key is not None:
            try:
                was[key] = old.read(file.path, key, file.mode_before, file.before)
            except Corrupt:
                was[key] = None  # it was told of when it became so
        key = key_of(file.path, new.layout) if file.after else None
        if file.after and key in wanted and key is not None:
            try:
                now[key] = new.read(file.path, key, file.mode, file.after)
            except Corrupt as problem:
                unreadable[key] = problem.message
                warn(f"{file.path} cannot be read at {after[:12]}, and is passed over: {problem.message}")
    return [
        Difference(key=key, before=was.get(key), after=now.get(key), unreadable=unreadable.get(key, ""))
        for key in dict.fromkeys([*was, *now, *unreadable])
    ]
