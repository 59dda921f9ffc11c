"""After a power cut: what the journal tells is made again, so that all that was acknowledged is there, for git too."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from tempfile import TemporaryFile

import pygit2

from registry_git.core.errors import RegistryError, Unavailable
from registry_git.gitstore import disk
from registry_git.gitstore.journal import Entry, Journal
from registry_git.gitstore.journal_state import State, state_of
from registry_git.gitstore.lock import OWN_DIRECTORY, WriterLock
from registry_git.gitstore.pack import pack_head
from registry_git.gitstore.porcelain import Porcelain
from registry_git.gitstore.reflock import Locked, LockFile, recover_stale_lock
from registry_git.gitstore.refread import read_ref
from registry_git.gitstore.refs import sync_ref
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.settling import settle

_ID = 20
_LOG = logging.getLogger(__name__)


def put_in_order(git_dir: Path, found: State) -> None:
    """Does about a journal what its writers did not come to do; where that fails, one may still read, and is warned."""
    try:
        with WriterLock(git_dir):
            # somebody else may have done it meanwhile
            if found is State.LEFT_OVER and state_of(git_dir) is found:
                make_again(git_dir)
            elif found is State.ABANDONED:
                settle(git_dir)
    except Unavailable as problem:
        if found is State.LEFT_OVER:
            _LOG.warning("After a power cut, writes could not be made again from the journal: %s", problem.message)
        else:
            _LOG.debug("The journal of %s stays: %s", git_dir, problem.message)


def make_again(git_dir: Path) -> None:
    """Makes again all that the journal tells; on return it is on disk. The caller holds the writer's lock.

    `main` moves forward alone: where it is ahead of the journal, or elsewhere, it stays.

    Raises:
        Unavailable: git or the disk does not do it. The journal stays as it was.
    """
    journal = Journal(git_dir)
    with disk.explained("make writes again from the journal"):
        entries = journal.entries()
        if entries:
            _remove_broken(git_dir, {name for entry in entries for name in (entry.pack, entry.replaced) if name})
            _put_objects(git_dir, entries)
            _put_main(git_dir, entries[-1].new)
        journal.clear()


def _remove_broken(git_dir: Path, names: set[str]) -> None:
    """Removes packs that were written and not flushed, where they are not whole: git would trip over them."""
    for name in names:
        pack, index = (git_dir / "objects" / "pack" / f"pack-{name}.{suffix}" for suffix in ("pack", "idx"))
        if not (_is_whole(pack, name) and _is_whole(index)):
            disk.remove_quietly(index)
            disk.remove_quietly(pack)


def _is_whole(path: Path, name: str = "") -> bool:
    """Whether a file ends in the SHA-1 of what is before; `name`: it must be this one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    digest = sha1(content[:-_ID], usedforsecurity=False).digest()
    return len(content) > _ID and content[-_ID:] == digest and name in ("", digest.hex())


def _put_objects(git_dir: Path, entries: Sequence[Entry]) -> None:
    objects = {oid: written for entry in entries for oid, written in entry.objects.items()}
    if not objects:
        return
    thin = pack_head(len(objects)) + b"".join(objects.values())
    with TemporaryFile(dir=git_dir / OWN_DIRECTORY) as given:
        given.write(thin + sha1(thin, usedforsecurity=False).digest())
        given.seek(0)
        # whatever these differ from is on disk, or among them
        Porcelain(git_dir).run(
            *("index-pack", "--stdin", "--fix-thin"),
            config=("core.fsync=all", "core.fsyncMethod=fsync"),
            given=given,
        )
    disk.sync_directory(git_dir / "objects" / "pack")


def _put_main(git_dir: Path, new: str) -> None:
    try:
        _move_forward(git_dir, new)
    except Locked:
        if recover_stale_lock(git_dir, MAIN) is None:
            raise
        _move_forward(git_dir, new)
    sync_ref(git_dir, MAIN)


def _move_forward(git_dir: Path, new: str) -> None:
    with LockFile(os.fspath(git_dir), MAIN) as lock:
        if _is_behind(git_dir, new):
            disk.write_all(lock.fd, new.encode("ascii") + b"\n")
            disk.sync(lock.fd)
            lock.commit()


def _is_behind(git_dir: Path, new: str) -> bool:
    """Whether `main` is where it can be moved to `new` without anything being lost."""
    try:
        now = read_ref(git_dir, MAIN)
    except RegistryError:
        return True  # not whole: it was moved, and not flushed
    if now is None or now == new:
        return now is None
    repository = pygit2.Repository(os.fspath(git_dir))
    try:
        return repository.descendant_of(new, now)
    except (KeyError, ValueError, pygit2.GitError):
        return now not in repository  # it was pushed, and not flushed
