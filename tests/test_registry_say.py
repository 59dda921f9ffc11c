"""What somebody may do about a request is known before they try."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.errors import PermissionDenied
from registry_git.core.names import Actor
from registry_git.registry.say import Say, say_of
from registry_git.registry.views import RequestView
from tests.registry_scene import ALICE, BOB, CAROL, DAVE, LEADS, As, new_registry

TWO = """rules:
- on: stage
  to: [Production]
  approvals: 2
  by: [ml-leads]
  four_eyes: true
"""
NOTHING = Say()


@pytest.fixture
def as_(tmp_path: Path) -> As:
    return new_registry(tmp_path / "models.git", versions=2, roles=LEADS, rules=TWO)


def says(view: RequestView, **given: bool) -> list[Say]:
    return [say_of(view, Actor.parse(who), **given) for who in (ALICE, BOB, DAVE)]


def test_who_holds_the_role_decides_and_who_asked_takes_it_back(as_: As) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    assert says(view) == [Say(reject=True, cancel=True), Say(approve=True, reject=True, cancel=True), NOTHING]
    for decide in (as_(DAVE).approve, as_(DAVE).reject, as_(DAVE).cancel):
        with pytest.raises(PermissionDenied):
            decide(view.id)


def test_who_has_approved_still_may_reject_but_not_approve_again(as_: As) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    view = as_(BOB).approve(view.id)
    assert say_of(view, Actor.parse(BOB)) == Say(reject=True, cancel=True)
    assert say_of(view, Actor.parse(CAROL)).approve
    assert as_(BOB).reject(view.id).state == "rejected"


def test_without_the_right_to_approve_one_takes_back_what_is_ones_own(as_: As) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    assert says(view, approves=False) == [Say(cancel=True), NOTHING, NOTHING]


def test_a_stale_request_is_decided_again_and_not_approved(as_: As) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Staging")
    as_(ALICE).transition("fraud", 2, "Staging")
    view = as_(ALICE).request(view.id)
    assert view.stale
    assert [one.approve for one in says(view)] == [False, False, False]
    assert all(one.refresh for one in says(view))


def test_nobody_has_a_say_in_what_is_decided(as_: As) -> None:
    view = as_(ALICE).request_stage("fraud", 1, "Production")
    closed = as_(ALICE).cancel(view.id)
    assert says(closed) == [NOTHING, NOTHING, NOTHING]
    assert not says(closed)[0]
