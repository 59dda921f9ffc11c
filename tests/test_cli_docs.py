"""docs/cli.md is true: its JSON, its commands and its exit codes are held against the program."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from registry_git.cli.failures import BROKEN_PIPE, EXIT_CODES, INTERNAL, INTERRUPTED
from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile, default_accounts
from tests.cli_program import ALICE, BOB, Cli, new_registry, run
from tests.test_cli_help import COMMANDS

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
OBJECTS = {
    name: (command, json.loads(body))
    for name, command, body in re.findall(
        r"^### (\w+)\n(?:.*\n)*?`registry-git (.+?) --output json`\n\n```json\n((?:.*\n)*?)```", TEXT, re.MULTILINE
    )
}
PRINTED = re.findall(r"^\| `registry-git (.+?)` \| (list of )?(\w+) \|$", TEXT, re.MULTILINE)
DATA = {"refs", "tags", "stages", "aliases", "changes", "annotations", "roles"}  # their keys are the user's
REQUEST, CLOSED, COMMENT = "20261123-7k3m9q", "20261120-4c8d2e", "20261122-0h5t1z"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The registry that the document talks about; the working directory is beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")
    cli = new_registry(tmp_path / "acme.git", "--protect", "Production", "--approver", "bob@acme.io")
    for number, auc in ((1, "0.90"), (2, "0.92")):
        folder = tmp_path / f"model{number}"
        folder.mkdir()
        (folder / "weights").write_text(auc)
        (folder / "MLmodel").write_text("flavors:\n  sklearn:\n    code: null\n")
        lineage = ["--run-id", f"e14827810727483{number}", "--experiment", "fraud-weekly", "--dataset", "tx=5be3"]
        cli("register", "fraud", str(folder), "--tag", f"auc={auc}", *lineage)
    cli("request", "create", "fraud", "1", "Production", "--id", CLOSED, "-m", "First.")
    cli.bob("request", "approve", CLOSED, "-m", "Go.")
    cli("alias", "set", "fraud", "champion", "1")
    cli("deployment", "add", "production", "scorer", "--model", "fraud", "--stage", "Production")
    cli("comment", "add", "fraud/2", "Drifts on weekends.", "--id", COMMENT)
    cli("request", "create", "fraud", "2", "Production", "--id", REQUEST, "-m", "AUC 0.92")
    cli("register", "risk", "s3://acme-models/risk/1")
    cli("resolve", "models:/fraud/2", "--consumer", "production/scorer")
    AccountFile(default_accounts()).add(Actor.parse("Erin <erin@acme.io>"))
    cli("bundle", "create", str(tmp_path / "registry.tar"), "--artifacts", "fraud/1")
    (tmp_path / "registry.yaml").write_text(cli("policy", "show").out)
    return cli


def agree(said: Any, real: Any, field: str = "") -> None:
    """Passes when `real` has the keys and types of the document's `said`, where `"<Name>"` stands for an object."""
    if isinstance(said, str) and said[:1] == "<":
        example = OBJECTS[said.strip("<>")][1]
        said = example[0] if isinstance(example, list) else example
    assert type(said) is type(real), f"{field}: {said!r} in the document is {real!r}"
    if isinstance(said, dict) and field not in DATA:
        assert list(said) == list(real), field
        for key in said:
            agree(said[key], real[key], key)
    elif isinstance(said, list) and said and real:
        agree(said[0], real[0], field)


def keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_of_the_document_is_what_its_command_prints(acme: Cli, name: str) -> None:
    command, said = OBJECTS[name]
    agree(said, acme.json(*shlex.split(command)))


def test_every_command_of_the_table_prints_the_object_that_it_says(acme: Cli) -> None:
    for command, listed, name in PRINTED:
        words = shlex.split(command)
        if words[0] in ("init", "clone"):
            answer = run("--as", ALICE, *words, "-o", "json").json
        else:
            answer = acme.json(*words, actor=BOB if "approve" in words else ALICE)
        assert isinstance(answer, list) == bool(listed), command
        first = (answer[0] if answer else None) if listed else answer
        example = OBJECTS[name][1]
        if first is not None:
            assert keys(first) == keys(example[0] if isinstance(example, list) else example), command


def test_the_table_leaves_no_command_out() -> None:
    said = [command for command, _, _ in PRINTED]
    # one prints a script, one does not end, some need a remote or an MLflow, and git itself calls the last two
    without = {"completion", "serve", "sync", "reconcile", "hook pre-receive", "hook reference-transaction"}
    without |= {"import mlflow", "export mlflow"}
    missing = [name for name in COMMANDS if not any(f"{one} ".startswith(f"{name} ") for one in said)]
    assert set(missing) == without


def test_every_command_is_in_the_document() -> None:
    assert [name for name in COMMANDS if f"`{name}" not in TEXT and f"registry-git {name}" not in TEXT] == []


def test_every_command_of_the_document_exists() -> None:
    roots = {name.split()[0] for name in COMMANDS}
    found = re.findall(r"registry-git (?:-R \S+ )?([a-z]+)", TEXT)
    assert set(found) <= roots


def test_the_exit_codes_are_those_of_the_program() -> None:
    said = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `?(\w+)`? \|", TEXT, re.MULTILINE)}
    real = {kind.__name__: code for kind, code in EXIT_CODES.items()}
    assert said == {"Success": 0, **real, "Internal": INTERNAL, "Interrupted": INTERRUPTED, "Pipe": BROKEN_PIPE}


def test_the_variables_of_resolve_are_those_of_the_program(acme: Cli) -> None:
    said = re.findall(r"^(MODEL_\w+)=", TEXT, re.MULTILINE)
    printed = acme("resolve", "models:/fraud/Production", "--output", "env").out
    assert said == [line.split("=")[0] for line in printed.splitlines()]
