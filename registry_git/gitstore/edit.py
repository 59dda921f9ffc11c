"""New trees from old ones: files put and removed along their paths."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from operator import attrgetter

from registry_git.gitstore.objects import Staging
from registry_git.gitstore.trees import DIRECTORY, EMPTY_TREE, FILE, ReadTree

_ENTRY = re.compile(rb"(([0-7]+) ([^\0]+)\0.{20})", re.DOTALL)
_RUN = 32  # entries that are kept, copied and joined together


class _Run:
    """Some neighbouring entries. It is never changed, since listings share it."""

    __slots__ = ("entries", "keys", "whole")

    def __init__(self, keys: list[bytes], entries: list[bytes]) -> None:
        self.keys = keys  # what git sorts by: the names of directories as if they ended in a slash
        self.entries = entries
        self.whole = b"".join(entries)  # as the tree has them


_whole = attrgetter("whole")


class Listing:
    """The entries of one directory, kept as git serialises them.

    A change costs no more than the entries around the one that it is about: of a thousand entries the others are
    neither copied nor looked at.
    """

    __slots__ = ("_firsts", "_runs")

    def __init__(self, tree: bytes = b"") -> None:
        found = _ENTRY.findall(tree)
        keys = [name + b"/" if mode == DIRECTORY else name for _, mode, name in found]
        entries = [one[0] for one in found]
        if sorted(keys) != keys:  # another program wrote it wrongly
            keys, entries = map(list, zip(*sorted(zip(keys, entries, strict=True)), strict=True))
        self._firsts = keys[::_RUN]  # the first key of each run
        parts = [slice(at, at + _RUN) for at in range(0, len(keys), _RUN)]
        self._runs = [_Run(keys[part], entries[part]) for part in parts]

    def copy(self) -> Listing:
        """A listing that can be changed while this one stays."""
        other = Listing.__new__(Listing)
        other._firsts, other._runs = self._firsts.copy(), self._runs.copy()
        return other

    def find(self, name: bytes) -> tuple[str, str] | None:
        """Mode and id of the entry of that name."""
        # either may be there, and nearly always a file has an ending and a directory has none
        for key in (name, name + b"/") if b"." in name else (name + b"/", name):
            entry = self._entry(key)
            if entry is not None and entry[-21 - len(name) : -21] == name:
                return entry[: -22 - len(name)].decode(), entry[-20:].hex()
        return None

    def directory(self, name: bytes) -> str:
        """The id of the tree of that name; the empty tree's when there is none."""
        entry = self._entry(name + b"/")
        return EMPTY_TREE if entry is None else entry[-20:].hex()

    def __iter__(self) -> Iterator[tuple[bytes, bytes, str]]:
        """Name, mode and id of each entry, in the order of the tree."""
        for run in self._runs:
            for entry in run.entries:
                mode, _, rest = entry.partition(b" ")
                yield rest[:-21], mode, rest[-20:].hex()

    def keys(self) -> list[bytes]:
        """The names, as git sorts them: those of directories with a closing slash."""
        return [key for run in self._runs for key in run.keys]

    def put(self, mode: bytes, name: bytes, oid: str) -> None:
        """Makes the entry of that name a file or a directory with this id, whatever it was."""
        key, other = (name + b"/", name) if mode == DIRECTORY else (name, name + b"/")
        self.drop(other)
        entry = b"%s %s\0%s" % (mode, name, bytes.fromhex(oid))
        if not self._runs:
            self._firsts, self._runs = [key], [_Run([key], [entry])]
            return
        at, place, there = self._find(key)
        keys, entries = self._runs[at].keys, self._runs[at].entries.copy()
        if there:
            entries[place] = entry
        else:
            keys = keys.copy()
            keys.insert(place, key)
            entries.insert(place, entry)
        self._replace(at, keys, entries)

    def drop(self, key: bytes) -> None:
        """Removes the file `key`, or with a closing slash the directory, when it is there."""
        at, place, there = self._find(key)
        if there:
            keys, entries = self._runs[at].keys.copy(), self._runs[at].entries.copy()
            del keys[place], entries[place]
            self._replace(at, keys, entries)

    def serialised(self) -> bytes:
        """The tree as git stores it."""
        return b"".join(map(_whole, self._runs))

    def _entry(self, key: bytes) -> bytes | None:
        at = bisect_right(self._firsts, key) - 1
        if at < 0:
            return None
        run = self._runs[at]
        place = bisect_left(run.keys, key)
        return run.entries[place] if place < len(run.keys) and run.keys[place] == key else None

    def _find(self, key: bytes) -> tuple[int, int, bool]:
        """The run where `key` is or would be, its place there, and whether it is there."""
        if not self._runs:
            return 0, 0, False
        at = bisect_right(self._firsts, key)
        at -= at > 0
        keys = self._runs[at].keys
        place = bisect_left(keys, key)
        return at, place, place < len(keys) and keys[place] == key

    def _replace(self, at: int, keys: list[bytes], entries: list[bytes]) -> None:
        """Puts other entries in the place of a run: none, one run or two."""
        if 0 < len(keys) <= 2 * _RUN:
            self._firsts[at], self._runs[at] = keys[0], _Run(keys, entries)
            return
        cut = len(keys) // 2
        parts = [part for part in (slice(cut), slice(cut, None)) if keys[part]]
        self._firsts[at : at + 1] = [keys[part][0] for part in parts]
        self._runs[at : at + 1] = [_Run(keys[part], entries[part]) for part in parts]


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
