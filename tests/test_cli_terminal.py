"""On a terminal: colours, questions, progress bars, folded tables. Elsewhere none of them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from registry_git.cli import progress as progress_module
from tests.cli_program import ALICE, BIN, Cli, new_registry


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = new_registry(tmp_path / "models.git")
    cli("register", "fraud", "s3://acme/1", "--description", "A rather long description " * 8)
    return cli


def on_terminal(
    cli: Cli,
    *words: str,
    typed: str = "",
    env: dict[str, str] | None = None,
    program: tuple[str, ...] = (str(BIN / "registry-git"),),
) -> tuple[int, str]:
    """The exit code, and what the program shows on a terminal of 80 columns while `typed` is typed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*program, "-R", str(cli.registry), "--as", ALICE, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **(env or {})},
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed.encode())
    shown = b""
    with suppress(OSError):  # the end of a terminal is an error
        while block := os.read(ours, 4096):
            shown += block
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def test_colours_are_on_a_terminal_alone(cli: Cli) -> None:
    for words in (("show", "fraud/1"), ("show", "fraud/9")):
        code, shown = on_terminal(cli, *words)
        assert "\x1b[" in shown
        assert "\x1b[" not in on_terminal(cli, *words, env={"NO_COLOR": "1"})[1]
        assert "\x1b[" not in on_terminal(cli, *words, env={"TERM": "dumb"})[1]
        answer = cli(*words, code=code)
        assert "\x1b[" not in answer.out + answer.err


def test_a_table_fits_the_terminal_and_is_cut_nowhere(cli: Cli) -> None:
    _, shown = on_terminal(cli, "search", "name = 'fraud'", env={"NO_COLOR": "1"})
    assert max(len(line.rstrip("\r")) for line in shown.split("\n")) <= 80
    assert "s3://acme/1" in shown.replace("\r\n", "")


def test_no_line_is_folded_where_no_terminal_is(cli: Cli) -> None:
    cli("comment", "add", "fraud/1", "x" * 500)
    assert "x" * 500 in cli("comment", "list", "fraud/1").out


def test_delete_asks_on_a_terminal(cli: Cli) -> None:
    code, shown = on_terminal(cli, "delete", "fraud/1", typed="n\n")
    assert "Delete fraud v1?" in shown
    assert code == 130
    assert len(cli.json("list", "fraud")) == 1
    assert on_terminal(cli, "delete", "fraud/1", typed="y\n")[0] == 0
    assert cli.json("list", "fraud") == []


def test_a_progress_bar_is_told_amounts_and_ends_with_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_module.progress("Reading", "bytes") as told:
        assert told is not None
        told(3)
        told(4)


def test_nobody_is_told_of_progress_where_nobody_watches() -> None:
    with progress_module.progress("Reading", "bytes") as told:
        assert told is None


def test_a_registration_shows_its_progress(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    with open(tmp_path / "big" / "weights", "wb") as file:
        file.truncate(1 << 26)
    impatient = "from registry_git.cli import main, progress; progress._PATIENCE = 0.0; main.main()"
    code, shown = on_terminal(
        cli, "register", "fraud", str(tmp_path / "big"), program=(sys.executable, "-c", impatient)
    )
    assert code == 0
    assert "Reading the artifact" in shown
