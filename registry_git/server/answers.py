"""Answers that are known: as long as the registry has not moved, the same caller is told the same again.

Whatever a versioned route answers follows from the commit that its ETag names, from who asks, and from what is asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from registry_git.server.reply import Reply

_AROUND = 1_500  # bytes that an answer takes besides its body: headers, and what was asked


class Answers:
    """The answers of one state of the registry, at most so many bytes of them. Used in the event loop alone."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._tag = ""
        self._size = 0
        self._found: OrderedDict[Hashable, Reply] = OrderedDict()

    def find(self, tag: str, asked: Hashable) -> Reply | None:
        """What was answered in the state with this tag."""
        if tag != self._tag:
            return None
        found = self._found.get(asked)
        if found is not None:
            self._found.move_to_end(asked)
        return found

    def keep(self, tag: str, asked: Hashable, reply: Reply) -> None:
        """Keeps an answer; those of another state are of no use any more, and those not asked for longest go first."""
        if tag != self._tag:
            self._tag, self._size = tag, 0
            self._found.clear()
        size = len(reply.body) + _AROUND
        if size > self._at_most // 8 or asked in self._found:
            return
        self._found[asked] = reply
        self._size += size
        while self._size > self._at_most:
            _, gone = self._found.popitem(last=False)
            self._size -= len(gone.body) + _AROUND
