"""Transition requests and their reviews: value to members of a manifest and back."""

from __future__ import annotations

from typing import Any

from registry_git.core.deployment import Declaration, DeploymentChange
from registry_git.core.model import NO_STAGE, RequestState, Review, TransitionRequest, Verdict
from registry_git.core.names import AliasName, Id, StageName
from registry_git.core.rules import Action
from registry_git.core.times import Timestamp
from registry_git.manifests.fields import Fields, parse_actor, parse_model, sorted_by_key, without_empty

_NEEDED: dict[Action, tuple[str, ...]] = {
    Action.STAGE: ("model", "version", "to"),
    Action.ALIAS: ("model", "alias"),
    Action.DELETE: ("model",),
    Action.RENAME: ("model", "new_name"),
    Action.DEPLOYMENT: ("model", "deployment", "declaration"),
}


def request_members(request: TransitionRequest) -> dict[str, Any]:
    """What the record of `request` says, in the order in which it is written."""
    return {
        "id": request.id,
        "action": request.action.value,
        **without_empty(
            {
                "model": request.model,
                "version": request.version,
                "from": list(request.from_stages),
                "to": request.to,
                "add": request.add,
                "archive_existing": request.archive_existing,
                "alias": request.alias,
                "deployment": request.deployment,
                "declaration": _declaration_members(request.declaration),
                "force": request.force,
                "new_name": request.new_name,
            }
        ),
        "requester": request.requester,
        "created": request.created.text(),
        **({"comment": request.comment} if request.comment else {}),
        "state": request.state.value,
        "proposal": request.proposal,
        **without_empty(
            {
                "refreshed": None if request.refreshed is None else request.refreshed.text(),
                "reviews": [_review_members(review) for review in request.reviews],
                "annotations": sorted_by_key(request.annotations),
            }
        ),
    }


def read_request(fields: Fields) -> TransitionRequest:
    """The request that validated members describe. Raises: Misplaced."""
    action = Action(fields.value["action"])
    for key in _NEEDED.get(action, ()):
        if key not in fields.value:
            raise fields.refuse("action", f"A request of the action {action.value!r} needs the key {key!r}.")
    return TransitionRequest(
        id=fields.parse("id", Id.parse),
        action=action,
        model=fields.optional("model", parse_model),
        version=fields.value.get("version"),
        from_stages=fields.each("from", StageName.parse),
        to=fields.parse("to", _target) if fields.text("to") else "",
        add=fields.flag("add"),
        archive_existing=fields.flag("archive_existing"),
        alias=fields.optional("alias", AliasName.parse),
        deployment=fields.text("deployment"),
        declaration=_read_declaration(fields.mapping("declaration")) if "declaration" in fields.value else None,
        force=fields.flag("force"),
        new_name=fields.optional("new_name", parse_model),
        requester=fields.parse("requester", parse_actor),
        created=fields.time("created"),
        comment=fields.text("comment"),
        state=RequestState(fields.value["state"]),
        proposal=fields.text("proposal"),
        refreshed=fields.optional("refreshed", Timestamp.parse),
        reviews=tuple(_read_review(review) for review in fields.items("reviews")),
        annotations=fields.annotations(),
    )


def _declaration_members(declaration: Declaration | None) -> dict[str, Any]:
    if declaration is None:
        return {}
    return {
        "change": declaration.change.value,
        **without_empty(
            {
                "workload": declaration.workload,
                "owner": declaration.owner,
                "stage": declaration.stage,
                "alias": declaration.alias,
                "follow": declaration.follow,
            }
        ),
    }


def _read_declaration(fields: Fields) -> Declaration:
    return Declaration(
        change=DeploymentChange(fields.value["change"]),
        workload=fields.text("workload"),
        owner=fields.optional("owner", parse_actor),
        stage=fields.optional("stage", StageName.parse),
        alias=fields.optional("alias", AliasName.parse),
        follow=fields.text("follow"),
    )


def _target(text: str) -> str:
    return NO_STAGE if text == NO_STAGE else StageName.parse(text)


def _review_members(review: Review) -> dict[str, Any]:
    return {
        **({} if review.by is None else {"by": review.by}),
        "at": review.at.text(),
        "verdict": review.verdict.value,
        **({"comment": review.comment} if review.comment else {}),
        "source": review.source,
        "proposal": review.proposal,
    }


def _read_review(fields: Fields) -> Review:
    return Review(
        by=fields.optional("by", parse_actor),
        at=fields.time("at"),
        verdict=Verdict(fields.value["verdict"]),
        comment=fields.text("comment"),
        source=fields.text("source"),
        proposal=fields.text("proposal"),
    )
