"""What deployments are declared to use beside what consumers were seen to use: who has drifted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from registry_git.core.times import Timestamp


class Drift(str, Enum):
    """How what was seen stands to what is declared."""

    NONE = "none"  # the consumer asked last for the version that its deployment is to use
    DRIFTED = "drifted"  # it asked last for another one
    UNSEEN = "unseen"  # the deployment never said who it is, or never asked
    UNDECLARED = "undeclared"  # no deployment of this name uses the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A deployment: its name as a consumer (`production/scorer`), its model, and the version that it is to use."""

    consumer: str
    model: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The version of a model that a consumer asked for last: as it asked, first and last when."""

    consumer: str
    model: str
    version: int
    asked: str
    first: Timestamp
    last: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A consumer and a model: what is declared, what was seen (None where there is no such thing), and the drift."""

    consumer: str
    model: str
    declared: Declared | None
    seen: Seen | None
    drift: Drift


def joined(declared: Iterable[Declared], seen: Iterable[Seen]) -> list[Running]:
    """Each deployment and each consumer, by name and model. A consumer is the deployment that is called as it is."""
    wanted = {(one.consumer, one.model): one for one in declared}
    used = {(one.consumer, one.model): one for one in seen}
    return [
        Running(
            consumer=place[0],
            model=place[1],
            declared=wanted.get(place),
            seen=used.get(place),
            drift=_drift(wanted.get(place), used.get(place)),
        )
        for place in sorted({*wanted, *used})
    ]


def _drift(declared: Declared | None, seen: Seen | None) -> Drift:
    if declared is None:
        return Drift.UNDECLARED
    if seen is None:
        return Drift.UNSEEN
    return Drift.NONE if declared.version == seen.version else Drift.DRIFTED
