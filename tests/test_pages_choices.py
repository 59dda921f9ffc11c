"""Which buttons somebody gets for a request, and the sentence in the place of one that they do not get."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.names import Actor
from registry_git.server.identity import Identity
from registry_git.server.pages.choices import Choices, weighed
from registry_git.server.permissions import Permission
from tests.registry_scene import ALICE, BOB, CAROL, DAVE, LEADS, As, new_registry

RULES = (
    "rules:\n- {on: stage, to: [Production], approvals: 2, by: [ml-leads], four_eyes: true, "
    "require: {tags: [validated]}}\n"
)


@pytest.fixture
def as_(tmp_path: Path) -> As:
    return new_registry(tmp_path / "models.git", versions=3, roles=LEADS, rules=RULES)


def offered(as_: As, request: str, who: str, *scopes: Permission) -> Choices:
    registry = as_(who)
    wanted = frozenset(scopes or (Permission.READ, Permission.WRITE, Permission.APPROVE))
    me = Identity(actor=Actor.parse(who), scopes=wanted, key="test")
    return weighed(registry.request(request), registry.deciders(request), me)


def test_who_gave_an_approval_waits_for_the_others_and_then_for_what_no_approval_gives(as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 1, "Production").id
    assert offered(as_, asked, BOB).approve.may
    as_(BOB).approve(asked)
    assert offered(as_, asked, BOB).approve.why == "You have approved it; it waits for others."
    assert offered(as_, asked, CAROL).approve.may
    assert offered(as_, asked, CAROL).approve.why == ""  # the tag is missing, so it is not made at once
    as_(CAROL).approve(asked)
    assert "lacks the tag 'validated'" in offered(as_, asked, DAVE).approve.why
    as_(ALICE).set_tag("fraud", "validated", "yes", version=1)
    ready = offered(as_, asked, CAROL).approve
    assert (ready.may, ready.why) == (True, "Nothing else is missing: the change is made at once.")


def test_who_has_no_say_is_told_the_rule_and_who_may_close_it(as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 1, "Production").id
    dave = offered(as_, asked, DAVE)
    assert not dave.any
    assert dave.approve.why.startswith("The policy does not count your approval: rule on stage to Production")
    assert dave.reject.why == dave.cancel.why == "These may: bob@acme.io, carol@acme.io."
    alice = offered(as_, asked, ALICE)
    assert [alice.approve.may, alice.reject.may, alice.cancel.may, alice.refresh.may] == [False, False, True, False]


def test_a_token_limits_what_the_policy_allows(as_: As) -> None:
    asked = as_(ALICE).request_stage("fraud", 1, "Production").id
    assert not offered(as_, asked, BOB, Permission.READ).any
    assert not offered(as_, asked, BOB, Permission.READ, Permission.WRITE).any
    decides = offered(as_, asked, BOB, Permission.READ, Permission.APPROVE)
    assert (decides.approve.may, decides.reject.may, decides.cancel.may) == (True, True, False)
    assert offered(as_, asked, ALICE, Permission.READ, Permission.WRITE).cancel.may
