"""Loose objects, read here whole or not at all: libgit2 up to 1.9 never returns from a truncated one.

A power cut leaves such objects behind. See https://github.com/libgit2/libgit2/issues/7342.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable

import pygit2

from registry_git.core.errors import Corrupt

FIRST = 3  # libgit2 asks its own readers of packs and loose objects at 2 and 1
_KINDS = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}


def read_loose(objects: str, oid: str) -> tuple[int, bytes] | None:
    """Kind (1 commit, 2 tree, 3 blob, 4 tag) and content of an object in the directory `objects`.

    None when it is not loose there: packed, or missing.

    Raises:
        Corrupt: its file is not whole.
    """
    try:
        fd = os.open(f"{objects}/{oid[:2]}/{oid[2:]}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        raw = file.read()
    from hashlib import sha1  # slow to import, and most objects are in packs

    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(raw)
    except zlib.error as problem:
        raise _damaged(oid, str(problem)) from None
    if not inflate.eof:
        raise _damaged(oid, f"its file ends after {len(raw)} bytes")
    head, _, content = data.partition(b"\0")
    kind, _, size = head.partition(b" ")
    if kind not in _KINDS or size != b"%d" % len(content) or sha1(data, usedforsecurity=False).hexdigest() != oid:
        raise _damaged(oid, "its content is not what its id says")
    return _KINDS[kind], content


def _damaged(oid: str, why: str) -> Corrupt:
    return Corrupt(
        f"The object {oid} is missing or damaged: {why}.", hint="Fetch it from a clone, or see: git fsck --full"
    )


class LooseObjects(pygit2.OdbBackend):
    """The loose objects of one directory, for libgit2 to ask before it looks at them itself.

    `held` are objects by id that are not stored yet and can be read all the same (see `Repository.holding`); `lately`
    gives those that were written lately and need no reading.
    """

    def __init__(self, objects: str, lately: Callable[[str], tuple[str, bytes] | None]) -> None:
        super().__init__()
        self._objects = objects
        self.lately = lately
        self.absent = ""  # the id that was looked for here just now, and is not there
        self.held: dict[str, tuple[str, bytes]] = {}

    def read_cb(self, oid: pygit2.Oid) -> tuple[int, bytes]:
        """libgit2's question for an object."""
        name = str(oid)
        known = self.held.get(name) or self.lately(name)
        if known is not None:
            return _KINDS[known[0].encode()], known[1]
        if name == self.absent:
            self.absent = ""  # when it is asked for again, it may have come
            raise KeyError(name)
        try:
            found = read_loose(self._objects, name)
        except Corrupt:
            return _KINDS[b"blob"], b"damaged"  # libgit2 compares content and id, and refuses this
        if found is None:
            raise KeyError(name)
        return found

    def exists_cb(self, oid: pygit2.Oid) -> bool:
        """Answered for held objects alone: libgit2 looks for a file's name itself."""
        return str(oid) in self.held

    def refresh_cb(self) -> None:
        """Nothing is remembered here."""

    def read_prefix_cb(self, oid: object) -> tuple[int, bytes, pygit2.Oid]:
        """The same question as pygit2 asks it; answered for held objects alone."""
        kind, data = self.held[str(oid)]
        return _KINDS[kind.encode()], data, pygit2.Oid(hex=str(oid))

    def _unanswered(self, oid: object) -> None:
        raise KeyError(str(oid))

    read_header_cb = exists_prefix_cb = _unanswered
