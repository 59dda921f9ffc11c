"""A model's page: what is in its stages and was, its versions, aliases and tags, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from registry_git.app import now
from registry_git.core.errors import NotFound
from registry_git.core.model import Action, Policy
from registry_git.core.names import ModelName
from registry_git.core.stays import Stay, Stays
from registry_git.core.uris import Reference
from registry_git.index.told import ActivityWanted
from registry_git.registry import telling
from registry_git.registry.facade import Registry
from registry_git.registry.past import moment_asked
from registry_git.registry.views import ModelView, VersionView
from registry_git.registry.waiting import RequestsWanted
from registry_git.server.call import Call
from registry_git.server.pages.gone import gone
from registry_git.server.pages.links import Links
from registry_git.server.pages.offers import NOTHING, Offer, offer
from registry_git.server.pages.page import Asked, Page, Pages
from registry_git.server.pages.timeline import draw
from registry_git.server.permissions import Permission

pages = Pages()
VERSIONS_ON_A_PAGE = 25
_ACTIVITIES = 20
_REQUESTS = 10
_STAYS = 200
_ALIASES = 100  # that are shown
_URIS = 12  # that are shown at once
_ANY_ALIAS = "an-alias-of-any-name"
_NAMED = 10  # aliases of which the policy speaks, that are shown
_IN_A_STAGE = 5  # versions that are shown of one


class OneModel(Asked):
    """Which model; which page of its versions, and of those in which stage alone."""

    name: str
    stage: Annotated[str, Field(max_length=64)] = ""
    page: int = Field(default=1, ge=1, le=1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A stage: the newest of the versions in it, each since when and by whom, and how many more there are."""

    name: str
    versions: tuple[tuple[int, Stay | None], ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An alias, and what is offered: to point it elsewhere, and to remove it."""

    name: str
    version: int
    setting: Offer = NOTHING
    removing: Offer = NOTHING


@pages.show("/models/{name}", takes=OneModel)
def show_model(call: Call, asked: OneModel) -> Page:
    """One model."""
    reading = call.reading
    try:
        model = reading.model(asked.name)
    except NotFound as error:
        return gone(call, error, asked.name)
    policy = reading.policy()
    versions, more = _versions(call, model, asked)
    to = Links(asked.at)
    registry = call.registry if writes(call) and not asked.at else None
    requests = reading.request_page(RequestsWanted(model=model.name, decided=False), limit=_REQUESTS)
    stays = reading.stays(model.name, limit=_STAYS)
    uris = _uris(model)
    story = reading.activity_page(ActivityWanted(model=model.name), limit=_ACTIVITIES)
    return Page(
        "model.html",
        {
            "model": model,
            "owner": model.tags.get("owner") or model.created_by,
            "held": _held(model, policy, stays),
            "timeline": draw(stays, stages=[str(stage.name) for stage in policy.stages], end=_end(call, asked.at)),
            "uris": uris[:_URIS],
            "more_uris": uris[_URIS:],
            "asked": asked,
            "versions": versions,
            "back": to.path("models", model.name, stage=asked.stage, page=_or_none(asked.page - 1))
            if asked.page > 1
            else "",
            "on": to.path("models", model.name, stage=asked.stage, page=asked.page + 1) if more else "",
            "aliases": _aliases(registry, model),
            "more_aliases": len(model.aliases) - _ALIASES,
            "requests": requests,
            "asks_to": telling.asked,
            "activities": story.activities,
            **_setting_any(registry, model, policy),
            "renaming": offer(partial(registry.foresee_rename, model.name, None)) if registry else NOTHING,
            "editing": offer(partial(registry.foresee_edit, model.name)) if registry else NOTHING,
            "deleting": offer(partial(registry.foresee_delete, model.name)) if registry else NOTHING,
        },
    )


def _or_none(page: int) -> int | None:
    return page if page > 1 else None


def _versions(call: Call, model: ModelView, asked: OneModel) -> tuple[list[VersionView], bool]:
    """The versions on the page, newest first, and whether there are more."""
    found = call.reading.search_versions(
        " AND ".join(_conditions(model.name, asked.stage)),
        order_by=["version_number DESC"],
        limit=VERSIONS_ON_A_PAGE + 1,
        offset=(asked.page - 1) * VERSIONS_ON_A_PAGE,
        prompts=True,
    )
    return found[:VERSIONS_ON_A_PAGE], len(found) > VERSIONS_ON_A_PAGE


def _conditions(name: str, stage: str) -> Iterator[str]:
    yield "name = '" + name.replace("'", "''") + "'"
    if stage:
        yield "stage = '" + stage.replace("'", "''") + "'"


def _end(call: Call, at: str) -> int:
    """The moment at which the page shows the model: now, or the one of the past that was asked for."""
    return min(now(), moment_asked(at) or call.reading.committed_at()) if at else now()


def _held(model: ModelView, policy: Policy, stays: Stays) -> list[Held]:
    """Every stage of the policy in its order, also the empty ones; and what is in stages that it no longer has."""
    names = [str(stage.name) for stage in policy.stages]
    names += [stage for stage in model.stages if stage not in names]
    known = {(stay.stage, stay.version): stay for stay in stays.held}
    found = []
    for name in names:
        versions = sorted(model.stages.get(name, ()), reverse=True)
        shown = tuple((version, known.get((name, version))) for version in versions[:_IN_A_STAGE])
        found.append(Held(name=name, versions=shown, more=len(versions) - len(shown)))
    return found


def _uris(model: ModelView) -> list[tuple[str, int]]:
    """The `models:/` URIs that people use, each with the version that it names now."""
    name = ModelName(model.name)
    found = [(Reference(model=name, stage=stage).text(), max(held)) for stage, held in model.stages.items()]
    found += [(f"{name}@{alias}", version) for alias, version in model.aliases.items()]
    if model.latest_version is not None:
        found.append((Reference(model=name, latest=True).text(), model.latest_version))
    return [(f"models:/{text}", version) for text, version in found]


def _aliases(registry: Registry | None, model: ModelView) -> list[Alias]:
    shown = list(model.aliases.items())[:_ALIASES]
    if registry is None:
        return [Alias(name=name, version=version) for name, version in shown]
    return [
        Alias(
            name=name,
            version=version,
            setting=_setting(registry, model, name, version),
            removing=offer(partial(registry.foresee_alias, model.name, name, None)),
        )
        for name, version in shown
    ]


def _setting(registry: Registry, model: ModelView, alias: str, version: int) -> Offer:
    """Judged by the newest other version; a gate that this one does not pass is no reason for others."""
    other = model.latest_version if model.latest_version != version else None
    return offer(partial(registry.foresee_alias, model.name, alias, other)) if other else NOTHING


def _setting_any(registry: Registry | None, model: ModelView, policy: Policy) -> dict[str, object]:
    """What is offered for an alias that is not set yet: by any name, and by those names of which the policy speaks."""
    if registry is None or model.latest_version is None:
        return {"setting": NOTHING, "setting_named": []}
    named = {alias for rule in policy.rules if rule.on is Action.ALIAS for alias in rule.to} - set(model.aliases)
    offers = {alias: offer(partial(registry.foresee_alias, model.name, alias, model.latest_version)) for alias in named}
    any_other = offer(partial(registry.foresee_alias, model.name, _ANY_ALIAS, model.latest_version))
    others = [(alias, one) for alias, one in sorted(offers.items()) if one.how != any_other.how]
    return {"setting": any_other, "setting_named": others[:_NAMED]}


def writes(call: Call) -> bool:
    """Whether the visitor's token is for changes."""
    return call.identity is not None and Permission.WRITE in call.identity.scopes
