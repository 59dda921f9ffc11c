"""Gates on a version, what a refusal tells, and what holds for every policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.changes.proposal import Touch
from registry_git.core.model import Action, Policy, Rule
from registry_git.core.names import Actor, ModelName
from registry_git.core.policy import Approval, Change, describe_rule, evaluate
from tests.policy_scene import (
    ACTIONS,
    ALICE,
    FRAUD,
    PEOPLE,
    asked,
    direct,
    given_by,
    only,
    policy,
    touch,
    version,
)


def test_a_tag_that_the_rule_requires_must_be_there_with_any_value() -> None:
    rule = Rule(on=Action.STAGE, tags=("validated",))
    unmet = only(evaluate(direct(touch(entering=version())), policy(rule), ()))
    assert unmet.why == "fraud v7 lacks the tag 'validated'"
    assert "registry-git tag set fraud/7 validated" in unmet.satisfy
    assert not unmet.by_approval
    assert evaluate(direct(touch(entering=version(validated=""))), policy(rule), ()).allowed
    assert not evaluate(direct(touch(entering=version(Validated="yes"))), policy(rule), ()).allowed


@pytest.mark.parametrize("text", ["0.9", "0.91", "1", "1.", "+1", "9e-1", ".95", "09.5e-1", "1E0"])
def test_a_number_that_reaches_the_bound_passes(text: str) -> None:
    rule = Rule(on=Action.STAGE, minimum={"auc": 0.9})
    assert evaluate(direct(touch(entering=version(auc=text))), policy(rule), ()).allowed


@pytest.mark.parametrize("text", ["0.8999", "-1", "0", "0e0", "-1e9"])
def test_a_number_below_the_least_is_refused(text: str) -> None:
    rule = Rule(on=Action.STAGE, minimum={"auc": 0.9})
    unmet = only(evaluate(direct(touch(entering=version(auc=text))), policy(rule), ()))
    assert "at least 0.9 is required" in unmet.why
    assert unmet.satisfy == "Register a version that passes."


@pytest.mark.parametrize(("text", "passes"), [("0.1", True), ("0.05", True), ("-3", True), ("0.11", False)])
def test_a_number_above_the_most_is_refused(text: str, passes: bool) -> None:
    rule = Rule(on=Action.STAGE, maximum={"loss": 0.1})
    assert evaluate(direct(touch(entering=version(loss=text))), policy(rule), ()).allowed == passes


NO_NUMBERS = [
    *("", " ", "1_0", " 0.9", "0.9 ", "0.9\n", "nan", "NaN", "inf", "-inf", "Infinity", "1e999", "1e9999"),
    *("１", "０.９", "²", "१", "0x1", "1,0", "0.9.1", "e5", ".", "+", "--1", "0.9%", "1e", "true", "0.9\0"),
]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_what_is_no_plain_number_never_passes_a_gate(text: str, bound: str) -> None:
    rule = replace(Rule(on=Action.STAGE), **{bound: {"auc": 0.0}})  # type: ignore[arg-type]
    unmet = only(evaluate(direct(touch(entering=version(auc=text))), policy(rule), ()))
    assert unmet.why == "fraud v7 has no number in the tag 'auc'"
    assert "registry-git tag set fraud/7 auc NUMBER" in unmet.satisfy


def test_a_missing_number_is_no_number() -> None:
    rule = Rule(on=Action.STAGE, minimum={"auc": 0.0})
    assert "no number" in only(evaluate(direct(touch(entering=version())), policy(rule), ())).why


def test_no_approval_opens_a_gate() -> None:
    rule = Rule(on=Action.STAGE, approvals=1, tags=("validated",))
    decision = evaluate(asked(touch(entering=version())), policy(rule), given_by(*PEOPLE, signed=True))
    assert not only(decision).by_approval


def test_gates_are_for_versions_that_enter_and_not_for_those_that_leave() -> None:
    rule = Rule(on=Action.STAGE, tags=("validated",), minimum={"auc": 1})
    assert evaluate(direct(touch(entering=None)), policy(rule), ()).allowed


def test_a_version_comes_to_a_stage_by_the_stages_before_it() -> None:
    early = touch(entering=version(), missing_before=("Staging", "Canary"))
    unmet = only(evaluate(asked(early), policy(), given_by(*PEOPLE)))
    assert unmet.rule == "stage Production comes after Staging or Canary"
    assert unmet.why == "v7 is not in Staging or Canary"
    assert "registry-git stage fraud 7 Staging" in unmet.satisfy
    assert not unmet.by_approval


RULES = [
    Rule(on=Action.STAGE, approvals=1),
    Rule(on=Action.STAGE, to=("Production",), approvals=2, by=("ml-leads",), four_eyes=True),
    Rule(on=Action.STAGE, models=("fr*", "x"), approvals=1, by=("nobody",), signed=True),
    Rule(on=Action.STAGE, by=("risk",)),
    Rule(on=Action.STAGE, tags=("validated",)),
    Rule(on=Action.STAGE, minimum={"auc": 2}),
    Rule(on=Action.STAGE, maximum={"auc": -2}),
]


@pytest.mark.parametrize("rule", RULES, ids=describe_rule)
@pytest.mark.parametrize("requested", [True, False])
def test_every_refusal_names_the_rule_and_what_would_satisfy_it(rule: Rule, requested: bool) -> None:
    change = replace(asked(touch(entering=version(auc="0.5")), by=ALICE), requested=requested)
    decision = evaluate(change, policy(replace(rule, four_eyes=bool(rule.approvals))), ())
    unmet = only(decision)
    assert unmet.rule == describe_rule(rule)
    assert unmet.rule.startswith("rule on stage")
    assert unmet.why
    assert unmet.satisfy.endswith((".", "VALUE", "NUMBER"))
    assert unmet.by_approval == bool(rule.approvals)


def test_a_direct_change_is_told_to_ask_and_a_request_to_wait() -> None:
    rule = Rule(on=Action.STAGE, approvals=1, by=("ml-leads",))
    assert only(evaluate(direct(), policy(rule), ())).satisfy.startswith("Ask for it with a request")
    assert only(evaluate(asked(), policy(rule), ())).satisfy.startswith("It waits for the approval of ml-leads")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule(on=Action.STAGE, to=("Staging", "Production")), "rule on stage to Staging, Production for *"),
        (Rule(on=Action.ALIAS, to=("champion",), models=("a*", "b")), "rule on alias to champion for a*, b"),
        (Rule(on=Action.POLICY), "rule on policy for *"),
    ],
)
def test_a_rule_is_named_in_one_line(rule: Rule, text: str) -> None:
    assert describe_rule(rule) == text


_people = st.sampled_from(PEOPLE)
_approvals = st.lists(st.builds(Approval, by=_people, signed=st.booleans()), max_size=5)
_touches = st.lists(
    st.builds(
        Touch,
        action=st.sampled_from(ACTIONS),
        model=st.sampled_from([FRAUD, ModelName("credit")]),
        target=st.sampled_from(["", "Production", "Staging", "champion"]),
        entering=st.none() | st.sampled_from([version(), version(auc="0.95", validated="yes")]),
        missing_before=st.sampled_from([(), ("Staging",)]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
_changes = st.builds(Change, touches=_touches, requester=_people, requested=st.booleans())
_rules = st.builds(
    Rule,
    on=st.sampled_from(ACTIONS),
    to=st.sampled_from([(), ("Production",), ("champion",)]),
    models=st.sampled_from([("*",), ("fraud",), ("f*", "x")]),
    approvals=st.integers(0, 3),
    by=st.sampled_from([(), ("ml-leads",), ("risk", "ml-leads"), ("nobody",)]),
    four_eyes=st.booleans(),
    signed=st.booleans(),
    tags=st.sampled_from([(), ("validated",)]),
    minimum=st.sampled_from([{}, {"auc": 0.9}]),
)
_policies = st.lists(_rules, max_size=4).map(lambda rules: policy(*rules))


@given(_changes, _policies, _approvals, st.builds(Approval, by=_people, signed=st.booleans()))
def test_one_more_approval_never_refuses_what_was_allowed(
    change: Change, judge: Policy, said: list[Approval], more: Approval
) -> None:
    before, after = evaluate(change, judge, said), evaluate(change, judge, [*said, more])
    assert after.allowed or not before.allowed
    assert len(after.unmet) <= len(before.unmet)


@given(_changes, _policies, _approvals, st.randoms())
def test_the_decision_depends_on_the_approvals_as_a_set(
    change: Change, judge: Policy, said: list[Approval], random: object
) -> None:
    shuffled = [*said, *said]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert evaluate(change, judge, said) == evaluate(change, judge, shuffled)


@given(_changes, _policies, _approvals)
def test_judging_changes_nothing_and_says_the_same_again(change: Change, judge: Policy, said: list[Approval]) -> None:
    kept = list(said)
    assert evaluate(change, judge, said) == evaluate(change, judge, tuple(said))
    assert said == kept


@given(_changes, _policies, _approvals)
def test_whoever_may_approve_brings_the_request_nearer(change: Change, judge: Policy, said: list[Approval]) -> None:
    decision = evaluate(change, judge, said)
    for email in decision.may_approve:
        more = Approval(by=Actor(f"X <{email}>"), signed=True)
        assert evaluate(change, judge, [*said, more]) != decision


@given(_changes, _policies, _approvals, _rules)
def test_another_rule_never_allows_what_was_refused(
    change: Change, judge: Policy, said: list[Approval], rule: Rule
) -> None:
    stricter = replace(judge, rules=(*judge.rules, rule))
    assert evaluate(change, judge, said).allowed or not evaluate(change, stricter, said).allowed
