"""What the tests of refusals share: a registry with something in it, and what a refusal must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry_git.core.errors import RegistryError
from registry_git.registry.facade import Registry
from registry_git.registry.registering import Registration
from tests.registry_scene import ALICE, As, new_registry

VERSION = "models/fraud/versions/1.yaml"
POINTER = "models/fraud/stages/Production/pointer.yaml"


def filled_registry(place: Path) -> As:
    """A registry with three versions of `fraud`, v2 in Production, v1 the champion."""
    opened = new_registry(place, versions=3)
    registry = opened(ALICE)
    registry.transition("fraud", 2, "Production")
    registry.set_alias("fraud", "champion", 1)
    return opened


def long_history(registry: Registry, commits: int = 70) -> None:
    """Commits enough that a fresh index streams them from `git log`."""
    one = Registration(name="credit", source="s3://credit", read=False)
    registry.register_many([one] * commits)


def refused(action: Callable[[], object], *errors: type[RegistryError]) -> RegistryError:
    """The error of one of the given types, with a hint, that `action` raises."""
    with pytest.raises(errors) as caught:
        action()
    assert caught.value.hint
    return caught.value
