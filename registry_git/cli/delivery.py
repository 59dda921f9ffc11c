"""Running a command for each change of a pointer, and stopping between two of them when the system says so."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType, TracebackType

from registry_git.core.errors import Invalid, NotFound, Unavailable
from registry_git.core.pointing import PointerChange
from registry_git.core.times import Timestamp

_LONGEST_SECONDS = 60.0  # between two tries of a command that fails


class Stopped(Exception):
    """SIGTERM or SIGINT came while a change was being delivered."""


class Stopping:
    """Inside it SIGTERM and SIGINT ask for an end between two changes; `signal` is the one that came, else 0.

    A running command is told by a SIGTERM of its own; a second signal kills it.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._command: subprocess.Popen[bytes] | None = None
        self._reader = self._writer = -1
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stopping:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float) -> bool:
        """Waits for so many seconds; False, at once, when a signal has come."""
        if not self.signal:
            select.select([self._reader], [], [], seconds)
        return not self.signal

    def attach(self, command: subprocess.Popen[bytes]) -> None:
        """From now on a signal is handed on to this command, also one that came while it was started."""
        self._command = command
        if self.signal:
            self._hand_on(signal.SIGTERM)

    def detach(self) -> None:
        """The command has ended."""
        self._command = None

    def _hand_on(self, number: int) -> None:
        if self._command is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._command.pid, number)

    def _came(self, number: int, frame: FrameType | None) -> None:
        self._hand_on(signal.SIGKILL if self.signal else signal.SIGTERM)
        self.signal = self.signal or number
        with suppress(OSError):
            os.write(self._writer, b"!")


class Command:
    """A program that is run for each change, which it is told of in its environment."""

    def __init__(
        self, words: Sequence[str], *, shown: str, retries: int, backoff_seconds: float, warn: Callable[[str], None]
    ) -> None:
        """`words` are the program and its arguments (no shell, unless the first is one), `shown` what messages say."""
        self._words = list(words)
        self._shown = shown
        self._retries = retries
        self._backoff = backoff_seconds
        self._warn = warn

    def deliver(self, change: PointerChange, stopping: Stopping) -> None:
        """Returns when the program has ended with 0 for this change.

        Raises:
            Stopped: a signal came before it did; Unavailable: it failed as often as it may.
            NotFound, Invalid: there is no such program, or it cannot be run.
        """
        for attempt in range(self._retries + 1):
            if stopping.signal:
                raise Stopped
            status = self._run(change, stopping)
            if status == 0:
                return
            if stopping.signal:
                raise Stopped
            how = f"was killed by signal {-status}" if status < 0 else f"exited with {status}"
            if attempt < self._retries:
                seconds = min(self._backoff * 2**attempt, _LONGEST_SECONDS)
                self._warn(f"{self._shown} {how} on {told(change)}; it is tried again in {seconds:g} s.")
                if not stopping.wait(seconds):
                    raise Stopped
        times = f"{self._retries + 1} times" if self._retries else "once"
        raise Unavailable(
            f"{self._shown} {how} on {told(change)}; it was tried {times}.",
            hint="Mend it and start the watch again: it goes on with this change.",
        )

    def _run(self, change: PointerChange, stopping: Stopping) -> int:
        try:
            # a session of its own: Ctrl-C at a terminal is for us, and we tell the command
            process = subprocess.Popen(
                self._words, env={**os.environ, **variables(change)}, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except FileNotFoundError:
            raise NotFound(f"There is no program {self._words[0]}.", hint="Name one that is on the PATH.") from None
        except OSError as problem:
            raise Invalid(f"{self._words[0]} cannot be run: {problem.strerror}.", hint="Check the command.") from None
        stopping.attach(process)
        try:
            return process.wait()
        finally:
            stopping.detach()


def variables(change: PointerChange) -> dict[str, str]:
    """What a command is told: the variables of `resolve --output env`, and what changed. All are always set."""
    return {
        "MODEL_NAME": change.model,
        "MODEL_VERSION": str(change.version or ""),
        "MODEL_STAGE": change.stage,
        "MODEL_ALIAS": change.alias,
        "MODEL_URI": change.uri,
        "MODEL_SOURCE": change.source,
        "MODEL_DIGEST": change.digest,
        "MODEL_FORMAT": change.format,
        "MODEL_COMMIT": change.commit,
        "MODEL_CHANGE": change.kind,
        "MODEL_PREVIOUS": str(change.previous or ""),
        "MODEL_REQUEST": change.request,
        "MODEL_BY": change.by,
        "MODEL_AT": Timestamp.of(change.at).text(),
    }


def told(change: PointerChange) -> str:
    """The change in words: `fraud/Production v11 → v12`, `fraud@champion v3 → nothing`."""
    before, after = (f"v{number}" if number else "nothing" for number in (change.previous, change.version))
    return f"{change.pointer} {before} → {after}"
