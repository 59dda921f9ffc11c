"""The files of a tree: which there are, and how to read each."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from registry_git.artifacts.location import Local, Remote, connect, parse_location, reading
from registry_git.core.errors import Invalid, NotFound

BLOCK = 1 << 20  # bytes read at a time
_DEPTH_MAX = 32  # of web directories, which may link in circles


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One regular file: its path in the tree (POSIX, UTF-8), its size as listed (None: not known), how to open it."""

    name: bytes
    size: int | None
    open: Callable[[], BinaryIO]

    def blocks(self) -> Iterator[bytes]:
        """The content in blocks of at most 1 MiB. Raises: NotFound, Unavailable, Invalid (no regular file anymore)."""
        shown = os.fsdecode(self.name)
        with reading(shown):
            stream = self.open()
        try:
            while True:
                with reading(shown):
                    block = stream.read(BLOCK)
                if not block:
                    return
                yield block
        finally:
            stream.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All regular files of a location in the order of their names; `single` when it is one file and no directory."""

    files: tuple[File, ...]
    single: bool = False


def open_tree(location: str) -> Tree | None:
    """The files below a location; None when it cannot be read at all (no driver, or no location of files).

    Raises:
        NotFound: nothing is there.
        Invalid: a link that leaves the tree or leads nowhere, a link to a directory, a socket, pipe or device, or a
            name that leaves the tree.
        Unavailable: it cannot be read now.
    """
    parsed = parse_location(location)
    if parsed is None:
        return None
    tree = _local_tree(location, parsed) if isinstance(parsed, Local) else _remote_tree(parsed)
    if tree is None:
        return None
    files = tuple(sorted(tree.files, key=lambda file: file.name))
    for one, other in pairwise(files):
        if one.name == other.name:
            raise Invalid(f"{location!r} holds two files {os.fsdecode(one.name)!r}.", hint="Rename one of them.")
    return Tree(files=files, single=tree.single)


def tree_size(location: str) -> int | None:
    """The bytes of all files as listed, for a progress bar; None when not known. Raises: as `open_tree`."""
    tree = open_tree(location)
    sizes = [file.size for file in tree.files] if tree else [None]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def find_file(location: str, name: str) -> File | None:
    """The file `name` directly in a directory; None when it is not there or the location cannot be read at all.

    Raises:
        Invalid: it is a link that leaves the directory, or no regular file.
        Unavailable: it cannot be read now.
    """
    parsed = parse_location(location)
    try:
        if isinstance(parsed, Local):
            path = os.path.join(parsed.path, os.fsencode(name))
            with reading(location):
                return _local_file(path, os.fsencode(name), os.path.realpath(parsed.path))
        files = connect(parsed) if isinstance(parsed, Remote) else None
        if parsed is None or files is None:
            return None
        path_there = f"{files._strip_protocol(parsed.url).rstrip('/')}/{name}"
        with reading(parsed.url):
            info = files.info(path_there)
        return _remote_file(files, parsed, path_there, os.fsencode(name), info) if info["type"] == "file" else None
    except NotFound:
        return None


def _local_tree(location: str, local: Local) -> Tree:
    with reading(location):
        mode = os.stat(local.path).st_mode
        root = os.path.realpath(local.path)
        if stat.S_ISREG(mode):
            name = os.path.basename(os.path.abspath(local.path))
            return Tree(files=(_local_file(root, name, os.path.dirname(root)),), single=True)
        if not stat.S_ISDIR(mode):
            raise Invalid(f"{location!r} is no file and no directory.", hint="Give a file or a directory.")
        return Tree(files=tuple(_walk(root)))


def _walk(root: bytes) -> Iterator[File]:
    waiting = [b""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(root, below)) as entries:
            for entry in entries:
                name = below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name + b"/")
                else:
                    yield _local_file(os.path.join(root, name), name, root)


def _local_file(path: bytes, name: bytes, root: bytes) -> File:
    shown = repr(os.fsdecode(name))
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        path = os.path.realpath(path)
        if not path.startswith(root.rstrip(b"/") + b"/"):
            raise Invalid(f"{shown} is a link that leaves the tree.", hint="Put a copy of the file there.")
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            raise Invalid(f"{shown} is a link to nothing.", hint="Remove it.") from None
        if stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
            raise Invalid(f"{shown} is a link to a directory.", hint="Put a copy of the directory there.")
    if not stat.S_ISREG(found.st_mode):
        raise Invalid(f"{shown} is no regular file.", hint="Remove sockets, pipes and devices from the tree.")

    def opened() -> BinaryIO:
        # what is listed may be swapped before it is opened: neither follow a link nor wait for a pipe then
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        stream = os.fdopen(number, "rb", buffering=0)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            stream.close()
            raise Invalid(f"{shown} is no regular file anymore.", hint="Let nobody change the tree meanwhile.")
        return stream

    return File(name=name, size=found.st_size, open=opened)


def _remote_tree(remote: Remote) -> Tree | None:
    files = connect(remote)
    if files is None:
        return None
    path = files._strip_protocol(remote.url)
    with reading(remote.url):
        info = {"type": "directory"} if remote.is_http and path.endswith("/") else files.info(path)
        if info["type"] != "directory":
            base = urlsplit(path).path if remote.is_http else path
            name = _checked_name(remote, base.rstrip("/").rpartition("/")[2])
            return Tree(files=(_remote_file(files, remote, path, name, info),), single=True)
        found = files.find(path, detail=True, **({"maxdepth": _DEPTH_MAX} if remote.is_http else {}))
    return Tree(files=tuple(_listed(files, remote, path, found)))


def _listed(files: Any, remote: Remote, path: str, found: dict[str, dict[str, Any]]) -> Iterator[File]:
    root = path.rstrip("/") + "/" if path else ""
    for full, info in found.items():
        name = full[len(root) :]
        # object stores keep empty objects as directories; web pages link to themselves and to their sorted forms
        is_page = remote.is_http and name.partition("?")[0].partition("#")[0] == ""
        if full.rstrip("/") == path.rstrip("/") or info.get("type") == "directory" or is_page:
            continue
        if name.endswith("/") and not info.get("size"):
            continue
        if not full.startswith(root):
            raise Invalid(f"{full!r} is listed in {remote.url!r} but leaves it.", hint="Do not trust this location.")
        yield _remote_file(files, remote, full, _checked_name(remote, name), info)


def _checked_name(remote: Remote, name: str) -> bytes:
    raw = name.encode("utf-8", "surrogateescape")
    if remote.is_http:
        if "?" in name or "#" in name or "%2f" in name.lower():
            raise Invalid(f"{name!r} in {remote.url!r} is no file name.", hint="Give the URL of a plain directory.")
        raw = unquote_to_bytes(raw)
    if b"\0" in raw or any(part in (b"", b".", b"..") for part in raw.split(b"/")):
        raise Invalid(f"{name!r} in {remote.url!r} leaves the tree.", hint="Do not trust this location.")
    return raw


def _remote_file(files: Any, remote: Remote, path: str, name: bytes, info: dict[str, Any]) -> File:
    def opened() -> BinaryIO:
        # block size 0 is a plain stream over HTTP: no need for a server that knows ranges
        stream: BinaryIO = files.open(path, "rb", **({"block_size": 0} if remote.is_http else {}))
        return stream

    return File(name=name, size=info.get("size"), open=opened)
