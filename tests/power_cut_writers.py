"""Processes that do all kinds of writes: `python -m tests.power_cut_writers PLACE ACKS PROCESSES SECONDS SEED`.

Each adds a line of JSON to the file ACKS after a write has returned, in one write of its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

import registry_git
from registry_git.core.errors import RegistryError
from registry_git.registry.facade import Registry
from tests.registry_scene import ALICE, BOB


class Writer:
    """Writes with a registry of Alice's and one of Bob's, and acknowledges."""

    def __init__(self, place: str, acks: int, name: str, dice: random.Random) -> None:
        self._alice, self._bob = (registry_git.open(place, actor=actor) for actor in (ALICE, BOB))
        self._acks, self._name, self._dice = acks, name, dice
        self._versions: list[int] = []
        self._requests: list[str] = []
        self._writes = 0

    def write(self) -> None:
        """One write, of whichever kind."""
        self._writes += 1
        registry = self._alice if self._dice.random() < 0.8 else self._bob
        label = f"{self._name}-{self._writes}"
        kind = self._dice.randrange(10)
        if kind < 4 or len(self._versions) < 2:
            made = registry.register("fraud", f"s3://acme/{label}", read=False)
            self._versions.append(made.version)
            self._acknowledge("version", made.version, f"s3://acme/{label}", made.commit)
        elif kind < 8:
            self._place(registry, kind, label)
        elif kind == 8:
            self._requests.append(self._alice.request_stage("fraud", self._versions.pop(), "Production").id)
            self._acknowledge("request", self._requests[-1])
        elif self._requests:
            self._approve(self._requests.pop())

    def _place(self, registry: Registry, kind: int, label: str) -> None:
        version = self._dice.choice(self._versions)
        if kind == 4:
            registry.set_tag("fraud", label, "x")
            self._acknowledge("tag", label)
        elif kind == 5:
            registry.set_tag("fraud", label, "x", version=version)
            self._acknowledge("version tag", version, label)
        elif kind == 6:
            registry.set_alias("fraud", label, version)
            self._acknowledge("alias", label, version)
        else:
            registry.transition("fraud", self._versions.pop(0), "Staging")

    def _approve(self, request: str) -> None:
        try:
            state = self._bob.approve(request).state
        except RegistryError:
            return  # another version is in the stage by now
        self._acknowledge("decided", request, str(state))

    def _acknowledge(self, *what: object) -> None:
        os.write(self._acks, f"{json.dumps(what)}\n".encode())


def main(place: str, acks: str, processes: int, seconds: float, seed: int) -> None:
    """Writes for so long, with pauses in which the journal is settled, in so many processes."""
    command = [sys.executable, "-m", "tests.power_cut_writers", place, acks, "1", str(seconds)]
    others = [subprocess.Popen([*command, str(seed + number)]) for number in range(1, processes)]
    dice = random.Random(seed)
    fd = os.open(acks, os.O_WRONLY | os.O_APPEND)
    until = time.monotonic() + seconds
    writer = Writer(place, fd, f"w{seed}", dice)
    while time.monotonic() < until:
        for _ in range(dice.randrange(5, 80)):
            writer.write()
        time.sleep(dice.choice((0, 0.3, 1.3)))
    sys.exit(max([other.wait() for other in others], default=0))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
