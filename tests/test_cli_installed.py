"""The installed program in processes of its own: exit codes, git registry, completion, pipes, signals, imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli_program import BIN, Cli, installed, new_registry

PATH = f"{BIN}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = new_registry(tmp_path / "models.git")
    for number in (1, 2):
        cli("register", "fraud", f"s3://acme/{number}")
    cli("stage", "fraud", "1", "Production")
    cli("alias", "set", "fraud", "champion", "2")
    return cli


def test_exit_codes_reach_the_shell(cli: Cli) -> None:
    here = {"REGISTRY_GIT_URI": str(cli.registry)}
    assert installed("resolve", "fraud/Production", env=here).out == "s3://acme/1\n"
    assert installed("resolve", "fraud/9", env=here).code == 3
    assert installed("rseolve", env=here).code == 2
    assert installed("init", str(cli.registry), env=here).code == 4


def test_git_registry_is_the_same_program(cli: Cli, git: Any) -> None:
    assert git(cli.registry, "registry", "resolve", "fraud/Production", env={"PATH": PATH}) == "s3://acme/1"
    assert installed("--version", program="git-registry").out.startswith("git-registry ")


def test_the_registry_around_the_working_directory_is_the_default(tmp_path: Path) -> None:
    tree = new_registry(tmp_path / "tree")
    tree("register", "fraud", "s3://acme/1")
    assert installed("resolve", "fraud/1", cwd=tmp_path / "tree" / "models" / "fraud").out == "s3://acme/1\n"


def test_a_reader_that_goes_away_ends_the_program_without_a_word(cli: Cli) -> None:
    for words in ("list fraud -o json", "activity", "policy show"):
        line = f"registry-git -R {cli.registry} {words} | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", line], env={**os.environ, "PATH": PATH}, capture_output=True, text=True, timeout=60
        )
        assert done.stderr == ""
        assert done.stdout.strip() in ("0", "141", "1")  # 0: it had written all before the reader went


def test_a_full_output_is_an_error_and_no_traceback(cli: Cli) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(BIN / "registry-git"), "-R", str(cli.registry), "list", "-o", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 8
    assert "Traceback" not in done.stderr


def test_follow_shows_what_comes_and_ends_with_130(cli: Cli) -> None:
    process = subprocess.Popen(
        [
            str(BIN / "registry-git"),
            "-R",
            str(cli.registry),
            *["activity", "fraud", "--follow", "-o", "json", "--interval", "0.1", "--limit", "2"],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    before = {json.loads(process.stdout.readline())["id"] for _ in range(2)}
    assert before < {one["id"] for one in cli.json("activity", "fraud")}
    cli("register", "churn", "s3://acme/c")
    cli("comment", "add", "fraud/2", "Now.")
    assert '"comment": "Now."' in process.stdout.readline()
    cli("request", "create", "fraud", "2", "Staging", "--comment", "Please.")
    assert '"comment": "Please."' in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def test_only_what_a_command_needs_is_imported(cli: Cli) -> None:
    code = (
        "import sys, atexit; from registry_git.cli.main import main\n"
        "heavy = {'git', 'rich', 'fsspec', 'mlflow'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-R", str(cli.registry), "resolve", "fraud/Production"],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("s3://acme/1\n", "[]\n")


def test_help_and_version_load_no_engine() -> None:
    code = (
        "import sys, atexit; from registry_git.cli.main import main\n"
        "heavy = {'git', 'pygit2', 'rich', 'fsspec', 'sqlite3', 'yaml', 'jsonschema'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True)
    assert done.stderr == "[]\n"


def complete(cli: Cli, line: str, tmp_path: Path) -> list[str]:
    """What bash offers for a line, with the cursor at its end."""
    script = f"""
        eval "$(registry-git completion bash)"
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD=9
        if [[ $COMP_LINE == git\\ * ]]; then _git_registry; else _registry_git_completion {line.split()[0]}; fi
        for word in "${{COMPREPLY[@]}}"; do echo "$word"; done
    """
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": PATH, "REGISTRY_GIT_URI": str(cli.registry)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("registry-git reso", ["resolve"]),
        ("registry-git request app", ["approve"]),
        ("registry-git show fr", ["fraud"]),
        ("registry-git show fraud/P", ["fraud/Production"]),
        ("registry-git show fraud@", ["champion"]),
        ("registry-git resolve models:/fraud/", ["/fraud/Production", "/fraud/latest", "/fraud/2", "/fraud/1"]),
        ("registry-git stage fraud ", ["2", "1"]),
        ("registry-git stage fraud 1 St", ["Staging"]),
        ("registry-git alias delete fraud ch", ["champion"]),
        ("registry-git -R /nowhere show ", []),
        ("git registry show fr", ["fraud"]),
        ("git-registry show fr", ["fraud"]),
    ],
)
def test_the_shell_completes_from_the_registry(cli: Cli, line: str, expected: list[str], tmp_path: Path) -> None:
    assert complete(cli, line, tmp_path) == expected


def test_the_shell_completes_open_requests(cli: Cli, tmp_path: Path) -> None:
    request = cli.json("request", "create", "fraud", "2", "Staging")["request"]
    assert complete(cli, "registry-git request approve ", tmp_path) == [request]


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_there_is_a_script_for_every_shell(shell: str, word: str) -> None:
    assert word in installed("completion", shell).out


def test_the_shell_is_taken_from_the_environment_and_an_unknown_one_refused() -> None:
    assert "compdef" in installed("completion", env={"SHELL": "/usr/bin/zsh"}).out
    refusal = installed("completion", env={"SHELL": "/bin/tcsh"})
    assert refusal.code == 2
    assert "completion bash" in refusal.err
    assert installed("completion", "tcsh").code == 2
