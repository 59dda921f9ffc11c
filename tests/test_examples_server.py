"""The files by which the server is run elsewhere: each is what its own program takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
import yaml

from registry_git.cli.commands.serve import serve

HERE = Path(__file__).resolve().parent.parent / "examples" / "server"


def test_every_line_of_the_configuration_is_an_option() -> None:
    options = {str(param.name).replace("_", "-") for param in serve.params}
    assert set(yaml.safe_load((HERE / "serve.yaml").read_text())) <= options


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    program = Path(sys.executable).parent / "hadolint"
    said = subprocess.run([program, HERE / "Dockerfile"], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_dockerfile_names_what_the_program_reads() -> None:
    text = (HERE / "Dockerfile").read_text()
    known = {param.envvar for param in serve.params if param.envvar} | {"REGISTRY_GIT_URI", "REGISTRY_GIT_ACCOUNTS"}
    words = {word.split("=")[0] for word in text.split() if word.startswith("REGISTRY_GIT_")}
    assert words
    assert words <= known


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here, so nobody has looked at the unit")
    text = (HERE / "registry-git.service").read_text()
    start = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert start.split()[1:] == ["serve", "--config", "/etc/registry-git/serve.yaml"]
    unit = tmp_path / "registry-git.service"
    unit.write_text(text.replace(start, "ExecStart=/bin/true"))  # the program is not installed where the unit says
    said = subprocess.run([program, "verify", unit], capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (0, "")
