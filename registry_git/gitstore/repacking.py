"""Few packs, however much is written: full ones are merged in the background, in a geometric progression of sizes.

Every reader looks into all packs, so what `git gc --auto` does for others is done here, where no collection may run
beside a writer: when there are more packs than `gc.autoPackLimit` (50, as for git) the small ones become one. Each
object is so copied no more often than the logarithm of their number, and nothing is thrown away, reachable or not.
Many objects that are files of their own, as small pushes and fetches leave them, become a pack, too.
`gc.auto` or `gc.autoPackLimit` of 0 turns it off.

It is `git repack --geometric=2 -d` but for two things: that fails when a writer replaces its growing pack meanwhile,
and it removes packs before the name of the new one is known to be on disk.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from operator import attrgetter
from pathlib import Path
from struct import unpack_from
from typing import NamedTuple

import pygit2

from registry_git.core.errors import Corrupt, RegistryError
from registry_git.gitstore import disk
from registry_git.gitstore.growing_note import growing_packs
from registry_git.gitstore.lock import OWN_DIRECTORY, WriterLock
from registry_git.gitstore.porcelain import Porcelain
from registry_git.gitstore.pushed import PACKS_MAX
from registry_git.gitstore.repository import Repository

LOOSE_MAX = 1_000  # files of one object each, with which each push has some hundred directories to flush
_FEW = 8  # packs, which take a read little more time than one
_FACTOR = 2  # each pack that stays has at least so many times the objects of the next smaller one
_LOG = "repack.log"
_COMMAND = "import sys; sys.path[:] = sys.argv[2:]; from registry_git.gitstore.repacking import main; main(sys.argv[1])"
_NICE = 10
_ABANDONED_SECONDS = 24 * 3600.0  # a draft that nobody has written to for so long is a killed process's
_NOT_OURS = (".keep", ".promisor", ".mtimes")  # kept, of a partial clone, or what `git gc` is about to drop
_BESIDE = ("idx", "rev", "bitmap")  # what there is beside a pack, and is passed over without it
_HEAD = 8 + 4 * 256  # bytes of an index before the ids
_ID = 20
_LOGGER = logging.getLogger(__name__)


class Pack(NamedTuple):
    """A pack that may be merged: its SHA-1, and how many objects it holds."""

    name: str
    objects: int


def packs_allowed(repository: Repository) -> int:
    """How many packs there may be before they are merged by themselves; 0: they are not."""
    config = repository.git.config
    try:
        if "gc.auto" in config and config.get_int("gc.auto") <= 0:
            return 0
        return max(0, config.get_int("gc.autoPackLimit")) if "gc.autoPackLimit" in config else PACKS_MAX
    except (ValueError, pygit2.GitError):
        return 0  # no number: git itself would not go on


def mergeable(objects_dir: Path) -> list[Pack]:
    """The packs that may be merged, smallest first; none where somebody keeps a multi-pack-index of them."""
    names = _names(objects_dir)
    if "multi-pack-index" in names:
        return []
    found = []
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix == ".pack" and f"{stem}.idx" in names and not any(f"{stem}{mark}" in names for mark in _NOT_OURS):
            objects = _count(objects_dir / "pack" / f"{stem}.idx")
            if objects is not None:
                found.append(Pack(stem.removeprefix("pack-"), objects))
    return sorted(found, key=attrgetter("objects", "name"))


def rolled_up(packs: Sequence[Pack]) -> Sequence[Pack]:
    """Of packs, smallest first, those that become one so that each has twice the objects of the one before it."""
    split = len(packs)
    while split > 1 and packs[split - 1].objects >= _FACTOR * packs[split - 2].objects:
        split -= 1
    if split <= 1:
        return ()
    total = sum(pack.objects for pack in packs[:split])
    while split < len(packs) and packs[split].objects < _FACTOR * total:
        total += packs[split].objects
        split += 1
    return packs[:split]


def merge_when_many(repository: Repository) -> bool:
    """Starts to merge packs when there are too many of them, and does not wait for it; whether it has started."""
    objects_dir, git_dir = repository.objects_dir, repository.git_dir.absolute()
    with suppress(OSError):
        packs = sum(name.endswith(".pack") for name in _names(objects_dir))
        # asked in this order: nearly always the first answers
        if packs <= 1 or not 0 < (allowed := packs_allowed(repository)) < packs:
            return False
        found = mergeable(objects_dir)
        if len(found) <= allowed or not rolled_up(found) or not sys.executable:
            return False
        with _turn(git_dir) as log:
            if log is not None:
                # it inherits the file, and with it the lock
                process = subprocess.Popen(
                    [sys.executable, "-c", _COMMAND, git_dir, *map(os.path.abspath, sys.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    cwd="/",
                    start_new_session=True,  # what ends this program at a terminal does not end that one
                )
                threading.Thread(target=process.wait, daemon=True, name="repack").start()
                return True
    return False


def merge_now(git_dir: Path) -> int:
    """Merges packs, however many there are, and gives how many became one; 0 also while another process does it.

    Raises:
        Unavailable: git failed, or the disk does not take it; Corrupt: an object is damaged. All packs stay.
    """
    with disk.explained("merge packs"), _turn(git_dir) as log:
        return 0 if log is None else _merge(git_dir)


def pack_loose_now(git_dir: Path) -> int:
    """Packs objects that are files of their own, if there are many, and gives their number; 0 also while others do it.

    Raises:
        Unavailable: git failed, or the disk does not take it. All files stay.
    """
    with disk.explained("pack objects"), _turn(git_dir) as log:
        return 0 if log is None else _pack_loose(git_dir)


def loose_objects(objects_dir: Path) -> int:
    """How many objects are files of their own."""
    return sum(len(os.listdir(entry)) for entry in os.scandir(objects_dir) if len(entry.name) == 2)


def merge_what_was_brought(repository: Repository) -> int:
    """Merges packs at the end of what has written many of them; gives how many became one, 0 where they are few.

    They would stay until there are too many, and each read looks into all of them. Where nothing is to be merged by
    itself, nothing is; what fails is a warning, for what was brought is there.
    """
    try:
        if not packs_allowed(repository) or len(mergeable(repository.objects_dir)) <= _FEW:
            return 0
        return merge_now(repository.git_dir)
    except RegistryError as problem:
        _LOGGER.warning("Packs stay as they are: %s", problem.message)
        return 0


def last_failure(git_dir: Path) -> str:
    """What went wrong when packs were merged in the background the last time, "" when nothing did."""
    with suppress(OSError):
        lines = (git_dir / OWN_DIRECTORY / _LOG).read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def main(git_dir: str) -> None:
    """What the process in the background does; the standard error is the log, whose lock it has."""
    os.nice(_NICE)
    try:
        with disk.explained("merge packs"):
            _merge(Path(git_dir))
            _pack_loose(Path(git_dir))
    except RegistryError as problem:
        sys.exit(problem.message)


def _merge(git_dir: Path) -> int:
    objects_dir, folder = git_dir / "objects", git_dir / "objects" / "pack"
    _sweep(folder)
    with WriterLock(git_dir):  # or the note might already name a pack that is not listed, and no more one that is
        growing = growing_packs(git_dir)
        found = [pack for pack in mergeable(objects_dir) if pack.name not in growing]
    old = rolled_up(found)
    if not old:
        return 0
    new = _packed(git_dir, old)
    held = {oid for name in new for oid in _ids(folder / f"pack-{name}.idx")}
    gone = [pack.name for pack in old if pack.name not in new]
    for name in gone:
        if not held.issuperset(_ids(folder / f"pack-{name}.idx")):
            raise Corrupt(f"git left out objects of the pack {name}, so all packs stay.", hint="See: git fsck --full")
    for name in gone:
        for suffix in ("pack", *_BESIDE):  # what a kill leaves holds no object then
            disk.remove_quietly(folder / f"pack-{name}.{suffix}")
    return len(old)


def _pack_loose(git_dir: Path) -> int:
    count = loose_objects(git_dir / "objects")
    if count <= LOOSE_MAX:
        return 0
    _packed(git_dir, (), "--unpacked")
    Porcelain(git_dir).run("prune-packed", "--quiet")  # the files of what is in packs, whichever
    return count


def _packed(git_dir: Path, packs: Sequence[Pack], *more: str) -> set[str]:
    """Makes packs of all that is in these, and gives the new ones' SHA-1s once they and their names are on disk."""
    from tempfile import TemporaryFile  # slow to import, and `doctor` is imported by every command that writes

    folder = git_dir / "objects" / "pack"
    with TemporaryFile(dir=git_dir / OWN_DIRECTORY) as given:
        given.write(b"".join(b"pack-%s.pack\n" % pack.name.encode() for pack in packs))
        given.seek(0)
        _, out, _ = Porcelain(git_dir).run(
            *("pack-objects", "--quiet", "--non-empty", "--delta-base-offset", "--index-version=2", "--threads=1"),
            *("--stdin-packs", *more, os.fspath(folder / "pack")),
            config=("core.fsync=all", "core.fsyncMethod=fsync"),
            given=given,
        )
    # git has flushed the files, but not their names
    disk.sync_directory(folder)
    return set(out.split())


