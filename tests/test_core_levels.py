"""Levels are what the policy lets people do, in Databricks' words."""

from __future__ import annotations

import pytest

from registry_git.core.levels import Level, level_of
from registry_git.core.names import Actor, StageName
from registry_git.core.rules import Action, Policy, Rule, Stage

ALICE, BOB = Actor("Alice <alice@acme.io>"), Actor("Bob <Bob@acme.io>")
STAGES = (
    Stage(name=StageName("Staging")),
    Stage(name=StageName("Production")),
    Stage(name=StageName("Archived"), serving=False),
)


def policy(*rules: Rule) -> Policy:
    return Policy(name="acme", stages=STAGES, roles={"leads": ("bob@acme.io",)}, rules=rules)


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        (Rule(on=Action.REGISTER, by=("leads",)), Level.READ),
        (Rule(on=Action.EDIT, by=("leads",)), Level.READ),
        (Rule(on=Action.STAGE, by=("leads",)), Level.EDIT),
        (Rule(on=Action.STAGE, to=("Archived",), by=("leads",), approvals=1), Level.EDIT),
        (Rule(on=Action.STAGE, to=("production",), by=("leads",), approvals=1), Level.STAGING),
        (Rule(on=Action.DELETE, by=("leads",)), Level.PRODUCTION),
        (Rule(on=Action.DELETE, models=("risk*",), by=("leads",)), Level.MANAGE),
        (Rule(on=Action.STAGE, to=("Production",), approvals=1, four_eyes=True), Level.MANAGE),
    ],
)
def test_who_has_the_role_manages_and_others_have_what_the_rules_leave(rule: Rule, level: Level) -> None:
    assert level_of(ALICE, policy(rule), "fraud") is level
    assert level_of(BOB, policy(rule), "fraud") is Level.MANAGE


def test_without_rules_everybody_manages() -> None:
    assert level_of(ALICE, policy(), "fraud") is Level.MANAGE
