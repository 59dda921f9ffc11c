"""Git's own files of writes that the journal answers for: flushed a moment after the answer, or when it is full.

Then plain git, too, finds everything after a power cut, without the journal.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from pathlib import Path

from registry_git.core.errors import RegistryError
from registry_git.gitstore import disk
from registry_git.gitstore.growing_note import note_flushed, read_note
from registry_git.gitstore.journal import Journal, made_by
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.pack import flush_packs, remove_packs
from registry_git.gitstore.refs import sync_ref
from registry_git.gitstore.repository import MAIN

_AFTER_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


def settle(git_dir: Path, *, writing: bool = False) -> None:
    """Flushes what the journal answers for, and empties it. The caller holds the writer's lock.

    `writing`: for a write, with which packs may go that others have replaced: that is faster than to flush them. Else
    nobody, like `git fsck`, expects any to go.

    Raises:
        Unavailable: the disk does not take it; the journal goes on answering.
    """
    journal = Journal(git_dir)
    with disk.explained("flush the registry"):
        entries = journal.entries()
        if not entries:
            return
        root = os.fspath(git_dir)
        objects = f"{root}/objects"
        note, made = read_note(root), made_by(entries)
        # and the one that grows, whoever has made it: the last entry may be of a writer that was killed before its pack
        last = made - {entry.replaced for entry in entries} | {note.current}
        try:
            # those that others have replaced, too: no journal will tell that they may not be whole
            gone = remove_packs(objects, made - last) if writing else set()
            flush_packs(objects, last if writing else made | last)
            sync_ref(git_dir, MAIN)
        except (OSError, RegistryError):
            from registry_git.gitstore.recovery import make_again  # slow to import, and seldom needed

            # what could not be written may be lost, although the next flush succeeds: the kernel tells it once
            make_again(git_dir)
            return
        note_flushed(root, note, gone)
        journal.clear()


class _Settler(threading.Thread):
    """Settles, before long, the journals of repositories that this process has written to."""

    def __init__(self) -> None:
        super().__init__(name="settle", daemon=True)
        self._waiting: set[Path] = set()
        self._changed = threading.Event()
        self._busy = threading.Lock()

    def add(self, git_dir: Path) -> None:
        """Has a repository settled in a moment."""
        if git_dir not in self._waiting:
            self._waiting.add(git_dir)
            self._changed.set()

    def run(self) -> None:
        """As long as the process lives."""
        while True:
            self._changed.wait()
            time.sleep(_AFTER_SECONDS)
            self._changed.clear()
            self.settle_all()

    def settle_all(self) -> None:
        """Settles what waits, now. What is written meanwhile waits for the next time."""
        with self._busy:  # the thread and the end of the process, which waits for it
            for git_dir in tuple(self._waiting):
                self._waiting.discard(git_dir)
                _settle_or_warn(git_dir)


def _settle_or_warn(git_dir: Path) -> None:
    try:
        with WriterLock(git_dir, make=False):
            settle(git_dir)
    except (RegistryError, RuntimeError) as problem:  # RuntimeError: no thread to wait in, while the process ends
        if git_dir.exists():
            _LOG.warning("The journal of %s stays for now: %s", git_dir, problem)


_settlers: list[_Settler] = []  # one, once something was written
_starting = threading.Lock()
os.register_at_fork(after_in_child=_settlers.clear)  # the thread is not in the child, and the parent settles


def settle_soon(git_dir: Path) -> None:
    """Has the journal of a repository settled in a second, or when the process ends, whichever is first."""
    if not _settlers:
        _start()
    _settlers[0].add(git_dir)


def settle_now() -> None:
    """Settles all journals that this process has written to: its end does, for one."""
    for settler in _settlers:
        settler.settle_all()


def _start() -> None:
    with _starting:
        if not _settlers:
            settler = _Settler()
            try:
                settler.start()
            except RuntimeError:  # no more threads: then the end of the process does it, or a full journal
                _LOG.debug("No thread is left to settle journals.")
            _settlers.append(settler)
            atexit.register(settle_now)
