"""Threads that write to one repository at once: what waits is written together, each by itself on the record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import registry_git
from registry_git.gitstore.batch import Outcome
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.session import Session
from registry_git.gitstore.together import Turns
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, healthy, new_registry

THREADS, EACH = 8, 12


def at_once(*works: Callable[[], None]) -> None:
    """Runs all works at the same time; the first error of one is an error here."""
    problems: list[BaseException] = []
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            ready.wait()
            work()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def test_no_write_of_eight_threads_is_lost_and_each_is_a_commit_of_its_own(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "acme.git"
    new_registry(place)
    made: list[int] = []

    def work(actor: str) -> None:
        registry = registry_git.open(place, actor=actor)
        made.extend(registry.register("fraud", "s3://acme/x", read=False).version for _ in range(EACH))

    at_once(*(lambda who=who: work(who) for who in (ALICE, BOB) * (THREADS // 2)))  # type: ignore[misc]
    assert sorted(made) == list(range(1, THREADS * EACH + 1))
    subjects = git(place, "log", "--format=%an %s", "main").split("\n")
    assert len(subjects) == THREADS * EACH + 1
    assert sum(line.startswith("Bob Register fraud v") for line in subjects) == THREADS * EACH // 2
    healthy(git, place, registry_git.open(place, actor=ALICE))


def test_a_write_that_is_refused_leaves_those_beside_it_alone(tmp_path: Path) -> None:
    place = tmp_path / "acme.git"
    new_registry(place, protect=["Production"], versions=1)
    refused: list[str] = []

    def ask() -> None:
        registry = registry_git.open(place, actor=ALICE, durable=False)
        for _ in range(EACH):
            try:
                registry.transition("fraud", 1, "Production")
            except registry_git.PermissionDenied as problem:
                refused.append(problem.message)

    def register() -> None:
        registry = registry_git.open(place, actor=ALICE, durable=False)
        for _ in range(EACH):
            registry.register("fraud", "s3://acme/x", read=False)

    at_once(ask, register, ask, register)
    assert len(refused) == 2 * EACH
    registry = registry_git.open(place, actor=ALICE)
    assert len(registry.versions("fraud")) == 1 + 2 * EACH
    assert registry.version("fraud", 1).stage == "None"


class Writer:
    """Counts how plans come: alone or together. The first one waits until all others are there."""

    def __init__(self, others: int) -> None:
        self.turns = Turns()
        self.batches: list[int] = []
        self._others = others
        self._first = threading.Event()

    def write(self, plan: Callable[[Any], Any]) -> Any:
        return self.turns.take(plan, None, alone=lambda: self._alone(plan), together=self._together)

    def lead(self, plan: Callable[[Any], Any]) -> Any:
        return self.turns.take(plan, None, alone=lambda: self._slowly(plan), together=self._together)

    def follow(self, plan: Callable[[Any], Any]) -> Any:
        self._first.wait()
        return self.write(plan)

    def _slowly(self, plan: Callable[[Any], Any]) -> Any:
        self._first.set()
        while len(self.turns._waiting) < self._others:
            pass
        return self._alone(plan)

    def _alone(self, plan: Callable[[Any], Any]) -> Any:
        self.batches.append(1)
        return plan(None)

    def _together(self, plans: Sequence[Callable[[Session], Any]], describe: ReflogEntry | None) -> list[Outcome]:
        self.batches.append(len(plans))
        outcomes = []
        for plan in plans:
            try:
                outcomes.append(Outcome(value=plan(None)))  # type: ignore[arg-type]
            except OSError:
                raise
            except Exception as problem:
                outcomes.append(Outcome(error=problem))
        return outcomes


def test_those_that_wait_meanwhile_are_written_together_and_each_gets_its_own_answer() -> None:
    writer, answers = Writer(others=3), {}

    def follow(name: str) -> None:
        answers[name] = writer.follow(lambda _: name.upper())

    at_once(lambda: writer.lead(lambda _: "lead"), *(lambda name=name: follow(name) for name in "abc"))  # type: ignore[misc]
    assert writer.batches == [1, 3]
    assert answers == {"a": "A", "b": "B", "c": "C"}


def test_an_error_is_that_of_the_plan_that_made_it() -> None:
    writer, seen = Writer(others=2), []

    def fail(_: object) -> None:
        raise KeyError("mine")

    def follow() -> None:
        with pytest.raises(KeyError, match="mine"):
            writer.follow(fail)
        seen.append("told")

    at_once(lambda: writer.lead(lambda _: None), follow, lambda: writer.follow(lambda _: None))
    assert seen == ["told"]


def test_what_cannot_be_published_with_the_others_is_tried_by_itself() -> None:
    writer, seen = Writer(others=2), []

    def full(_: object) -> None:
        raise OSError("disk full")

    def follow() -> None:
        with pytest.raises(OSError, match="disk full"):
            writer.follow(full)
        seen.append("told")

    at_once(lambda: writer.lead(lambda _: None), follow, lambda: writer.follow(lambda _: seen.append("written")))
    assert sorted(seen)[:1] == ["told"]
    assert "written" in seen
