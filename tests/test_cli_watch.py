"""`watch` runs a command at each change: what it is told, what happens when it fails, and how the watch ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli_program import ALICE, BIN, Cli, new_registry
from tests.waiting import until

ECHO = 'echo "$MODEL_CHANGE $MODEL_NAME $MODEL_STAGE$MODEL_ALIAS $MODEL_PREVIOUS-$MODEL_VERSION $MODEL_SOURCE"'


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A registry with three versions of `fraud`; the first is in Production."""
    cli = new_registry(tmp_path / "models.git")
    for number in (1, 2, 3):
        cli("register", "fraud", f"s3://acme/fraud/{number}")
    cli("stage", "fraud", "1", "Production")
    return cli


def test_a_command_is_told_everything_in_its_environment(cli: Cli, tmp_path: Path) -> None:
    cli("alias", "set", "fraud", "champion", "2")
    cli("alias", "delete", "fraud", "champion")
    told = tmp_path / "told"
    cli("watch", "--since", "start", "--once", "--exec", f"env >> {told}; echo . >> {told}")
    first, second, third = (
        dict(line.split("=", 1) for line in block.splitlines() if line.startswith("MODEL_"))
        for block in told.read_text().split("\n.\n")[:3]
    )
    resolved = dict(
        line.split("=", 1)
        for line in cli("resolve", "models:/fraud/Production", "-o", "env").out.splitlines()
        if not line.startswith("MODEL_COMMIT")
    )
    assert {name: first[name] for name in resolved} == resolved
    assert (first["MODEL_CHANGE"], first["MODEL_PREVIOUS"], first["MODEL_BY"]) == ("set", "", ALICE)
    assert first["MODEL_AT"].endswith("Z")
    assert len(first["MODEL_COMMIT"]) == 40
    assert (second["MODEL_ALIAS"], second["MODEL_VERSION"]) == ("champion", "2")
    assert (third["MODEL_CHANGE"], third["MODEL_PREVIOUS"], third["MODEL_VERSION"]) == ("removed", "2", "")
    assert (third["MODEL_SOURCE"], third["MODEL_STAGE"]) == ("", "")


def test_a_source_that_looks_like_a_program_is_only_text(cli: Cli, tmp_path: Path) -> None:
    evil = "s3://x/$(touch pwned);`touch pwned`' \" && touch pwned"
    cli("register", "fraud", evil)
    cli("stage", "fraud", "4", "Staging")
    told = tmp_path / "told"
    words = ("--", sys.executable, "-c", f"import os; open({str(told)!r}, 'w').write(os.environ['MODEL_SOURCE'])")
    cli("watch", "--stage", "Staging", "--since", "start", "--once", *words)
    assert told.read_text() == evil
    cli(
        "watch",
        "--reset",
        "--stage",
        "staging",
        "--since",
        "start",
        "--once",
        "--exec",
        f'printf %s "$MODEL_SOURCE" > {told}.2',
    )
    assert Path(f"{told}.2").read_text() == evil
    assert not list(tmp_path.rglob("pwned"))


