"""Registries to measure on, made quickly: many versions a call, not flushed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import registry_git
from registry_git import Registration, Registry

ACTOR = "Alice <alice@acme.io>"
TAGS = {"auc": "0.91", "team": "risk"}
_BATCH = 1_000


def name_of(model: int) -> str:
    """The name of the model with this number."""
    return f"model-{model:05}"


def registration(model: str, number: int) -> Registration:
    """A version whose files nobody can read."""
    return Registration(name=model, source=f"s3://acme-models/{model}/{number}/model", tags=TAGS, read=False)


def make(place: Path, *, models: int, versions: int, layout: str = "flat", staged: bool = False) -> Path:
    """A registry with so many models, each with so many versions; `staged`: one of each is in Production."""
    registry = registry_git.init(place, layout=layout, actor=ACTOR, durable=False)
    wanted = [registration(name_of(model), number) for model in range(models) for number in range(1, versions + 1)]
    for batch in batches(wanted):
        registry.register_many(batch)
    if staged:
        for model in range(models):
            registry.transition(name_of(model), versions // 2 or 1, "Production")
    return place


def batches(wanted: list[Registration]) -> Iterable[list[Registration]]:
    """The registrations in parts of a thousand."""
    return (wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH))


def opened(place: Path, *, durable: bool = True) -> Registry:
    """The registry as a caller would open it."""
    return registry_git.open(place, actor=ACTOR, durable=durable)
