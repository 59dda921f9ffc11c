"""Requests by the page, and whom they wait for."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.errors import NotFound
from registry_git.registry.waiting import RequestsWanted
from tests.registry_scene import ALICE, BOB, CAROL, DAVE, LEADS, As, new_registry, policy_text

TWO = "rules:\n- {on: stage, to: [Production], approvals: 2, by: [ml-leads], four_eyes: true}\n"
LEAD = "carol@acme.io"


def two_leads(place: Path, rules: str = TWO, versions: int = 6) -> As:
    return new_registry(place / "models.git", versions=versions, roles=LEADS, rules=rules)


def ids(as_: As, *, limit: int = 100, offset: int = 0, **wanted: object) -> list[str]:
    page = as_(ALICE).request_page(RequestsWanted(**wanted), limit=limit, offset=offset)  # type: ignore[arg-type]
    return [view.request for view in page.requests]


def test_pages_of_requests_are_the_list_of_them_newest_first(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    made = [as_(ALICE).request_stage("fraud", number, "Production").id for number in range(1, 7)]
    as_(BOB).reject(made[1])
    as_(ALICE).cancel(made[3])
    as_(BOB).approve(made[4])
    as_(CAROL).approve(made[4])
    newest = [view.request for view in reversed(as_(ALICE).requests(state="all"))]
    assert sorted(newest) == sorted(made)
    assert ids(as_) == newest
    for limit in (1, 2, 4):
        assert [one for offset in range(0, 6, limit) for one in ids(as_, limit=limit, offset=offset)] == newest
    assert as_(ALICE).request_page(RequestsWanted(), limit=2).total == 6
    opened = [one for one in newest if one in (made[0], made[2], made[5])]
    assert ids(as_, decided=False) == opened
    assert ids(as_, open=False) == [one for one in newest if one not in opened]
    assert ids(as_, offset=50) == []


def test_requests_are_found_by_model_and_by_who_asked(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    as_(ALICE).register("churn", "s3://acme/churn/1")
    fraud = as_(ALICE).request_stage("fraud", 1, "Production").id
    churn = as_(BOB).request_stage("churn", 1, "Production").id
    closed = as_(BOB).request_delete("fraud", 6).id
    as_(BOB).cancel(closed)
    assert ids(as_, model="churn") == [churn]
    assert ids(as_, requester="alice@acme.io") == [fraud]
    assert sorted(ids(as_, requester="bob@acme.io")) == sorted([churn, closed])
    assert ids(as_, requester="ob@acme.io") == []
    assert ids(as_, model="no-such-model") == []
    assert as_(ALICE).request_page(RequestsWanted(requester="bob@acme.io", open=False)).total == 1


def test_open_requests_are_found_by_the_version_that_they_are_about(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    made = [as_(ALICE).request_stage("fraud", number, "Production").id for number in (1, 2, 2, 2)]
    gone = as_(ALICE).request_delete("fraud", 2).id
    as_(ALICE).cancel(made[1])
    assert sorted(ids(as_, model="fraud", version=2)) == sorted([made[2], made[3], gone])
    assert ids(as_, model="fraud", version=3) == []


def test_a_request_waits_for_those_whose_approval_counts_until_they_gave_it(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    by_alice = as_(ALICE).request_stage("fraud", 1, "Production").id
    by_bob = as_(BOB).request_stage("fraud", 2, "Production").id

    def waits(email: str) -> list[str]:
        found = sorted(ids(as_, decided=False, decider=email))
        assert as_(ALICE).waiting_for(email).count == len(found)
        return found

    assert waits("bob@acme.io") == [by_alice]  # his own does not count, under four eyes
    assert waits(LEAD) == sorted([by_alice, by_bob])
    assert waits("dave@acme.io") == []
    as_(CAROL).approve(by_alice)
    assert waits(LEAD) == [by_bob]
    assert waits("bob@acme.io") == [by_alice]
    as_(BOB).approve(by_alice)
    assert waits("bob@acme.io") == []
    as_(CAROL).reject(by_bob)
    assert waits(LEAD) == []


def test_a_refresh_and_another_policy_make_it_wait_again(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    asked = as_(ALICE).request_stage("fraud", 1, "Production").id
    as_(BOB).approve(asked)
    assert as_(ALICE).waiting_for("bob@acme.io").count == 0
    as_(ALICE).transition("fraud", 1, "Staging")
    as_(ALICE).refresh(asked)  # it is another change now
    assert as_(ALICE).waiting_for("bob@acme.io").count == 1
    assert as_(ALICE).waiting_for("dave@acme.io").count == 0
    as_(ALICE).set_policy(policy_text(as_(ALICE)).replace("bob@acme.io", "dave@acme.io"))
    assert as_(ALICE).waiting_for("bob@acme.io").count == 0
    assert as_(ALICE).waiting_for("dave@acme.io").count == 1


def test_what_anybody_may_approve_waits_for_everybody_but_who_asked(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path, "rules:\n- {on: stage, to: [Production], approvals: 1, four_eyes: true}\n")
    as_(ALICE).request_stage("fraud", 1, "Production")
    as_(ALICE).request_stage("fraud", 2, "Staging")  # which no rule is about
    assert as_(ALICE).waiting_for("dave@acme.io").count == 2
    assert as_(ALICE).waiting_for("alice@acme.io").count == 0


def test_counting_looks_at_no_more_requests_than_it_is_given_and_goes_on_next_time(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    registry = as_(ALICE)
    for number in range(1, 6):
        registry.request_stage("fraud", number, "Production")
    seen = as_(CAROL)
    counted = [(one.count, one.more) for one in (seen.waiting_for(LEAD, look_at=2) for _ in range(4))]
    assert counted == [(2, True), (4, True), (5, False), (5, False)]


def test_deciders_say_who_may_close_a_request_too(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    asked = as_(ALICE).request_stage("fraud", 1, "Production").id
    as_(BOB).approve(asked)
    said = as_(DAVE).deciders(asked)
    assert said.approvers == {LEAD}
    assert said.approved == {"bob@acme.io"}
    assert [said.lets_close(f"{name}@acme.io") for name in ("alice", "bob", "carol", "dave")] == [
        True,
        True,
        True,
        False,
    ]
    as_(CAROL).approve(asked)
    with pytest.raises(NotFound):
        as_(DAVE).deciders(asked)


def test_the_past_knows_decided_requests_and_no_open_ones(tmp_path: Path) -> None:
    as_ = two_leads(tmp_path)
    first = as_(ALICE).request_stage("fraud", 1, "Production").id
    as_(CAROL).reject(first)
    then = as_(ALICE).at(as_(ALICE).commit)
    as_(ALICE).request_stage("fraud", 2, "Production")
    page = then.request_page(RequestsWanted())
    assert ([view.request for view in page.requests], page.total) == ([first], 1)
    assert then.waiting_for(LEAD).count == 0
