"""What the server knows of pull requests: for how long, what makes it look again, and one look at a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry_git.core.rules import ForgeKind, ForgeSettings, Policy
from registry_git.forges.base import PullState
from registry_git.server.pull_requests import PullRequests, Told, Wanted
from tests.forge_server import Reply
from tests.forge_world import World, direct, world
from tests.registry_scene import ALICE, new_registry, policy_text
from tests.server_scene import serving, settings_of
from tests.waiting import until


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REGISTRY_GIT_FORGE_TOKEN", "alice-s3cr3t-t0ken")
    with world(ForgeKind.GITHUB, tmp_path) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> Iterator[PullRequests]:
    made = PullRequests(10.0, clock)
    yield made
    made.close()


def wanted(here: World) -> Wanted:
    policy = replace(here.registry.policy(), forge=here.settings())
    return Wanted(policy=policy, origin="", branch=here.request.branch, head=here.request.head)


def looked(known: PullRequests, what: Wanted) -> Told:
    return known.ask(what).result(timeout=30)


def state_of(told: Told) -> PullState | None:
    assert told.problem is None
    return told.sight.pull.state if told.sight else None


def test_what_is_told_is_known_for_thirty_seconds(here: World, known: PullRequests, clock: Clock) -> None:
    what = wanted(here)
    assert known.told(what) is None
    assert state_of(looked(known, what)) is None
    here.opened()
    calls = len(here.forge.calls)
    clock.at += 29
    assert state_of(looked(known, what)) is None
    assert len(here.forge.calls) == calls
    clock.at += 2
    assert state_of(looked(known, what)) is PullState.OPEN
    assert known.told(what) == looked(known, what)


def test_another_head_is_looked_at_anew(here: World, known: PullRequests) -> None:
    what = wanted(here)
    assert state_of(looked(known, what)) is None
    here.opened()
    assert state_of(looked(known, replace(what, head="0" * 40))) is PullState.OPEN
    assert known.told(what) is None


@pytest.mark.parametrize("about", ["branch", "number", "main"])
def test_what_the_forge_says_happened_is_looked_at_anew(here: World, known: PullRequests, about: str) -> None:
    what, opened = wanted(here), here.opened()
    assert state_of(looked(known, what)) is PullState.OPEN
    here.forge.close(opened.number, "bob")
    known.forget("request/fraud/another", opened.number + 1)
    assert state_of(looked(known, what)) is PullState.OPEN, "that was another"
    branch, number = {"branch": (what.branch, 0), "number": ("", opened.number), "main": ("main", 0)}[about]
    known.forget(branch, number)
    assert state_of(looked(known, what)) is PullState.CLOSED


def test_a_failure_is_known_for_five_seconds(here: World, known: PullRequests, clock: Clock) -> None:
    here.forge.faults = [Reply({"message": "down"}, 503)]
    problem = looked(known, wanted(here)).problem
    assert problem is not None
    assert "fails with status 503" in problem.message
    clock.at += 4
    assert looked(known, wanted(here)).problem is problem
    clock.at += 2
    assert state_of(looked(known, wanted(here))) is None


def test_however_many_look_there_is_one_call_at_a_time(here: World, known: PullRequests) -> None:
    what, opened = wanted(here), here.opened()
    here.forge.lock.acquire()  # the forge thinks
    try:
        first = known.ask(what)
        assert all(known.ask(what) is first for _ in range(20))
        until(lambda: known._looks[what.branch].begun)
        known.forget(what.branch, opened.number)
        second = known.ask(what)
        assert second is not first
        assert known.ask(what) is second
        asking = [thread for thread in threading.enumerate() if thread.name.startswith("forge-")]
        assert len(asking) == 1, "the second look waits for the end of the first, on no thread"
    finally:
        here.forge.lock.release()
    assert state_of(second.result(timeout=30)) is PullState.OPEN
    lists = [call for call in here.forge.calls if call.path.endswith("/pulls") and call.method == "GET"]
    assert len(lists) == 1 + 2, "one when it was opened, and two looks"


def test_a_look_that_nobody_waits_for_any_more_is_not_begun(here: World, known: PullRequests, clock: Clock) -> None:
    """Many requests before a forge that does not answer must not keep its threads busy for long afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as silent, direct():
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = ForgeSettings(kind=ForgeKind.GITHUB, url=url, repository="acme/models")
        policy: Policy = replace(here.registry.policy(), forge=settings)
        looks = PullRequests(0.4, clock)
        asked = [
            looks.ask(Wanted(policy=policy, origin="", branch=f"request/fraud/{number}", head=""))
            for number in range(40)
        ]
        clock.at += 1
        told = [one.result(timeout=30) for one in asked]
        assert {one.problem.message for one in told if one.problem} == {
            f"The forge 127.0.0.1:{silent.getsockname()[1]} did not answer within 0.4 s."
        }
        assert len(told) == 40
        looks.close()


def test_the_token_is_in_nothing_that_is_told(
    here: World, known: PullRequests, caplog: pytest.LogCaptureFixture
) -> None:
    here.forge.faults = [Reply({"message": "the token alice-s3cr3t-t0ken is no good"}, 403)]
    told = looked(known, wanted(here))
    assert told.problem is not None
    assert "s3cr3t" not in f"{told!r} {told.problem} {told.problem.hint} {caplog.text}"


def test_a_server_stops_though_the_forge_takes_calls_and_never_answers(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    registry = new_registry(place, versions=1)(ALICE)
    registry.request_stage("fraud", 1, "Production")
    with socket.create_server(("127.0.0.1", 0)) as silent, direct():
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        registry.set_policy(f"{policy_text(registry)}forge: {{kind: gitlab, url: '{url}', repository: acme/models}}\n")
        with serving(settings_of(place, fetch_seconds=0.5)):
            silent.accept()  # it is being asked; `serving` fails when the server does not stop in time
