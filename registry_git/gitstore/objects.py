"""New git objects: collected in memory, then written as loose objects that survive a power cut."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha1
from pathlib import Path

from registry_git.core.errors import Invalid
from registry_git.core.names import Actor
from registry_git.gitstore import disk

KINDS = ("commit", "tree", "blob", "tag")
_DRAFT = "tmp_obj_"  # git's own prefix: `git prune` clears what a killed process leaves
_ID = re.compile(r"[0-9a-f]{40}")


def check_object_id(oid: str) -> str:
    """`oid`, when it is a full object id in lower case hex. Raises: Invalid."""
    if not isinstance(oid, str) or _ID.fullmatch(oid) is None:
        raise Invalid(f"{oid!r} is no object id.", hint="Give all 40 hexadecimal digits in lower case.")
    return oid


def commit_bytes(
    *,
    tree: str,
    parents: Sequence[str],
    author: Actor,
    committer: Actor,
    at_seconds: int,
    message: str,
    authored_seconds: int | None = None,
) -> bytes:
    """A commit as git stores it, the same bytes for the same arguments; also what a signature covers.

    `authored_seconds` is when the author did it, where that is not the time of the commit. Times are in UTC; the
    message is UTF-8 and ends in one line feed at least.

    Raises:
        Invalid: an id that is none, a time before 1970, or NUL in the message.
    """
    if at_seconds < 0:
        raise Invalid(f"A commit cannot be of {at_seconds} seconds before 1970.", hint="Check the clock.")
    if "\0" in message:
        raise Invalid("A commit message cannot hold NUL.", hint="Leave it out.")
    lines = [f"tree {check_object_id(tree)}"]
    lines += [f"parent {check_object_id(parent)}" for parent in parents]
    authored = at_seconds if authored_seconds is None else authored_seconds
    lines += [f"author {author} {authored} +0000", f"committer {committer} {at_seconds} +0000"]
    body = message if message.endswith("\n") else message + "\n"
    return ("\n".join(lines) + "\n\n" + body).encode("utf-8")


class Staging:
    """Objects that are to be written together. Ids are hex strings; equal content is held once.

    Attributes:
        objects: kind and content of every staged object, by id, in the order of arrival.
        delta_bases: for some trees the id of the earlier version that they resemble (see `tree`).
    """

    __slots__ = ("delta_bases", "objects")

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.delta_bases: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.objects)

    def add(self, kind: str, data: bytes) -> str:
        """Stages the object and gives its id. Raises: Invalid for a kind that git does not know."""
        if kind not in KINDS:
            raise Invalid(f"{kind!r} is no kind of git object.", hint=f"There are {', '.join(KINDS)}.")
        oid = sha1(b"%s %d\0%s" % (kind.encode(), len(data), data), usedforsecurity=False).hexdigest()
        self.objects.setdefault(oid, (kind, data))
        return oid

    def blob(self, data: bytes) -> str:
        """Stages the content of a file and gives its id."""
        return self.add("blob", data)

    def tree(self, data: bytes, delta_base: str | None = None) -> str:
        """Stages a serialised tree and gives its id.

        `delta_base` is the id of the same directory's earlier version: a pack then stores the difference alone,
        if that version is in the same staging. It changes nothing else.
        """
        oid = self.add("tree", data)
        if delta_base is not None and delta_base != oid:
            self.delta_bases.setdefault(oid, delta_base)
        return oid

    def commit(
        self,
        *,
        tree: str,
        parents: Sequence[str],
        author: Actor,
        committer: Actor,
        at_seconds: int,
        message: str,
    ) -> str:
        """Stages a commit (see `commit_bytes`) and gives its id. Raises: Invalid."""
        return self.add(
            "commit",
            commit_bytes(
                tree=tree,
                parents=parents,
                author=author,
                committer=committer,
                at_seconds=at_seconds,
                message=message,
            ),
        )

    def read(self, oid: str) -> bytes | None:
        """The content of a staged object; None when it is not staged."""
        found = self.objects.get(oid)
        return None if found is None else found[1]


def write_loose(
    objects_dir: Path,
    staging: Staging,
    *,
    durable: bool = True,
    exists: Callable[[str], bool] | None = None,
) -> None:
    """Writes every staged object that the store lacks. On return all of them are on disk, names included.

    Args:
        objects_dir: the store, `<git dir>/objects`.
        staging: the objects.
        durable: False leaves the flushing to the kernel (tests, throw-away registries).
        exists: asked for objects that are not loose: whether a pack or an alternate has them.

    Raises:
        Unavailable: disk full, read-only, input/output error …; no temporary file stays, and the store is as usable
            as before. Objects that made it into place are harmless: nothing names them.
    """
    with disk.explained("write to the registry"):
        _write(os.fspath(objects_dir), staging, durable=durable, exists=exists)


def _write(root: str, staging: Staging, *, durable: bool, exists: Callable[[str], bool] | None) -> None:
    mode = os.stat(root).st_mode & 0o444
    folders: dict[str, None] = {}
    new: list[tuple[int, str, str]] = []
    temporary: set[str] = set()
    try:
        for oid, (kind, data) in staging.objects.items():
            folder = f"{root}/{oid[:2]}"
            path = f"{folder}/{oid[2:]}"
            raw = b"%s %d\0%s" % (kind.encode(), len(data), data)
            state = _state(path, raw, durable=durable)
            if state:
                folders[folder] = None
            elif state is False or exists is None or not exists(oid):
                disk.make_directory(folder, like=root)
                folders[folder] = None
                draft = f"{folder}/{_DRAFT}{os.urandom(6).hex()}"
                fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
                new.append((fd, draft, path))
                temporary.add(draft)
                os.fchmod(fd, mode)
                disk.write_all(fd, zlib.compress(raw, 1))
                if durable:
                    disk.start_writing(fd)
        if durable:
            disk.at_once(disk.sync, [fd for fd, _, _ in new])
        for _, draft, path in new:
            os.rename(draft, path)
            temporary.discard(draft)
        if durable and folders:
            # the root always: a folder that another process has just made may not have its name on disk yet
            disk.at_once(disk.sync_directory, [*folders, root])
    finally:
        for fd, _, _ in new:
            with suppress(OSError):
                os.close(fd)
        for draft in temporary:
            disk.remove_quietly(draft)


def _state(path: str, raw: bytes, *, durable: bool) -> bool | None:
    """True: the loose object is there and whole (and, if `durable`, on disk). False: there but not whole. None: absent.

    A power cut can leave a loose object empty or full of zeros, so only its content is proof.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return False
    try:
        with os.fdopen(fd, "rb", closefd=False) as file:
            written = file.read()
        if zlib.decompress(written) != raw:
            return False
        if durable:
            disk.sync(fd)
    except (OSError, zlib.error):
        return False
    finally:
        os.close(fd)
    return True
