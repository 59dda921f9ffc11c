"""References: read by full name, moved by compare-and-swap over git's files, durable when it returns.

The protocol is git's own (`<ref>.lock`, `packed-refs.lock`), so git may read, push and pack at the same time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from registry_git.core.errors import Conflict, Unavailable
from registry_git.gitstore import disk, packedrefs
from registry_git.gitstore import reflog as reflogs
from registry_git.gitstore.objects import check_object_id
from registry_git.gitstore.reflock import Locked, LockFile, recover_stale_lock
from registry_git.gitstore.reflog import ReflogEntry
from registry_git.gitstore.refnames import check_ref_name
from registry_git.gitstore.refread import check_format, found_at, read_ref

__all__ = [
    "Locked",
    "Moved",
    "ReflogEntry",
    "Unconfirmed",
    "check_format",
    "check_ref_name",
    "draft_ref",
    "move_ref",
    "read_ref",
    "recover_stale_lock",
    "sync_ref",
]


class Moved(Conflict):
    """The reference is not where the caller believed it to be: take a new snapshot and decide again.

    Attributes:
        name: the full name of the reference.
        expected: the object id that it should have had; None: it should not have existed.
        actual: the object id that it has; None: it does not exist.
    """

    def __init__(self, name: str, *, expected: str | None, actual: str | None) -> None:
        now = f"is at {actual[:12]}" if actual else "does not exist"
        then = f"at {expected[:12]}" if expected else "not to exist"
        super().__init__(f"{name} {now}; it was expected {then}.", hint="Somebody else was first: try again.")
        self.name = name
        self.expected = expected
        self.actual = actual


class Unconfirmed(Unavailable):
    """The reference has moved, but the disk did not confirm it: the move may not survive a power cut.

    A retry finds the change made; it must call `sync_ref` before it answers so.
    """


def move_ref(
    git_dir: Path,
    name: str,
    *,
    old: str | None,
    new: str | None,
    durable: bool = True,
    reflog: ReflogEntry | None = None,
    drafted: LockFile | None = None,
) -> None:
    """Moves the reference from `old` to `new`, if it is at `old`. On return the move is on disk.

    The objects must be there already, and durable. Other processes see either the old or the new value.

    Args:
        git_dir: the repository.
        name: the full name.
        old: where the reference must be now; None: it must not exist.
        new: where it shall be; None deletes it.
        durable: False leaves the flushing to the kernel.
        reflog: what to write into git's reflog, where the repository keeps one.
        drafted: what `draft_ref` made for `new`, flushed by now.

    Raises:
        Moved: it is not at `old`; nothing changed.
        Locked: another process holds the reference's lock for more than a second, or died with it; nothing changed.
        Conflict: another reference's name is in the way (`refs/heads/a` against `refs/heads/a/b`).
        Unconfirmed: it moved, but the disk did not confirm it.
        Unavailable: disk full, read-only …; nothing changed.
        Invalid: a bad name or id.
        Corrupt: the reference as it is now cannot be read.
    """
    check_ref_name(name)
    for oid in (old, new):
        if oid is not None:
            check_object_id(oid)
    root = os.fspath(git_dir)
    short = name.partition("/")[2].partition("/")[2]
    with disk.explained(f"move {short}"):
        try:
            if new is None:
                _delete(root, name, old=old, durable=durable)
            else:
                _put(root, name, old=old, new=new, durable=durable, entry=reflog, drafted=drafted)
        except (NotADirectoryError, FileExistsError) as problem:
            raise _in_the_way(name, _taken_above(root, name) or "a file") from problem


def draft_ref(git_dir: Path, name: str, new: str) -> LockFile:
    """The file that will be the reference at `new`, for `move_ref`. It locks nobody out, and is not flushed.

    So it can be flushed together with what it names. Raises: Unavailable: disk full, read-only …; Invalid.
    """
    lock = LockFile(os.fspath(git_dir), check_ref_name(name))
    with disk.explained(f"move {name.partition('/')[2].partition('/')[2]}"):
        lock.draft(_content(check_object_id(new)))
    return lock


def sync_ref(git_dir: Path, name: str) -> None:
    """Makes the present value of the reference durable, whoever moved it: for an answer that writes nothing itself.

    Raises:
        Unavailable: the disk does not confirm it.
        Invalid: a bad name.
    """
    check_ref_name(name)
    root = os.fspath(git_dir)
    with disk.explained(f"flush {name}"):
        for path in (f"{root}/{name}", f"{root}/{packedrefs.NAME}"):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                disk.sync(fd)
            finally:
                os.close(fd)
        _sync_directories(root, f"{root}/{name}", to=root)


def _put(
    root: str,
    name: str,
    *,
    old: str | None,
    new: str,
    durable: bool,
    entry: ReflogEntry | None,
    drafted: LockFile | None,
) -> None:
    target = f"{root}/{name}"
    with drafted or LockFile(root, name) as lock:
        fresh = not _check(root, name, old)
        if old is None:
            _check_room(root, name)
        if drafted is None:
            disk.write_all(lock.fd, _content(new))
            if durable:
                disk.sync(lock.fd)
        if entry is not None:
            reflogs.append(root, name, old=old, new=new, entry=entry)
        lock.commit(durable=durable)
        if durable:
            # a new file may be in a directory that is new too, made by us or by somebody who did not flush it
            _confirm(name, root, target, to=f"{root}/refs" if fresh else os.path.dirname(target))


def _content(oid: str) -> bytes:
    return oid.encode("ascii") + b"\n"


def _delete(root: str, name: str, *, old: str | None, durable: bool) -> None:
    target = f"{root}/{name}"
    with LockFile(root, name):
        _check(root, name, old)
        if old is not None:
            without = packedrefs.Without(root, name, durable=durable)
            with without, suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(target)
            reflogs.remove(root, name)
    lowest = disk.prune_directories(target, above=f"{root}/refs")
    if durable and old is not None:
        _confirm(name, root, f"{lowest}/-", to=lowest)


def _confirm(name: str, root: str, target: str, *, to: str) -> None:
    try:
        _sync_directories(root, target, to=to)
    except OSError as problem:
        reason = disk.unavailable(problem, f"confirm the move of {name}")
        raise Unconfirmed(
            f"{reason.message[:-1]}; it may not survive a power cut.", hint=f"{reason.hint} Then ask again."
        ) from problem


def _sync_directories(root: str, target: str, *, to: str) -> None:
    folder = target
    while folder != to and folder != root:
        folder = os.path.dirname(folder)
        try:
            disk.sync_directory(folder)
        except FileNotFoundError:
            continue  # an empty directory that somebody has just removed


def _check(root: str, name: str, expected: str | None) -> bool:
    """Whether the reference, which is where it is expected, has a file of its own. Raises: Moved."""
    actual, own = found_at(root, name)
    if actual != expected:
        raise Moved(name, expected=expected, actual=actual)
    return own


def _check_room(root: str, name: str) -> None:
    target = f"{root}/{name}"
    if os.path.isdir(target) and not disk.clear_empty_directory(target):
        raise _in_the_way(name, f"{name}/…")
    below = packedrefs.first_below(packedrefs.read(root), name)
    if below is not None:
        raise _in_the_way(name, below)
    above = _taken_above(root, name)
    if above is not None:
        raise _in_the_way(name, above)


def _taken_above(root: str, name: str) -> str | None:
    packed = packedrefs.read(root)
    parent = os.path.dirname(name)
    while parent.count("/") >= 2:
        if os.path.isfile(f"{root}/{parent}") or packedrefs.find(packed, parent) is not None:
            return parent
        parent = os.path.dirname(parent)
    return None


def _in_the_way(name: str, other: str) -> Conflict:
    return Conflict(
        f"{name} cannot be made, because {other} exists.", hint="Rename or delete the branch that is in the way."
    )
