"""What it takes that bytes are on disk, and what to say when they cannot get there."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from registry_git.core.errors import Unavailable

_AT_ONCE = 8  # files that are flushed at a time
_FEW = 3
_LONG_SECONDS = 0.002  # for so few files: a disk with nothing else to do takes a quarter of it
_HELPERS_KEPT = 16  # threads that wait for the next flush
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE
T = TypeVar("T")

# macOS: fsync leaves the data in the cache of the drive, only this command empties it
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)

_SAID = {
    errno.ENOSPC: ("the disk is full", "Free some space and try again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space or raise the quota, and try again."),
    errno.EFBIG: ("the file would be larger than this process may write", "Raise the limit (ulimit -f) and try again."),
    errno.EROFS: ("the file system is read-only", "Mount it for writing, or use a writable clone."),
    errno.EACCES: ("this user may not write there", "Ask for write permission on the repository."),
    errno.EPERM: ("this user may not write there", "Ask for write permission on the repository."),
    errno.EIO: ("the disk reported an input/output error", "Check the disk and the system's log before you go on."),
    errno.EMFILE: ("this process has too many files open", "Raise the limit (ulimit -n) and try again."),
    errno.ENFILE: ("the system has too many files open", "Try again later."),
    errno.ENAMETOOLONG: ("the name is too long for the file system", "Use a shorter name."),
    errno.ENOENT: ("a directory of the repository is gone", "Check that the repository still is where it was."),
}


def unavailable(problem: OSError, doing: str) -> Unavailable:
    """The error that says why `doing` ("write the objects") failed and what to do about it."""
    reason, hint = _SAID.get(problem.errno or 0, (problem.strerror or str(problem), "Try again."))
    return Unavailable(f"Could not {doing}: {reason}.", hint=hint)


class explained:  # noqa: N801 - it reads as a word: `with explained("write the objects"):`
    """Inside it, every OSError becomes the `Unavailable` of `unavailable(problem, doing)`."""

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(value, OSError):
            raise unavailable(value, self._doing) from value


def sync(fd: int) -> None:
    """Returns when the open file is on disk. Raises: OSError, also for an earlier failed write-back."""
    if _FULL_SYNC is not None:  # pragma: no cover
        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fsync(fd)


def sync_content(fd: int) -> None:
    """As `sync`, for a file that has not grown: what else is noted of it may stay behind. Raises: OSError."""
    if _FULL_SYNC is not None:  # pragma: no cover
        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fdatasync(fd)


def sync_all(fds: Sequence[int]) -> None:
    """Returns when all of the open files are on disk. Raises: OSError.

    Where the last time took long, as on a slow or a busy disk, they are flushed at once, and share what each would
    wait for; else one after the other, which takes the processor less than threads do.
    """
    begun = time.perf_counter()
    if _last.took > _LONG_SECONDS:
        at_once(sync, fds)
    else:
        for fd in fds[1:]:
            start_writing(fd)
        for fd in fds:
            sync(fd)
    _last.took = (time.perf_counter() - begun) * _FEW / max(_FEW, len(fds))


class _Last:
    """The last flush of several files."""

    took = 0.0  # seconds for a few of them


_last = _Last()


def sync_directory(path: Path | str) -> None:
    """Returns when the names in the directory are on disk. Raises: OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(fd)
    except OSError as problem:
        # some network file systems have no such operation: their names are on the server already
        if problem.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)


def at_once(action: Callable[[T], None], items: Sequence[T]) -> None:
    """Does `action` (a `sync`) to every item, several at a time: that takes a disk little more than one alone.

    Raises:
        OSError: one of them failed; all have ended.
    """

    def work(share: Sequence[T]) -> BaseException | None:
        try:
            for item in share:
                action(item)
        except BaseException as problem:  # it is the caller's to see
            return problem
        return None

    count = min(len(items), _AT_ONCE)
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    for start in range(1, count):
        task = partial(work, items[start::count])
        if not _helped(task, ended):
            ended.put(task())
    problems = [work(items[::count] if count else ()), *(ended.get() for _ in range(1, count))]
    for problem in problems:
        if problem is not None:
            raise problem


