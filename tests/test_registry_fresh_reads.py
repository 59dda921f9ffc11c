"""Requests read in a clone: what colleagues asked and decided a moment ago is in the answer."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import registry_git
from registry_git.app import open_registry
from registry_git.cli.complete import words
from registry_git.cli.invocation import Invocation
from registry_git.core.errors import Corrupt, NotFound, Unavailable
from registry_git.gitstore import store
from tests.cli_program import run
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, CAROL, LEADS


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    place = tmp_path / "remote.git"
    registry = registry_git.init(place, actor=ALICE, protect=["Production"], roles=LEADS, durable=False)
    registry.register("fraud", "s3://models/1")
    return place


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Path:
    place = tmp_path / "clone.git"
    registry_git.clone(str(remote), place, actor=BOB)
    return place


@pytest.fixture
def ask(remote: Path) -> Callable[[], str]:
    return lambda: registry_git.open(remote, actor=ALICE, durable=False).request_stage("fraud", 1, "Production").request


def test_a_colleagues_request_and_its_decision_are_seen_without_sync(
    remote: Path, clone: Path, ask: Callable[[], str]
) -> None:
    asked = ask()
    assert [view.request for view in open_registry(clone, actor=BOB).requests()] == [asked]
    assert "+stage: Production" in open_registry(clone, actor=BOB).request_diff(asked)
    registry_git.open(remote, actor=BOB, durable=False).approve(asked)
    shown = open_registry(clone, actor=BOB)
    assert shown.request(asked).state == "approved"
    assert shown.requests() == []


def test_the_command_line_lists_and_shows_them(clone: Path, ask: Callable[[], str]) -> None:
    asked = ask()
    assert asked in run("-R", str(clone), "request", "list").out
    other = ask()
    assert "asks to" in run("-R", str(clone), "request", "show", other).out


def test_the_remote_is_asked_once_in_a_few_seconds(clone: Path, ask: Callable[[], str]) -> None:
    registry = open_registry(clone, actor=BOB)
    assert registry.requests() == []
    asked = ask()
    assert registry.requests() == []
    assert store.FRESH_SECONDS <= 5
    later = store.time.monotonic() + store.FRESH_SECONDS
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "time", SimpleNamespace(monotonic=lambda: later))
        assert [view.request for view in registry.requests()] == [asked]


def test_ones_own_write_needs_no_second_look(clone: Path, ask: Callable[[], str], git: Git) -> None:
    asked = ask()
    registry = open_registry(clone, actor=BOB, durable=False)
    trace = clone.parent / "trace"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_TRACE", os.fspath(trace))
        registry.approve(asked)
    assert trace.read_text().count("built-in: git fetch") == 2  # to find the request, and to decide on today's main


def test_a_remote_that_is_away_is_a_warning_and_what_is_here_is_shown(
    remote: Path, clone: Path, ask: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    asked = ask()
    open_registry(clone, actor=BOB).requests()
    remote.rename(remote.with_name("away.git"))
    registry = open_registry(clone, actor=BOB)
    with caplog.at_level(logging.WARNING):
        assert [view.request for view in registry.requests()] == [asked]
        assert registry.request(asked).state == "open"
    (warning,) = [one.getMessage() for one in caplog.records]
    assert "may be out of date" in warning


def test_a_url_whose_remote_is_away_opens_when_there_is_a_clone_of_it(
    remote: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"file://{remote}"
    with pytest.raises(Unavailable):
        open_registry(f"{url}.other", actor=BOB)
    assert open_registry(url, actor=BOB).version("fraud", 1).source == "s3://models/1"
    away = remote.rename(remote.with_name("away.git"))
    registry = open_registry(url, actor=BOB)
    assert registry.version("fraud", 1).source == "s3://models/1"
    assert "may be out of date" in caplog.text
    with pytest.raises(Unavailable):
        registry.describe("fraud", "finds fraud")
    away.rename(remote)
    registry.describe("fraud", "finds fraud")
    assert open_registry(remote, actor=ALICE).model("fraud").description == "finds fraud"


def test_commits_that_wait_for_sync_hide_no_request(
    clone: Path, ask: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    open_registry(clone, actor=BOB, offline=True, durable=False).describe("fraud", "finds fraud")
    asked = ask()
    assert [view.request for view in open_registry(clone, actor=BOB).requests()] == [asked]
    assert "main here has 1 commit that the remote lacks" in caplog.text


def test_offline_nobody_is_asked(remote: Path, clone: Path, ask: Callable[[], str], git: Git) -> None:
    asked = ask()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REGISTRY_GIT_OFFLINE", "1")
        assert open_registry(clone, actor=BOB).requests() == []
        with pytest.raises(NotFound):
            open_registry(clone, actor=BOB).request(asked)


def test_the_tabulator_asks_no_remote(clone: Path, ask: Callable[[], str]) -> None:
    import click

    asked = ask()

    def complete() -> list[str]:
        return words("requests", click.Context(click.Command("x"), obj=Invocation(registry=str(clone))), "")

    assert complete() == []
    open_registry(clone, actor=BOB).requests()
    assert complete() == [asked]


def test_a_rewritten_remote_is_an_alarm_for_readers_too(remote: Path, clone: Path, git: Git) -> None:
    registry_git.open(clone, actor=BOB, durable=False).describe("fraud", "finds fraud")
    git(remote, "update-ref", "refs/heads/main", "main~1")
    with pytest.raises(Corrupt, match="rewritten"):
        open_registry(clone, actor=CAROL).requests()
