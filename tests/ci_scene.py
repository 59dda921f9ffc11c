"""What the tests of CI jobs share: a plain repository with open requests, and a job's checkout of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import registry_git
from tests.cli_program import Answer, run
from tests.gate_scene import ALICE, CAROL, Yard, make_guarded

ASKED = "request/fraud/alices-1"


def plain_registry(path: Path) -> Path:
    """A registry without hooks, with an open request of Alice's and one of Carol's for the same slot."""
    make_guarded(path)
    shutil.rmtree(path / "hooks")
    alice = registry_git.open(path, actor=ALICE, durable=False)
    alice.request_stage("fraud", 2, "Production", id="alices-1", comment="Please @bob <b>look</b> | ok")
    registry_git.open(path, actor=CAROL, durable=False).request_stage("fraud", 3, "Production", id="carols-1")
    return path


class Checkout:
    """A CI job's checkout: a detached HEAD, and main only as origin/main."""

    def __init__(self, yard: Yard, revision: str = ASKED) -> None:
        self.place = yard.bare.parent / "job"
        if not self.place.exists():
            yard.git(yard.bare.parent, "clone", "--quiet", "--no-checkout", yard.bare, self.place)
        yard.git(self.place, "fetch", "--quiet", "origin")
        commit = yard.git(yard.bare, "rev-parse", revision)
        yard.git(self.place, "checkout", "--quiet", "--detach", commit)
        yard.git(self.place, "branch", "--quiet", "-D", "main", check=False)

    def check(self, *words: str, base: str = "origin/main", code: int = 0) -> Answer:
        __tracebackhide__ = True
        return run("-R", str(self.place), "check", "--base", base, *words, code=code)

    def findings(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        __tracebackhide__ = True
        found: list[dict[str, Any]] = self.check(*words, "-o", "json", code=code).json
        return found

    def rules(self, *words: str, code: int = 0) -> set[str]:
        __tracebackhide__ = True
        return {one["rule"] for one in self.findings(*words, code=code) if one["level"] == "error"}
