"""A cold process waits for what it imports: a command takes no more than what it does needs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import registry_git

# what few commands need, and takes long to import
_SLOW = {"rich.console", "fsspec", "asyncio", "git", "jsonschema", "platformdirs", "yaml"}
_NOT_FOR_RESOLVE = {
    *("sqlite3", "subprocess"),
    *("registry_git.registry.facade", "registry_git.gitstore.store", "registry_git.index", "registry_git.artifacts"),
}
# the facade gathers all parts of the registry, and a command needs one of them
_NOT_FOR_ONE_PART = {
    "registry_git.registry.facade",
    "registry_git.registry.bundling",
    "registry_git.registry.importing",
    "registry_git.registry.observing",
    "registry_git.registry.upkeep",
}
_NOT_FOR_LOOKING = {
    *("registry_git.registry.writes", "registry_git.registry.writing", "registry_git.gitstore.publishing"),
    # of open requests, of which there are none here, and of other commands
    *("registry_git.registry.open_request", "registry_git.registry.checking", "registry_git.registry.tree"),
    *("registry_git.registry.waiting", "registry_git.core.policy", "registry_git.core.changes.proposal"),
    *("subprocess", "tempfile", "registry_git.index.advance"),
}
_LOOKING = ["show fraud", "show fraud/1", "list", "list fraud", "search \"name = 'fraud'\"", "activity"]
_CHANGING = [
    *(
        "register fraud s3://acme/fraud/4",
        "stage fraud 1 Staging",
        "rollback fraud Production",
        "alias set fraud best 1",
    ),
    *("alias delete fraud champion", "tag set fraud/1 auc 0.91", "describe fraud Cards", "comment add fraud/1 Better"),
    *("rename fraud cards", "delete fraud/2 --yes"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A registry with versions, of which one has a stage and an alias."""
    registry = registry_git.init(tmp_path / "models.git", actor="Alice <alice@acme.io>", durable=False)
    for number in (1, 2, 3):
        registry.register("fraud", f"s3://acme/fraud/{number}")
    registry.transition("fraud", 2, "Production")
    registry.transition("fraud", 1, "Production", archive_existing=True)
    registry.transition("fraud", 2, "None")
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


@pytest.mark.parametrize("command", _LOOKING)
def test_a_command_that_looks_imports_nothing_that_writes(place: Path, command: str) -> None:
    imported(place, "list")  # which brings the index forward
    _, modules = imported(place, *shlex.split(command))
    assert "registry_git.registry.reading" in modules
    assert modules & (_SLOW | _NOT_FOR_ONE_PART | _NOT_FOR_LOOKING) == set()


@pytest.mark.parametrize("command", _CHANGING)
def test_a_command_that_writes_imports_one_part_of_the_registry(place: Path, command: str) -> None:
    _, modules = imported(place, *shlex.split(command))
    assert "registry_git.registry.writes" in modules
    assert modules & (_SLOW | _NOT_FOR_ONE_PART) == set()


@pytest.mark.parametrize("command", ["register fraud s3://acme/fraud/4", "stage fraud 1 Staging"])
def test_a_write_that_tells_what_it_did_imports_no_index(place: Path, command: str) -> None:
    _, modules = imported(place, *shlex.split(command))
    assert modules & {"sqlite3", "registry_git.index.index", "registry_git.core.search"} == set()


def test_register_looks_for_no_driver_that_is_not_there(place: Path) -> None:
    said, modules = imported(place, "register", "fraud", "s3://acme/fraud/4")
    assert said.startswith("Registered v4 of fraud: s3://acme/fraud/4\n")
    assert "registry_git.artifacts.location" in modules
    assert modules & (_SLOW | {"registry_git.artifacts.copies", "tempfile"}) == set()
