"""The version that a request would take the place of, beside the one that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.deployed import read_written, used
from registry_git.core.errors import RegistryError
from registry_git.core.model import Action
from registry_git.core.snapshot import find_stage
from registry_git.registry.reading import Reading
from registry_git.registry.views import FieldDifference, RequestView

_LABELS = ("tags.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A field of two versions. `change` is by how much a number grew, as text; empty for what are no two numbers."""

    name: str
    now: str
    then: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The version that is in a place now, and how the asked-for one differs: in tags, and in everything else."""

    model: str
    place: str
    now: int
    then: int
    tags: tuple[Measured, ...]
    others: tuple[Measured, ...]


def rival(reading: Reading, view: RequestView) -> Rival | None:
    """What is now where a request wants its version; None where there is no other version."""
    place, now = _held(reading, view)
    if now is None or view.version is None or now == view.version:
        return None
    try:
        found = reading.diff(f"{view.model}/{now}", f"{view.model}/{view.version}")
    except RegistryError:  # one of the two is gone
        return None
    return Rival(
        model=view.model,
        place=place,
        now=now,
        then=view.version,
        tags=tuple(measured(one) for one in found if one.field.startswith(_LABELS)),
        others=tuple(measured(one) for one in found if not one.field.startswith(_LABELS)),
    )


def measured(one: FieldDifference) -> Measured:
    """A difference with what it amounts to."""
    now, then = one.left or "", one.right or ""
    return Measured(name=one.field.removeprefix("tags."), now=now, then=then, change=_change(now, then))


def _change(now: str, then: str) -> str:
    try:
        by = float(then) - float(now)
    except ValueError:
        return ""
    return f"{by:+.4g}" if abs(by) < float("inf") else ""


def _held(reading: Reading, view: RequestView) -> tuple[str, int | None]:
    """The name of the place that a version is asked into, and the version that is there."""
    snapshot, record = reading.snapshot(), view.record
    if record.action is Action.STAGE and record.model is not None:
        stage = find_stage(snapshot.policy(), view.to_stage)
        pointer = snapshot.stage_pointer(record.model, stage.name) if stage else None
        return view.to_stage, pointer.version if pointer else None
    if record.action is Action.ALIAS and record.model is not None and record.alias is not None:
        alias = snapshot.alias_pointer(record.model, record.alias)
        return f"the alias {record.alias}", alias.version if alias else None
    if record.action is Action.DEPLOYMENT:
        one = snapshot.deployment(read_written(record.deployment))
        return f"the deployment {record.deployment}", used(one) if one else None
    return "", None
