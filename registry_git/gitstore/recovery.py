"""After a power cut: what the journal tells is made again, so that all that was acknowledged is there, for git too."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

import pygit2

from registry_git.core.errors import RegistryError, Unavailable
from registry_git.gitstore import disk
from registry_git.gitstore.growing_note import note_flushed, read_note
from registry_git.gitstore.journal import Entry, Journal, made_by
from registry_git.gitstore.journal_state import State, state_of
from registry_git.gitstore.lock import OWN_DIRECTORY, WriterLock
from registry_git.gitstore.pack import pack_head, remove_packs
from registry_git.gitstore.porcelain import Porcelain
from registry_git.gitstore.reflock import Locked, LockFile, make_way
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
            root, objects = os.fspath(git_dir), git_dir / "objects"
            made = made_by(entries)
            whole = {name for name in made if _is_whole(objects, name)}
            remove_packs(os.fspath(objects), made - whole)  # git would trip over them
            _put_objects(git_dir, entries)
            kept = whole - {entry.replaced for entry in entries if entry.pack in whole}
            gone = remove_packs(os.fspath(objects), whole - kept)
            for name in kept:
                _write_again(objects, name)
            disk.sync_directory(objects / "pack")
            note_flushed(root, read_note(root), gone)
            _put_main(git_dir, entries[-1].new)
        journal.clear()


def _is_whole(objects: Path, name: str) -> bool:
    """Whether a pack and its index are there, and end in the SHA-1 of what is before."""
    try:
        pack, index = (_file(objects, name, suffix).read_bytes() for suffix in ("pack", "idx"))
    except FileNotFoundError:
        return False
    digests = [sha1(content[:-_ID], usedforsecurity=False).digest() for content in (pack, index)]
    return digests == [pack[-_ID:], index[-_ID:]] and digests[0].hex() == name


def _write_again(objects: Path, name: str) -> None:
    """Has what can be read of a pack on disk: if the disk did not take it once, flushing it again does nothing."""
    for suffix in ("pack", "idx"):
        path = _file(objects, name, suffix)
        with NamedTemporaryFile(dir=path.parent, prefix=f"tmp_{suffix}_", delete=False) as draft:
            try:
                draft.write(path.read_bytes())
                draft.flush()
                os.fchmod(draft.fileno(), path.stat().st_mode & 0o777)
                disk.sync(draft.fileno())
                os.rename(draft.name, path)
            except BaseException:
                disk.remove_quietly(draft.name)
                raise


def _file(objects: Path, name: str, suffix: str) -> Path:
    return objects / "pack" / f"pack-{name}.{suffix}"


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


def _put_main(git_dir: Path, new: str) -> None:
    try:
        _move_forward(git_dir, new)
    except Locked as problem:
        make_way(git_dir, problem)
        _move_forward(git_dir, new)
    sync_ref(git_dir, MAIN)


def _move_forward(git_dir: Path, new: str) -> None:
    with LockFile(os.fspath(git_dir), MAIN) as lock:
        if _may_be(git_dir, new):
            disk.write_all(lock.fd, new.encode("ascii") + b"\n")
            disk.sync(lock.fd)
            lock.commit()


def _may_be(git_dir: Path, new: str) -> bool:
    """Whether `main` may be written as `new` without anything being lost; also where it is read so, and not on disk."""
    try:
        now = read_ref(git_dir, MAIN)
    except RegistryError:
        return True  # not whole: it was moved, and not flushed
    if now is None or now == new:
        return True
    repository = pygit2.Repository(os.fspath(git_dir))
    try:
        return repository.descendant_of(new, now)
    except (KeyError, ValueError, pygit2.GitError):
        return now not in repository  # it was pushed, and not flushed
