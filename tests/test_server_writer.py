"""One writer for all: what waits is written together, nothing is lost, and nobody pays for another's failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import AlreadyExists, Unavailable
from registry_git.core.names import Actor
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.store import Store
from registry_git.gitstore.writer import QueuedStore, Writer
from registry_git.registry.facade import Registry
from registry_git.server.handles import Handles
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, healthy, new_registry
from tests.server_scene import serving, settings_of


class Scene:
    """A writer, the registry behind it, and the sizes of its batches."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.batches: list[int] = []
        self.writer = Writer(Store(place, durable=False), lambda plans, _: self.batches.append(plans))
        self.handles = Handles(lambda: QueuedStore(place, self.writer))

    def call(self, number: int, actor: str = ALICE) -> int:
        """Registers a version as a request does."""
        with self.handles.take() as handle:
            return handle.registry(Actor.parse(actor)).register("fraud", f"s3://acme/{number}", read=False).version

    def create(self, name: str) -> str:
        """Makes a model as a request does."""
        with self.handles.take() as handle:
            return handle.registry(Actor.parse(ALICE)).create_model(name).name

    def move(self, marked: str) -> str:
        """Moves a version as a request does that is tried several times."""
        with self.handles.take() as handle:
            return handle.registry(Actor.parse(ALICE)).transition("fraud", 1, "Staging", id=marked).stage

    def registry(self) -> Registry:
        """The registry for one thread, without the writer."""
        return registry_git.open(self.place, actor=BOB)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    new_registry(tmp_path / "models.git")
    scene = Scene(tmp_path / "models.git")
    yield scene
    scene.writer.close()


def test_what_waits_is_one_batch_with_a_commit_each(scene: Scene, git: Git) -> None:
    with ThreadPoolExecutor(16) as threads:
        with WriterLock(scene.place):  # until all of them wait
            found = [threads.submit(scene.call, number) for number in range(16)]
            threading.Event().wait(0.3)
        numbers = [one.result() for one in found]
    assert sorted(numbers) == list(range(1, 17))
    assert sum(scene.batches) == 16
    assert len(scene.batches) <= 3
    assert git(scene.place, "rev-list", "--count", "main") == "17"
    healthy(git, scene.place, scene.registry())


def test_a_failure_in_a_batch_is_its_own_caller_s_alone(scene: Scene, git: Git) -> None:
    names = ["a", "b", "a", "c", "b", "d"]
    with ThreadPoolExecutor(6) as threads:
        with WriterLock(scene.place):
            found = [threads.submit(scene.create, name) for name in names]
            threading.Event().wait(0.3)
        problems = [type(one.exception()) for one in found]
    assert sorted(kind.__name__ for kind in problems) == ["AlreadyExists"] * 2 + ["NoneType"] * 4
    assert AlreadyExists in problems
    assert [one.name for one in scene.registry().models()] == ["a", "b", "c", "d"]
    healthy(git, scene.place, scene.registry())


def test_a_retry_with_its_id_that_meets_others_in_a_batch_is_still_done_once(scene: Scene, git: Git) -> None:
    scene.call(1)

    with ThreadPoolExecutor(8) as threads:
        with WriterLock(scene.place):
            moves = []
            for number in range(4):
                threads.submit(scene.call, number)
                moves.append(threads.submit(scene.move, "same-move"))
            threading.Event().wait(0.3)
        assert [one.result() for one in moves] == ["Staging"] * 4
    assert git(scene.place, "log", "--format=%s", "main").count("Staging") == 1


def test_who_writes_after_the_end_is_told_so(scene: Scene) -> None:
    scene.writer.close()
    with pytest.raises(Unavailable, match="is stopping"):
        scene.call(1)
    assert not scene.writer.alive


def test_reads_do_not_wait_for_a_write(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=1)
    with serving(settings_of(place)) as client, WriterLock(place):
        assert client.get("/api/v1/registry", timeout=10).status_code == 200


def test_eight_threads_lose_nothing(scene: Scene, git: Git) -> None:
    def work(number: int) -> list[int]:
        return [scene.call(number * 100 + n, ALICE if number % 2 else BOB) for n in range(5)]

    with ThreadPoolExecutor(8) as threads:
        numbers = sorted(version for found in threads.map(work, range(8)) for version in found)
    assert numbers == list(range(1, 41))
    assert git(scene.place, "rev-list", "--count", "main") == "41"
    healthy(git, scene.place, scene.registry())
