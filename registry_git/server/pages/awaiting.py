"""How many requests wait for whoever looks: the number beside "Requests" on every page.

It costs nothing while neither the registry nor its requests change. When they do, it looks anew only at requests that
are not known as they are now, and at no more than `_LOOKS` of them for one page (some 3 ms each); where more are left,
it says "at least", and the next page looks at the next ones.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from registry_git.registry.facade import Registry
from registry_git.registry.waiting import Waiting

_LOOKS = 15
_KEPT = 1000  # people and states


class Awaiting:
    """The numbers by the registry's state and the person. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Waiting] = OrderedDict()
        self._lock = Lock()

    def count(self, registry: Registry, tag: str) -> Waiting:
        """How many requests wait for the actor in the state that a tag names."""
        key = (tag, registry.actor.email)
        known = self._known.get(key)
        if known is not None and not known.more:
            return known
        found = registry.waiting_for(registry.actor.email, look_at=_LOOKS)
        with self._lock:
            self._known[key] = found
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found
