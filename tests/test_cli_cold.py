"""A cold process waits for what it imports: a command takes no more than what it does needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import registry_git

# what few commands need, and takes long to import
_SLOW = {"rich", "fsspec", "asyncio", "git", "jsonschema", "platformdirs", "yaml"}
_NOT_FOR_RESOLVE = {
    *("sqlite3", "subprocess"),
    *("registry_git.registry.facade", "registry_git.gitstore.store", "registry_git.index", "registry_git.artifacts"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A registry with a version that has a stage and an alias."""
    registry = registry_git.init(tmp_path / "models.git", actor="Alice <alice@acme.io>", durable=False)
    registry.register("fraud", "s3://acme/fraud/1")
    registry.transition("fraud", 1, "Production")
    registry.set_alias("fraud", "champion", 1)
    return tmp_path / "models.git"


def imported(place: Path, *words: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that its process imports."""
    program = "from registry_git.cli.main import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", program, "-R", str(place), "--as", "Alice <alice@acme.io>"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=dict(os.environ), check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.stdout, {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("reference", ["models:/fraud/1", "models:/fraud/Production", "models:/fraud@champion"])
def test_resolve_imports_what_reading_takes_and_no_more(place: Path, reference: str) -> None:
    said, modules = imported(place, "resolve", reference)
    assert said == "s3://acme/fraud/1\n"
    assert "registry_git.gitstore.repository" in modules
    assert modules & (_SLOW | _NOT_FOR_RESOLVE) == set()


def test_register_looks_for_no_driver_that_is_not_there(place: Path) -> None:
    said, modules = imported(place, "register", "fraud", "s3://acme/fraud/2")
    assert said.startswith("Registered v2 of fraud: s3://acme/fraud/2\n")
    assert "registry_git.artifacts.location" in modules
    assert modules & _SLOW == set()
