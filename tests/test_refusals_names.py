"""Names, versions, ids and actors at the Python API: refused with a hint, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Invalid, NotFound, RegistryError
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, new_registry, refs

INVISIBLE = {
    "newline": "\n",
    "carriage return": "\r",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "file separator": "\x1c",
    "group separator": "\x1d",
    "record separator": "\x1e",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "escape": "\x1b",
    "control sequence": "\x9b",
    "bell": "\a",
    "nul": "\0",
    "delete": "\x7f",
    "right to left override": "\u202e",
    "right to left mark": "\u200f",
    "isolate": "\u2066",
    "zero width space": "\u200b",
    "byte order mark": "\ufeff",
    "lone surrogate": "\ud800",
}
PATHS = [
    "../x",
    "..",
    ".",
    "a/b",
    "/etc/passwd",
    "a\\b",
    "c:x",
    ".git",
    ".GIT",
    "%2e%2e",
    "%2E%2E/x",
    "%252e",
    "%2fetc",
]
LONG = ["x" * 256, "é" * 43, "🦊" * 22]
EMPTY = ["", " ", "\t", "\u3000"]
NAMES = [f"fraud{char}x" for char in INVISIBLE.values()] + PATHS + LONG + EMPTY


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    opened = new_registry(place, versions=2)(ALICE)
    opened.add_comment("fraud", 1, "first", id="comment-1")
    opened.request_stage("fraud", 2, "Production", id="request-1")
    return opened


def refused(action: Callable[[], object], git: Git, place: Path, *errors: type[RegistryError]) -> RegistryError:
    """The refusal: an error of the given type with a hint or a reason, and no reference that moved."""
    before = refs(git, place)
    with pytest.raises(errors or (Invalid,)) as caught:
        action()
    assert caught.value.message
    assert refs(git, place) == before
    return caught.value


WITH_A_NAME: dict[str, Callable[[Registry, str], object]] = {
    "create_model": lambda registry, name: registry.create_model(name),
    "register": lambda registry, name: registry.register(name, "s3://x"),
    "rename": lambda registry, name: registry.rename("fraud", name),
    "describe": lambda registry, name: registry.describe(name, "x"),
    "set_tag": lambda registry, name: registry.set_tag(name, "a", "b"),
    "transition": lambda registry, name: registry.transition(name, 1, "Staging"),
    "request_stage": lambda registry, name: registry.request_stage(name, 1, "Staging"),
    "set_alias": lambda registry, name: registry.set_alias(name, "champion", 1),
    "delete": lambda registry, name: registry.delete(name),
    "add_comment": lambda registry, name: registry.add_comment(name, 1, "x"),
    "rollback": lambda registry, name: registry.rollback(name, "Production"),
    "model": lambda registry, name: registry.model(name),
    "version": lambda registry, name: registry.version(name, 1),
    "versions": lambda registry, name: registry.versions(name),
    "comments": lambda registry, name: registry.comments(name, 1),
    "requests": lambda registry, name: registry.requests(name),
}


@pytest.mark.parametrize("method", WITH_A_NAME)
def test_a_name_that_no_model_can_have_is_refused_by_every_method(
    registry: Registry, place: Path, git: Git, method: str
) -> None:
    for name in NAMES:
        wrong = refused(lambda name=name: WITH_A_NAME[method](registry, name), git, place)  # type: ignore[misc]
        assert wrong.hint, name


@pytest.mark.parametrize("name", ["fraud\u202e", "..", "a/b", "x" * 65, "", " Production", "Production ", "a?b"])
def test_a_stage_in_another_form_is_refused(registry: Registry, place: Path, git: Git, name: str) -> None:
    assert refused(lambda: registry.transition("fraud", 1, name), git, place).hint
    assert refused(lambda: registry.request_stage("fraud", 1, name), git, place).hint


@pytest.mark.parametrize(
    "alias", ["champion\n", "a b", "a/b", "..", "", "latest", "v1", "a\u202eb", "x" * 256, "é" * 50]
)
def test_an_alias_in_another_form_is_refused(registry: Registry, place: Path, git: Git, alias: str) -> None:
    assert refused(lambda: registry.set_alias("fraud", alias, 1), git, place).hint
    assert refused(lambda: registry.delete_alias("fraud", alias), git, place).hint
    assert refused(lambda: registry.request_alias("fraud", alias, 1), git, place).hint


VERSIONS = ["７", "²", "१", "1_0", " 1", "1\n", "+1", "-1", "0", "01", "", "1.0", "1e0", "0x1", "v1", "9" * 5000, 0, -1]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda text: repr(text)[:12])
def test_a_version_in_another_spelling_is_refused(
    registry: Registry, place: Path, git: Git, version: int | str
) -> None:
    for action in (
        lambda: registry.version("fraud", version),
        lambda: registry.transition("fraud", version, "Staging"),
        lambda: registry.request_stage("fraud", version, "Staging"),
        lambda: registry.set_alias("fraud", "champion", version),
        lambda: registry.delete("fraud", version=version),
        lambda: registry.add_comment("fraud", version, "x"),
        lambda: registry.describe("fraud", "x", version=version),
        lambda: registry.activity("fraud", version),
    ):
        assert refused(action, git, place).hint


@pytest.mark.parametrize("uri", ["models:/fraud/７", "models:/fraud/01", "models:/fraud/1_0", "models:/fraud/+1"])
def test_a_uri_with_odd_digits_names_nothing(registry: Registry, place: Path, git: Git, uri: str) -> None:
    refused(lambda: registry.resolve(uri), git, place, Invalid, NotFound)


@pytest.mark.parametrize("id", ["x", "../../main", "-x-x-x", "a b c d", "abcd\n", "abcd\0", "a" * 65, "ab/cd", "é" * 4])
def test_an_id_in_another_form_is_refused(registry: Registry, place: Path, git: Git, id: str) -> None:
    for action in (
        lambda: registry.register("fraud", "s3://x", id=id),
        lambda: registry.add_comment("fraud", 1, "x", id=id),
        lambda: registry.request_stage("fraud", 1, "Staging", id=id),
        lambda: registry.request(id),
        lambda: registry.approve(id),
        lambda: registry.reject(id),
        lambda: registry.cancel(id),
        lambda: registry.refresh(id),
        lambda: registry.request_diff(id),
        lambda: registry.edit_comment("fraud", 1, id, "x"),
    ):
        refused(action, git, place)


@pytest.mark.parametrize("actor", ["alice", "<a@b>", "Alice <>", "A\n<a@b>", "A\u202e <a@b>", "A <a@b> x", "A <a b>"])
def test_an_actor_that_names_nobody_is_refused(registry: Registry, place: Path, git: Git, actor: str) -> None:
    assert refused(lambda: registry_git.open(place, actor=actor), git, place).hint


@pytest.mark.parametrize("name", ["", "a\nb", "a/b", "\u202ex", "x" * 300, " x"])
def test_a_registry_with_a_bad_name_is_not_begun(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid):
        registry_git.init(tmp_path / "new.git", name=name, actor=ALICE)
    with pytest.raises(Invalid):
        registry_git.init(tmp_path / "new.git", roles={"leads": [f"bob{name}@"]}, actor=ALICE)
    assert not (tmp_path / "new.git").exists()


@pytest.mark.parametrize("more", [{"layout": "deep"}, {"protect": ["None"]}, {"protect": ["Nowhere"]}, {"actor": "x"}])
def test_a_registry_that_makes_no_sense_is_not_begun(tmp_path: Path, more: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        registry_git.init(tmp_path / "new.git", **{"actor": ALICE, **more})  # type: ignore[arg-type]
    assert refusal.value.hint
    assert not (tmp_path / "new.git").exists()


def test_a_path_with_nul_is_refused(tmp_path: Path) -> None:
    for action in (
        lambda: registry_git.init(f"{tmp_path}/a\0b", actor=ALICE),
        lambda: registry_git.open(f"{tmp_path}/a\0b", actor=ALICE),
        lambda: registry_git.clone(str(tmp_path), f"{tmp_path}/a\0b", actor=ALICE),
    ):
        with pytest.raises((Invalid, NotFound)):
            action()
    assert list(tmp_path.iterdir()) == []
