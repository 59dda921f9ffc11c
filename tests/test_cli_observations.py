"""`--consumer` on the command line, and the commands that show and record what consumers use."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from registry_git.gitstore.store import Store
from registry_git.registry.spool import Spool
from tests.cli_program import ALICE, BIN, Cli, installed, new_registry


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")
    cli = new_registry(tmp_path / "models.git")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("w")
    cli("register", "fraud", str(tmp_path / "model"))
    cli("stage", "fraud", "1", "Production")
    return cli


def test_resolve_and_download_note_their_consumer(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("resolve", "models:/fraud/Production", "--consumer", "prod/a")
    cli("download", "models:/fraud/1", str(tmp_path / "x"), "--consumer", "prod/b")
    monkeypatch.setenv("REGISTRY_GIT_CONSUMER", "prod/c")
    cli("resolve", "fraud/1")
    cli("download", "fraud/1", str(tmp_path / "y"))
    cli("resolve", "fraud/1", "--at", "main")
    cli("show", "fraud/1")
    found = cli.json("observations", "list")
    assert [(one["consumer"], one["asked"]) for one in found] == [
        ("prod/a", "fraud/Production"),
        ("prod/b", "fraud/1"),
        ("prod/c", "fraud/1"),
    ]
    assert "Recorded 3 uses by 3 consumers." in cli("observations", "flush").out
    assert "Nothing waits" in cli("observations", "flush").out
    shown = cli("show", "fraud/1").out
    assert "Used by" in shown
    assert "prod/b" in shown
    assert "prod/b" not in cli("show", "fraud/1", "--at", "main").out
    assert [one["consumer"] for one in cli.json("observations", "list", "--consumer", "prod/b")] == ["prod/b"]


def test_a_failed_resolve_notes_nothing(cli: Cli) -> None:
    cli("resolve", "models:/fraud/Staging", "--consumer", "prod/a", code=3)
    cli("resolve", "models:/fraud/1", "--consumer", "a//b", code=2)
    assert "Nobody was seen to use it." in cli("observations", "list").out


def test_a_read_waits_neither_for_who_records_nor_for_who_writes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "on")
    words = ("-R", str(cli.registry), "--as", ALICE, "resolve", "models:/fraud/Production", "--consumer", "prod/a")
    with Store(cli.registry).locked(), Spool(cli.registry).held(wait=False) as mine:
        assert mine
        subprocess.run([str(BIN / "registry-git"), *words], check=True, capture_output=True, timeout=60)
        assert [str(consumer) for consumer in Spool(cli.registry).waiting().uses] == ["prod/a"]
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")
    assert cli.json("observations", "flush")["uses"] == 1


def test_the_answer_of_a_cold_resolve_is_the_source_alone(cli: Cli) -> None:
    words = ("-R", str(cli.registry), "--as", ALICE, "resolve", "models:/fraud/Production", "--consumer", "prod/a")
    answer = installed(*words)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("\n") == 1
    assert [one["consumer"] for one in cli.json("observations", "list")] == ["prod/a"]