def test_arguments_behind_the_hyphens_reach_the_program_as_they_are(cli: Cli, tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import sys; open({str(told)!r}, 'w').write(repr(sys.argv[1:]))"
    cli("watch", "--since", "start", "--once", "--", sys.executable, "-c", code, "--", "-o", "$HOME", "a b")
    assert told.read_text() == repr(["--", "-o", "$HOME", "a b"])


def test_without_a_command_changes_are_printed(cli: Cli) -> None:
    line = cli("watch", "--since", "start", "--once").out
    assert line.startswith("fraud/Production nothing → v1  s3://acme/fraud/1  by Alice <alice@acme.io>  ")
    cli("stage", "fraud", "2", "Production", "--archive-existing")
    lines = cli("watch", "--once", "--output", "json").out.splitlines()
    assert [(one["stage"], one["previous"], one["version"]) for one in map(json.loads, lines)] == [
        ("Archived", None, 1),
        ("Production", 1, 2),
    ]
    assert cli("watch", "--once").out == ""


def test_a_failing_command_is_tried_again_and_then_the_watch_ends_at_that_change(cli: Cli, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    failing = ("--exec", f"echo x >> {tries}; exit 3", "--retries", "2", "--backoff", "0.01")
    ended = cli("watch", "--since", "start", "--once", *failing, code=8)
    assert tries.read_text().count("x") == 3
    assert "exit 3` exited with 3 on fraud/Production nothing → v1; it was tried 3 times." in ended.err
    assert ended.err.count("warning:") == 2
    # it goes on with the same change; and one that succeeds at last is delivered
    succeeding = ("--exec", f"test $(wc -l < {tries}) -ge 5 || {{ echo x >> {tries}; false; }}")
    cli("watch", "--once", *succeeding, "--backoff", "0.01")
    assert tries.read_text().count("x") == 5
    assert cli("watch", "--once").out == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--exec", "true", "--", "true"), 2, "two commands"),
        (("--exec", " "), 2, "no command"),
        (("--",), 2, "no command"),
        (("--once", "--since", "start", "--", "no-such-program-anywhere"), 3, "no program no-such-program-anywhere"),
        (("--since", "start", "--initial"), 2, "two places"),
        (("--stage", "Prod"), 3, "no stage 'Prod'"),
        (("--name", "a/b"), 2, "no name of a watch"),
        (("--at", "2026-01-01"), 2, "--at"),
        (("fraud/Production",), 2, "watch fraud --stage Production"),
        (("models:/fraud@champion",), 2, "watch fraud --alias champion"),
        (("fraud/12",), 2, "watch fraud"),
        (("/",), 2, "Name a model alone."),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in cli("watch", *words, code=code).err


@contextmanager
def watching(registry: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A watch in a process of its own."""
    process = subprocess.Popen(
        [str(BIN / "registry-git"), "-R", str(registry), "watch", "--interval", "0.05", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_an_idle_watch_at_once(cli: Cli, tmp_path: Path, number: int, code: int) -> None:
    told = tmp_path / "told"
    with watching(cli.registry, "--initial", "--interval", "60", "--exec", f"{ECHO} >> {told}") as process:
        until(lambda: "v1" in text(told) or "-1 " in text(told))
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert err == ""
    assert out.startswith("fraud/Production")


def test_a_signal_is_handed_on_to_the_command_which_is_run_again_by_the_next_watch(cli: Cli, tmp_path: Path) -> None:
    told = tmp_path / "told"
    stuck = (
        f"exec 2>/dev/null; trap 'echo told >> {told}; exit 1' TERM; echo begun >> {told}; while :; do sleep 0.05; done"
    )
    with watching(cli.registry, "--since", "start", "--exec", stuck) as process:
        until(lambda: "begun" in text(told))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert text(told) == "begun\ntold\n"
    assert "fraud/Production nothing → v1" in cli("watch", "--once").out


def test_a_killed_watch_loses_nothing_and_keeps_the_order(cli: Cli, tmp_path: Path) -> None:
    told = tmp_path / "told"
    cli("watch", "--once")
    wanted = []
    dice = random.Random(4)
    for turn in range(8):
        version = 2 + turn % 2
        cli("stage", "fraud", str(version), "Staging", "--archive-existing")
        cli("alias", "set", "fraud", "champion", str(version))
        wanted += [("Staging", version), ("champion", version)]
        with watching(
            cli.registry,
            *("--stage", "Staging", "--alias", "champion"),
            *("--exec", f'echo "$MODEL_STAGE$MODEL_ALIAS $MODEL_VERSION" >> {told}; sleep 0.05'),
        ) as process:
            time.sleep(dice.uniform(0.1, 0.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
    cli(
        *("watch", "--once", "--stage", "Staging", "--alias", "champion"),
        *("--exec", f'echo "$MODEL_STAGE$MODEL_ALIAS $MODEL_VERSION" >> {told}'),
    )
    time.sleep(0.1)  # the command of a watch that was killed may still be at it
    seen = [(one, int(number)) for one, number in (line.split() for line in text(told).splitlines())]
    # what was delivered twice stands beside itself: without that the order is that of the history
    assert [one for place, one in enumerate(seen) if place == 0 or seen[place - 1] != one] == wanted


def test_a_reader_that_goes_away_is_given_the_rest_the_next_time(cli: Cli) -> None:
    read, write = os.pipe()
    os.close(read)
    words = [str(BIN / "registry-git"), "-R", str(cli.registry), "watch", "--since", "start", "--once"]
    ended = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, "")
    assert "fraud/Production nothing → v1" in cli("watch", "--once").out
