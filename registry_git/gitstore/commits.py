"""Commits as the registry reads them: out of libgit2, or out of the bytes that were written."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pygit2

from registry_git.core.names import Actor

_LAST_SECOND = 253402300799  # the end of the year 9999
_TREE = slice(5, 45)  # of a commit's bytes
_COMMITTED = re.compile(rb"\ncommitter [^\n]*> ([0-9]+) [-+][0-9]{4}\n")  # the first one: of the head


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as the registry reads it. `at` is the committer's time in seconds since 1970."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Actor
    committer: Actor
    at: int
    message: str


def commit_of(found: pygit2.Commit) -> Commit:
    """What libgit2 read, as plain values."""
    return Commit(
        id=str(found.id),
        tree=str(found.tree_id),
        parents=tuple(map(str, found.parent_ids)),
        author=_actor(found.author),
        committer=_actor(found.committer),
        at=readable_seconds(found.commit_time),
        message=found.message,
    )


def tree_in(commit: bytes) -> str:
    """The tree of a commit, by its bytes."""
    return commit[_TREE].decode("ascii")


def time_in(commit: bytes) -> int | None:
    """The committer's time of a commit, by its bytes, in seconds since 1970; None where it is not as git writes it."""
    found = _COMMITTED.search(commit)
    return None if found is None else readable_seconds(int(found[1]))


def readable_seconds(seconds: int) -> int:
    """A commit's time, within the years that a date can write: git itself takes any number."""
    return min(max(seconds, 0), _LAST_SECOND)


def _actor(signature: pygit2.Signature) -> Actor:
    """A commit's author as an actor. Git allows what `Actor.parse` refuses (no name, no email): kept, not judged."""
    name = " ".join(signature.name.replace("<", "").replace(">", "").split()) or "unknown"
    email = "".join(signature.email.replace("<", "").replace(">", "").split()) or "unknown"
    return Actor(f"{name} <{email}>")
