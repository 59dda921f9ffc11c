"""The worked registry in examples/: real manifests that every reader of the README is sent to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git

WORKED = Path(__file__).parents[1] / "examples" / "registry"
Git = Callable[..., str]


@pytest.fixture
def registry(tmp_path: Path, git: Git) -> registry_git.Registry:
    place = tmp_path / "registry"
    shutil.copytree(WORKED, place)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "The worked registry")
    return registry_git.open(place)


def test_the_worked_registry_is_valid_and_true(registry: registry_git.Registry) -> None:
    assert registry.check() == []


def test_the_worked_registry_tells_what_is_in_production(registry: registry_git.Registry) -> None:
    assert registry.resolve("models:/fraud/Production").version == 3
    assert registry.lookup("fraud@champion").manifest.lineage.experiment_name == "fraud-weekly"
    assert [one.state for one in registry.requests("fraud", state="all")] == ["approved", "rejected", "approved"]
