"""`<file>.lock`, git's own way to say that one process changes a file; and what to do when its owner is dead.

A lock of ours is a hard link to a file of ours which we keep locked with flock for as long as we live. Git sees an
ordinary lock file. We, however, can tell a lock whose owner is dead from one that is in use, whatever its age.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from registry_git.core.errors import Unavailable
from registry_git.gitstore import disk
from registry_git.gitstore.lock import OWN_DIRECTORY

WAIT_SECONDS = 1.0
STALE_SECONDS = 10.0


class Locked(Unavailable):
    """Another process holds git's lock on a file, or died with it.

    Attributes:
        name: what is locked, as `refs/heads/main` or `packed-refs`; `recover_stale_lock` takes it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is locked by another process: {name}.lock exists.",
            hint="Try again. If no git process runs, an earlier one was killed: `registry-git doctor` clears its lock.",
        )
        self.name = name


class LockFile:
    """`with LockFile(git_dir, name) as lock:` holds `<git dir>/<name>.lock`; without `commit()` nothing changes.

    Attributes:
        fd: the open lock file; its content becomes that of `<git dir>/<name>`.

    `draft` may be called before: then the content is ready, and flushed with other files, before anybody is locked out.

    Raises:
        Locked: on entry; the lock existed for a second, or for any time with a dead owner.
        OSError: on entry; NotADirectoryError or FileExistsError where a directory above is a file.
    """

    def __init__(self, git_dir: str, name: str) -> None:
        self._git_dir = git_dir
        self._name = name
        self._target = f"{git_dir}/{name}"
        self._lock = f"{self._target}.lock"
        self._own = f"{git_dir}/{OWN_DIRECTORY}/locks/{os.getpid()}-{os.urandom(6).hex()}"
        self._held = False
        self.fd = -1

    def draft(self, content: bytes) -> None:
        """Writes the content, without the lock. The caller flushes `fd`, and discards what is not entered.

        Raises:
            OSError: nothing stays.
        """
        self._make_own()
        try:
            disk.write_all(self.fd, content)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Takes a draft back; nothing happens after the lock was entered and left."""
        if self.fd >= 0:
            self._close()

    def __enter__(self) -> LockFile:
        if self.fd < 0:
            self._make_own()
        try:
            self._acquire()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._held:
            disk.remove_quietly(self._lock)
        self._close()

    def commit(self, *, durable: bool = True) -> None:
        """Puts the lock file in the place of the file that it guards, and so releases it. Raises: OSError.

        `durable`: whether the caller goes on to flush that. If not, the two files are exchanged, where that can be.
        """
        if durable or not disk.exchange(self._own, self._target):
            os.rename(self._lock, self._target)
        else:
            os.unlink(self._lock)  # it is the target's second name now, and `_own` the old file's
        self._held = False

    def _make_own(self) -> None:
        self.fd = self._open_own()
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self._close()
            raise

    def _open_own(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(self._own, flags, 0o666)
        except FileNotFoundError:
            own = f"{self._git_dir}/{OWN_DIRECTORY}"
            disk.make_directory(own, like=self._git_dir)
            disk.make_directory(f"{own}/locks", like=self._git_dir)
            fd = os.open(self._own, flags, 0o666)
        mode = os.stat(self._git_dir).st_mode & 0o666
        if os.fstat(fd).st_mode & 0o777 != mode:
            os.fchmod(fd, mode)
        return fd

    def _acquire(self) -> None:
        until = time.monotonic() + WAIT_SECONDS
        delay = 0.0005
        gone = 0
        while True:
            try:
                os.link(self._own, self._lock)
                self._held = True
                return
            except FileExistsError:
                if _left_behind(self._lock) or time.monotonic() > until:
                    raise Locked(self._name) from None
                time.sleep(delay * (0.5 + os.urandom(1)[0] / 256))
                delay = min(delay * 1.5, 0.03)
            except FileNotFoundError:
                # who deletes a reference takes away the empty directories above it, perhaps just now
                gone += 1
                if gone > 100:
                    raise
                _make_parents(self._git_dir, os.path.dirname(self._name))

    def _close(self) -> None:
        fd, self.fd = self.fd, -1
        disk.remove_quietly(self._own)
        os.close(fd)


def recover_stale_lock(git_dir: Path, name: str, *, older_than_seconds: float = STALE_SECONDS) -> Path | None:
    """Moves `<name>.lock` out of the way when its owner is dead. The caller must hold the `WriterLock`.

    A lock of this program is known to be dead at once; any other must be older than `older_than_seconds`, and no git
    process may work in the repository.

    Args:
        git_dir: the repository.
        name: what is locked: `Locked.name`, also `HEAD`, `packed-refs`, `index`, `config`.
        older_than_seconds: the least age of a lock that git or a crash of the machine left.

    Returns:
        Where the lock is now, to be reported and looked at; None when there is none or when it may be in use.

    Raises:
        Unavailable: it cannot be moved.
    """
    with disk.explained(f"move the stale lock of {name} aside"):
        path = git_dir / f"{name}.lock"
        try:
            before = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not _left_behind(os.fspath(path)) and (
            time.time() - before.st_mtime < older_than_seconds or _in_use(path) or _git_works_in(git_dir)
        ):
            return None
        aside = git_dir / OWN_DIRECTORY / "stale-locks"
        for folder in (aside.parent, aside):
            disk.make_directory(folder, like=git_dir)
        # out of refs/: git would take a leftover there for a reference
        kept = aside / f"{name.replace('/', '-')}.{before.st_mtime_ns}.{os.urandom(3).hex()}"
        os.rename(path, kept)
        after = os.lstat(kept)
        if (after.st_ino, after.st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
            with suppress(FileExistsError):  # it was released and taken anew in between: give it back
                os.link(kept, path)
            os.unlink(kept)
            return None
        sweep_drafts(git_dir, older_than_seconds=older_than_seconds)
        return kept


def make_way(git_dir: Path, problem: Locked) -> None:
    """Moves the lock that was met aside, and warns of it. The caller must hold the `WriterLock`, and tries again.

    Raises:
        `problem`, where the lock may be in use; Unavailable: it cannot be moved.
    """
    aside = recover_stale_lock(git_dir, problem.name)
    if aside is None:
        raise problem
    import logging  # slow to import, and rarely is there anything to warn of

    logging.getLogger(__name__).warning("A lock that a dead process left was moved aside to %s.", aside)


def sweep_drafts(git_dir: Path, *, older_than_seconds: float = STALE_SECONDS) -> None:
    """Removes what killed owners of locks, or of drafts for them, left in our own directory."""
    with suppress(FileNotFoundError):
        for path in (git_dir / OWN_DIRECTORY / "locks").iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= older_than_seconds and not _in_use(path):
                    path.unlink()


def _left_behind(path: str) -> bool:
    """Whether the lock is one of ours (it has a second link) and its owner is dead (its flock is free)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if os.fstat(fd).st_nlink != 2:
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # a living owner unlinks before it lets go of the flock: look again with the flock in hand
        return os.fstat(fd).st_nlink == 2 and os.path.samestat(os.fstat(fd), os.lstat(path))
    except OSError:
        return False
    finally:
        os.close(fd)


def _in_use(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _git_works_in(git_dir: Path) -> bool:
    """Whether a git process has its working directory in the repository or its work tree; needs /proc."""
    root = git_dir.resolve()
    root = root.parent if root.name == ".git" else root
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            if command != "git" and not command.startswith("git-"):
                continue
            place = Path(os.readlink(process / "cwd"))
        except PermissionError:
            return True  # somebody else's git: it may be here
        except OSError:
            continue  # it has ended
        if place == root or root in place.parents:
            return True
    return False


def _make_parents(git_dir: str, folder: str) -> None:
    path = git_dir
    for component in folder.split("/") if folder else ():
        path = f"{path}/{component}"
        try:
            disk.make_directory(path, like=git_dir)
        except FileNotFoundError:
            return  # somebody removed the one above: the caller tries again
        if not os.path.isdir(path) and os.path.lexists(path):
            raise NotADirectoryError(20, "Not a directory", path)
