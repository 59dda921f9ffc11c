"""Many real processes write to one registry, here and through clones: nothing is lost, nothing is done twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import registry_git
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, new_registry
from tests.registry_writers import together

WRITERS = 8


def numbers_of(answers: list[list[str]]) -> list[int]:
    return sorted(int(line) for lines in answers for line in lines)


def ids(count: int) -> list[str]:
    return sorted(f"writer{writer}-{number:04d}" for writer in range(WRITERS) for number in range(count))


@pytest.mark.slow
def test_eight_processes_that_register_25_versions_each_give_the_numbers_1_to_200(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    as_ = new_registry(place)
    answers = together("register", [place] * WRITERS, 25)
    assert numbers_of(answers) == list(range(1, 201))
    versions = as_(ALICE).versions("fraud")
    assert sorted(version.version for version in versions) == list(range(1, 201))
    assert sorted(version.manifest.id for version in versions) == ids(25)
    assert git(place, "rev-list", "--count", "main") == "201"
    healthy(git, place, as_(ALICE))


@pytest.mark.slow
def test_eight_clones_that_register_25_versions_each_give_the_numbers_1_to_200(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    as_ = new_registry(place)
    clones = [tmp_path / f"clone{number}.git" for number in range(WRITERS)]
    for clone in clones:
        registry_git.clone(str(place), clone, actor=ALICE)
    answers = together("register", clones, 25)
    assert numbers_of(answers) == list(range(1, 201))
    versions = as_(ALICE).versions("fraud")
    assert sorted(version.manifest.id for version in versions) == ids(25)
    assert git(place, "rev-list", "--count", "main") == "201"
    healthy(git, place, as_(ALICE))
    late = registry_git.open(clones[0], actor=ALICE)
    late.sync()
    assert late.commit == as_(ALICE).commit


@pytest.mark.slow
def test_clones_that_cannot_wait_for_their_turn_try_again_until_they_are_first(tmp_path: Path, git: Git) -> None:
    """A remote behind a URL has no lock that a client could take; the losers of a race decide anew."""
    place = tmp_path / "models.git"
    as_ = new_registry(place)
    clones = [tmp_path / f"clone{number}.git" for number in range(4)]
    for clone in clones:
        registry_git.clone(f"file://{place}", clone, actor=ALICE)
    assert numbers_of(together("register", clones, 5)) == list(range(1, 21))
    assert git(place, "rev-list", "--count", "main") == "21"
    healthy(git, place, as_(ALICE))


def test_processes_and_clones_that_write_at_once_lose_nothing(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    as_ = new_registry(place)
    clones = [tmp_path / f"clone{number}" for number in range(2)]
    for clone in clones:
        registry_git.clone(str(place), clone, actor=ALICE)
    answers = together("register", [place, *clones, place], 5)
    assert numbers_of(answers) == list(range(1, 21))
    healthy(git, place, as_(ALICE))
    for clone in clones:
        registry_git.open(clone, actor=ALICE).sync()
        assert git(clone, "status", "--porcelain") == ""


@pytest.mark.slow
def test_writers_of_all_kinds_lose_nothing(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    as_ = new_registry(place, versions=WRITERS)
    said = [line.split() for lines in together("mixed", [place] * WRITERS, 12) for line in lines]
    assert Counter(line[0] for line in said) == {"version": 32, "tag": 32, "stage": 32}
    registry = as_(ALICE)
    versions = {str(one.version): one for one in registry.versions("fraud")}
    tags = registry.model("fraud").tags
    last: dict[str, str] = {}
    for kind, what, *rest in said:
        if kind == "version":
            assert versions[what].manifest.id == rest[0]
        elif kind == "tag":
            assert tags[what] == what.partition("-")[2]
        else:
            last[what] = rest[0]
    for number, stage in last.items():
        assert versions[number].stages == (stage,)
    kinds = Counter(one.activity_type for one in registry.activity("fraud"))
    assert kinds == {"CREATED_MODEL": 1, "CREATED_VERSION": WRITERS + 32, "SET_TAG": 32, "APPLIED_TRANSITION": 32}
    healthy(git, place, registry)
