"""What is declared beside what was seen: drift, the unseen and the undeclared."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git import Invalid, NotFound
from registry_git.core.running import Declared, Drift, Seen, joined
from registry_git.core.times import Timestamp
from registry_git.registry.facade import Registry
from tests.cli_program import Cli
from tests.registry_scene import ALICE, new_registry


def seen(consumer: str, model: str, version: int) -> Seen:
    return Seen(consumer=consumer, model=model, version=version, asked=model, first=Timestamp(0), last=Timestamp(0))


def test_a_consumer_is_the_deployment_of_its_name_for_one_model() -> None:
    declared = [
        Declared(consumer="prod/a", model="fraud", version=12),
        Declared(consumer="prod/b", model="fraud", version=12),
        Declared(consumer="prod/c", model="fraud", version=None),
        Declared(consumer="prod/d", model="fraud", version=12),
    ]
    used = [seen("prod/a", "fraud", 12), seen("prod/b", "fraud", 11), seen("prod/c", "fraud", 1), seen("x", "fraud", 3)]
    used.append(seen("prod/a", "churn", 1))
    assert [(one.consumer, one.model, one.drift) for one in joined(declared, used)] == [
        ("prod/a", "churn", Drift.UNDECLARED),
        ("prod/a", "fraud", Drift.NONE),
        ("prod/b", "fraud", Drift.DRIFTED),
        ("prod/c", "fraud", Drift.DRIFTED),
        ("prod/d", "fraud", Drift.UNSEEN),
        ("x", "fraud", Drift.UNDECLARED),
    ]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """v1 in Production, followed by a job and a service; the service asked for it, and a notebook did."""
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")
    registry = new_registry(tmp_path / "models.git", versions=2)(ALICE)
    registry.transition("fraud", 1, "Production")
    for name, workload in (("scorer", "service"), ("nightly", "job")):
        registry.add_deployment("production", name, model="fraud", stage="Production", workload=workload)
    for consumer in ("production/scorer", "notebook"):
        registry.resolve("models:/fraud/Production", consumer=consumer)
    return registry


def drift(registry: Registry, **filters: object) -> list[tuple[str, int | None, int | None, str]]:
    found = registry.running(**filters)  # type: ignore[arg-type]
    return [(one.consumer, one.declared, one.observed, one.drift) for one in found]


def test_a_job_that_has_not_asked_again_since_the_promotion_has_drifted(registry: Registry) -> None:
    before = [
        ("notebook", None, 1, "undeclared"),
        ("production/nightly", 1, None, "unseen"),
        ("production/scorer", 1, 1, "none"),
    ]
    assert drift(registry) == before
    registry.transition("fraud", 2, "Production", archive_existing=True)
    registry.resolve("models:/fraud/Production", consumer="production/nightly")
    assert drift(registry) == [
        ("notebook", None, 1, "undeclared"),
        ("production/nightly", 2, 2, "none"),
        ("production/scorer", 2, 1, "drifted"),
    ]
    registry.resolve("models:/fraud/Production", consumer="production/scorer")
    assert drift(registry)[2] == ("production/scorer", 2, 2, "none")


def test_who_is_asked_for_is_found_by_what_is_declared_and_by_what_was_seen(registry: Registry) -> None:
    registry.transition("fraud", 2, "Production", archive_existing=True)
    registry.resolve("models:/fraud/Production", consumer="production/nightly")
    assert [one[0] for one in drift(registry, model="fraud", version=1)] == ["notebook", "production/scorer"]
    assert [one[0] for one in drift(registry, model="fraud", version=2)] == ["production/nightly", "production/scorer"]
    assert [one[0] for one in drift(registry, environment="production")] == ["production/nightly", "production/scorer"]
    assert drift(registry, environment="prod") == []
    assert [one[0] for one in drift(registry, workload="service")] == ["production/scorer"]
    with pytest.raises(Invalid):
        registry.running(version=1)
    with pytest.raises(NotFound):
        registry.running(model="nosuch")


def test_the_list_says_it_in_words(registry: Registry, tmp_path: Path) -> None:
    registry.transition("fraud", 2, "Production", archive_existing=True)
    cli = Cli(registry=tmp_path / "models.git")
    lines = cli("deployment", "list", "--observed").out.splitlines()[2:]
    assert "no deployment" in lines[0]
    assert "never seen" in lines[1]
    assert "on v1, fraud/Production says v2" in lines[2]
    assert "on v1" not in cli("deployment", "list").out
    cli("deployment", "list", "--observed", "--at", "main", code=2)
