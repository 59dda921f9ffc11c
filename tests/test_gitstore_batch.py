"""Plans that are published together: each sees what those before it made, and none pays for another's failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import registry_git
from registry_git.core.errors import AlreadyExists, Conflict
from registry_git.gitstore.batch import Outcome
from registry_git.gitstore.session import Session
from registry_git.gitstore.store import Store
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, As, healthy, new_registry


class Collecting(Store):
    """Keeps the plans that it is given, and answers with what comes of them later."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, durable=False)
        self.plans: list[Callable[[Session], Any]] = []

    def transact(self, plan: Callable[[Session], Any], *, describe: object = None) -> Any:
        self.plans.append(plan)
        raise Kept


class Kept(Exception):
    """The plan is kept for later."""


def collected(place: Path, *calls: tuple[str, Callable[[Registry], object]]) -> list[Callable[[Session], Any]]:
    """The plans of calls that people make."""
    plans = []
    for actor, call in calls:
        registry = registry_git.open(place, actor=actor, durable=False)
        store = Collecting(place)
        registry._store = store
        with pytest.raises(Kept):
            call(registry)
        plans += store.plans
    return plans


def together(place: Path, *calls: tuple[str, Callable[[Registry], object]]) -> list[Outcome]:
    return Store(place, durable=False).transact_all(collected(place, *calls))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=2, protect=["Production"], roles={"approvers": ["bob@acme.io"]})


def test_each_plan_is_a_commit_of_its_own_and_builds_on_the_ones_before(as_: As, place: Path, git: Git) -> None:
    before = git(place, "rev-list", "--count", "main")
    outcomes = together(
        place,
        (ALICE, lambda r: r.register("fraud", "s3://acme/fraud/3")),
        (BOB, lambda r: r.register("fraud", "s3://acme/fraud/4")),
        (ALICE, lambda r: r.transition("fraud", 4, "Staging")),
        (BOB, lambda r: r.set_tag("fraud", "team", "risk")),
    )
    assert [one.error for one in outcomes] == [None] * 4
    assert int(git(place, "rev-list", "--count", "main")) == int(before) + 4
    assert git(place, "log", "-4", "--format=%an") == "Bob\nAlice\nBob\nAlice"
    model = as_(ALICE).model("fraud")
    assert (model.versions, model.stages, model.tags) == (4, {"Staging": (4,)}, {"team": "risk"})
    healthy(git, place, as_(ALICE))


def test_a_plan_that_fails_leaves_the_others_alone(as_: As, place: Path, git: Git) -> None:
    outcomes = together(
        place,
        (ALICE, lambda r: r.create_model("fraud")),
        (ALICE, lambda r: r.create_model("risk")),
        (BOB, lambda r: r.create_model("risk")),
        (BOB, lambda r: r.create_model("churn")),
    )
    assert [type(one.error) for one in outcomes] == [AlreadyExists, type(None), AlreadyExists, type(None)]
    assert [one.again for one in outcomes] == [False, False, True, False], "what is stored already is no guess"
    assert [one.name for one in as_(ALICE).models()] == ["churn", "fraud", "risk"]
    healthy(git, place, as_(ALICE))


def test_requests_are_made_and_decided_in_one_batch(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).request_stage("fraud", 1, "Production", id="first-one")
    outcomes = together(
        place,
        (BOB, lambda r: r.approve("first-one")),
        (ALICE, lambda r: r.request_stage("fraud", 2, "Production", id="second-one")),
        (ALICE, lambda r: r.register("fraud", "s3://acme/fraud/3")),
    )
    assert [one.error for one in outcomes] == [None] * 3
    registry = as_(ALICE)
    assert registry.request("first-one").state == "approved"
    assert registry.request("second-one").stale == ""
    assert (
        git(place, "for-each-ref", "--format=%(refname)", "refs/heads/request") == "refs/heads/request/fraud/second-one"
    )
    healthy(git, place, registry)


def test_of_two_requests_for_one_slot_the_later_one_is_stale_within_the_batch(as_: As, place: Path) -> None:
    for number in (1, 2):
        as_(ALICE).request_stage("fraud", number, "Production", id=f"number-{number}")
    outcomes = together(place, *[(BOB, lambda r, n=number: r.approve(f"number-{n}")) for number in (1, 2)])
    assert outcomes[0].error is None
    assert isinstance(outcomes[1].error, Conflict)
    assert as_(ALICE).model("fraud").stages == {"Production": (1,)}


def test_a_batch_goes_to_the_remote_in_one_push(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    clone = tmp_path / "clone.git"
    registry_git.clone(str(place), clone, actor=ALICE)
    outcomes = together(
        clone,
        (ALICE, lambda r: r.register("fraud", "s3://acme/fraud/3")),
        (ALICE, lambda r: r.request_stage("fraud", 2, "Production", id="elsewhere")),
        (BOB, lambda r: r.create_model("fraud")),
        (BOB, lambda r: r.register("risk", "s3://acme/risk/1")),
    )
    assert [one.error is None for one in outcomes] == [True, True, False, True]
    assert git(place, "rev-parse", "main") == git(clone, "rev-parse", "main")
    assert [one.request for one in as_(ALICE).requests()] == ["elsewhere"]
    healthy(git, place, as_(ALICE))


def test_a_work_tree_follows_a_batch(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models"
    new_registry(place, versions=1)
    together(
        place,
        (ALICE, lambda r: r.set_tag("fraud", "a", "1")),
        (BOB, lambda r: r.set_tag("fraud", "b", "2")),
    )
    assert git(place, "status", "--porcelain") == ""
    assert "b: '2'" in (place / "models/fraud/model.yaml").read_text().replace('"', "'")


def test_a_batch_in_which_all_fail_moves_nothing(as_: As, place: Path, git: Git) -> None:
    before = git(place, "rev-parse", "main")
    outcomes = together(place, *[(ALICE, lambda r: r.create_model("fraud"))] * 2)
    assert [one.again for one in outcomes] == [False, False]
    assert git(place, "rev-parse", "main") == before
