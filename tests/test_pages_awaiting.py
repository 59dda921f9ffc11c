"""The number beside "Requests" on every page: right, and bounded in what it costs."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from registry_git.registry.facade import Registry
from registry_git.registry.waiting import Waiting
from registry_git.server.pages.awaiting import Awaiting
from tests.asked_scene import asked_for
from tests.pages_scene import proof, reader, site
from tests.registry_scene import ALICE, CAROL, LEADS, new_registry

RULES = "rules:\n- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true}\n"


def number(answer: httpx.Response) -> str:
    found = re.search(r'<span class="count"[^>]*>([^<]*)<', answer.text.partition("</nav>")[0])
    return found[1] if found else ""


def test_every_page_tells_whoever_looks_how_many_wait_for_them(tmp_path: Path) -> None:
    it = asked_for(tmp_path / "models.git")
    with (
        site(tmp_path / "models.git") as found,
        reader(found, "alice") as alice,
        reader(found, "bob") as bob,
        reader(found) as nobody,
    ):
        for path in ("/", "/activity", "/requests", f"/requests/{it.stage}", "/deployments", "/me"):
            assert number(bob.get(path)) == "6", path
            assert number(alice.get(path)) == "1", path  # what Bob asked for, and no rule is about
        assert number(nobody.get("/sign-in")) == ""
        assert number(bob.get("/requests?at=main")) == ""
        form = {"csrf": proof(bob.get("/requests")), "comment": ""}
        assert bob.post(f"/requests/{it.stage}/approve", data=form).status_code == 303
        assert number(bob.get("/")) == "5"
        refused = bob.post(f"/requests/{it.stage}/approve", data=form)
        assert (refused.status_code, number(refused)) in ((409, "5"), (303, ""))


def test_a_state_that_is_known_is_not_looked_at_again(tmp_path: Path) -> None:
    as_ = new_registry(tmp_path / "models.git", versions=3, roles=LEADS, rules=RULES)
    as_(ALICE).request_stage("fraud", 1, "Production")
    awaiting = Awaiting()
    registry = as_(CAROL)
    assert awaiting.count(registry, "a") == Waiting(count=1, more=False)
    as_(ALICE).request_stage("fraud", 2, "Production")
    assert awaiting.count(registry, "a") == Waiting(count=1, more=False)  # for the same state the same answer
    assert awaiting.count(registry, "b") == Waiting(count=2, more=False)
    assert awaiting.count(as_(ALICE), "b") == Waiting(count=0, more=False)


def test_many_new_requests_are_looked_at_over_several_pages(tmp_path: Path) -> None:
    as_ = new_registry(tmp_path / "models.git", versions=40, roles=LEADS, rules=RULES)
    registry: Registry = as_(ALICE)
    for version in range(1, 41):
        registry.request_stage("fraud", version, "Production")
    awaiting, carol = Awaiting(), as_(CAROL)
    told = [awaiting.count(carol, "a") for _ in range(4)]
    assert told == [
        Waiting(count=15, more=True),
        Waiting(count=30, more=True),
        Waiting(count=40, more=False),
        Waiting(count=40, more=False),
    ]
