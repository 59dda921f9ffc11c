"""Commits as people and CI jobs name them: an id, a branch, a full reference. No revision expressions."""

from __future__ import annotations

import re

import pygit2

from registry_git.core.errors import Invalid, NotFound, Unavailable
from registry_git.gitstore.repository import Repository

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+%/-]*")
_PREFIXES = ("", "refs/", "refs/heads/", "refs/remotes/", "refs/remotes/origin/")
_HEX = re.compile(r"[0-9a-f]{7,40}")


def find_revision(repository: Repository, text: str) -> str:
    """The commit that `text` names: `HEAD`, 7 to 40 hex digits, `main`, `origin/main`, `refs/pull/1/merge`.

    A branch that is not here is that of `origin`, as a clone shows it.

    Raises:
        Invalid: a revision expression (`HEAD~1`, `@{-1}`, `:/text`), or the name of something else than a commit.
        NotFound: there is no such commit here.
    """
    if not _PLAIN.fullmatch(text) or ".." in text:
        raise Invalid(f"{text!r} names no commit.", hint="Give a branch, a full reference, or 7 to 40 hex digits.")
    git = repository.git
    found = None
    if text == "HEAD":
        found = None if git.head_is_unborn else git.head.target
    else:
        for prefix in _PREFIXES:
            name = prefix + text
            if name.startswith("refs/") and name in git.references:
                found = git.references[name].resolve().target
                break
        if found is None and _HEX.fullmatch(text):
            try:
                found = git[text].id
            except (KeyError, ValueError):
                found = None
    if found is None:
        hint = f"Fetch it with: git fetch origin {_spec(text)}".strip()
        raise NotFound(f"There is no commit {text} here.", hint=hint)
    try:
        return str(git[found].peel(pygit2.Commit).id)
    except (pygit2.GitError, pygit2.InvalidSpecError, KeyError, ValueError):
        raise Invalid(f"{text} is not a commit.", hint="Name a commit or a branch.") from None


def _spec(text: str) -> str:
    """What git is to fetch so that `text` is there: a clone may follow some branches alone."""
    if _HEX.fullmatch(text) or text == "HEAD":
        return ""
    if text.startswith("refs/"):
        return f"{text}:{text}"
    branch = text.removeprefix("origin/")
    return f"{branch}:{'refs/remotes/origin/' if branch != text else ''}{branch}"


def refuse_shallow(repository: Repository) -> None:
    """Returns when the whole history is here. Raises: Unavailable, with the command that fetches it."""
    if repository.git.is_shallow:
        raise Unavailable(
            "This clone is shallow, so what the branch started from cannot be told.",
            hint="Fetch the rest with: git fetch --unshallow origin; in CI, set the depth of the checkout to 0.",
        )
