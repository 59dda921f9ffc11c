"""Noting who uses which version while it is resolved. It imports little, waits for nothing, and never fails a read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from registry_git.core.errors import Invalid
from registry_git.core.model import Policy
from registry_git.core.names import Actor, ConsumerName, ModelName
from registry_git.core.observations import Use
from registry_git.core.times import Timestamp
from registry_git.core.uris import Reference
from registry_git.gitstore.repository import Repository
from registry_git.registry.resolving import Resolution
from registry_git.registry.spool import Spool

# The flusher is nobody's child, so that who reads need not wait for it; it works at `/`, where no modules lie about.
_APART = 'cd / && "$@" &'
_FLUSH = "from registry_git.registry.flusher import main; main()"


class Recording(str, Enum):
    """What happens to a use: nothing; it is noted, for a later `observations flush`; or it is recorded soon, too."""

    OFF = "off"
    SPOOL = "spool"
    ON = "on"

    @classmethod
    def parse(cls, text: str) -> Recording:
        """The one that is named; `on` for nothing. Raises: Invalid."""
        try:
            return cls(text or "on")
        except ValueError:
            raise Invalid(
                f"{text!r} is no way to record uses.", hint="REGISTRY_GIT_OBSERVATIONS is on, spool or off."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Notes uses. `consumer` is whose they are where nobody else is named; with nobody at all nothing is noted.

    `author` says in whose name they will be recorded.
    """

    consumer: str
    recording: Recording
    clock: Callable[[], Timestamp]
    author: Callable[[Repository], Actor]

    def note(
        self,
        repository: Repository,
        policy: Policy,
        wanted: Reference,
        found: Resolution,
        consumer: str | None,
        *,
        offline: bool = False,
    ) -> None:
        """Notes that `consumer` asked for `wanted` and was given `found`, once a day for each version.

        `offline`: what is noted waits for `sync`.

        Raises:
            Invalid: a name that is none. A disk that does not take the note is a warning in the log.
        """
        named = consumer if consumer is not None else self.consumer
        if not named:
            return
        name = ConsumerName.parse(named)
        if self.recording is Recording.OFF or not policy.observations:
            return
        at = self.clock()
        use = Use(model=ModelName(found.model), version=found.version, asked=wanted.text(), first=at, last=at)
        spool = Spool(repository.git_dir)
        try:
            if spool.note(name, use) and self.recording is Recording.ON and not offline:
                self._wake(repository, spool)
        except OSError as problem:
            import logging  # only a fault pays for it

            said = f"{problem.strerror or problem}"
            logging.getLogger(__name__).warning("It could not be noted that %s uses %s: %s.", name, found.uri, said)

    def _wake(self, repository: Repository, spool: Spool) -> None:
        with spool.held(wait=False) as free:
            if not free:
                return  # whoever records now looks again before it ends
        if not sys.executable:
            return  # Python inside of another program; the next flush takes it along
        command = [sys.executable, "-c", _FLUSH, os.fspath(repository.git_dir.absolute()), self.author(repository)]
        nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        child = os.posix_spawn(
            "/bin/sh", ["sh", "-c", _APART, "sh", *command], os.environ, file_actions=nowhere, setpgroup=0
        )
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
