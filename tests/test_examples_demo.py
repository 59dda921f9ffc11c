"""`make demo` on real models: the story that a fresh clone tells first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Git

DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo.py"


def demo(place: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(DEMO), "--into", str(place)]
    return subprocess.run(command, env=environment, cwd=place.parent, capture_output=True, text=True)


@pytest.mark.slow
def test_the_demo_runs_twice_and_leaves_a_sound_registry(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "demo"
    for _ in range(2):
        done = demo(place)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
    registry = place / "registry.git"
    assert git(registry, "fsck", "--strict", "--no-progress") == ""
    pointer = git(registry, "show", "main:models/breast-cancer/stages/Production/pointer.yaml")
    assert 'version: "2"' in pointer or "version: '2'" in pointer
    assert len(git(registry, "rev-list", "--merges", "main").splitlines()) == 2
    assert "refs/heads/request/" not in git(registry, "for-each-ref")


@pytest.mark.slow
def test_the_commands_that_the_demo_suggests_work(tmp_path: Path) -> None:
    told = demo(tmp_path / "demo").stdout.partition("── Try next\n")[2]
    assert told
    for command in told.splitlines():
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip()


def test_the_demo_leaves_a_directory_alone_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.tex").write_text("ten years of work")
    done = demo(tmp_path / "demo")
    assert done.returncode == 1
    assert "was not made by this program" in done.stderr
    assert (tmp_path / "demo" / "thesis.tex").read_text() == "ten years of work"
