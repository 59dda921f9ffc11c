"""What the policy allows: every kind of rule, every way to miss it, and what each refusal tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.changes.proposal import Touch
from registry_git.core.model import Action, ModelVersion, Policy, Rule, Stage
from registry_git.core.names import Actor, Id, ModelName, StageName
from registry_git.core.policy import Approval, Change, Decision, Unmet, describe_rule, evaluate
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


# ------------------------------------------------------------------------------------------------- which rules match


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


# ------------------------------------------------------------------------------------------------- counting approvals


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


# ----------------------------------------------------------------------------------------------------- who may approve


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


# -------------------------------------------------------------------------------------------------------------- gates


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


# ----------------------------------------------------------------------------------------------- what a refusal tells

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


# ---------------------------------------------------------------------------------------------------------- properties

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
