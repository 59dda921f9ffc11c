"""Transition requests: asked for, approved, rejected, withdrawn. They are addressed by version and stage."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from registry_git.core.errors import AlreadyExists, Invalid, NotFound
from registry_git.registry.facade import Registry
from registry_git.registry.views import RequestView
from registry_git.server.call import Call
from registry_git.server.databricks.answers import decided_json, open_requests, request_json
from registry_git.server.databricks.asked import Stage, Transition, Version, Withdrawal, unwrapped
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json, without_empty
from registry_git.server.permissions import MLFLOW_MOUNTS

requests = Endpoints(MLFLOW_MOUNTS, tag="Databricks: transition requests")
_APPROVE = 1  # of the 2019 preview; the only action that its documentation shows


class Decision2019(Stage):
    """A decision in the 2019 shape: `{"action": 1, "transition_request": {…}}`; 1 approves."""

    action: int = Field(description="1: approve.")

    @model_validator(mode="before")
    @classmethod
    def untangled(cls, values: Any) -> Any:
        """Version and stage out of the nested request."""
        asked = values.get("transition_request") if isinstance(values, dict) else None
        if not isinstance(asked, dict):
            return values
        inner: Any = asked.get("request_activity")
        for name in ("model_registry_data", "transition", "to_stage"):
            inner = inner.get(name) if isinstance(inner, dict) else None
        version = asked.get("model_version")
        found = unwrapped(version) if isinstance(version, dict) else {}
        return {**found, "stage": inner, **values}


@requests.add("POST", "/transition-requests/create", takes=Stage)
def create_transition_request(call: Call, asked: Stage) -> Json:
    """Ask that a version be moved to a stage."""
    registry = call.registry
    for view in _for_stage(registry, asked):
        if view.record.requester.email == call.actor.email:
            raise AlreadyExists(
                f"You have asked for {asked.name} v{asked.version} to {view.to_stage} already: request {view.id}.",
                hint="Withdraw that one first, or wait for its decision.",
            )
    view = registry.request_stage(asked.name, asked.version, asked.stage, comment=asked.comment or "")
    return {"request": request_json(registry, view, call.caller)}


@requests.add("GET", "/transition-requests/list", takes=Version)
def list_transition_requests(call: Call, asked: Version) -> Json:
    """The open requests for a version."""
    registry = call.registry
    views = open_requests(registry, asked.name, asked.version)
    return without_empty({"requests": [request_json(registry, view, call.caller) for view in views]})


@requests.add("POST", "/transition-requests/approve", takes=Transition)
def approve_transition_request(call: Call, asked: Transition) -> Json:
    """Approve a request; with the approval that suffices the version moves."""
    registry = call.registry
    approve = registry.approve_and_archive if asked.archive_existing_versions else registry.approve
    view = approve(_meant(call, asked).id, comment=asked.comment or "")
    return {"activity": decided_json(view, call.actor)}


@requests.add("POST", "/transition-requests/reject", takes=Stage)
def reject_transition_request(call: Call, asked: Stage) -> Json:
    """Reject a request: its change does not happen, and that is recorded."""
    view = call.registry.reject(_meant(call, asked).id, comment=asked.comment or "")
    return {"activity": decided_json(view, call.actor)}


@requests.add("DELETE", "/transition-requests/delete", takes=Withdrawal)
def delete_transition_request(call: Call, asked: Withdrawal) -> Json:
    """Withdraw a request: one's own, or as somebody who may decide it."""
    registry = call.registry
    creator = asked.creator.strip().lower()
    found = [view for view in _for_stage(registry, asked) if creator in _names(view)]
    if not found:
        raise _none(asked, f" by {asked.creator}")
    view = registry.cancel(found[0].id, comment=asked.comment or "")
    return {"activity": decided_json(view, call.actor)}


@requests.add("PATCH", "/transition-requests/update", takes=Decision2019)
def update_transition_request(call: Call, asked: Decision2019) -> Json:
    """Approve a request, as the 2019 preview did."""
    if asked.action != _APPROVE:
        raise Invalid(
            f"{asked.action} is no action on a request; 1 approves it.",
            hint="Reject with transition-requests/reject, withdraw with transition-requests/delete.",
        )
    view = call.registry.approve(_meant(call, asked).id, comment=asked.comment or "")
    return {"activity": decided_json(view, call.actor)}


def _for_stage(registry: Registry, asked: Stage) -> list[RequestView]:
    views = open_requests(registry, asked.name, asked.version)
    return [view for view in views if view.to_stage.casefold() == asked.stage.strip().casefold()]


def _meant(call: Call, asked: Stage) -> RequestView:
    """The request that a version and a stage name: the oldest that is not stale, of others rather than one's own."""
    found = _for_stage(call.registry, asked)
    if not found:
        raise _none(asked)
    return min(found, key=lambda view: (bool(view.stale), view.record.requester.email == call.actor.email))


def _none(asked: Stage, by: str = "") -> NotFound:
    return NotFound(
        f"There is no open request{by} for {asked.name} v{asked.version} to {asked.stage}.",
        hint=f"List them with transition-requests/list?name={asked.name}&version={asked.version}",
    )


def _names(view: RequestView) -> tuple[str, str]:
    return view.record.requester.email, view.record.requester.lower()
