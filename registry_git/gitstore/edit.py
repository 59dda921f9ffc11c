"""New trees from old ones: files put and removed along their paths."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping

from registry_git.gitstore.objects import Staging
from registry_git.gitstore.trees import DIRECTORY, EMPTY_TREE, FILE, ReadTree

_ENTRY = re.compile(rb"(([0-7]+) ([^\0]+)\0.{20})", re.DOTALL)


class Listing:
    """The entries of one directory, kept as git serialises them: a change costs no more than the entry it is about."""

    __slots__ = ("_entries", "_keys")

    def __init__(self, tree: bytes = b"") -> None:
        self._keys: list[bytes] = []  # what git sorts by: the names of directories as if they ended in a slash
        self._entries: list[bytes] = []
        found = [(name + b"/" if mode == DIRECTORY else name, entry) for entry, mode, name in _ENTRY.findall(tree)]
        found.sort()  # already so, unless another program wrote it wrongly
        if found:
            self._keys, self._entries = map(list, zip(*found, strict=True))

    def copy(self) -> Listing:
        """A listing that can be changed while this one stays."""
        other = Listing()
        other._keys, other._entries = self._keys.copy(), self._entries.copy()
        return other

    def find(self, name: bytes) -> tuple[str, str] | None:
        """Mode and id of the entry of that name."""
        for key in (name, name + b"/"):
            place, there = self._find(key)
            if there:
                mode, _, rest = self._entries[place].partition(b" ")
                if rest[:-21] == name:
                    return mode.decode(), rest[-20:].hex()
        return None

    def directory(self, name: bytes) -> str:
        """The id of the tree of that name; the empty tree's when there is none."""
        place, there = self._find(name + b"/")
        return self._entries[place][-20:].hex() if there else EMPTY_TREE

    def put(self, mode: bytes, name: bytes, oid: str) -> None:
        """Makes the entry of that name a file or a directory with this id, whatever it was."""
        key, other = (name + b"/", name) if mode == DIRECTORY else (name, name + b"/")
        self.drop(other)
        entry = b"%s %s\0%s" % (mode, name, bytes.fromhex(oid))
        place, there = self._find(key)
        if there:
            self._entries[place] = entry
        else:
            self._keys.insert(place, key)
            self._entries.insert(place, entry)

    def drop(self, key: bytes) -> None:
        """Removes the file `key`, or with a closing slash the directory, when it is there."""
        place, there = self._find(key)
        if there:
            del self._keys[place], self._entries[place]

    def serialised(self) -> bytes:
        """The tree as git stores it."""
        return b"".join(self._entries)

    def _find(self, key: bytes) -> tuple[int, bool]:
        place = bisect_left(self._keys, key)
        return place, place < len(self._keys) and self._keys[place] == key


def edit_tree(
    root: str, edits: Mapping[str, str | None], *, read: ReadTree, staging: Staging, remembered: dict[str, Listing]
) -> str:
    """The id of `root` with files put (path to blob id) and removed (path to None); new trees go to `staging`.

    Directories that become empty vanish, as git has no empty directories. `remembered` keeps the listings of trees
    that were made here, so that a batch does not parse what it has just written; pass the same one along.
    """
    nested: dict[bytes, dict[str, str | None]] = {}
    known = remembered.get(root)
    listing = Listing(read(root)) if known is None else known.copy()
    for path, blob in edits.items():
        first, slash, rest = path.partition("/")
        name = first.encode()
        if slash:
            nested.setdefault(name, {})[rest] = blob
        elif blob is None:
            listing.drop(name)
        else:
            listing.put(FILE, name, blob)
    for name, below in nested.items():
        child = listing.directory(name)
        after = edit_tree(child, below, read=read, staging=staging, remembered=remembered)
        if after == EMPTY_TREE:
            listing.drop(name + b"/")
        else:
            listing.put(DIRECTORY, name, after)
    data = listing.serialised()
    if not data:
        return EMPTY_TREE
    oid = staging.tree(data, delta_base=root if root != EMPTY_TREE else None)
    remembered[oid] = listing
    return oid
