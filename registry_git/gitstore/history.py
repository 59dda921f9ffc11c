"""The first-parent line of `main`: its commits and the files that each of them changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from registry_git.core.errors import Corrupt
from registry_git.core.names import Actor
from registry_git.gitstore.commits import Commit, readable_seconds
from registry_git.gitstore.porcelain import GitFailed, Porcelain
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.trees import EMPTY_TREE, FileChange, compare_trees

_NEAR = 64  # commits that are compared here; a longer stretch is streamed from one `git log`
_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%ct%x00%B%x00"
_NONE = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A commit on `main` and what it changed against its first parent, by path."""

    commit: Commit
    changes: tuple[FileChange, ...]


class Sideways(Exception):
    """A commit is not on the line: somebody merged `main` into a branch, and moved `main` to that branch."""


class Rewritten(Corrupt):
    """History was rewritten: what had been seen is no longer a part of it."""

    def __init__(self, seen: str, now: str) -> None:
        super().__init__(
            f"The history of main was rewritten: {now[:12]} does not continue {seen[:12]}, which was seen here.",
            hint="Find out who moved main, and what is missing: git reflog main",
        )


def steps(repository: Repository, *, since: str | None, until: str) -> Iterator[Step]:
    """The commits after `since` (None: from the first) up to `until`, oldest first.

    Raises:
        Sideways: `since` is not on the first-parent line of `until`.
    """
    near: list[Commit] = []
    at: str | None = until
    while at is not None and at != since and len(near) <= _NEAR:
        commit = repository.commit(at)
        near.append(commit)
        at = commit.parents[0] if commit.parents else None
    if at == since:
        for commit in reversed(near):
            before = repository.tree_of(commit.parents[0]) if commit.parents else EMPTY_TREE
            changes = tuple(compare_trees(before, commit.tree, read=repository.read))
            yield Step(commit=commit, changes=changes)
    elif at is None:
        raise Sideways(since)
    else:
        line = _streamed(repository, since, until)
        if since is not None:
            oldest = next(line)
            if oldest.commit.parents[:1] != (since,):
                raise Sideways(since)
            yield oldest
        yield from line


def first_parents(repository: Repository, until: str) -> Iterator[Commit]:
    """The commits from `until` back to the first, along first parents."""
    at: str | None = until
    while at is not None:
        commit = repository.commit(at)
        yield commit
        at = commit.parents[0] if commit.parents else None


def moves(repository: Repository, *, since: str | None, until: str) -> list[tuple[str | None, str]]:
    """The moves of `main` after `since` (None: from its beginning) up to `until`, oldest first, as (from, to).

    They are those of the first-parent line. Where `since` is no longer on that line and still a part of the history
    (somebody merged `main` into a branch, and moved `main` to it), the first move leads to the commit that took it in.

    Raises:
        Rewritten: `since` is no part of the history of `until`.
    """
    line: list[str] = []
    for commit in first_parents(repository, until):
        if commit.id == since:
            break
        line.append(commit.id)
    else:
        if since is not None:
            if not repository.is_ancestor(since, until):
                raise Rewritten(since, until)
            # along the line, once a commit contains `since` all later ones do
            first = bisect_left(range(len(line)), True, key=lambda n: not repository.is_ancestor(since, line[n]))
            line = line[:first]
    line.reverse()
    return list(zip([since, *line], line, strict=False))


def _streamed(repository: Repository, since: str | None, until: str) -> Iterator[Step]:
    stretch = until if since is None else f"{since}..{until}"
    blocks = Porcelain(repository.git_dir).stream(
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--reverse",
        "--root",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-show-signature",
        "--encoding=UTF-8",
        f"--format=tformat:{_FORMAT}",
        stretch,
        "--",
    )
    try:
        yield from _parsed(_tokens(blocks))
    except GitFailed as problem:
        raise Corrupt(f"The history cannot be read: {problem.message}", hint="See: git fsck --full") from None


def _tokens(blocks: Iterator[bytes]) -> Iterator[bytes]:
    waiting = b""
    for block in blocks:
        *whole, waiting = (waiting + block).split(b"\0")
        yield from whole
    if waiting:
        yield waiting


def _parsed(tokens: Iterator[bytes]) -> Iterator[Step]:
    """Steps out of tokens between NULs, the one byte that neither a message nor a name can hold."""
    oid = next(tokens, None)
    while oid is not None:
        head = [next(tokens, b"") for _ in range(8)]
        changes: list[FileChange] = []
        following = next(tokens, None)
        # git ends the message by a NUL of its own, and puts a line feed before the first change
        while following is not None and (raw := following.lstrip(b"\n"))[:1] in (b"", b":"):
            if raw:
                changes.append(_change(raw, next(tokens, b"")))
            following = next(tokens, None)
        yield Step(
            commit=_commit(oid.decode(), [part.decode("utf-8", "replace") for part in head]), changes=tuple(changes)
        )
        oid = following


def _change(raw: bytes, path: bytes) -> FileChange:
    before_mode, after_mode, before, after, *_ = raw[1:].decode().split(" ")
    return FileChange(
        path=path.decode("utf-8", errors="replace"),
        before=None if before == _NONE else before,
        after=None if after == _NONE else after,
        mode=after_mode if after != _NONE else before_mode,
        mode_before=before_mode if before != _NONE else after_mode,
    )


def _commit(oid: str, head: list[str]) -> Commit:
    tree, parents, author, author_email, committer, committer_email, at, message = head
    return Commit(
        id=oid,
        tree=tree,
        parents=tuple(parents.split()),
        author=_actor(author, author_email),
        committer=_actor(committer, committer_email),
        at=readable_seconds(int(at)),
        message=message,
    )


def _actor(name: str, email: str) -> Actor:
    return Actor(f"{' '.join(name.split()) or 'unknown'} <{email.strip() or 'unknown'}>")
