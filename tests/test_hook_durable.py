"""What the reference-transaction hook flushes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from registry_git.core.errors import Unavailable
from registry_git.gitstore.durable import make_durable, sync_objects
from tests.cli_program import run
from tests.conftest import Git
from tests.registry_scene import ALICE, new_registry

LINE = f"{'0' * 40} {'1' * 40} refs/heads/request/fraud/abcd\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    new_registry(tmp_path / "models.git", versions=1)
    return tmp_path / "models.git"


def test_both_states_of_a_move_are_flushed_and_others_are_passed_over(place: Path) -> None:
    for state in ("prepared", "committed", "aborted", "preparing"):
        make_durable(place, state, LINE)
    make_durable(place, "committed", f"{'0' * 40} {'1' * 40} refs/heads/../../../../etc/passwd\nnonsense\n")


def test_objects_that_cannot_be_flushed_fail_the_push(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        sync_objects(tmp_path / "gone")


def test_the_command_reads_what_git_hands_over(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", os.fspath(place))
    run("hook", "reference-transaction", "prepared", stdin=LINE)
    run("hook", "reference-transaction", "committed", stdin=LINE)
    monkeypatch.setenv("GIT_DIR", os.fspath(place / "gone"))
    assert "Could not" in run("hook", "reference-transaction", "prepared", stdin=LINE, code=8).err


def test_a_reference_does_not_move_when_its_objects_cannot_be_flushed(place: Path, tmp_path: Path, git: Git) -> None:
    run("-R", str(place), "hook", "install")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", place, clone)
    git(clone, "-c", "user.name=Alice", "-c", "user.email=alice@acme.io", "commit", "-qm", "x", "--allow-empty")
    hook = place / "hooks" / "reference-transaction"
    hook.write_text(hook.read_text().replace("\nexec ", "\nGIT_DIR=/gone\nexport GIT_DIR\nexec "))
    before = git(place, "rev-parse", "main")
    env = {**os.environ, "REGISTRY_GIT_ACTOR": ALICE}
    done = subprocess.run(["git", "push", "origin", "main"], cwd=clone, env=env, capture_output=True, text=True)
    assert done.returncode
    assert "Could not make the pushed objects durable" in done.stderr
    assert git(place, "rev-parse", "main") == before
