"""Whole processes: what the command line takes from its start to its end, and what gto takes for the same."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

import gto_peer
from measure import Figure, milliseconds, process
from registries import make, name_of, opened

_PROGRAM = Path(sys.executable).with_name("registry-git")
_FRAUD = name_of(0)


def cold(place: Path, runs: int) -> list[Figure]:
    """`resolve` from a cold process, in the registry of 10,000 versions; beside it the price of the interpreter.

    With a consumer it notes who asked: a new one every time (which also starts the process that records it), and then
    the same one once more.
    """
    uri = f"models:/{name_of(500)}/Production"
    command = partial(process, _PROGRAM, "-R", place, "resolve", uri)
    empty = partial(process, sys.executable, "-c", "import pygit2, click, yaml")
    command()
    rounds = []
    for run in range(runs):
        consumer = ("--consumer", f"bench/job-{run}")
        rounds.append((command(), command(*consumer), command(*consumer), empty()))
    plain, first, again, bare = zip(*rounds, strict=True)
    return [
        Figure(what="registry-git resolve, whole process", values=plain, unit="ms", bound=200),
        Figure(what="the same, for a consumer that asks first today", values=first, unit="ms", bound=200),
        Figure(what="the same, for one that has asked today", values=again, unit="ms", bound=200),
        Figure(what="of that: Python importing pygit2, click and yaml", values=bare, unit="ms"),
    ]


def against_gto(work: Path, venv: Path, runs: int) -> list[Figure]:
    """The same three jobs with both, in turn, on 1,000 versions of one model; then both from within a process."""
    python = gto_peer.install(venv)
    tags = gto_peer.make(work / "gto")
    ours = make(work / "one.git", models=1, versions=gto_peer.VERSIONS)
    environment = {
        **gto_peer.environment(tags),
        "REGISTRY_GIT_URI": str(ours),
        "REGISTRY_GIT_ACTOR": "Alice <a@acme.io>",
    }
    gto = partial(process, venv / "bin" / "gto", cwd=tags, env=environment)
    git_registry = partial(process, _PROGRAM, env=environment)
    git_registry("show", _FRAUD)
    figures = []
    for job, theirs, mine in (
        ("show the model and its 1,000 versions", _gto_show, _show),
        ("register", _gto_register, _register),
        ("stage", _gto_assign, _stage),
    ):
        pairs = [(gto(*theirs(run)), git_registry(*mine(run))) for run in range(runs)]
        figures += _compared(f"{job}, whole process", [a for a, _ in pairs], [b for _, b in pairs])
    registry = opened(ours)
    registry.versions(_FRAUD)
    for job, label, mine_in_process in (
        ("show", "show all 1,000 versions", lambda _: registry.versions(_FRAUD)),
        ("register", "register", lambda _: registry.register(_FRAUD, "s3://acme-models/new/model")),
        ("assign", "stage", lambda run: registry.transition(_FRAUD, 700 + run, "Production")),
    ):
        theirs_ms = gto_peer.in_process(python, tags, job, first=100, count=runs)
        ours_ms = milliseconds([partial(mine_in_process, run) for run in range(10)])
        figures += _compared(f"{label}, in process", theirs_ms, ours_ms)
    return figures


def _compared(
    what: str, theirs: list[float] | tuple[float, ...], ours: list[float] | tuple[float, ...]
) -> list[Figure]:
    times = statistics.median(theirs) / statistics.median(ours)
    return [
        Figure(what=f"{what}: gto", values=tuple(theirs), unit="ms"),
        Figure(what=f"{what}: registry-git", values=tuple(ours), unit="ms"),
        Figure(what=f"{what}: times as fast", values=(times,), unit="x", bound=20, least=True),
    ]


def _gto_show(_: int) -> tuple[str, ...]:
    return "show", "fraud"


def _show(_: int) -> tuple[str, ...]:
    return "show", _FRAUD


def _gto_register(run: int) -> tuple[str, ...]:
    return "register", "fraud", f"spare-{run}"


def _register(run: int) -> tuple[str, ...]:
    return "register", _FRAUD, f"s3://acme-models/fraud/new-{run}/model"


def _gto_assign(run: int) -> tuple[str, ...]:
    return "assign", "fraud", "--version", f"v0.0.{500 + run}", "--stage", "prod"


def _stage(run: int) -> tuple[str, ...]:
    return "stage", _FRAUD, str(500 + run), "Production"
