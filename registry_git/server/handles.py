"""Open repositories, each used by one thread at a time; the last one given back is taken next, since it is warm."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from registry_git.app import surroundings
from registry_git.core.names import Actor
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.registry.facade import Registry
from registry_git.registry.past import PastReading, find_commit

_CALLERS = 100  # whose registries are kept
_PASTS = 2  # moments of the past whose index is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """One open repository and its index."""

    store: Store
    index: Index
    _registries: dict[tuple[Actor, bool], Registry] = field(default_factory=dict)

    def registry(self, actor: Actor, *, approves: bool = True) -> Registry:
        """The registry as `actor` uses it. The server's own environment has no say in what a caller does."""
        found = self._registries.get((actor, approves))
        if found is None:
            if len(self._registries) >= _CALLERS:
                self._registries.clear()
            acting = replace(surroundings(actor), tracking_uri="", approves=approves, recorder=None)
            found = self._registries[actor, approves] = Registry(self.store, self.index, acting)
        return found


class Handles:
    """At most as many handles as threads use them at once."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open = open_store
        self._free: list[Handle] = []
        self._lock = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[Handle]:
        """A handle that is nobody else's meanwhile."""
        with self._lock:
            handle = self._free.pop() if self._free else None
        if handle is None:
            store = self._open()
            handle = Handle(store=store, index=Index(store.repository))
        try:
            yield handle
        finally:
            with self._lock:
                self._free.append(handle)

    def close(self) -> None:
        """Closes the indexes that are not in use."""
        with self._lock:
            for handle in self._free:
                handle.index.close()
            self._free.clear()


class Past:
    """The registry at other moments. One thread alone uses it: an index of the past takes long to build."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._views: OrderedDict[str, PastReading] = OrderedDict()

    def view(self, moment: str) -> PastReading:
        """The registry at a moment (see `Registry.at`). Raises: as that."""
        store = Store(self._path)
        commit = find_commit(store, moment)
        # a request's branch may move on and `main` too, and both say how much of the commit has happened
        key = f"{commit} {store.snapshot().commit}"
        found = self._views.get(key)
        if found is None:
            found = self._views[key] = PastReading(store, commit)
            if len(self._views) > _PASTS:
                self._views.popitem(last=False)
        self._views.move_to_end(key)
        return found
