"""Missing, empty and truncated objects are loud errors, never an absent model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Corrupt
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.refusal_scene import POINTER, VERSION, filled_registry
from tests.registry_scene import ALICE, BOB, As, loosen, refs


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def as_(place: Path) -> As:
    return filled_registry(place)


def damage(git: Git, place: Path, revision: str, how: str) -> None:
    """Removes or spoils the object that a revision names, alone."""
    loosen(place)  # what is in packs is damaged together, which `test_a_pack_…` is about
    oid = git(place, "rev-parse", revision)
    file = place / "objects" / oid[:2] / oid[2:]
    content = file.read_bytes()
    file.unlink()
    if how == "empty":
        file.touch()
    elif how == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif how == "garbage":
        file.write_bytes(b"\0" * len(content))


POINT_READS: dict[str, Callable[[Registry], object]] = {
    "version": lambda registry: registry.version("fraud", 1),
    "versions": lambda registry: registry.versions("fraud"),
    "model": lambda registry: registry.model("fraud"),
    "models": lambda registry: registry.models(),
    "search": lambda registry: registry.search_versions(),
    "resolve a version": lambda registry: registry.resolve("models:/fraud/1"),
    "resolve the latest": lambda registry: registry.resolve("models:/fraud/latest"),
    "resolve a stage": lambda registry: registry.resolve("models:/fraud/Production"),
    "resolve an alias": lambda registry: registry.resolve("models:/fraud@champion"),
    "a version that never was": lambda registry: registry.resolve("models:/fraud/99"),
    "a model that never was": lambda registry: registry.resolve("models:/nothing/1"),
    "a stage without a version": lambda registry: registry.resolve("models:/fraud/Staging"),
    "activity": lambda registry: registry.activity(),
    "activity of a model": lambda registry: registry.activity("fraud"),
    "policy": lambda registry: registry.policy(),
    "index": lambda registry: registry.reindex(),
    "register": lambda registry: registry.register("fraud", "s3://x"),
    "stage": lambda registry: registry.transition("fraud", 3, "Production"),
}
INDEX = ("models", "search", "activity", "activity of a model", "index", "version", "versions", "model")
BROKEN = {
    f"main:{VERSION}": ("resolve a version", "resolve an alias", *INDEX),
    f"main:{POINTER}": ("resolve a stage", "stage", *INDEX),
    "main:models/fraud/model.yaml": ("register", *INDEX),
    "main:models/fraud/versions": (
        *("resolve a version", "resolve the latest", "resolve a stage", "a version that never was", "register"),
        *INDEX,
    ),
    "main:models/fraud/stages": ("resolve a stage", "a stage without a version", "stage", *INDEX),
    "main:models/fraud": (*(name for name in POINT_READS if name not in ("policy", "a model that never was")),),
    "main:models": (*(name for name in POINT_READS if name != "policy"),),
    "main:registry.yaml": tuple(POINT_READS),
    "main^{tree}": tuple(POINT_READS),
    "main": tuple(POINT_READS),
}


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "garbage"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_damaged_object_is_a_loud_error_and_never_nothing(
    as_: As, place: Path, git: Git, what: str, how: str
) -> None:
    as_(ALICE)
    before = refs(git, place)
    damage(git, place, what, how)
    for name in BROKEN[what]:
        for fresh in (place / "registry-git").glob("index-*"):
            fresh.unlink()
        registry = as_(BOB)
        with pytest.raises(Corrupt) as told:
            POINT_READS[name](registry)
        assert told.value.hint, name
    if what != "main":
        assert refs(git, place) == before


@pytest.mark.parametrize("how", ["missing", "truncated"])
@pytest.mark.parametrize("what", ["main~40", "main~40^{tree}", "main~70:models/fraud/versions"])
def test_a_damaged_history_is_a_loud_error(as_: As, place: Path, git: Git, what: str, how: str) -> None:
    registry = as_(ALICE)
    for number in range(70):
        registry.set_tag("fraud", "n", str(number))
    damage(git, place, what, how)
    registry = as_(BOB)
    with pytest.raises(Corrupt) as told:
        registry.reindex()
    assert told.value.hint
    with pytest.raises(Corrupt):
        registry.activity()


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "garbage"])
@pytest.mark.parametrize("suffix", ["pack", "idx"])
def test_a_pack_that_is_damaged_is_a_loud_error(as_: As, place: Path, git: Git, suffix: str, how: str) -> None:
    as_(ALICE)
    before = refs(git, place)
    git(place, "gc", "--quiet", "--aggressive")
    (file,) = (place / "objects" / "pack").glob(f"*.{suffix}")
    content = file.read_bytes()
    file.unlink()
    if how != "missing":
        file.write_bytes(
            {"empty": b"", "truncated": content[: len(content) // 2], "garbage": b"\0" * len(content)}[how]
        )
    for name, read in POINT_READS.items():
        for fresh in (place / "registry-git").glob("index-*"):
            fresh.unlink()
        with pytest.raises(Corrupt) as told:
            read(as_(BOB))
        assert told.value.hint, name
    assert refs(git, place) == before


def test_check_finds_a_missing_manifest(as_: As, place: Path, git: Git) -> None:
    as_(ALICE)
    damage(git, place, f"main:{VERSION}", "missing")
    assert any(finding.path == VERSION and "missing" in finding.message for finding in as_(BOB).check())


@pytest.mark.parametrize("content", ["", "\n", "ref: ", "0" * 39, "zz" * 20, "\0" * 41])
def test_a_damaged_reference_is_a_loud_error(as_: As, place: Path, content: str) -> None:
    as_(ALICE)
    (place / "refs" / "heads" / "main").write_text(content)
    with pytest.raises(Corrupt) as told:
        registry_git.open(place, actor=ALICE).resolve("models:/fraud/1")
    assert told.value.hint
