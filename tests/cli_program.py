"""The command line as tests call it: in the same process for speed, or as the installed program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from registry_git.cli.main import program

ALICE = "Alice <alice@acme.io>"
BOB = "Bob <bob@acme.io>"
# Not resolved: a virtual environment's python is a link, and what is installed with it lies beside the link.
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """Standard error, read as the JSON of an error."""
        return json.loads(self.err)["error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cli:
    """Calls `registry-git -R registry` as Alice; `cli.bob(…)` as Bob."""

    registry: Path

    def __call__(self, *words: str, code: int = 0, actor: str = ALICE, stdin: str | None = None) -> Answer:
        """The answer to a command line, which must exit with `code`."""
        __tracebackhide__ = True
        return run("-R", str(self.registry), "--as", actor, *words, code=code, stdin=stdin)

    def bob(self, *words: str, code: int = 0) -> Answer:
        """The same, as Bob."""
        __tracebackhide__ = True
        return self(*words, code=code, actor=BOB)

    def json(self, *words: str, actor: str = ALICE) -> Any:
        """The answer as JSON."""
        __tracebackhide__ = True
        return self(*words, "--output", "json", actor=actor).json


def run(*words: str, code: int = 0, stdin: str | None = None) -> Answer:
    """The answer of the program in this process; it must exit with `code`."""
    __tracebackhide__ = True
    result = CliRunner().invoke(program, list(words), input=stdin)
    answer = Answer(code=result.exit_code, out=result.stdout, err=result.stderr)
    assert answer.code == code, f"{' '.join(words)}: exits with {answer.code}\n{answer.out}{answer.err}"
    assert "Traceback" not in answer.err
    return answer


def new_registry(path: Path, *options: str) -> Cli:
    """A registry that `init` made."""
    run("--as", ALICE, "init", str(path), *options)
    return Cli(registry=path)


def installed(
    *words: str, program: str = "registry-git", env: dict[str, str] | None = None, cwd: Path | None = None
) -> Answer:
    """The answer of the installed program, in a process of its own."""
    done = subprocess.run(
        [str(BIN / program), *words],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return Answer(code=done.returncode, out=done.stdout, err=done.stderr)
