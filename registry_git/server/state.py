"""What an answer depends on, as an ETag: the commit of `main`, and the open requests, which are on their branches."""

from __future__ import annotations

import os
import threading
import time
from hashlib import sha256

from registry_git.gitstore import disk
from registry_git.gitstore.refread import value_of
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.store import Store

_SETTLED_NS = 100_000_000  # a directory that changed less long ago may change again without its time telling
_FEW = 50  # models with open requests, whose directories are looked at without a thread
_Seen = tuple[tuple[str, int], ...]
_BRANCHES = ("refs/heads/request", "refs/remotes/origin/request")


class State:
    """The state of the registry in one repository. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._git_dir = os.fspath(store.repository.git_dir)
        self._directories = tuple(f"{self._git_dir}/{name}" for name in _BRANCHES)
        self._packed = f"{self._git_dir}/packed-refs"
        self._known: tuple[_Seen | None, str] = (None, "")
        self._lock = threading.Lock()

    def commit(self) -> str:
        """The commit of `main`."""
        with disk.explained(f"read {MAIN}"):
            return value_of(self._git_dir, MAIN) or ""

    def tag(self) -> str:
        """The ETag, without quotes: the commit; with open requests also a digest of their branches."""
        seen, newest = self._look()
        return self._joined(self.commit(), self._branches(seen, newest))

    def quick_tag(self) -> str | None:
        """The tag, if a few looks at files tell it; None: `tag` has to read branches, and takes its time."""
        known, digest = self._known
        if known is None or len(known) > _FEW:
            return None
        seen, _ = self._look()
        return self._joined(self.commit(), digest) if seen == known else None

    def _joined(self, commit: str, branches: str) -> str:
        return f"{commit}+{branches}" if branches else commit

    def _branches(self, seen: _Seen, newest: int) -> str:
        known, digest = self._known
        if known == seen:
            return digest
        with self._lock:
            found = self._store.request_branches()
        digest = sha256(repr(sorted(found.items())).encode()).hexdigest()[:12] if found else ""
        if time.time_ns() - newest > _SETTLED_NS:
            self._known = (seen, digest)
        return digest

    def _look(self) -> tuple[_Seen, int]:
        """What changes when a branch does: the times of the directories that hold them, and of the packed ones."""
        seen: list[tuple[str, int]] = []
        for path in (self._packed, *self._directories):
            try:
                seen.append((path, os.stat(path).st_mtime_ns))
                if path is not self._packed:
                    with os.scandir(path) as entries:
                        seen += sorted((entry.path, entry.stat().st_mtime_ns) for entry in entries)
            except OSError:
                continue
        return tuple(seen), max((at for _, at in seen), default=0)
