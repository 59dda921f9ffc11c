"""`kill -9` at random moments: what was acknowledged is there, and the next writer needs no repair."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_git
from registry_git.gitstore import reflock
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, healthy, new_registry, true_merges
from tests.registry_victim import Write, perform
from tests.registry_writers import PROJECT
from tests.waiting import until

_LEFT = "A lock that a dead process left was moved aside to "


class Victims:
    """A process that forks writers to be killed."""

    def __init__(self, place: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.registry_victim", os.fspath(place)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_one(self, number: int, *, after_seconds: float) -> tuple[list[Write], Write | None]:
        """Lets a writer write for a while; gives what it acknowledged, and what it was at when it died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        pid, tried, done = 0, None, []
        for line in self._process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "pid":
                pid = int(rest)
            elif word == "try":
                tried = json.loads(rest)
            elif word == "done":
                done.append(json.loads(rest))
            else:
                break
            if pid and tried is not None and after_seconds >= 0:
                time.sleep(after_seconds)
                os.kill(pid, signal.SIGKILL)
                after_seconds = -1
        finished = bool(done) and {**(tried or {}), "answer": done[-1]["answer"]} == done[-1]
        return done, None if finished else tried

    def close(self) -> str:
        """Ends the process and gives what its writers complained of."""
        return self._process.communicate()[1]


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kill-rounds"))


def run(
    here: Path, truth: Path, rounds: int, longest_seconds: float, git: Git
) -> Iterator[tuple[Registry, Counter[str]]]:
    """Kills a writer at `here` in every round and looks at `truth`; gives the registry and the writes after each."""
    alice, bob = (registry_git.open(here, actor=actor) for actor in (ALICE, BOB))
    reader = registry_git.open(truth, actor=ALICE)
    counted: Counter[str] = Counter()
    everything: list[Write] = []
    victims = Victims(here)
    dice = random.Random(rounds)
    for number in range(rounds):
        done, pending = victims.kill_one(number, after_seconds=dice.uniform(0, longest_seconds))
        if here != truth:
            registry_git.open(here, actor=ALICE).sync()
        for write in done:
            assert_applied_once(reader, write)
        # what a push that goes on brings while fsck looks is missing to it: it has listed the objects before
        until(lambda: not any(map(reflock._git_works_in, {here, truth})))
        assert git(truth, "fsck", "--strict", "--no-dangling", "--no-progress") == ""
        if pending is not None:
            # the same write again, as a caller does who got no answer; nobody has repaired anything
            write = {**pending, "answer": perform(alice, bob, pending)}
            assert_applied_once(reader, write)
            done.append(write)
            counted["retried"] += 1
        alice.register("spam", f"s3://acme/spam/{number}")
        everything += done
        counted.update(write["kind"] for write in done)
        yield reader, counted
    # who is killed while it tidies up after its write leaves a lock to the next one, who says so and goes on
    assert [line for line in victims.close().splitlines() if not line.startswith(_LEFT)] == []
    for write in everything:
        assert_applied_once(reader, write)
    numbers = [version.version for version in reader.versions("fraud")]
    assert numbers == list(range(len(numbers), 0, -1))
    healthy(git, truth, reader)
    true_merges(git, truth)
    assert reader.reindex() > 0


def assert_applied_once(registry: Registry, write: Write) -> None:
    """The write is there, as it was answered, and one time only."""
    kind, name, answer = write["kind"], write["id"], write["answer"]
    if kind == "register":
        found = [version.version for version in registry.versions("fraud") if version.manifest.id == name]
        assert found == [int(answer)]
    elif kind == "tag":
        assert registry.model("fraud").tags[name] == name
        told = [one for one in registry.activity("fraud") if one.system_comment == f"{name} = {name}"]
        assert len(told) == 1
    else:
        # what was asked may have been decided since
        assert kind == "request" or registry.request(name).state == answer
        told = [one for one in registry.activity("fraud") if one.request == name]
        kinds = {"request": "REQUESTED_TRANSITION", "approve": "APPROVED_REQUEST", "reject": "REJECTED_REQUEST"}
        assert [one.activity_type for one in told].count(kinds[kind]) == 1


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_and_leaves_nothing_to_repair(tmp_path: Path, rounds: int, git: Git) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=3)
    for registry, counted in run(place, place, rounds, 0.2, git):
        waiting = {one.branch for one in registry.requests()}
        branches = git(place, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/request").split()
        assert set(branches) == waiting
        total = counted
    print(dict(total))
    assert total["retried"] > rounds / 3
    assert min(total[kind] for kind in ("register", "tag", "request")) > 0


@pytest.mark.slow
def test_a_writer_killed_in_a_work_tree_leaves_it_clean_for_the_next(tmp_path: Path, rounds: int, git: Git) -> None:
    place = tmp_path / "models"
    new_registry(place, versions=3)
    for _, counted in run(place, place, max(3, rounds // 4), 0.2, git):
        assert git(place, "status", "--porcelain") == ""
        total = counted
    print(dict(total))


@pytest.mark.slow
def test_a_killed_writer_of_a_clone_loses_nothing(tmp_path: Path, rounds: int, git: Git) -> None:
    """Its push may go on after its death: the retry finds either the old state or the new one."""
    place, clone = tmp_path / "models.git", tmp_path / "clone.git"
    new_registry(place, versions=3)
    registry_git.clone(str(place), clone, actor=ALICE)
    for _, counted in run(clone, place, max(3, rounds // 6), 0.5, git):
        total = counted
    print(dict(total))
