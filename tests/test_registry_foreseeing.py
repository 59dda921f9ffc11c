"""What the policy would say of a change is known before it is made, and asking changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.errors import Conflict, NotFound, PermissionDenied
from registry_git.core.names import Actor
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.server.handles import Handle
from tests.registry_scene import ALICE, BOB, LEADS, As, new_registry

RULES = """rules:
- on: stage
  to: [Production]
  approvals: 1
  by: [ml-leads]
  four_eyes: true
- on: alias
  to: [champion]
  approvals: 1
- on: edit
  models: ["fraud*"]
  by: [ml-leads]
- on: register
  models: ["secret*"]
  by: [ml-leads]
- on: delete
  approvals: 1
  by: [ml-leads]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=2, roles=LEADS, rules=RULES)


def test_a_change_that_the_policy_lets_one_make_is_foreseen_as_allowed(as_: As) -> None:
    alice = as_(ALICE)
    before = alice.commit
    for decision in (
        alice.foresee_stage("fraud", 1, "Staging"),
        alice.foresee_alias("fraud", "challenger", 2),
        alice.foresee_alias("fraud", "challenger", None),
        alice.foresee_register("churn"),
        as_(BOB).foresee_edit("fraud"),
        as_(BOB).foresee_delete("fraud", 1),
    ):
        assert decision.allowed
        assert not decision.by_request
    assert alice.commit == before
    alice.transition("fraud", 1, "Staging")
    alice.set_alias("fraud", "challenger", 2)


def test_where_approvals_are_wanted_a_request_leads_further(as_: As) -> None:
    alice = as_(ALICE)
    decision = alice.foresee_stage("fraud", 1, "Production")
    assert decision.by_request
    assert decision.may_approve == ("bob@acme.io", "carol@acme.io")
    assert alice.foresee_delete("fraud").by_request
    assert alice.foresee_delete("fraud", 2).by_request
    alice.create_model("plain")
    assert alice.foresee_rename("plain", "other").allowed
    with pytest.raises(PermissionDenied):
        alice.transition("fraud", 1, "Production")


def test_what_a_role_alone_decides_cannot_be_asked_for(as_: As) -> None:
    for decision in (as_(ALICE).foresee_edit("fraud", 1), as_(ALICE).foresee_register("secret-7")):
        assert not decision.allowed
        assert not decision.by_request
        assert decision.unmet[0].why == "alice@acme.io is not in ml-leads"


def test_without_the_right_to_approve_ones_own_change_needs_anothers_word(as_: As, place: Path) -> None:
    assert as_(ALICE).foresee_alias("fraud", "champion", 1).allowed
    store = Store(place)
    limited = Handle(store=store, index=Index(store.repository)).registry(Actor.parse(ALICE), approves=False)
    assert limited.foresee_alias("fraud", "champion", 1).by_request


def test_what_cannot_be_done_at_all_is_refused_as_the_change_is(as_: As) -> None:
    alice = as_(ALICE)
    with pytest.raises(NotFound):
        alice.foresee_stage("fraud", 9, "Staging")
    with pytest.raises(NotFound):
        alice.foresee_edit("nobody")
    alice.transition("fraud", 1, "Staging")
    with pytest.raises(Conflict, match="is in Staging"):
        alice.foresee_delete("fraud", 1)
    assert alice.foresee_delete("fraud", 1, leaving=True).by_request


def test_a_move_is_foreseen_with_the_deployments_that_go_along_or_stand_in_its_way(as_: As) -> None:
    bob = as_(BOB)
    bob.transition("fraud", 1, "Staging")
    bob.add_deployment("staging", "nightly", model="fraud", stage="Staging")
    before = bob.commit
    entering = bob.foresee_move("fraud", 2, "Staging", archive_existing=True)
    assert entering.decision.allowed
    assert [str(roll) for roll in entering.rolls] == ["staging/nightly v1 \u2192 v2"]
    assert entering.against == ""
    leaving = bob.foresee_move("fraud", 1, "None")
    assert leaving.against == "deployment staging/nightly uses v1 of fraud, which would be in no serving stage"
    assert leaving.changes
    assert not bob.foresee_move("fraud", 1, "Staging").changes
    assert bob.foresee_move("fraud", 2, "Production").decision.by_request
    assert bob.commit == before
    with pytest.raises(Conflict, match="would be in no serving stage"):
        bob.transition("fraud", 1, "None")
