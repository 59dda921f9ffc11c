"""Git's own diary of a reference, in `logs/`, kept where the repository keeps it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pygit2

from registry_git.core.names import Actor
from registry_git.gitstore import disk

_NONE = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflogEntry:
    """Who moved a reference, when (seconds since 1970, written in UTC) and why (one line)."""

    actor: Actor
    at_seconds: int
    message: str


def append(git_dir: str, name: str, *, old: str | None, new: str, entry: ReflogEntry) -> None:
    """Writes a line for the reference, and for HEAD when it stands on it, if the repository logs them.

    Raises:
        OSError: it cannot be written.
    """
    kept = _kept(git_dir, name)
    if not kept:
        return
    message = " ".join(entry.message.split())
    line = f"{old or _NONE} {new} {entry.actor} {entry.at_seconds} +0000" + (f"\t{message}" if message else "") + "\n"
    for log in kept:
        _append(f"{git_dir}/logs/{log}", line.encode("utf-8"), like=git_dir)


def remove(git_dir: str, name: str) -> None:
    """Removes the diary of a deleted reference and the directories that this empties, as far as possible."""
    path = f"{git_dir}/logs/{name}"
    disk.remove_quietly(path)
    disk.prune_directories(path, above=f"{git_dir}/logs/refs")


def _append(path: str, line: bytes, *, like: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, flags, 0o666)
    except IsADirectoryError:
        disk.clear_empty_directory(path)
        fd = os.open(path, flags, 0o666)
    try:
        with suppress(PermissionError):
            os.fchmod(fd, os.stat(like).st_mode & 0o666)
        disk.write_all(fd, line)
    finally:
        os.close(fd)


def _head_is_on(git_dir: str, name: str) -> bool:
    try:
        with open(f"{git_dir}/HEAD", "rb", buffering=0) as file:
            return (file.read() or b"").strip() == b"ref: " + name.encode("utf-8")
    except OSError:
        return False


def _kept(git_dir: str, name: str) -> list[str]:
    """The logs that get a line: those that are there, and those that the configuration wants."""
    found = os.stat(f"{git_dir}/config")
    wanted = _logs(git_dir, (found.st_mtime_ns, found.st_size, found.st_ino))
    if wanted is False and not os.path.isdir(f"{git_dir}/logs"):
        return []
    usual = {name: name.startswith(("refs/heads/", "refs/remotes/", "refs/notes/")), "HEAD": True}
    kept = [
        log
        for log, logged in usual.items()
        if wanted is None or (wanted and logged) or os.path.isfile(f"{git_dir}/logs/{log}")
    ]
    if "HEAD" in kept and not _head_is_on(git_dir, name):
        kept.remove("HEAD")
    return kept


@lru_cache(maxsize=64)
def _logs(git_dir: str, state: tuple[int, ...]) -> bool | None:
    """Whether the configuration, while its file is in this state, has branches logged; None: everything."""
    config = pygit2.Config(f"{git_dir}/config")
    value = (config["core.logallrefupdates"] or "true").lower() if "core.logallrefupdates" in config else ""
    if value == "always":
        return None
    if value:
        return config.get_bool("core.logallrefupdates")
    return not ("core.bare" in config and config.get_bool("core.bare"))
