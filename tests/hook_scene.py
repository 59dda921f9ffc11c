"""What the tests of refused pushes share: copies of one guarded registry, pushed to over a path or over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pygit2

import registry_git
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, CAROL, DAVE, PASSWORD, Yard, make_guarded
from tests.git_http import served
from tests.warm_program import warm_hooks

ALICES = "request/fraud/alices-1"
BOBS = "request/fraud/bobs-1"
TRANSPORTS = ["path", "http"]
_PEOPLE = {actor.split()[0].lower(): actor for actor in (ALICE, BOB, CAROL, DAVE)}


class Yards:
    """Guarded registries below one directory, which one web server serves with `git http-backend`."""

    def __init__(self, root: Path, host: str) -> None:
        self._root = root
        self._host = host
        self._numbers = count(1)

    def new(self, transport: str, git: Git) -> Yard:
        """A registry of its own, with an open request of Alice's and one of Bob's for the same slot."""
        place = self._root / str(next(self._numbers))
        bare = place / "models.git"
        shutil.copytree(self._root / "template.git", bare)
        return Yard(bare=bare, git=git, web=f"{self._host}/{place.name}/models.git" if transport == "http" else "")


@contextmanager
def yards_in(root: Path) -> Iterator[Yards]:
    """The yards below a directory, and their web server while the block runs."""
    template = root / "template.git"
    make_guarded(template)
    for name, actor in _PEOPLE.items():
        pygit2.Repository(str(template)).config[f"registry-git.{name}.actor"] = actor
    registry_git.open(template, actor=ALICE, durable=False).request_stage("fraud", 2, "Production", id="alices-1")
    registry_git.open(template, actor=BOB, durable=False).request_stage("fraud", 3, "Production", id="bobs-1")
    with warm_hooks(template), served(root, dict.fromkeys(_PEOPLE, PASSWORD)) as host:
        yield Yards(root, host)
