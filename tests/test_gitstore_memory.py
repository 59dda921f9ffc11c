"""What handles of one repository know together: nothing is read twice, and nothing grows without end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import registry_git
from registry_git.core.errors import Corrupt, NotFound
from registry_git.core.keys import VersionKey
from registry_git.core.names import Actor, ModelName
from registry_git.gitstore import memory
from registry_git.gitstore.edit import Listing, edit_tree
from registry_git.gitstore.memory import Memory
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.session import Session
from registry_git.gitstore.store import Store
from registry_git.gitstore.trees import EMPTY_TREE, parse_tree
from registry_git.gitstore.writer import QueuedStore, Writer
from registry_git.registry.registering import Registration
from registry_git.server.handles import Handles
from tests.conftest import Git
from tests.registry_scene import ALICE, new_registry


def test_what_was_written_lately_is_kept_up_to_a_size() -> None:
    known = Memory()
    for number in range(memory._BYTES // 100_000 * 2):
        staging = Staging()
        oid = staging.blob(b"%d" % number + b"x" * 100_000)
        known.keep_written(staging.objects)
        assert known.object(oid) == staging.objects[oid]
    assert sum(len(data) for _, data in known._objects.values()) <= memory._BYTES
    assert known.object("0" * 40) is None


def test_the_oldest_directories_are_forgotten() -> None:
    known = Memory()
    for number in range(memory._LISTINGS + 5):
        known.listings[str(number)] = Listing()
    known.keep_written({})
    assert list(known.listings) == [str(number) for number in range(5, memory._LISTINGS + 5)]


def test_writes_that_come_to_nothing_leave_few_directories_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_LISTINGS", 3)
    place = tmp_path / "models.git"
    new_registry(place)
    store = Store(place)
    known = store.repository.memory
    registry = registry_git.open(place, actor=ALICE)
    registry.register_many([Registration(name=f"model-{number}", source="s3://acme/x") for number in range(20)])

    def plan(session: Session) -> None:
        for number in range(20):
            session.snapshot().version(ModelName(f"model-{number}"), 1)
        raise NotFound("nothing to change")

    with pytest.raises(NotFound):
        store.transact(plan)
    assert 0 < len(known.listings) <= 6
    assert store.snapshot().version(ModelName("model-7"), 1).source == "s3://acme/x"


def test_a_directory_that_another_program_wrote_wrongly_is_judged_as_ever_while_it_is_written_to(
    tmp_path: Path, git: Git
) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    repository = Repository(place)
    staging = Staging()
    blob = bytes.fromhex(staging.blob(b"x"))
    odd = staging.tree(b"100664 a\0" + blob + b"100755 b\0" + blob)
    short = staging.tree(b"100644 a\0" + blob + b"100644 b\0" + blob[:7])
    write_loose(place / "objects", staging)
    with repository.writing():
        assert [repository.entry(odd, name) for name in "ab"] == [("100644", blob.hex()), ("100755", blob.hex())]
        for wrong in (short, blob.hex(), "1" * 40):
            with pytest.raises(Corrupt, match=wrong):
                repository.entry(wrong, "a")


def test_of_decoded_manifests_those_asked_for_last_are_kept() -> None:
    known = Memory()
    known.manifests = 2
    known.keep_decoded("a", "x", 1)
    known.keep_decoded("b", "x", 2)
    assert known.decoded("a", "x") == 1
    known.keep_decoded("c", "x", 3)
    assert [known.decoded(oid, "x") for oid in "abc"] == [1, None, 3]


@pytest.mark.parametrize("name", ["a", "a.b", "a/", "ab", "missing"])
def test_a_listing_finds_what_the_tree_holds(name: str) -> None:
    staging = Staging()
    blob = staging.blob(b"x")
    listings = {EMPTY_TREE: Listing()}
    edits = dict.fromkeys(("a/x", "a.b", "a-b/y", "ab"), blob)
    root = edit_tree(EMPTY_TREE, edits, read=_refuse, staging=staging, remembered=listings)
    held = parse_tree(staging.objects[root][1]).get(name.encode())
    found = listings[root].find(name.encode())
    assert found == (None if held is None else (held[0].decode(), held[1]))


def test_what_one_handle_writes_no_other_reads_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=1)
    writer = Writer(Store(place))
    handles = Handles(lambda: QueuedStore(place, writer))
    with handles.take() as one, handles.take() as other:
        one.registry(Actor.parse(ALICE)).register("fraud", "s3://acme/2", read=False)
        monkeypatch.setattr("registry_git.gitstore.stored.read_loose", _refuse)
        monkeypatch.setattr("registry_git.gitstore.loose.read_loose", _refuse)
        read = other.registry(Actor.parse(ALICE)).snapshot().version(ModelName("fraud"), 2)
    assert (read.key, read.source) == (VersionKey(model=ModelName("fraud"), version=2), "s3://acme/2")
    writer.close()


def test_what_was_written_is_on_the_disk_all_the_same(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    store = Store(place)
    writer = Writer(store)
    with Handles(lambda: QueuedStore(place, writer)).take() as handle:
        made = handle.registry(Actor.parse(ALICE)).register("fraud", "s3://acme/1", read=False)
    assert store.repository.memory.object(made.commit) == ("commit", Repository(place).read(made.commit))
    writer.close()


def test_of_a_commit_that_was_written_lately_tree_and_time_are_what_git_says(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    store = Store(place)
    writer = Writer(store)
    with Handles(lambda: QueuedStore(place, writer)).take() as handle:
        registry = handle.registry(Actor.parse(ALICE))
        made = registry.register("fraud", "s3://acme/1", read=False, comment="a\ncommitter Eve <e@acme.io> 1 +0000\nb")
    said = git(place, "log", "-1", "--format=%T %ct", made.commit).split()
    assert store.repository.memory.object(made.commit) is not None
    assert [store.repository.tree_of(made.commit), str(store.repository.time_of(made.commit))] == said
    other = Repository(place)
    assert [other.tree_of(made.commit), str(other.time_of(made.commit))] == said
    writer.close()


def _refuse(*arguments: object) -> Any:
    raise AssertionError(f"read from the disk: {arguments}")
