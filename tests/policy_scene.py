"""People, changes and policies for the tests of the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from registry_git.core.changes.proposal import Touch
from registry_git.core.decision import Decision, Unmet
from registry_git.core.model import Action, ModelVersion, Policy, Rule, Stage
from registry_git.core.names import Actor, Id, ModelName, StageName
from registry_git.core.policy import Approval, Change
from registry_git.core.times import Timestamp

ALICE = Actor.parse("Alice <alice@acme.io>")
BOB = Actor.parse("Bob <bob@acme.io>")
CAROL = Actor.parse("Carol <carol@acme.io>")
DAVE = Actor.parse("Dave <dave@acme.io>")
PEOPLE = [ALICE, BOB, CAROL, DAVE]
FRAUD = ModelName("fraud")
ROLES = {"ml-leads": ("bob@acme.io", "carol@acme.io"), "risk": ("dave@acme.io",), "nobody": ()}
ACTIONS = list(Action)


def policy(*rules: Rule, roles: Mapping[str, tuple[str, ...]] = ROLES) -> Policy:
    stages = (
        Stage(name=StageName("Staging")),
        Stage(name=StageName("Production"), after=(StageName("Staging"),)),
        Stage(name=StageName("Archived"), serving=False),
    )
    return Policy(name="acme", stages=stages, roles=roles, rules=rules)


def version(**tags: str) -> ModelVersion:
    return ModelVersion(
        model=FRAUD, version=7, id=Id("abcd"), source="s3://x", created=Timestamp(0), created_by=ALICE, tags=tags
    )


def touch(action: Action = Action.STAGE, target: str = "Production", **more: object) -> Touch:
    model = None if action is Action.POLICY else FRAUD
    return replace(Touch(action=action, model=model, target=target), **more)  # type: ignore[arg-type]


def asked(*touches: Touch, by: Actor = ALICE) -> Change:
    return Change(touches=touches or (touch(),), requester=by, requested=True)


def direct(*touches: Touch, by: Actor = ALICE) -> Change:
    return Change(touches=touches or (touch(),), requester=by, requested=False)


def given_by(*people: Actor, signed: bool = False) -> list[Approval]:
    return [Approval(by=who, signed=signed) for who in people]


def only(decision: Decision) -> Unmet:
    (unmet,) = decision.unmet
    return unmet
