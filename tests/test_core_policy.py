"""Which rules match a change, and whose approvals count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry_git.core.model import Action, Rule
from registry_git.core.names import Actor, ModelName
from registry_git.core.policy import Approval, evaluate
from tests.policy_scene import (
    ACTIONS,
    ALICE,
    BOB,
    CAROL,
    DAVE,
    PEOPLE,
    asked,
    direct,
    given_by,
    only,
    policy,
    touch,
)


@pytest.mark.parametrize("action", ACTIONS)
def test_without_rules_everything_is_allowed(action: Action) -> None:
    assert evaluate(direct(touch(action)), policy(), ()).allowed


@pytest.mark.parametrize("on", ACTIONS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_looks_at_its_own_kind_of_change_alone(on: Action, action: Action) -> None:
    decision = evaluate(direct(touch(action, "")), policy(Rule(on=on, approvals=1, four_eyes=True)), ())
    assert decision.allowed == (on is not action)


@pytest.mark.parametrize(
    ("to", "target", "matches"),
    [
        ((), "Production", True),
        ((), "Staging", True),
        (("Production",), "Production", True),
        (("Production",), "production", True),
        (("PRODUCTION",), "Production", True),
        (("Production",), "Staging", False),
        (("Staging", "Production"), "Production", True),
        (("Production",), "Production2", False),
    ],
)
def test_a_rule_on_stages_looks_at_the_stages_that_it_names(to: tuple[str, ...], target: str, matches: bool) -> None:
    rule = Rule(on=Action.STAGE, to=to, approvals=1)
    assert evaluate(asked(touch(target=target)), policy(rule), ()).allowed == (not matches)


@pytest.mark.parametrize(
    ("models", "matches"),
    [
        (("*",), True),
        (("fraud",), True),
        (("fr*",), True),
        (("fra?d",), True),
        (("[f]raud",), True),
        (("x", "fraud"), True),
        (("FRAUD",), False),
        (("raud",), False),
        (("fraud-*",), False),
        (("f",), False),
    ],
)
def test_a_rule_looks_at_the_models_that_its_patterns_name(models: tuple[str, ...], matches: bool) -> None:
    rule = Rule(on=Action.STAGE, models=models, approvals=1)
    assert evaluate(asked(), policy(rule), ()).allowed == (not matches)


def test_a_rule_on_the_policy_matches_whatever_models_it_names() -> None:
    rule = Rule(on=Action.POLICY, models=("nothing-is-called-this",), approvals=1)
    assert not evaluate(asked(touch(Action.POLICY, "")), policy(rule), ()).allowed


def test_taking_a_version_out_of_a_stage_is_a_change_of_that_stage() -> None:
    rule = Rule(on=Action.STAGE, to=("Production",), approvals=1, four_eyes=True)
    assert not evaluate(direct(touch(target="Production", entering=None)), policy(rule), ()).allowed


def test_every_matching_rule_must_be_met() -> None:
    rules = (Rule(on=Action.STAGE, approvals=1, by=("ml-leads",)), Rule(on=Action.STAGE, approvals=1, by=("risk",)))
    assert len(evaluate(asked(), policy(*rules), ()).unmet) == 2
    assert only(evaluate(asked(), policy(*rules), given_by(BOB))).why.startswith("1 approval by risk")
    assert evaluate(asked(), policy(*rules), given_by(BOB, DAVE)).allowed


def test_a_change_that_touches_two_models_is_judged_for_both() -> None:
    rule = Rule(on=Action.STAGE, models=("credit",), approvals=1)
    both = asked(touch(), touch(model=ModelName("credit")))
    assert not evaluate(both, policy(rule), ()).allowed


@pytest.mark.parametrize("needed", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_request_waits_for_as_many_people_as_the_rule_says(needed: int, count: int) -> None:
    decision = evaluate(asked(), policy(Rule(on=Action.STAGE, approvals=needed)), given_by(*PEOPLE[1 : 1 + count]))
    assert decision.allowed == (count >= needed)
    assert (decision.needed, decision.given) == (needed, count if needed else 0)


@pytest.mark.parametrize(
    "spelled",
    ["Bob <bob@acme.io>", "Bob <BOB@acme.io>", "Robert B. <Bob@Acme.IO>", "bob <bob@acme.io>"],
)
def test_one_person_counts_once_however_the_address_is_spelled(spelled: str) -> None:
    two = given_by(BOB, Actor.parse(spelled), BOB)
    decision = evaluate(asked(), policy(Rule(on=Action.STAGE, approvals=2)), two)
    assert not decision.allowed
    assert decision.given == 1


def test_one_person_with_a_signed_and_an_unsigned_approval_counts_once() -> None:
    rule = Rule(on=Action.STAGE, approvals=2)
    both = [Approval(by=BOB, signed=True), Approval(by=BOB)]
    assert evaluate(asked(), policy(rule), both).given == 1


def test_a_direct_change_is_its_authors_own_approval() -> None:
    assert evaluate(direct(by=BOB), policy(Rule(on=Action.STAGE, approvals=1, by=("ml-leads",))), ()).allowed
    assert not evaluate(direct(by=ALICE), policy(Rule(on=Action.STAGE, approvals=1, by=("ml-leads",))), ()).allowed
    assert not evaluate(direct(by=BOB), policy(Rule(on=Action.STAGE, approvals=2, by=("ml-leads",))), ()).allowed


def test_asking_is_not_approving() -> None:
    assert not evaluate(asked(by=BOB), policy(Rule(on=Action.STAGE, approvals=1)), ()).allowed


def test_the_requester_counts_without_four_eyes() -> None:
    assert evaluate(asked(), policy(Rule(on=Action.STAGE, approvals=1)), given_by(ALICE)).allowed


@pytest.mark.parametrize("spelled", ["Alice <alice@acme.io>", "A. <ALICE@ACME.IO>"])
@pytest.mark.parametrize("make", [asked, direct])
def test_under_four_eyes_the_requester_never_counts(make: object, spelled: str) -> None:
    rule = Rule(on=Action.STAGE, approvals=1, four_eyes=True)
    decision = evaluate(make(), policy(rule), given_by(Actor.parse(spelled)))  # type: ignore[operator]
    assert not decision.allowed
    assert decision.given == 0
    assert "the requester's own (alice@acme.io) does not count" in only(decision).why
    assert evaluate(make(), policy(rule), given_by(Actor.parse(spelled), BOB)).allowed  # type: ignore[operator]


def test_only_signed_approvals_count_where_the_rule_says_so() -> None:
    rule = Rule(on=Action.STAGE, approvals=1, signed=True)
    assert "1 signed approval" in only(evaluate(asked(), policy(rule), given_by(BOB))).why
    assert evaluate(asked(), policy(rule), given_by(BOB, signed=True)).allowed
    assert not evaluate(direct(), policy(rule), ()).allowed


@pytest.mark.parametrize(
    ("by", "people", "allowed"),
    [
        (("ml-leads",), [BOB], True),
        (("ml-leads",), [ALICE], False),
        (("ml-leads",), [DAVE], False),
        (("ml-leads", "risk"), [DAVE], True),
        (("nobody",), PEOPLE, False),
        (("nobody", "risk"), [DAVE], True),
        (("no-such-role",), PEOPLE, False),
        ((), [ALICE], True),
    ],
)
def test_only_holders_of_the_roles_count(by: tuple[str, ...], people: list[Actor], allowed: bool) -> None:
    rule = Rule(on=Action.STAGE, approvals=1, by=by)
    assert evaluate(asked(), policy(rule), given_by(*people)).allowed == allowed


def test_the_address_in_a_role_is_compared_in_any_case() -> None:
    rule = Rule(on=Action.STAGE, approvals=1, by=("leads",))
    assert evaluate(asked(), policy(rule, roles={"leads": ("Bob@ACME.io",)}), given_by(BOB)).allowed


@pytest.mark.parametrize("on", [Action.REGISTER, Action.EDIT, Action.DELETE, Action.ALIAS, Action.STAGE])
@pytest.mark.parametrize("make", [asked, direct])
def test_a_rule_without_approvals_says_who_may_do_it(on: Action, make: object) -> None:
    rule = Rule(on=on, by=("ml-leads",))
    assert evaluate(make(touch(on), by=BOB), policy(rule), ()).allowed  # type: ignore[operator]
    refused = evaluate(make(touch(on)), policy(rule), given_by(BOB))  # type: ignore[operator]
    assert only(refused).why == "alice@acme.io is not in ml-leads"
    assert not only(refused).by_approval
    assert refused.may_approve == ()
    assert not refused.anyone


def test_a_rule_without_approvals_roles_or_gates_asks_for_nothing() -> None:
    assert evaluate(direct(), policy(Rule(on=Action.STAGE)), ()).allowed


def test_those_who_may_approve_are_those_who_would_still_count() -> None:
    rule = Rule(on=Action.STAGE, approvals=2, by=("ml-leads", "risk"), four_eyes=True)
    assert evaluate(asked(by=BOB), policy(rule), ()).may_approve == ("carol@acme.io", "dave@acme.io")
    assert evaluate(asked(by=BOB), policy(rule), given_by(DAVE)).may_approve == ("carol@acme.io",)
    assert evaluate(asked(by=BOB), policy(rule), given_by(DAVE, CAROL)).may_approve == ()


def test_anyone_may_approve_where_no_role_is_named() -> None:
    rule = Rule(on=Action.STAGE, approvals=1)
    assert evaluate(asked(), policy(rule), ()).anyone
    assert not evaluate(asked(), policy(rule), given_by(BOB)).anyone
    assert not evaluate(asked(), policy(replace(rule, by=("risk",))), ()).anyone


def test_a_role_that_nobody_holds_is_named_as_such() -> None:
    decision = evaluate(asked(), policy(Rule(on=Action.STAGE, approvals=1, by=("nobody",))), ())
    assert "nobody holds this role yet" in only(decision).why
    assert (decision.may_approve, decision.anyone) == ((), False)
