"""The public Python API in use: defaults, the past, artifacts, and values that nobody can change."""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import AlreadyExists, Corrupt, Invalid, NotFound
from registry_git.core.frozen import Frozen
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, new_registry, refs

WRITES = [
    *("add_comment", "approve", "cancel", "create_model", "delete", "delete_alias", "delete_comment", "delete_tag"),
    *("describe", "doctor", "edit_comment", "refresh", "register", "register_many", "reindex", "reject", "relayout"),
    *(
        "rename",
        "request_alias",
        "request_delete",
        "request_policy",
        "request_rename",
        "request_stage",
        "rollback",
        "set_alias",
    ),
    *("set_policy", "set_status", "set_tag", "set_tags", "sync", "transition"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    return new_registry(place, versions=3)(ALICE)


def test_the_functions_of_the_module_use_the_registry_that_the_environment_names(
    registry: Registry, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_GIT_URI", str(place))
    monkeypatch.setenv("REGISTRY_GIT_ACTOR", BOB)
    monkeypatch.chdir(tmp_path)
    made = registry_git.register_model("s3://acme/fraud/4", "fraud")
    assert (made.version, made.created_by) == (4, BOB)
    assert registry_git.get_model_version(registered_model="fraud", version=4) == made
    assert registry_git.get_model_version(registered_model="fraud", version="4") == made
    assert registry_git.get_latest_version(registered_model="fraud") == made
    registry.transition("fraud", 2, "Production")
    assert registry_git.get_latest_version(registered_model="fraud", stage="Production").version == 2
    assert registry_git.get_latest_version(registered_model="fraud", stage="production").version == 2
    with pytest.raises(NotFound):
        registry_git.get_latest_version(registered_model="fraud", stage="Staging")
    with pytest.raises(NotFound):
        registry_git.get_model_version(registered_model="fraud", version=99)


def test_the_repository_around_the_working_directory_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_registry(tmp_path / "acme", versions=1)
    monkeypatch.chdir(tmp_path / "acme" / "models" / "fraud")
    assert registry_git.open(actor=ALICE).versions("fraud")[0].version == 1
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound) as missing:
        registry_git.open(actor=ALICE)
    assert "REGISTRY_GIT_URI" in missing.value.hint


def test_a_url_is_answered_from_a_clone_and_written_to_the_remote(place: Path, registry: Registry, git: Git) -> None:
    url = place.as_uri()
    there = registry_git.open(url, actor=BOB)
    assert there.register("fraud", "s3://acme/fraud/4").version == 4
    assert registry.version("fraud", 4).created_by == BOB
    assert registry_git.open(url, actor=BOB).commit == git(place, "rev-parse", "main")


def test_the_actor_is_the_one_named_else_the_environments_else_gits(
    place: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, git: Git
) -> None:
    def author(actor: str | None = None) -> str:
        made = registry_git.open(place, actor=actor).register("fraud", "s3://x")
        return made.created_by

    assert author() == "Tess Ter <tess@example.com>"
    monkeypatch.setenv("REGISTRY_GIT_ACTOR", BOB)
    assert author() == BOB
    assert author(ALICE) == ALICE


def test_where_nobody_is_named_nothing_is_written(
    tmp_path: Path, home: Path, place: Path, registry: Registry, git: Git
) -> None:
    (home / ".gitconfig").unlink()
    before = refs(git, place)
    with pytest.raises(Invalid) as refused:
        registry_git.open(place).register("fraud", "s3://x")
    assert "REGISTRY_GIT_ACTOR" in refused.value.hint
    with pytest.raises(Invalid):
        registry_git.init(tmp_path / "new.git")
    with pytest.raises(Invalid):
        registry_git.clone(str(place), tmp_path / "copy.git")
    assert refs(git, place) == before
    assert not (tmp_path / "new.git").exists()
    assert not (tmp_path / "copy.git").exists()


def test_the_past_has_no_method_that_writes(registry: Registry) -> None:
    past = registry.at(registry.commit)
    for name in (*WRITES, "at"):
        assert not hasattr(past, name), name


def test_the_past_answers_as_it_did_whatever_happens_meanwhile(registry: Registry) -> None:
    registry.transition("fraud", 2, "Production")
    past = registry.at(registry.commit)
    seen = (
        past.commit,
        past.models(),
        past.versions("fraud"),
        past.activity(),
        past.resolve("models:/fraud/Production"),
    )
    registry.transition("fraud", 3, "Production", archive_existing=True)
    registry.register("credit", "s3://x")
    registry.delete("fraud", version=1)
    assert seen == (
        *(past.commit, past.models(), past.versions("fraud"), past.activity()),
        past.resolve("models:/fraud/Production"),
    )
    with pytest.raises(NotFound):
        past.model("credit")
    assert registry.resolve("models:/fraud/Production").version == 3


def test_a_date_shows_the_registry_at_its_end(registry: Registry, place: Path, git: Git) -> None:
    tree = git(place, "rev-parse", "main^{tree}")
    for day in ("2031-01-01T10:00:00Z", "2031-01-02T23:59:59Z", "2031-01-03T00:00:00Z"):
        commit = git(place, "commit-tree", tree, "-p", "main", "-m", day, env={"GIT_COMMITTER_DATE": day})
        git(place, "update-ref", "refs/heads/main", commit)
    first, second, third = git(place, "rev-list", "--reverse", "-3", "--first-parent", "main").split()
    for date, commit in {
        "2031-01-01": first,
        "2031-01-02": second,
        "2031-01-02T23:59:58": first,
        "2031-01-03T12:59:59+13:00": second,
        "2031-01-03": third,
        "2031-01-01T10:00:00Z": first,
    }.items():
        assert registry.at(date).commit == commit, date
    assert registry.at(first[:7]).commit == registry.at(first).commit == first


@pytest.mark.parametrize("how", ["id", "branch", "full name", "commit"])
def test_a_request_is_previewed(registry: Registry, how: str) -> None:
    view = registry.request_stage("fraud", 2, "Production", comment="please")
    named = {"id": view.id, "branch": view.branch, "full name": f"refs/heads/{view.branch}", "commit": view.head}
    preview = registry.at(named[how])
    assert preview.resolve("models:/fraud/Production").version == 2
    assert preview.version("fraud", 2).stage == "Production"
    with pytest.raises(NotFound):
        registry.resolve("models:/fraud/Production")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    source = tmp_path / "model"
    (source / "data").mkdir(parents=True)
    (source / "data" / "weights.bin").write_bytes(bytes(range(256)) * 100)
    (source / "MLmodel").write_text("flavors:\n  sklearn:\n    pickled_model: model.pkl\nrun_id: abc123\n")
    return source


def files_below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_a_registration_learns_from_the_files(registry: Registry, model: Path) -> None:
    told: list[int] = []
    made = registry.register("fraud", str(model), progress=told.append)
    assert made.digest.startswith("sha256:")
    assert made.format == "sklearn"
    assert made.manifest.lineage.run_id == "abc123"
    assert sum(told) >= 25_600


def test_equal_trees_are_uploaded_once(registry: Registry, model: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = registry.register("fraud", str(model), upload=str(store))
    stored = files_below(store)
    second = registry.register("fraud", str(model), upload=str(store))
    assert first.source == second.source != str(model)
    assert Path(first.source).is_relative_to(store)
    assert files_below(store) == stored
    assert [file for file in stored if file.endswith("weights.bin")] == stored[-1:]
    (model / "more").write_text("x")
    third = registry.register("fraud", str(model), upload=str(store))
    assert third.source != first.source


def test_a_download_is_the_tree_that_was_registered(registry: Registry, model: Path, tmp_path: Path) -> None:
    made = registry.register("fraud", str(model))
    found = registry.download(f"models:/fraud/{made.version}", tmp_path / "here")
    assert files_below(tmp_path / "here") == files_below(model)
    assert found.digest == made.digest
    with pytest.raises(AlreadyExists):
        registry.download("models:/fraud/latest", tmp_path / "here")


@pytest.mark.parametrize("how", ["changed", "added", "removed", "renamed"])
def test_a_tampered_tree_is_not_downloaded(registry: Registry, model: Path, tmp_path: Path, how: str) -> None:
    registry.register("fraud", str(model))
    if how == "changed":
        (model / "data" / "weights.bin").write_bytes(bytes(range(255, -1, -1)) * 100)
    elif how == "added":
        (model / "extra.py").write_text("import os")
    elif how == "removed":
        (model / "MLmodel").unlink()
    else:
        (model / "MLmodel").rename(model / "mlmodel")
    with pytest.raises(Corrupt) as refused:
        registry.download("models:/fraud/latest", tmp_path / "here")
    assert "registered" in refused.value.message
    assert refused.value.hint
    assert not (tmp_path / "here").exists()


def test_a_mistyped_path_is_not_registered(registry: Registry, place: Path, tmp_path: Path, git: Git) -> None:
    before = refs(git, place)
    for action in (
        lambda: registry.register("fraud", str(tmp_path / "nothing")),
        lambda: registry.register("fraud", str(tmp_path / "nothing"), upload=str(tmp_path / "store")),
    ):
        with pytest.raises(NotFound):
            action()
        assert refs(git, place) == before
    assert not (tmp_path / "store").exists()


def test_a_value_that_was_read_cannot_be_changed_for_anybody_else(registry: Registry) -> None:
    registry.set_tag("fraud", "auc", "0.9", version=1)
    view = registry.version("fraud", 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.stage = "Production"  # type: ignore[misc]
    with pytest.raises(TypeError, match="frozen"):
        view.manifest.tags["auc"] = "1.0"  # type: ignore[index]
    with pytest.raises(TypeError, match="frozen"):
        registry.policy().roles["ml-leads"] = (ALICE,)  # type: ignore[index]
    view.tags.update(auc="1.0")  # type: ignore[attr-defined]
    assert registry.version("fraud", 1).tags == {"auc": "0.9"}


CHANGES = [
    lambda mapping: mapping.__setitem__("a", "x"),
    lambda mapping: mapping.__delitem__("a"),
    lambda mapping: mapping.update(a="x"),
    lambda mapping: mapping.pop("a"),
    lambda mapping: mapping.popitem(),
    lambda mapping: mapping.clear(),
    lambda mapping: mapping.setdefault("z", "x"),
    lambda mapping: mapping.__ior__({"a": "x"}),
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
def test_a_frozen_mapping_refuses_every_change(change: object) -> None:
    mapping = Frozen({"a": "b"})
    with pytest.raises(TypeError):
        change(mapping)  # type: ignore[operator]
    assert mapping == {"a": "b"}


def test_a_frozen_mapping_is_a_mapping_like_any_other() -> None:
    mapping: Mapping[str, str] = Frozen({"a": "b"})
    assert pickle.loads(pickle.dumps(mapping)) == mapping == {**mapping}
    assert {**mapping, "c": "d"} == {"a": "b", "c": "d"}


def test_what_the_api_gives_back_goes_to_another_process(registry: Registry) -> None:
    registry.set_tag("fraud", "auc", "0.9", version=1)
    view = registry.version("fraud", 1)
    assert pickle.loads(pickle.dumps(view)) == view
    assert dataclasses.asdict(view)["manifest"]["tags"] == {"auc": "0.9"}


def test_a_retry_with_the_same_id_does_nothing_twice(registry: Registry, place: Path, git: Git) -> None:
    for action in (
        lambda: registry.register("fraud", "s3://acme/fraud/4", id="retry-0001"),
        lambda: registry.add_comment("fraud", 1, "hello", id="retry-0002"),
        lambda: registry.request_stage("fraud", 1, "Staging", id="retry-0003"),
        lambda: registry.create_model("credit", id="retry-0004"),
    ):
        first = action()
        before = refs(git, place)
        second = action()
        assert refs(git, place) == before
        assert first == second


def test_the_variables_of_the_registry_do_not_leak_into_tests() -> None:
    assert not [name for name in os.environ if name.startswith("REGISTRY_GIT_")]
