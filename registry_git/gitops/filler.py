"""The process that fills templates, and can be ended: it bounds its own time and memory, and does nothing else.

It reads a line of JSON with the limits and the templates, then one for each template to fill, and answers each with
one.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from registry_git.core.errors import Invalid, NotFound
from registry_git.gitops.kubernetes import check_manifests
from registry_git.gitops.templates import OutOfTime, fill_template

_GRACE_SECONDS = 1  # for what Python cannot interrupt; then the system ends the process


def main() -> None:
    """Answers until there is nothing more to read on standard input."""
    import jinja2.sandbox  # noqa: F401 - what is imported now takes nothing from a template's time

    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # nothing but answers goes where answers are read
        head = json.loads(sys.stdin.readline())
        seconds = head["cpu_seconds"]
        templates = {path: base64.b64decode(data) for path, data in head["templates"].items()}
        _bound(resource.RLIMIT_CORE, 0)
        _bound(resource.RLIMIT_AS, head["memory_bytes"])
        for line in sys.stdin:
            asked = json.loads(line)
            path = asked["path"]
            try:
                with _within(seconds):
                    answer = _filled(templates, path, asked["values"])
            except (Invalid, NotFound) as problem:
                answer = {"kind": type(problem).__name__, "message": problem.message, "hint": problem.hint}
            except OutOfTime as problem:
                answer = {"kind": "time", "message": f"{path}{problem.place}: {problem}"}
            except MemoryError:
                answer = {"kind": "memory"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _filled(templates: Mapping[str, bytes], path: str, values: Mapping[str, Any]) -> dict[str, str]:
    text = fill_template(templates, path, values)
    text = text if text.endswith("\n") else f"{text}\n"
    check_manifests(text, source=path)
    return {"text": text}


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Inside it an `OutOfTime` is raised after so many seconds of computing; what does not heed it ends the process."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise OutOfTime(f"It takes more than {seconds} s.")

    used = resource.getrusage(resource.RUSAGE_SELF)
    _bound(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + _GRACE_SECONDS)
    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _bound(kind: int, at_most: int) -> None:
    """Lowers a limit of this process, as far as the system knows it and nothing lower is set already."""
    _, hard = resource.getrlimit(kind)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (at_most if hard == resource.RLIM_INFINITY else min(at_most, hard), hard))
