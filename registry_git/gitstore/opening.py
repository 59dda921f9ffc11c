"""Opening a repository with libgit2, what to say where that cannot be, and how git is told of further objects."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pygit2

from registry_git.core.errors import NotFound, Unavailable
from registry_git.gitstore.journal_state import State, state_of


def opened(path: Path) -> pygit2.Repository:
    """The repository at a path, with all that was acknowledged before a power cut. The caller holds no writer's lock.

    Raises:
        As `opened_again`.
    """
    found = opened_again(path)
    git_dir = Path(found.path)
    state = state_of(git_dir)
    if state is not State.FINE:
        from registry_git.gitstore.recovery import put_in_order  # slow to import, and seldom needed

        put_in_order(git_dir, state)
    return found


def opened_again(path: Path) -> pygit2.Repository:
    """The repository at a path, whose journal is left alone: the caller may be writing.

    Raises:
        NotFound: there is none.
        Unavailable: it belongs to another user.
    """
    try:
        return pygit2.Repository(str(path))
    except pygit2.GitError as problem:
        text = str(problem)
        if "not owned" in text:
            raise Unavailable(
                f"{path} belongs to another user, so git does not trust it.",
                hint=f"If you do: git config --global --add safe.directory {path}",
            ) from None
        raise NotFound(f"There is no registry at {path}.", hint=f"Create one with: registry-git init {path}") from None


def listed(directories: Sequence[Path]) -> str:
    """Directories as git takes a list of them in its environment."""
    return ":".join(json.dumps(text) if ":" in (text := os.fspath(one)) else text for one in directories)