_Task = Callable[[], BaseException | None]


class _Helper(threading.Thread):
    """A thread that is kept: to start one takes longer than many a flush, much longer in a busy process."""

    def __init__(self) -> None:
        super().__init__(name="flush", daemon=True)
        self.tasks: SimpleQueue[tuple[_Task, SimpleQueue[BaseException | None]]] = SimpleQueue()

    def run(self) -> None:
        """Does what it is given, as long as there are few helpers without work."""
        spare = False
        while not spare:
            task, ended = self.tasks.get()
            found = task()
            spare = len(_idle) >= _HELPERS_KEPT
            if not spare:
                _idle.append(self)  # before the caller knows, who may need it at once
            ended.put(found)
            del task, ended, found


_idle: list[_Helper] = []  # taking the last one and adding one are each a single step to other threads
os.register_at_fork(after_in_child=_idle.clear)  # threads are not in the child


def _helped(task: _Task, ended: SimpleQueue[BaseException | None]) -> bool:
    """Gives the task to a helper; False: there can be none (too many threads, or the process is ending)."""
    try:
        helper = _idle.pop()
    except IndexError:
        helper = _Helper()
        try:
            helper.start()
        except RuntimeError:
            return False
    helper.tasks.put((task, ended))
    return True


def start_writing(fd: int, begins: int = 0, size: int = 0) -> None:
    """Asks the kernel to write the file back now, without waiting: a following `sync` then finds less to do.

    `begins` and `size`: only these bytes; 0: all from there on.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(fd, begins, size, os.POSIX_FADV_DONTNEED)


def write_all(fd: int, *pieces: bytes) -> None:
    """Writes all of the pieces, one behind the other. Raises: OSError."""
    written = os.writev(fd, pieces)
    if written == sum(map(len, pieces)):
        return
    rest = memoryview(b"".join(pieces))[written:]  # a limit or a full disk, which the next try says
    while rest:
        rest = rest[os.write(fd, rest) :]


def exchange(one: str, other: str) -> bool:
    """Gives each of two files the other's name, in one step; False where that cannot be, and nothing has happened.

    To free a file that has just got a name costs a wait for the disk on some file systems; to exchange two does not.
    """
    rename = _renameat2()
    return rename is not None and not rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Linux's call of that name, which Python does not offer."""
    if not sys.platform.startswith("linux"):  # pragma: no cover
        return None
    import ctypes  # slow to import, and for writers alone

    call = getattr(ctypes.CDLL(None), "renameat2", None)
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return call


def make_directory(path: Path | str, *, like: Path | str) -> bool:
    """Makes the directory with the permissions of `like`; False when it is there already. Raises: OSError."""
    try:
        os.mkdir(path)
    except FileExistsError:
        return False
    wanted = os.stat(like).st_mode & 0o7777
    if os.stat(path).st_mode & 0o7777 != wanted:
        # a shared repository keeps its group bits; not being the owner of the group is no reason to fail
        with suppress(PermissionError):
            os.chmod(path, wanted)
    return True


def remove_quietly(path: Path | str) -> None:
    """Removes the file where that is possible."""
    with suppress(OSError):
        os.unlink(path)


def prune_directories(path: str, *, above: str) -> str:
    """Removes the empty directories over `path`, but none directly in `above`; gives the lowest that stays."""
    folder = os.path.dirname(path)
    while os.path.dirname(folder) != above and len(folder) > len(above):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            break
        folder = os.path.dirname(folder)
    return folder


def clear_empty_directory(path: str) -> bool:
    """Removes the directory when there is nothing in it but empty directories; whether it is gone."""
    for folder, _, _ in os.walk(path, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)
    return not os.path.isdir(path)
