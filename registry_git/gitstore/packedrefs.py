"""The file `packed-refs`: reading one reference, and taking one out without losing what others pack meanwhile."""

from __future__ import annotations

import os
from contextlib import suppress

from registry_git.gitstore import disk

NAME = "packed-refs"


def read(git_dir: str) -> bytes:
    """The file's content; empty when there is none. Raises: OSError."""
    try:
        with open(f"{git_dir}/{NAME}", "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def find(content: bytes, name: str) -> str | None:
    """The object id that `content` gives for the reference; None when it has none."""
    line = b" " + name.encode("utf-8") + b"\n"
    at = -1
    while (at := content.find(line, at + 1)) >= 0:
        if at >= 40 and (at == 40 or content[at - 41 : at - 40] == b"\n"):
            return content[at - 40 : at].decode("ascii", errors="replace")
    return None


def first_below(content: bytes, folder: str) -> str | None:
    """One reference whose name starts with `folder/`; None when there is none."""
    at = content.find(b" " + folder.encode("utf-8") + b"/")
    if at < 0:
        return None
    return content[at + 1 : content.index(b"\n", at)].decode("utf-8", errors="replace")


class Without:
    """`with Without(git_dir, name, durable=…):` takes the reference out and keeps others from packing it inside.

    The lock must stay until the loose file is gone: `git pack-refs` would bring the reference back. That is why the
    new content is not written into the lock file itself.

    Raises:
        Locked: somebody packs for more than a second, or died while packing.
        OSError: it cannot be written.
    """

    def __init__(self, git_dir: str, name: str, *, durable: bool) -> None:
        from registry_git.gitstore.reflock import LockFile  # reading takes no lock

        self._git_dir = git_dir
        self._name = name
        self._durable = durable
        self._lock = LockFile(git_dir, NAME)

    def __enter__(self) -> None:
        self._lock.__enter__()
        try:
            content = read(self._git_dir)
            if find(content, self._name) is not None:
                self._replace(_without(content, self._name))
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)

    def _replace(self, content: bytes) -> None:
        draft = f"{self._git_dir}/{NAME}.new"  # git's name for it
        with suppress(FileNotFoundError):
            os.unlink(draft)  # we hold the lock, so its writer is dead
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            os.fchmod(fd, os.stat(self._git_dir).st_mode & 0o666)
            disk.write_all(fd, content)
            disk.sync(fd)  # in any case: a power cut would take all the other references with it
            os.rename(draft, f"{self._git_dir}/{NAME}")
        except BaseException:
            disk.remove_quietly(draft)
            raise
        finally:
            os.close(fd)
        if self._durable:
            disk.sync_directory(self._git_dir)


def _without(content: bytes, name: str) -> bytes:
    kept: list[bytes] = []
    dropping = False
    end = b" " + name.encode("utf-8") + b"\n"
    for line in content.splitlines(keepends=True):
        if line.startswith(b"^"):  # what the tag above points at
            if not dropping:
                kept.append(line)
            continue
        dropping = len(line) == 40 + len(end) and line.endswith(end)
        if not dropping:
            kept.append(line)
    return b"".join(kept)
