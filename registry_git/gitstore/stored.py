"""Stored objects: packed ones asked of libgit2's reader of packs alone, loose ones read here.

Asked for an object by its whole id, libgit2 looks into every other place, too, whether something there has an id that
begins so. That costs more than the object does.
"""

from __future__ import annotations

import pygit2

from registry_git.gitstore.loose import read_loose

_FEW = 16  # reads after which it is worth knowing the packs; who opens a repository for a question or two asks no more


class StoredObjects:
    """The objects of one directory. As long as few were asked for, none of its packs is known."""

    def __init__(self, objects: str) -> None:
        self._objects = objects
        self._asked = 0
        self._packs: pygit2.Odb | None = None
        self._packed_first = False  # where the last object was is looked for the next one first

    def read(self, oid: str) -> tuple[int, bytes] | None:
        """Kind (1 commit, 2 tree, 3 blob, 4 tag) and content; None: it is not here, or damaged in a pack.

        Raises:
            Corrupt: it is loose, and its file is not whole.
        """
        found = self._packed(oid) if self._packed_first else read_loose(self._objects, oid)
        if found is not None:
            return found
        found = read_loose(self._objects, oid) if self._packed_first else self._packed(oid)
        if found is not None:
            self._packed_first = not self._packed_first
        return found

    def _packed(self, oid: str) -> tuple[int, bytes] | None:
        if self._asked < _FEW:
            self._asked += 1
            return None
        if self._packs is None:
            self._packs = pygit2.Odb()
            self._packs.add_backend(pygit2.OdbBackendPack(self._objects), 1)
        try:
            kind, data = self._packs.read(oid)
        except (KeyError, ValueError, pygit2.GitError):
            self._asked = 0  # others may be elsewhere, too, and a look that finds nothing lists all packs
            return None
        return int(kind), data
