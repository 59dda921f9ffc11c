"""The index is derived: brought forward step by step it is what a rebuild gives, and damage to it costs nothing."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import registry_git
from registry_git.core.errors import RegistryError
from registry_git.core.names import ModelName
from registry_git.gitstore.repository import Repository
from registry_git.index.entries import Entries
from registry_git.index.index import Index
from registry_git.index.tables import SCHEMA_VERSION
from registry_git.manifests.layout import model_directory
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, As, hand_commit, new_registry, policy_text
from tests.registry_writers import PROJECT

FILE = f"registry-git/index-{SCHEMA_VERSION}.sqlite"


def dump(db: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: sorted(db.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}


def rebuilt(place: Path, commit: str) -> dict[str, list[tuple[object, ...]]]:
    return dump(Index(Repository(place), in_memory=True).at(commit))


def stepwise(place: Path, commit: str) -> dict[str, list[tuple[object, ...]]]:
    return dump(Index(Repository(place)).at(commit))


def updates(entries: Entries, name: ModelName) -> list[int]:
    """When the model, and each of its versions, changed last."""
    return [entries.model_updated(name), *(entries.version_updated(name, number) for number in range(1, 80))]


models = st.sampled_from(["fraud", "spam", "a b/%ü".replace("/", "")])
numbers = st.integers(1, 4)
stages = st.sampled_from(["Staging", "Production", "Archived", "None"])
texts = st.sampled_from(["", "one", "two\nlines", "'quoted' % _"])


class Histories(RuleBasedStateMachine):
    """Random use cases, good and bad, by two people; the index looks at some of the commits as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.place = self.directory / "models.git"
        as_ = new_registry(self.place)
        self.alice, self.bob = as_(ALICE), as_(BOB)
        self.behind = Index(Repository(self.place), in_memory=True)
        self.behind.at(self.alice.commit)
        self.counter = 0

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    @rule(model=models, text=texts)
    def register(self, model: str, text: str) -> None:
        self.counter += 1
        self.alice.register(model, f"s3://acme/{self.counter}", description=text, tags={"n": str(self.counter)})

    @rule(model=models, count=st.integers(1, 70))
    def register_many(self, model: str, count: int) -> None:
        items = [registry_git.Registration(name=model, source=f"s3://many/{number}") for number in range(count)]
        self.bob.register_many(items)

    @rule(model=models, number=st.none() | numbers, key=st.sampled_from("ab"), value=texts)
    def tag(self, model: str, number: int | None, key: str, value: str) -> None:
        self._try(lambda: self.alice.set_tag(model, key, value, version=number))

    @rule(model=models, number=st.none() | numbers, key=st.sampled_from("ab"))
    def untag(self, model: str, number: int | None, key: str) -> None:
        self._try(lambda: self.alice.delete_tag(model, key, version=number))

    @rule(model=models, number=st.none() | numbers, text=texts)
    def describe(self, model: str, number: int | None, text: str) -> None:
        self._try(lambda: self.bob.describe(model, text, version=number))

    @rule(model=models, number=numbers, stage=stages, add=st.booleans(), archive=st.booleans())
    def move(self, model: str, number: int, stage: str, add: bool, archive: bool) -> None:
        self._try(lambda: self.alice.transition(model, number, stage, add=add, archive_existing=archive))

    @rule(model=models, stage=stages)
    def roll_back(self, model: str, stage: str) -> None:
        self._try(lambda: self.bob.rollback(model, stage))

    @rule(model=models, alias=st.sampled_from(["champion", "challenger"]), number=st.none() | numbers)
    def alias(self, model: str, alias: str, number: int | None) -> None:
        if number is None:
            self._try(lambda: self.alice.delete_alias(model, alias))
        else:
            self._try(lambda: self.alice.set_alias(model, alias, number))

    @rule(model=models, number=numbers, stage=stages)
    def ask(self, model: str, number: int, stage: str) -> None:
        self._try(lambda: self.alice.request_stage(model, number, stage))

    @rule(model=models, number=st.none() | numbers)
    def ask_to_delete(self, model: str, number: int | None) -> None:
        self._try(lambda: self.alice.request_delete(model, number))

    @rule(which=st.integers(0, 5), what=st.sampled_from(["approve", "reject", "cancel", "refresh"]))
    def decide(self, which: int, what: str) -> None:
        waiting = self.alice.requests()
        if waiting:
            self._try(lambda: getattr(self.bob, what)(waiting[which % len(waiting)].request))

    @rule(model=models, number=numbers, what=st.sampled_from(["add", "edit", "delete"]), text=texts)
    def comment(self, model: str, number: int, what: str, text: str) -> None:
        def act() -> None:
            known = self.bob.comments(model, number)
            if what == "add" or not known:
                self.bob.add_comment(model, number, text)
            elif what == "edit":
                self.bob.edit_comment(model, number, known[0].id, text)
            else:
                self.bob.delete_comment(model, number, known[0].id)

        self._try(act)

    @rule(model=models, new=models)
    def rename(self, model: str, new: str) -> None:
        self._try(lambda: self.alice.rename(model, new))

    @rule(model=models, number=st.none() | numbers)
    def delete(self, model: str, number: int | None) -> None:
        self._try(lambda: self.alice.delete(model, version=number))

    @rule(layout=st.sampled_from(["flat", "fanout"]))
    def relayout(self, layout: str) -> None:
        self._try(lambda: self.alice.relayout(layout))

    @rule(name=st.sampled_from(["acme", "models"]))
    def policy(self, name: str) -> None:
        text = policy_text(self.bob)
        self._try(lambda: self.bob.set_policy(text.replace("name: acme", "name: models", 1).replace("models", name, 1)))

    @invariant()
    def the_index_brought_forward_is_the_index_rebuilt(self) -> None:
        commit = self.alice.commit
        assert stepwise(self.place, commit) == rebuilt(self.place, commit)

    @invariant()
    def an_index_that_is_behind_says_the_same_of_what_has_not_changed(self) -> None:
        snapshot = self.alice._snapshot()
        for name in snapshot.models():
            known = self.behind.as_good_as(snapshot.commit, ["registry.yaml", model_directory(name, snapshot.layout)])
            assert updates(Entries(self.behind, known), name) == updates(self.alice.entries(), name)

    @invariant()
    def the_index_agrees_with_the_manifests(self) -> None:
        names = [model.name for model in self.alice.models()]
        assert sorted(names) == list(self.alice._snapshot().models())
        for view in self.alice.models():
            assert view == self.alice.model(view.name)
            assert view.last_activity == max(one.creation_timestamp for one in self.alice.activity(view.name))
        for name in names:
            versions = self.alice.versions(name)
            found = self.alice.search_versions(f"name = '{name}'")
            assert {(one.version, one.stage, one.description) for one in found} == {
                (one.version, one.stage, one.description) for one in versions
            }
        assert self.alice.check() == []

    def _try(self, act: Callable[[], object]) -> None:
        with suppress(RegistryError):
            act()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistories = pytest.mark.slow(TestHistories)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    as_ = new_registry(place, versions=3)
    as_(ALICE).transition("fraud", 2, "Staging")
    assert len(as_(ALICE).models()) == 1
    gc.collect()  # whoever had the index open is gone
    return as_


