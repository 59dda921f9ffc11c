"""A version: where it is and can go, what is asked of it, what is said, what happened, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from registry_git.core.decision import Decision
from registry_git.core.errors import Conflict, Corrupt, NotFound
from registry_git.core.keys import VersionKey
from registry_git.core.names import ModelName, parse_version
from registry_git.core.numbers import metrics
from registry_git.manifests.layout import path_of
from registry_git.registry.reading import Reading
from registry_git.registry.views import ModelView, VersionView
from registry_git.registry.waiting import RequestsWanted
from registry_git.server.call import Call
from registry_git.server.pages import lineage
from registry_git.server.pages.deciding import undecided
from registry_git.server.pages.gone import gone
from registry_git.server.pages.links import Links
from registry_git.server.pages.moving import move_to, moves
from registry_git.server.pages.page import Asked, Page, Pages
from registry_git.server.pages.signature import fields_of
from registry_git.server.permissions import Permission

pages = Pages()
_ACTIVITIES = 25  # the newest, that the page shows
_REQUESTS = 20  # the newest open ones, that the page shows
_COMPARABLE = 100  # the newest versions, that can be chosen


class OneVersion(Asked):
    """A version. `to`: the stage that it is about to be moved to; `edit`: the comment that is about to be changed."""

    name: str
    version: str
    to: str = Field(default="", max_length=100)
    edit: str = Field(default="", max_length=64)


@pages.show("/models/{name}/versions/{version}", takes=OneVersion)
def show_version(call: Call, asked: OneVersion) -> Page:
    """Everything about one version."""
    reading = call.reading
    try:
        version = reading.version(asked.name, asked.version)
    except NotFound as error:
        return gone(call, error, asked.name, parse_version(asked.version))
    model = reading.model(version.model)
    past = bool(asked.at)
    happened = list(reversed(reading.activity(version.model, version.version, limit=_ACTIVITIES + 1)))
    wanted = RequestsWanted(decided=False, model=version.model, version=version.version)
    asks = reading.request_page(wanted, limit=_REQUESTS)
    to = Links(asked.at)
    values: dict[str, object] = {
        "version": version,
        "model": model,
        "edit": "" if past else asked.edit,
        "comments": reading.comments(version.model, version.version),
        "activities_found": happened[:_ACTIVITIES],
        "activities_more": len(happened) > _ACTIVITIES,
        "deployments": reading.deployments(model=version.model, version=version.version),
        "metrics": metrics(version.tags),
        "signature": fields_of(version.manifest.signature),
        "requests": undecided(call, asks.requests, past=past),
        "requests_more": asks.total - len(asks.requests),
        **_stored(reading, version),
        **_lineage(version, to),
        **_comparable(reading, model, version),
        **_possible(call, model, version, asked),
    }
    return Page("version.html", values)


def _stored(reading: Reading, version: VersionView) -> Mapping[str, object]:
    """The manifest as its file has it."""
    tree = reading.tree()
    key = VersionKey(model=ModelName(version.model), version=version.version)
    path = path_of(key, tree.layout)
    text = (tree.read(path) or b"").decode("utf-8", "replace")
    return {"manifest_path": path, "manifest_text": text, "manifest_commit": tree.snapshot.commit}


def _lineage(version: VersionView, to: Links) -> Mapping[str, object]:
    known, parent = version.manifest.lineage, lineage.parent_of(version)
    return {
        "graph": lineage.graph_of(version, to),
        "lineage": known,
        "parent": parent,
        "parent_page": lineage.parent_link(parent, to) if parent else "",
        "run_page": lineage.web(known.run_link),
        "experiment_page": lineage.experiment_link(known),
    }


def _comparable(reading: Reading, model: ModelView, version: VersionView) -> Mapping[str, object]:
    """What the version can be compared with, and the metrics of the one that serves now, where that is another."""
    numbers = reading.snapshot().versions(ModelName(model.name))
    others = [number for number in reversed(numbers) if number != version.version]
    serving = [stage.name for stage in reading.policy().stages if stage.serving]
    held = [(stage, max(model.stages[stage])) for stage in reversed(serving) if model.stages.get(stage)]
    stage, beside = next(((stage, one) for stage, one in held if one != version.version), ("", None))
    tags = {} if beside is None else reading.version(model.name, beside).tags
    return {
        "others": others[:_COMPARABLE],
        "others_left_out": max(len(others) - _COMPARABLE, 0),
        "beside": beside,
        "beside_stage": stage,
        "beside_metrics": metrics(tags),
        "stage_names": [stage.name for stage in reading.policy().stages],
    }


def _possible(call: Call, model: ModelView, version: VersionView, asked: OneVersion) -> Mapping[str, object]:
    """What the visitor can do, by the policy and their token."""
    writes = not asked.at and call.identity is not None and Permission.WRITE in call.identity.scopes
    values: dict[str, object] = {
        "moves": [], "move": None, "stays": "", "may_edit": Decision(), "may_delete": None, "in_use": "", "trouble": "",
    }  # fmt: skip
    if not writes:
        return values
    registry = call.registry
    try:
        found = moves(registry, model, version)
        move = move_to(found, registry, asked.to) if asked.to else None
        values |= {"moves": found, "move": move, "stays": asked.to if asked.to and move is None else ""}
        values["may_edit"] = registry.foresee_edit(model.name, version.version)
        values["may_delete"] = Decision()
        values["may_delete"] = registry.foresee_delete(model.name, version.version, leaving=True)
    except Conflict as problem:
        values["in_use"] = problem.message
    except Corrupt as problem:  # what cannot be read must not keep the rest from being seen
        values["trouble"] = str(problem)
    return values
