"""Reads, writes, batches and the index, in one process."""

from __future__ import annotations

import random
import shutil
from functools import partial
from pathlib import Path

from measure import Figure, milliseconds, timed
from registries import make, name_of, opened, registration

MODELS, VERSIONS = 1_000, 10
_SEED = 20261123


def point_reads(place: Path, runs: int) -> list[Figure]:
    """A version, a pointer and a URI, each looked for among 10,000 versions."""
    chosen = random.Random(_SEED).sample(range(MODELS), min(runs, MODELS))
    questions = {
        "a version": lambda registry, name: registry.version(name, 1 + len(name) % VERSIONS),
        "a stage's pointer": lambda registry, name: registry.lookup(f"{name}/Production"),
        "resolve models:/NAME/Production": lambda registry, name: registry.resolve(f"models:/{name}/Production"),
    }
    figures = []
    opened(place).version(name_of(0), 1)  # the index is there and at this commit
    for what, ask in questions.items():
        registry = opened(place)
        ask(registry, name_of(MODELS - 1))
        asked = [partial(ask, registry, name_of(model)) for model in chosen]
        for state in ("first read of it", "read again"):
            figures.append(Figure(what=f"{what}, {state}", values=milliseconds(asked), unit="ms", bound=0.6))
    cold = [lambda model=model: opened(place).resolve(f"{name_of(model)}/3") for model in chosen[:100]]
    figures.append(Figure(what="open the registry and resolve", values=milliseconds(cold), unit="ms"))
    return figures


def durable_writes(place: Path, runs: int) -> list[Figure]:
    """Single writes, each on disk when it returns, the three kinds in turn."""
    registry = opened(place)
    values: dict[str, list[float]] = {"register": [], "stage": [], "tag": []}
    for run in range(runs):
        name = name_of(run % MODELS)
        values["register"].append(1000 * timed(partial(registry.register, name, "s3://acme-models/new/model")))
        values["stage"].append(1000 * timed(partial(registry.transition, name, 1 + run % VERSIONS, "Staging")))
        values["tag"].append(1000 * timed(partial(registry.set_tag, name, "run", str(run), version=2)))
    return [
        Figure(what=f"durable write: {what}", values=tuple(times), unit="ms", bound=12)
        for what, times in values.items()
    ]


def batches(place: Path, work: Path, runs: int) -> list[Figure]:
    """1,000 registrations in one call, durable."""
    many = {
        "1,000 registrations of one new model in one call": [registration("new", number) for number in range(1_000)],
        "1,000 registrations, one of each model, in one call": [registration(name_of(m), 99) for m in range(MODELS)],
    }
    figures = []
    for what, wanted in many.items():
        seconds = []
        for run in range(runs):
            copy = work / f"batch-{run}.git"
            shutil.copytree(place, copy)
            registry = opened(copy)
            before = registry.version(name_of(0), 1)
            seconds.append(timed(partial(registry.register_many, wanted)))
            assert registry.commit != before.commit
            shutil.rmtree(copy)
        figures.append(Figure(what=what, values=tuple(seconds), unit="s", bound=1.5))
    return figures


def index(place: Path, runs: int) -> list[Figure]:
    """Throwing the index away and building it anew, from a registry object that has read nothing yet."""
    rates = []
    for _ in range(runs):
        registry = opened(place)
        counted = 0

        def rebuild(registry: object = registry) -> None:
            nonlocal counted
            counted = registry.reindex()  # type: ignore[attr-defined]

        seconds = timed(rebuild)
        rates.append(counted / seconds)
    return [Figure(what="index rebuild", values=tuple(rates), unit="manifests/s", bound=3_000, least=True)]


def layouts(work: Path, runs: int) -> list[Figure]:
    """The same write on a large fanout registry and on a small flat one, in turn."""
    large = opened(make(work / "large.git", models=10_000, versions=1, layout="fanout"))
    small = opened(make(work / "small.git", models=100, versions=1))
    times: dict[str, list[float]] = {"large": [], "small": []}
    for run in range(runs + 3):
        for size, registry, count in (("large", large, 10_000), ("small", small, 100)):
            write = partial(registry.register, name_of(run * 97 % count), "s3://acme-models/new/model")
            times[size].append(1000 * timed(write))
    large_ms, small_ms = (tuple(times[size][3:]) for size in ("large", "small"))
    ratio = Figure(what="", values=large_ms, unit="").median / Figure(what="", values=small_ms, unit="").median
    return [
        Figure(what="register among 10,000 models, fanout", values=large_ms, unit="ms"),
        Figure(what="register among 100 models, flat", values=small_ms, unit="ms"),
        Figure(what="the first in times of the second", values=(ratio,), unit="x", bound=1.5),
    ]


def lists(place: Path, work: Path, runs: int) -> list[Figure]:
    """Lists, which nothing was promised of: a registry that is open and has answered before."""
    long = opened(make(work / "long.git", models=1, versions=1_000))
    registry = opened(place)
    questions = {
        "list 1,000 models": partial(registry.models, limit=1_000),
        "search versions by tag, first 100 of 10,000": partial(
            registry.search_versions, "tags.team = 'risk'", limit=100
        ),
        "search versions by name, 10 of 10,000": partial(registry.search_versions, f"name = '{name_of(77)}'"),
        "all 1,000 versions of a model": partial(long.versions, name_of(0)),
    }
    figures = []
    for what, ask in questions.items():
        figures.append(Figure(what=f"{what}, the first time", values=milliseconds([ask]), unit="ms"))
        figures.append(Figure(what=f"{what}, again", values=milliseconds([ask] * runs), unit="ms"))
    return figures