def test_what_happened_to_other_models_since_need_not_be_known(place: Path, as_: As) -> None:
    registry = as_(BOB)
    paths = ["registry.yaml", "models/fraud"]
    index = Index(Repository(place))
    shown = registry.commit
    index.at(shown)
    updated = registry.version("fraud", 2).last_updated
    for number in range(4):
        registry.register("spam", f"s3://acme/{number}", read=False)
    assert index.as_good_as(registry.commit, paths) == shown
    assert index.as_good_as(registry.commit, ["registry.yaml", "models/spam"]) == registry.commit
    assert as_(ALICE).entries(ModelName("fraud")).version_updated(ModelName("fraud"), 2) == updated
    registry.set_tag("fraud", "a", "1", version=2)
    registry.delete_tag("fraud", "a", version=2)  # as it was, and still later
    assert index.as_good_as(registry.commit, paths) == registry.commit


@pytest.mark.parametrize("writes", [15, 16])
def test_an_index_that_is_far_behind_is_brought_forward(place: Path, as_: As, writes: int) -> None:
    registry = as_(BOB)
    index = Index(Repository(place))
    shown = registry.commit
    index.at(shown)
    for number in range(writes):
        registry.register("spam", f"s3://acme/{number}", read=False)
    wanted = shown if writes < 16 else registry.commit
    assert index.as_good_as(registry.commit, ["models/fraud"]) == wanted


def test_a_changed_policy_is_no_matter_of_other_models(place: Path, as_: As) -> None:
    registry = as_(ALICE)
    index = Index(Repository(place))
    index.at(registry.commit)
    registry.relayout("fanout")
    assert index.as_good_as(registry.commit, ["registry.yaml", "models/fraud"]) == registry.commit


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def fill_with_garbage(file: Path) -> None:
    file.write_bytes(b"\xde\xad\xbe\xef" * 4096)


def spoil_the_middle(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)


def make_another_database(file: Path) -> None:
    file.unlink()
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE meta (something TEXT)")
    db.commit()
    db.close()


def lack_a_table(file: Path) -> None:
    db = sqlite3.connect(file)
    db.execute("DROP TABLE activities")
    db.commit()
    db.close()


def delete(file: Path) -> None:
    file.unlink()


DAMAGES = [truncate, empty, fill_with_garbage, spoil_the_middle, make_another_database, lack_a_table, delete]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("goes_on", [False, True], ids=["same commit", "later commit"])
def test_a_damaged_index_is_rebuilt(place: Path, as_: As, damage: Callable[[Path], None], goes_on: bool) -> None:
    assert not (place / f"{FILE}-wal").exists()
    damage(place / FILE)
    if goes_on:
        as_(ALICE).register("spam", "s3://acme/spam/1")
    registry = as_(ALICE)
    assert [model.name for model in registry.models()] == (["fraud", "spam"] if goes_on else ["fraud"])
    assert [one.version for one in registry.search_versions("name = 'fraud'", order_by=["version_number DESC"])] == [
        3,
        2,
        1,
    ]
    assert len(registry.activity("fraud")) == 5
    assert stepwise(place, registry.commit) == rebuilt(place, registry.commit)


