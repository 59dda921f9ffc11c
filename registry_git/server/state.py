"""What an answer depends on, as an ETag: the commit of `main`, and the open requests, which are on their branches."""

from __future__ import annotations

import os
import threading
import time
from hashlib import sha256
from pathlib import Path

from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.store import Store

_SETTLED_NS = 100_000_000  # a directory that changed less long ago may change again without its time telling
_BRANCHES = ("refs/heads/request", "refs/remotes/origin/request")


class State:
    """The state of the registry in one repository. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._git_dir = store.repository.git_dir
        self._known: tuple[object, str] = (None, "")
        self._lock = threading.Lock()

    def commit(self) -> str:
        """The commit of `main`."""
        return self._store.repository.ref(MAIN) or ""

    def tag(self) -> str:
        """The ETag, without quotes: the commit; with open requests also a digest of their branches."""
        commit, branches = self.commit(), self._branches()
        return f"{commit}+{branches}" if branches else commit

    def _branches(self) -> str:
        seen, newest = self._look()
        known, digest = self._known
        if known == seen:
            return digest
        with self._lock:
            found = self._store.request_branches()
        digest = sha256(repr(sorted(found.items())).encode()).hexdigest()[:12] if found else ""
        if time.time_ns() - newest > _SETTLED_NS:
            self._known = (seen, digest)
        return digest

    def _look(self) -> tuple[object, int]:
        """What changes when a branch does: the times of the directories that hold them, and of the packed ones."""
        seen: list[tuple[str, int]] = []
        for path in (self._git_dir / "packed-refs", *(self._git_dir / name for name in _BRANCHES)):
            seen += _times(path)
        return tuple(seen), max((at for _, at in seen), default=0)


def _times(path: Path) -> list[tuple[str, int]]:
    try:
        found = [(str(path), os.stat(path).st_mtime_ns)]
        if path.name != "packed-refs":
            with os.scandir(path) as entries:
                found += sorted((entry.path, entry.stat().st_mtime_ns) for entry in entries)
    except OSError:
        return []
    return found
