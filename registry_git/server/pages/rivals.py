"""The version that a request would take the place of, beside the one that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.deployed import read_written, used
from registry_git.core.errors import NotFound
from registry_git.core.model import Action
from registry_git.core.snapshot import find_stage
from registry_git.registry.reading import Reading
from registry_git.registry.views import RequestView, VersionView
from registry_git.server.pages.comparing import Section, side_by_side


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The version that is in a place now, and the sections in which the one that is asked for differs from it."""

    place: str
    now: VersionView
    then: VersionView
    sections: tuple[Section, ...]


def rival(reading: Reading, view: RequestView) -> Rival | None:
    """What is now where a request wants its version; None where there is no other version."""
    place, number = _held(reading, view)
    if number is None or view.version is None or number == view.version:
        return None
    try:
        now, then = reading.version(view.model, number), reading.version(view.model, view.version)
    except NotFound:  # one of the two was deleted meanwhile, and the request is stale
        return None
    sections = (part for part in side_by_side(now, then) if part.differing)
    return Rival(place=place, now=now, then=then, sections=tuple(sections))


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
