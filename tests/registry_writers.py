"""Real processes that write to a registry as fast as they can: `python -m tests.registry_writers WHAT PATH NAME COUNT`.

Each waits for a line on its standard input, so that all start together, and prints one acknowledgement a write, after
the write has returned.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import registry_git
from registry_git.registry.facade import Registry

PROJECT = Path(__file__).parent.parent


def register(registry: Registry, name: str, number: int) -> str:
    """Registers the next version of the one model; its number is the answer."""
    return str(registry.register("fraud", f"s3://acme/{name}/{number}", id=f"{name}-{number:04d}").version)


def mixed(registry: Registry, name: str, number: int) -> str:
    """Registers, tags or moves, in turns, so that every write can be found again."""
    if number % 3 == 0:
        found = registry.register("fraud", f"s3://acme/{name}/{number}", id=f"{name}-{number:04d}")
        return f"version {found.version} {name}-{number:04d}"
    if number % 3 == 1:
        registry.set_tag("fraud", f"{name}-{number}", str(number))
        return f"tag {name}-{number}"
    # every writer moves a version of its own: what one does to it nobody else undoes
    own = int(name.removeprefix("writer")) + 1
    stage = "Staging" if number % 2 else "Archived"
    registry.transition("fraud", own, stage)
    return f"stage {own} {stage}"


WORK: dict[str, Callable[[Registry, str, int], str]] = {"register": register, "mixed": mixed}


def together(what: str, places: Sequence[Path], count: int, *, timeout_seconds: float = 240) -> list[list[str]]:
    """Runs one process for each place, all at once, and gives what each acknowledged. Fails when one fails."""
    command = [sys.executable, "-m", "tests.registry_writers", what]
    writers = [
        subprocess.Popen(
            [*command, os.fspath(place), f"writer{number}", str(count)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, place in enumerate(places)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        answers = [writer.communicate(timeout=timeout_seconds) for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    for writer, (_, errors) in zip(writers, answers, strict=True):
        assert writer.returncode == 0, errors
    return [said.splitlines() for said, _ in answers]


def main(what: str, place: str, name: str, count: int) -> None:
    """One writer."""
    registry = registry_git.open(place, actor=f"{name.title()} <{name}@acme.io>")
    random.seed(name)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    for number in range(count):
        print(WORK[what](registry, name, number), flush=True)
    print(f"{time.monotonic() - started:.2f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
