"""Another layout while requests are open: refused by the hook and by the gate, as by the command itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import registry_git
from tests.cli_program import run
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, DAVE, Yard, make_guarded

ASKED = "request/fraud/alices-1"


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("guarded") / "models.git"
    make_guarded(path)
    registry_git.open(path, actor=ALICE, durable=False).request_stage("fraud", 2, "Production", id="alices-1")
    return path


@pytest.fixture
def yard(_template: Path, tmp_path: Path, git: Git) -> Yard:
    shutil.copytree(_template, tmp_path / "models.git")
    return Yard(bare=tmp_path / "models.git", git=git)


def laid_out(yard: Yard, branch: str = "main") -> Path:
    """A clone of Dave's that knows of no request, with the whole registry in another layout on a branch."""
    clone = yard.clone(DAVE)
    yard.git(clone, "update-ref", "-d", f"refs/heads/{ASKED}")
    yard.git(clone, "config", "--remove-section", "remote.origin")
    old = yard.git(clone, "rev-parse", "main")
    assert registry_git.open(clone, actor=DAVE, durable=False).relayout("fanout").changed
    if branch != "main":
        yard.git(clone, "branch", branch, "main")
        yard.git(clone, "update-ref", "refs/heads/main", old)
    return clone


def test_the_hook_refuses_another_layout_while_a_request_is_open(yard: Yard) -> None:
    answer = yard.push(laid_out(yard), "main", actor=DAVE)
    answer.refused("would move to the layout fanout", ASKED, "registry-git request list")


def test_the_hook_takes_another_layout_once_the_requests_are_decided(yard: Yard) -> None:
    yard.as_(BOB).reject("alices-1")
    clone = yard.clone(DAVE)
    yard.git(clone, "config", "--remove-section", "remote.origin")
    assert registry_git.open(clone, actor=DAVE, durable=False).relayout("fanout").changed
    yard.push(clone, "main", actor=DAVE).taken()
    assert registry_git.open(yard.bare, actor=ALICE).request("alices-1").state == "rejected"


def test_a_branch_that_has_landed_and_was_not_tidied_is_in_nobodys_way(yard: Yard) -> None:
    tip = yard.git(yard.bare, "rev-parse", ASKED)
    yard.as_(BOB).approve("alices-1")
    yard.git(yard.bare, "update-ref", f"refs/heads/{ASKED}", tip)
    yard.push(laid_out(yard), "main", actor=DAVE).taken()


@pytest.mark.parametrize("seen_as", ["refs/heads/", "refs/remotes/origin/"])
def test_the_gate_refuses_another_layout_while_a_request_is_open(yard: Yard, seen_as: str) -> None:
    clone = laid_out(yard, "tidy")
    yard.git(clone, "fetch", "--quiet", str(yard.bare), f"{ASKED}:{seen_as}{ASKED}")
    found = json.loads(run("-R", str(clone), "check", "--head", "tidy", "--base", "main", "-o", "json", code=5).out)
    (error,) = [one for one in found if one["level"] == "error"]
    assert (error["rule"], error["path"]) == ("stale", "registry.yaml")
    assert error["line"] > 1
    assert ASKED in error["message"]


def test_the_gate_lets_another_layout_pass_when_no_request_is_open(yard: Yard) -> None:
    clone = laid_out(yard, "tidy")
    assert json.loads(run("-R", str(clone), "check", "--head", "tidy", "--base", "main", "-o", "json").out) == []
