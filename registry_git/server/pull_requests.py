"""What the forge says of the pull requests of requests: asked on threads of its own, in time, and known for a while.

No page waits for the forge longer than `seconds`, and none of the server's other threads waits at all. Of one request
there is one call at a time, however many people look.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from registry_git.core.errors import RegistryError, Unavailable
from registry_git.core.rules import Policy
from registry_git.server.workers import Workers

if TYPE_CHECKING:
    from registry_git.forges.looking import Sight

_LOG = logging.getLogger(__name__)
_THREADS = 4
_KEPT = 30.0  # seconds
_KEPT_FAILURE = 5.0
_MOST = 1000  # requests
_MAIN = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The pull request of which branch (short, `request/…`), at which head (empty: the branch is gone).

    `policy` is that of `main`, `origin` the URL that the registry was cloned from, empty when it was not.
    """

    policy: Policy
    origin: str
    branch: str
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the forge told: how the pull request stands, None: there is none; or why it told nothing."""

    sight: Sight | None = None
    problem: RegistryError | None = None


@dataclass(slots=True, kw_only=True)
class _Look:
    wanted: Wanted
    asked: float
    told: Future[Told] = field(default_factory=Future)
    begun: bool = False
    stale: bool = False
    done: float = 0.0


class PullRequests:
    """How they stand. Safe to share between threads."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """No look takes longer than `seconds`; `clock` counts seconds."""
        self.seconds = seconds
        self._clock = clock
        self._workers = Workers(_THREADS, "forge")
        self._looks: OrderedDict[str, _Look] = OrderedDict()
        self._lock = threading.Lock()
        self._closing = False

    def ask(self, wanted: Wanted) -> Future[Told]:
        """What will be told, or what is known. The future never holds an error."""
        with self._lock:
            before = self._looks.get(wanted.branch)
            if before is not None and self._good(before, wanted):
                return before.told
            look = _Look(wanted=wanted, asked=self._clock())
            self._looks[wanted.branch] = look
            self._looks.move_to_end(wanted.branch)
            self._forget_the_oldest()
        if before is not None and not before.told.done():
            before.told.add_done_callback(lambda _: self._hand_over(look))  # one at a time
        else:
            self._hand_over(look)
        return look.told

    def told(self, wanted: Wanted) -> Told | None:
        """What is known by now; None: nothing yet."""
        with self._lock:
            look = self._looks.get(wanted.branch)
        if look is None or not _same(look.wanted, wanted) or not look.told.done():
            return None
        return look.told.result()

    def forget(self, branch: str, number: int) -> None:
        """Something has happened to the pull request of a branch, or of a number (0: of none).

        What happened to `main` may be a merge of any.
        """
        with self._lock:
            for key, look in self._looks.items():
                if branch in (key, _MAIN) or (number and _number(look) == number):
                    look.stale = look.begun

    def close(self) -> None:
        """Ends the threads, after the looks that they are at."""
        self._closing = True
        self._workers.close()

    def _good(self, look: _Look, wanted: Wanted) -> bool:
        if look.stale or not _same(look.wanted, wanted):
            return False
        if not look.told.done():
            return True
        kept = _KEPT_FAILURE if look.told.result().problem else _KEPT
        return self._clock() - look.done < kept

    def _forget_the_oldest(self) -> None:
        for key in list(self._looks)[: max(0, len(self._looks) - _MOST)]:
            if self._looks[key].told.done():
                del self._looks[key]

    def _hand_over(self, look: _Look) -> None:
        self._workers.submit(self._run, look)

    def _run(self, look: _Look) -> None:
        with self._lock:
            look.begun = True
        try:
            told = self._look(look)
        except RegistryError as problem:
            told = Told(problem=problem)
        except Exception as problem:
            _LOG.exception("Looking at a pull request failed.")
            told = Told(problem=Unavailable(f"The forge could not be asked ({type(problem).__name__})."))
        look.done = self._clock()
        look.told.set_result(told)

    def _look(self, look: _Look) -> Told:
        from registry_git.forges.http import Patience
        from registry_git.forges.looking import look as look_at
        from registry_git.forges.settings import forge_of

        wanted = look.wanted
        if self._closing or self._clock() > look.asked + self.seconds:  # nobody waits for it any more
            return Told(problem=too_late(wanted, self.seconds))
        patience = Patience(connect=self.seconds, answer=self.seconds, limit=0, back_off=(), in_all=self.seconds)
        forge = forge_of(wanted.policy, environment=os.environ, origin=wanted.origin, patience=patience)
        return Told(sight=look_at(forge, wanted.branch, wanted.head) if forge else None)


def too_late(wanted: Wanted, seconds: float) -> RegistryError:
    """The error for a forge that has not answered in time."""
    from registry_git.forges.refusals import late

    return late(urlsplit(wanted.policy.forge.url).netloc if wanted.policy.forge else "", seconds)


def _same(one: Wanted, other: Wanted) -> bool:
    return (one.head, one.policy.forge, one.origin) == (other.head, other.policy.forge, other.origin)


def _number(look: _Look) -> int:
    sight = look.told.result().sight if look.told.done() else None
    return sight.pull.number if sight else 0