@contextmanager
def _turn(git_dir: Path) -> Iterator[int | None]:
    """An empty log that is locked until everybody who has it open is gone; None while somebody has."""
    folder = git_dir / OWN_DIRECTORY
    disk.make_directory(folder, like=git_dir)
    fd = os.open(folder / _LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            yield None
            return
        with suppress(PermissionError):
            os.fchmod(fd, os.stat(git_dir).st_mode & 0o666)
        os.ftruncate(fd, 0)
        yield fd
    finally:
        os.close(fd)


def _sweep(folder: Path) -> None:
    """Removes what killed processes left half written or half removed, git's own among them."""
    alone = (
        path for suffix in _BESIDE for path in folder.glob(f"*.{suffix}") if not path.with_suffix(".pack").exists()
    )
    for path in (*folder.glob("tmp_*"), *alone):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                disk.remove_quietly(path)


def _names(objects_dir: Path) -> set[str]:
    try:
        return set(os.listdir(objects_dir / "pack"))
    except FileNotFoundError:
        return set()


def _count(index: Path) -> int | None:
    """How many objects a pack holds; None when its index is of another version, damaged or gone."""
    try:
        with index.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return None
    if len(head) < _HEAD or head[:8] != b"\xfftOc\0\0\0\2":
        return None
    return int(unpack_from(">I", head, _HEAD - 4)[0])


def _ids(index: Path) -> Iterator[bytes]:
    content = index.read_bytes()
    (count,) = unpack_from(">I", content, _HEAD - 4)
    return (content[at : at + _ID] for at in range(_HEAD, _HEAD + _ID * count, _ID))
