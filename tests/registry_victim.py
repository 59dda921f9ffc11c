"""Writers that are there to be killed: `python -m tests.registry_victim PLACE`.

For every line on standard input (a number for the round) a child is forked that writes until it is killed. Before each
write it says `try` and what it is going to do, after it `done` and what came of it; `end` says that it is dead.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import TypeAlias

import registry_git
from registry_git.registry.facade import Registry
from tests.registry_scene import ALICE, BOB

Write: TypeAlias = dict[str, str]


def perform(alice: Registry, bob: Registry, write: Write) -> str:
    """Does a write, or finds that it is done; gives what a caller would be told."""
    kind, name = write["kind"], write["id"]
    if kind == "register":
        return str(alice.register("fraud", f"s3://acme/{name}", id=name).version)
    if kind == "tag":
        alice.set_tag("fraud", name, name)
        return name
    if kind == "request":
        return alice.request_stage("fraud", write["version"], "Staging", id=name).state
    return (bob.approve if kind == "approve" else bob.reject)(name).state


def choose(alice: Registry, name: str) -> Write:
    """Some write that makes sense now."""
    kind = random.choice(["register", "tag", "request", "decide", "decide"])
    if kind in ("request", "decide"):
        waiting = alice.requests("fraud")
        if waiting:
            return {"kind": random.choice(["approve", "reject"]), "id": waiting[0].request}
        free = [one.version for one in alice.versions("fraud") if not one.stages]
        if free:
            return {"kind": "request", "id": name, "version": str(random.choice(free))}
    return {"kind": "register" if kind != "tag" else "tag", "id": name}


def write_until_killed(place: str, seed: int) -> None:
    """Never returns."""
    random.seed(seed)
    alice, bob = (registry_git.open(place, actor=actor) for actor in (ALICE, BOB))
    number = 0
    while True:
        number += 1
        write = choose(alice, f"w{seed}-{number:04d}")
        say("try", write)
        answer = perform(alice, bob, write)
        say("done", {**write, "answer": answer})


def say(word: str, write: Write) -> None:
    """One line, whole or not at all."""
    os.write(1, f"{word} {json.dumps(write)}\n".encode())


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                write_until_killed(sys.argv[1], int(line))
            finally:
                os._exit(1)
        os.write(1, f"pid {child}\n".encode())
        os.waitpid(child, 0)
        os.write(1, b"end\n")
