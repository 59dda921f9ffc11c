"""What the handles of one repository know together. Content never changes under an id, so it is never out of date."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from registry_git.gitstore.edit import Listing

_CACHED = 20_000  # decoded manifests kept, by blob id and path
_LISTINGS = 128  # directories whose entries are kept: those of the newest commits
_BYTES = 2_000_000  # of objects that were written lately
T = TypeVar("T")


class Memory:
    """Decoded manifests, and the objects and directories that were written lately. Threads may share it.

    Attributes:
        manifests: decoded manifests kept at most.
        listings: the entries of trees that were read or made for a write, by id.
    """

    def __init__(self) -> None:
        self.manifests = _CACHED
        self.listings: dict[str, Listing] = {}
        self._decoded: OrderedDict[tuple[str, str], object] = OrderedDict()
        self._objects: dict[str, tuple[str, bytes]] = {}
        self._bytes = 0

    def decoded(self, oid: str, path: str) -> object | None:
        """The manifest of this blob at this path, if it is known."""
        found = self._decoded.get((oid, path))
        if found is not None:
            try:  # noqa: SIM105 - it is asked for every manifest, and `suppress` takes longer than the rest
                self._decoded.move_to_end((oid, path))
            except KeyError:  # another thread has just made room
                pass
        return found

    def keep_decoded(self, oid: str, path: str, value: T) -> T:
        """Keeps a decoded manifest and gives it back."""
        self._decoded[(oid, path)] = value
        if len(self._decoded) > self.manifests:
            with suppress(KeyError):
                self._decoded.popitem(last=False)
        return value

    def object(self, oid: str) -> tuple[str, bytes] | None:
        """Kind and content of an object that was written lately."""
        return self._objects.get(oid)

    def keep_written(self, objects: Mapping[str, tuple[str, bytes]]) -> None:
        """Keeps objects that are stored now. One thread at a time: the writer."""
        for oid, (kind, data) in objects.items():
            if oid not in self._objects:
                self._objects[oid] = (kind, data)
                self._bytes += len(data)
        while self._bytes > _BYTES:
            oldest = next(iter(self._objects))
            self._bytes -= len(self._objects.pop(oldest)[1])
        self._forget_listings()

    def keep_listing(self, oid: str, listing: Listing) -> Listing:
        """Keeps the entries of a directory and gives them back."""
        if len(self.listings) >= 2 * _LISTINGS:  # writes that come to nothing read, too
            self._forget_listings()
        self.listings[oid] = listing
        return listing

    def _forget_listings(self) -> None:
        if len(self.listings) > _LISTINGS:
            for oid in list(self.listings)[:-_LISTINGS]:
                self.listings.pop(oid, None)
