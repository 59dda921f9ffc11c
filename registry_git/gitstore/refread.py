"""References as they are now, read by full name."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pygit2

from registry_git.core.errors import Corrupt, Invalid, Unavailable
from registry_git.gitstore import disk, packedrefs
from registry_git.gitstore.refnames import HEAD, check_ref_name

_OID = re.compile(rb"([0-9a-f]{40})\s*")
_SYMBOLIC = re.compile(rb"ref:\s*(\S+)\s*")


def check_format(git_dir: Path) -> None:
    """Returns when the repository stores objects and references in the way that this floor reads and writes.

    Raises:
        Invalid: reftable references, SHA-256 objects, a format that is newer than 1, or a linked work tree.
        Unavailable: the configuration cannot be read.
    """
    if (git_dir / "commondir").exists():
        raise Invalid(f"{git_dir} is a linked work tree.", hint="Open the repository that it belongs to.")
    try:
        config = pygit2.Config(os.fspath(git_dir / "config"))
        values = {entry.name: (entry.value or "").lower() for entry in config}
    except (OSError, pygit2.GitError) as problem:
        raise Unavailable(
            f"The configuration of {git_dir} cannot be read: {problem}.", hint="Check `git config --list` there."
        ) from None
    storage = values.get("extensions.refstorage", "files")
    if storage != "files":
        raise Invalid(
            f"{git_dir} keeps its references as {storage}; a registry needs plain files.",
            hint="Run `git refs migrate --ref-format=files` there.",
        )
    algorithm = values.get("extensions.objectformat", "sha1")
    if algorithm != "sha1":
        raise Invalid(
            f"{git_dir} names its objects by {algorithm}; a registry needs sha1.",
            hint="Make a new repository with `git init --object-format=sha1`.",
        )
    if values.get("core.repositoryformatversion", "0") not in ("0", "1"):
        raise Invalid(f"{git_dir} has a format that is newer than this program.", hint="Use a newer registry-git.")


def read_ref(git_dir: Path, name: str) -> str | None:
    """The object id that the reference has now; None when it does not exist.

    Args:
        git_dir: the repository.
        name: a full name (`refs/heads/main`), or `HEAD`, which is followed if it is symbolic (None on a branch
            without a commit).

    Raises:
        Invalid: a name that is no full one.
        Corrupt: the file is empty or holds something else than an object id.
        Unavailable: it cannot be read.
    """
    try:
        return _read(os.fspath(git_dir), name)
    except OSError as problem:
        raise disk.unavailable(problem, f"read {name}") from problem


def _read(root: str, name: str) -> str | None:
    if name == HEAD:
        content = _loose(root, HEAD)
        symbolic = _SYMBOLIC.fullmatch(content or b"")
        if symbolic is None:
            return None if content is None else _parse(HEAD, content)
        name = symbolic[1].decode("utf-8", errors="replace")
    return value_of(root, check_ref_name(name))


def value_of(root: str, name: str) -> str | None:
    """As `read_ref`, for a checked full name in the repository at `root`. Raises: Corrupt, OSError."""
    return found_at(root, name)[0]


def found_at(root: str, name: str) -> tuple[str | None, bool]:
    """As `value_of`; and whether it is in a file of its own, not among the packed ones. Raises: Corrupt, OSError."""
    content = _loose(root, name)
    if content is not None:
        return _parse(name, content), True
    found = packedrefs.find(packedrefs.read(root), name)
    return None if found is None else _parse(name, found.encode("ascii", errors="replace")), False


def _loose(root: str, name: str) -> bytes | None:
    try:
        fd = os.open(f"{root}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.read(fd, 4096)
    except IsADirectoryError:
        return None
    finally:
        os.close(fd)


def _parse(name: str, content: bytes) -> str:
    found = _OID.fullmatch(content)
    if found is None:
        what = "is symbolic" if _SYMBOLIC.fullmatch(content) else "holds no object id"
        raise Corrupt(
            f"The reference {name} {what}.",
            path=name,
            hint=f"See `git reflog {name}` or another clone for its last value, and set it with `git update-ref`.",
        )
    return found[1].decode("ascii")
