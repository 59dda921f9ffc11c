"""How often one caller may call: buckets that fill again with time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

_CALLERS = 10_000  # who has not called for longest is forgotten first


class Rate:
    """At most `per_second` calls on the average, `burst` of them at once; 0: as often as one likes. For any thread."""

    def __init__(self, per_second: float, burst: float | None = None) -> None:
        self._rate = per_second
        self._burst = burst if burst is not None else max(1.0, 2 * per_second)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, caller: str, *, take: float = 1.0) -> float:
        """Takes a call from the caller's bucket and gives 0, or the seconds after which there is one again.

        `take` 0 only looks.
        """
        if not self._rate:
            return 0.0
        now = time.monotonic()
        with self._lock:
            left, at = self._left.pop(caller, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            short = 1.0 - left
            self._left[caller] = (left - take if short <= 0 else left, now)
            if len(self._left) > _CALLERS:
                self._left.popitem(last=False)
        return max(0.0, short / self._rate)
