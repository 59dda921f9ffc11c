"""What a write gives back is what a read finds afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git import Registry, VersionView

WRITES: list[tuple[str, Callable[[Registry], object]]] = [
    ("register", lambda registry: registry.register("fraud", "s3://models/3", tags={"auc": "0.9"})),
    ("transition", lambda registry: registry.transition("fraud", 2, "Production", archive_existing=True)),
    ("rollback", lambda registry: registry.rollback("fraud", "Staging")),
    ("tag", lambda registry: registry.set_tag("fraud", "auc", "0.8", version=1)),
    ("describe", lambda registry: registry.describe("fraud", "finds fraud", version=2)),
    ("nothing new", lambda registry: registry.describe("fraud", "", version=2)),
]


@pytest.mark.parametrize("write", [write for _, write in WRITES], ids=[name for name, _ in WRITES])
def test_the_version_that_a_write_returns_is_the_one_that_is_read(
    tmp_path: Path, write: Callable[[Registry], object]
) -> None:
    registry = registry_git.init(tmp_path / "models.git", actor="Alice <alice@acme.io>", durable=False)
    for number in (1, 2):
        registry.register("fraud", f"s3://models/{number}")
        registry.transition("fraud", number, "Staging", archive_existing=True)
    written = write(registry)
    assert isinstance(written, VersionView)
    assert registry.version("fraud", written.version) == written
