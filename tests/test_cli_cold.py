"""A cold process waits for what it imports: `resolve`, which deployments ask, takes no more than point reads need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import registry_git

_NOT_FOR_READING = {
    *("sqlite3", "rich", "fsspec", "git", "jsonschema", "platformdirs", "subprocess", "yaml"),
    *("registry_git.registry.facade", "registry_git.gitstore.store", "registry_git.index", "registry_git.artifacts"),
}


@pytest.mark.parametrize("reference", ["models:/fraud/1", "models:/fraud/Production", "models:/fraud@champion"])
def test_resolve_imports_what_reading_takes_and_no_more(tmp_path: Path, reference: str) -> None:
    registry = registry_git.init(tmp_path / "models.git", actor="Alice <alice@acme.io>", durable=False)
    registry.register("fraud", "s3://acme/fraud/1")
    registry.transition("fraud", 1, "Production")
    registry.set_alias("fraud", "champion", 1)
    program = "from registry_git.cli.main import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", program, "-R", str(tmp_path / "models.git")]
    done = subprocess.run([*command, "resolve", reference], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout == "s3://acme/fraud/1\n"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "registry_git.gitstore.repository" in imported
    assert imported & _NOT_FOR_READING == set()
