"""Deployments and moves that do not know of each other: written at once, offline, and pushed by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.app import open_registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, healthy, new_registry


def uses(place: Path) -> dict[str, int | None]:
    """What each deployment of a registry uses."""
    found = registry_git.open(place, actor=ALICE, durable=False).deployments()
    return {f"{one.environment}/{one.name}": one.version for one in found}


def test_promotions_and_declarations_at_once_leave_every_deployment_where_its_stage_is(place: Path, git: Git) -> None:
    new_registry(place, versions=6)(ALICE).transition("fraud", 1, "Production")
    go = threading.Barrier(6)
    faults: list[BaseException] = []

    def work(act: Callable[[registry_git.Registry], object]) -> None:
        registry = registry_git.open(place, actor=ALICE, durable=False)
        go.wait()
        try:
            act(registry)
        except registry_git.RegistryError as problem:
            faults.append(problem)

    acts: list[Callable[[registry_git.Registry], object]] = [
        lambda registry: registry.transition("fraud", 2, "Production", archive_existing=True),
        lambda registry: registry.transition("fraud", 3, "Production", archive_existing=True),
        lambda registry: registry.add_deployment("eu", "one", model="fraud", stage="Production"),
        lambda registry: registry.add_deployment("eu", "two", model="fraud", stage="Production"),
        lambda registry: registry.add_deployment("us", "one", model="fraud", stage="Production", follow="request"),
        lambda registry: registry.set_alias("fraud", "champion", 4),
    ]
    threads = [threading.Thread(target=work, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    registry = registry_git.open(place, actor=ALICE, durable=False)
    now = registry.resolve("models:/fraud/Production").version
    assert now in (2, 3)
    assert {one.version for one in registry.deployments(environment="eu")} == {now}
    (late,) = registry.deployments(environment="us")
    due = [one.version for one in registry.requests() if one.action == "deployment" and not one.stale]
    assert due == ([] if late.version == now else [now])
    healthy(git, place, registry)


# Offline.


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "remote.git"


@pytest.fixture
def clone(place: Path, tmp_path: Path) -> Path:
    """A clone of a registry whose Production holds v1, which eu/old follows."""
    alice = new_registry(place, versions=3)(ALICE)
    alice.transition("fraud", 1, "Production")
    alice.add_deployment("eu", "old", model="fraud", stage="Production")
    there = tmp_path / "clone.git"
    registry_git.clone(str(place), there, actor=BOB)
    return there


def away(clone: Path) -> registry_git.Registry:
    return open_registry(clone, actor=BOB, durable=False, offline=True)


def sync(clone: Path) -> tuple[str, ...]:
    """Synchronises; gives what did not fit."""
    return open_registry(clone, actor=BOB, durable=False, offline=False).sync().kept


def promote(registry: registry_git.Registry, version: int = 2) -> None:
    registry.transition("fraud", version, "Production", archive_existing=True)


def test_a_promotion_made_offline_rolls_what_was_declared_meanwhile(place: Path, clone: Path, git: Git) -> None:
    promote(away(clone))
    alice = registry_git.open(place, actor=ALICE)
    alice.add_deployment("eu", "new", model="fraud", stage="Production")
    assert sync(clone) == ()
    assert uses(place) == {"eu/new": 2, "eu/old": 2}
    assert git(place, "log", "-1", "--format=%an %s", "main") == "Bob Move fraud v2 to Production"
    healthy(git, place, alice)


def test_a_declaration_made_offline_finds_the_version_that_is_there_by_now(place: Path, clone: Path, git: Git) -> None:
    away(clone).add_deployment("eu", "new", model="fraud", stage="Production")
    promote(registry_git.open(place, actor=ALICE))
    assert sync(clone) == ()
    assert uses(place) == {"eu/new": 2, "eu/old": 2}
    healthy(git, place, registry_git.open(place, actor=ALICE))


def test_a_promotion_made_offline_does_not_fit_where_a_job_was_pinned_meanwhile(
    place: Path, clone: Path, git: Git
) -> None:
    promote(away(clone))
    alice = registry_git.open(place, actor=ALICE)
    alice.add_deployment("eu", "new", model="fraud", version=1)
    assert sync(clone) == ("Move fraud v2 to Production",)
    assert uses(place) == {"eu/new": 1, "eu/old": 1}
    healthy(git, place, alice)


def test_a_promotion_that_was_forced_offline_is_forced_there_too(place: Path, clone: Path, git: Git) -> None:
    away(clone).transition("fraud", 1, "Archived", force=True, comment="It leaks.")
    alice = registry_git.open(place, actor=ALICE)
    alice.register("fraud", "s3://acme/fraud/4")
    assert sync(clone) == ()
    assert alice.deployment("eu", "old").standing == "dangling"


def test_a_declaration_made_offline_for_a_name_that_was_taken_is_kept_aside(place: Path, clone: Path) -> None:
    away(clone).add_deployment("eu", "new", model="fraud", version=3)
    registry_git.open(place, actor=ALICE).add_deployment("eu", "new", model="fraud", stage="Production")
    assert sync(clone) == ("Add the deployment eu/new, which is pinned to fraud/3",)
    assert uses(place)["eu/new"] == 1
