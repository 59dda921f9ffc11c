"""What consumers were seen to use: value to members of a manifest and back."""

from __future__ import annotations

from typing import Any

from registry_git.core.names import ConsumerName, parse_version
from registry_git.core.observations import Observations, Use
from registry_git.manifests.fields import Fields, parse_model


def observations_members(observations: Observations) -> dict[str, Any]:
    """What the manifest of `observations` says, in the order in which it is written."""
    return {"consumer": observations.consumer, "uses": [_use_members(use) for use in observations.uses]}


def read_observations(fields: Fields) -> Observations:
    """The observations that validated members describe. Raises: Misplaced."""
    uses = tuple(map(_read_use, fields.items("uses")))
    places = [(use.model, use.version) for use in uses]
    if places != sorted(set(places)):
        raise fields.refuse("uses", "The uses are not in the order of models and versions, each of them once.")
    return Observations(consumer=fields.parse("consumer", ConsumerName.parse), uses=uses)


def _use_members(use: Use) -> dict[str, Any]:
    return {
        "model": use.model,
        "version": str(use.version),
        "asked": use.asked,
        "first": use.first.text(),
        "last": use.last.text(),
    }


def _read_use(fields: Fields) -> Use:
    use = Use(
        model=fields.parse("model", parse_model),
        version=fields.parse("version", parse_version),
        asked=fields.text("asked"),
        first=fields.time("first"),
        last=fields.time("last"),
    )
    if use.first > use.last:
        raise fields.refuse("last", "The last use is before the first one.")
    return use
