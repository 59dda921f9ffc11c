"""The files by which the server is run elsewhere: each is what its own program takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile, copytree, ignore_patterns, which
from zipfile import ZipFile

import pytest
import yaml

from registry_git.cli.commands.serve import serve
from tests.registry_scene import new_registry
from tests.server_scene import serving, settings_of

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "examples" / "server"


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


@pytest.mark.slow
def test_the_image_is_made_of_what_the_dockerfile_copies_and_the_ignore_file_lets_through(
    tmp_path: Path, outside_environment: Mapping[str, str]
) -> None:
    first = (HERE / "Dockerfile").read_text().split("\nFROM ")[1]
    copied = [name for line in first.splitlines() if line.startswith("COPY ") for name in line.split()[1:-1]]
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")]
    assert ignored[0] == "*"
    assert sorted(copied) == sorted(line[1:] for line in ignored if line.startswith("!"))
    source = tmp_path / "src"
    source.mkdir()
    for name in copied:
        if (ROOT / name).is_dir():
            copytree(ROOT / name, source / name, ignore=ignore_patterns("__pycache__"))
        else:
            copyfile(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "wheels", source]
    subprocess.run(build, check=True, env=dict(outside_environment), capture_output=True)
    (wheel,) = (tmp_path / "wheels").glob("registry_git-*.whl")
    with ZipFile(wheel) as held:
        names = set(held.namelist())
    assert {"registry_git/cli/main.py", "registry_git/server/run.py"} <= names
    assert any(name.startswith("registry_git/manifests/schemas/") for name in names)
    assert any(name.startswith("registry_git/server/pages/static/") for name in names)


def test_the_container_s_question_for_its_health_is_one_that_a_server_answers(tmp_path: Path) -> None:
    text = (HERE / "Dockerfile").read_text()
    (asked,) = (line for line in text.splitlines() if line.startswith('  CMD ["python"'))
    command = json.loads(asked.partition("CMD ")[2])
    new_registry(tmp_path / "models.git")
    with serving(settings_of(tmp_path / "models.git")) as client:
        code = command[2].replace("5000", str(client.base_url.port))
        env = {"http_proxy": "http://127.0.0.1:9", "PATH": ""}
        assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True).returncode == 1


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