def test_an_index_that_is_damaged_while_it_is_open_is_rebuilt(place: Path, as_: As) -> None:
    registry = as_(ALICE)
    assert registry.activity_cursor() > 0
    registry._index._db.execute("DROP TABLE activities")  # type: ignore[union-attr]
    registry.register("spam", "s3://acme/spam/1")
    assert [model.name for model in registry.models()] == ["fraud", "spam"]


def test_the_index_of_another_registry_is_rebuilt(tmp_path: Path, place: Path, as_: As) -> None:
    other = tmp_path / "other.git"
    there = new_registry(other)
    there(ALICE).register("elsewhere", "s3://x")
    assert [model.name for model in there(ALICE).models()] == ["elsewhere"]
    for leftover in ("", "-wal", "-shm"):
        (place / f"{FILE}{leftover}").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copy(other / f"{FILE}{leftover}", place / f"{FILE}{leftover}")
    assert [model.name for model in as_(ALICE).models()] == ["fraud"]
    assert stepwise(place, as_(ALICE).commit) == rebuilt(place, as_(ALICE).commit)


def test_an_index_of_a_history_that_was_rewritten_never_shows_what_is_not_there(place: Path, as_: As, git: Git) -> None:
    registry = as_(ALICE)
    registry.register("lost", "s3://acme/lost/1")
    assert [model.name for model in registry.models()] == ["fraud", "lost"]
    git(place, "update-ref", "refs/heads/main", "main~1")
    assert [model.name for model in registry.models()] == ["fraud"]
    assert {one.model for one in registry.activity()} == {"", "fraud"}
    hand_commit(git, place, "main", {"README.md": "another way\n"}, author=BOB)
    git(place, "reflog", "expire", "--expire=now", "--all")
    git(place, "prune", "--expire=now")
    assert [model.name for model in as_(ALICE).models()] == ["fraud"]
    assert stepwise(place, registry.commit) == rebuilt(place, registry.commit)


def test_an_index_of_a_commit_that_git_lost_is_rebuilt(place: Path, as_: As, git: Git) -> None:
    db = sqlite3.connect(place / FILE)
    db.execute("UPDATE meta SET value = ? WHERE key = 'commit'", ("1" * 40,))
    db.commit()
    db.close()
    assert [model.name for model in as_(ALICE).models()] == ["fraud"]
    assert stepwise(place, as_(ALICE).commit) == rebuilt(place, as_(ALICE).commit)


def test_a_history_of_many_commits_is_streamed_and_gives_the_same(place: Path, as_: As) -> None:
    before = stepwise(place, as_(ALICE).commit)
    items = [registry_git.Registration(name="spam", source=f"s3://acme/{number}") for number in range(150)]
    as_(ALICE).register_many(items)
    after = stepwise(place, as_(ALICE).commit)
    assert len(after["commits"]) == len(before["commits"]) + 150
    assert after == rebuilt(place, as_(ALICE).commit)


def test_a_registry_that_cannot_be_written_is_indexed_in_memory(place: Path, as_: As) -> None:
    for leftover in ("", "-wal", "-shm"):
        (place / f"{FILE}{leftover}").unlink(missing_ok=True)
    (place / FILE).mkdir()
    assert [model.name for model in as_(BOB).models()] == ["fraud"]
    assert len(as_(BOB).activity("fraud")) == 5


READER = """
import sys
import registry_git
registry = registry_git.open(sys.argv[1], actor="Reader <reader@acme.io>")
print("ready", flush=True)
for line in sys.stdin:
    registry = registry_git.open(sys.argv[1], actor="Reader <reader@acme.io>")
    print(len(registry.search_versions("name = 'spam'")), len(registry.activity("spam")), flush=True)
"""


def test_processes_that_bring_it_forward_at_once_agree(place: Path, as_: As) -> None:
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, os.fspath(place)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        count = 0
        for size, drop in ((1, False), (70, False), (3, True), (20, False)):
            items = [registry_git.Registration(name="spam", source=f"s3://acme/{number}") for number in range(size)]
            as_(ALICE).register_many(items)
            count += size
            if drop:
                for leftover in ("", "-wal", "-shm"):
                    (place / f"{FILE}{leftover}").unlink(missing_ok=True)
            for reader in readers:
                assert reader.stdin is not None
                reader.stdin.write("look\n")
                reader.stdin.flush()
            for reader in readers:
                assert reader.stdout is not None
                assert reader.stdout.readline() == f"{count} {count + 1}\n"
    finally:
        for reader in readers:
            reader.communicate()
    assert [reader.returncode for reader in readers] == [0, 0, 0]
    assert stepwise(place, as_(ALICE).commit) == rebuilt(place, as_(ALICE).commit)
