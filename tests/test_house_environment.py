"""The conditions that every other test takes for granted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Git


def test_git_sees_the_identity_of_the_hermetic_home(git: Git, tmp_path: Path, home: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "first")
    assert git(tmp_path, "log", "--format=%an <%ae>") == "Tess Ter <tess@example.com>"
    assert git(tmp_path, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert os.environ["HOME"] == str(home)


def test_libgit2_sees_the_same_home(home: Path, tmp_path: Path) -> None:
    repository = pygit2.init_repository(str(tmp_path), bare=True)
    assert repository.default_signature.email == "tess@example.com"
    with (home / ".gitconfig").open("a") as config:
        config.write("[core]\n\tabbrev = 17\n")
    assert pygit2.Config.get_global_config()["core.abbrev"] == "17"


def test_what_a_test_before_wrote_to_its_home_is_gone() -> None:
    assert "core.abbrev" not in pygit2.Config.get_global_config()


def test_no_variable_of_the_outside_reaches_a_test() -> None:
    inherited = {name for name in os.environ if name.startswith(("GIT_", "REGISTRY_GIT_"))}
    assert inherited == {"GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"}


def test_the_time_zone_is_far_from_utc_here_and_in_subprocesses() -> None:
    assert time.strftime("%z", time.localtime(0)) == "+1200"
    there = subprocess.check_output([sys.executable, "-c", "import time; print(time.tzname[0])"], text=True)
    assert there.strip() == "NZST"


def test_a_failing_git_command_fails_the_test_with_git_s_own_words(git: Git, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)rev-parse.*failed with 128.*Needed a single revision"):
        git(tmp_path, "rev-parse", "--verify", "nothing")
    assert git(tmp_path, "rev-parse", "--verify", "--quiet", "nothing", check=False) == ""


@given(st.text())
def test_a_property_may_be_tested_in_the_hermetic_home(text: str) -> None:
    assert os.environ["HOME"] != "" or text
