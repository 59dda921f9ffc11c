"""One writer at a time: an advisory lock beside the repository. It makes writing fast and fair.

It is no guarantee: that is the reference's compare-and-swap. Programs that do not know the lock (git itself) may write
at the same time.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from registry_git.core.errors import Unavailable
from registry_git.gitstore import disk

OWN_DIRECTORY = "registry-git"


class WriterLock:
    """`with WriterLock(git_dir):` holds the registry's writer lock, among processes and among threads.

    Each entry opens the lock's file anew, so one object may be shared by threads. It cannot be entered twice by one
    thread. The kernel releases it when the process dies.

    Args:
        git_dir: the repository (the `.git` directory, or the bare repository itself).
        timeout_seconds: how long to wait for the others.
        make: makes the lock's files where they are not; False: for whoever comes later than a writer.

    Raises:
        Unavailable: on entry; somebody else kept the lock for longer than that, or the file cannot be made.
        RuntimeError: on entry; this thread holds it already.
    """

    def __init__(self, git_dir: Path, *, timeout_seconds: float = 60.0, make: bool = True) -> None:
        self._git_dir = os.fspath(git_dir)
        self._folder = f"{self._git_dir}/{OWN_DIRECTORY}"
        self._timeout = timeout_seconds
        self._flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0)
        self._fd = -1
        self._owner: int | None = None

    def __enter__(self) -> WriterLock:
        if self._owner == threading.get_ident():
            raise RuntimeError("this thread holds the writer lock already")
        until = time.monotonic() + self._timeout
        with disk.explained("lock the registry for writing"):
            mode = os.stat(self._git_dir).st_mode & 0o666
            # Who lets go and wants again at once would overtake those who sleep. The gate makes it stand in line:
            # only one waits at the lock itself, and who comes back starts behind the gate.
            gate = self._take("writer.gate", mode, until)
            try:
                fd = self._take("writer.lock", mode, until)
            finally:
                os.close(gate)
            with suppress(OSError):  # a full disk must not keep the lock from working; it is only for the message
                holder = b"%-10d\n" % os.getpid()
                if os.pread(fd, len(holder) + 1, 0) != holder:
                    os.pwrite(fd, holder, 0)
        self._fd = fd
        self._owner = threading.get_ident()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        fd, self._fd, self._owner = self._fd, -1, None
        os.close(fd)

    def _take(self, name: str, mode: int, until: float) -> int:
        path = f"{self._folder}/{name}"
        while True:
            fd = self._open(path)
            try:
                found = os.fstat(fd)
                if found.st_mode & 0o777 != mode:  # asking is cheaper than setting it, which the disk has to note
                    with suppress(PermissionError):
                        os.fchmod(fd, mode)
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not _wait(fd, until):
                    raise self._busy() from None
            except BaseException:
                os.close(fd)
                raise
            with suppress(FileNotFoundError):
                if os.path.samestat(found, os.stat(path)):
                    return fd
            os.close(fd)  # the file was removed while we waited: whoever comes next makes and locks another one

    def _open(self, path: str) -> int:
        try:
            return os.open(path, self._flags, 0o666)
        except FileNotFoundError:
            if not self._flags & os.O_CREAT:
                raise
            disk.make_directory(self._folder, like=self._git_dir)
            return os.open(path, self._flags, 0o666)

    def _busy(self) -> Unavailable:
        holder = ""
        with suppress(OSError):
            holder = Path(self._folder, "writer.lock").read_text(encoding="ascii", errors="replace").strip()
        who = f"process {holder}" if holder.isdigit() else "another process"
        return Unavailable(
            f"The registry has been locked for writing by {who} for more than {self._timeout:g} seconds.",
            hint="Try again, or look at what that process does.",
        )


def _wait(fd: int, until: float) -> bool:
    """Waits for the flock; False when the time is over, and then `fd` is no longer the caller's.

    The waiting is a blocking flock in a thread of its own: trying again and again is neither fair nor free, and a
    timer signal belongs to the main thread alone.
    """
    turn = threading.Lock()
    ready = threading.Event()
    given_up = threading.Event()
    failed: list[OSError] = []

    def block() -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError as problem:
            failed.append(problem)
        with turn:
            ready.set()
            if given_up.is_set():
                os.close(fd)

    try:
        threading.Thread(target=block, daemon=True, name="registry-git-lock").start()
    except RuntimeError:
        os.close(fd)
        raise
    won = False
    try:
        won = ready.wait(max(0.0, until - time.monotonic())) and not failed
        return won
    finally:
        # also when a signal's exception ends the waiting: nobody may keep a lock that nobody knows of
        with turn:
            if won:
                pass
            elif ready.is_set():
                os.close(fd)
            else:
                given_up.set()
        if failed:
            raise failed[0]
