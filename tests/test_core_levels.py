"""Levels are what the policy lets people do, in Databricks' words."""

from __future__ import annotations

import pytest

from registry_git.core.levels import DESCRIPTIONS, Level, level_of, level_with, roles_of
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


def test_a_level_needs_all_that_the_lower_ones_do() -> None:
    rules = (Rule(on=Action.EDIT, by=("makers",)), Rule(on=Action.STAGE, to=("Production",), by=("leads",)))
    assert level_with({"leads"}, policy(*rules), "fraud") is Level.READ
    assert level_with({"makers"}, policy(*rules), "fraud") is Level.STAGING
    assert level_with({"leads", "makers"}, policy(*rules), "fraud") is Level.MANAGE


def test_people_have_the_roles_that_list_them_in_any_case() -> None:
    assert roles_of(policy(), "BOB@acme.io") == {"leads"}
    assert roles_of(policy(), "dave@acme.io") == frozenset()


def test_every_level_is_described() -> None:
    assert list(DESCRIPTIONS) == list(Level)
