"""The highest number of a version is found without listing them all, and is the same one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import registry_git
from registry_git.core.names import ModelName
from registry_git.gitstore.edit import edit_tree
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.registry.registering import Registration
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, new_registry

FRAUD = ModelName("fraud")
# numbers where they belong, on both sides of what changes directories and lengths
_PLACES = st.integers(1, 12).flatmap(
    lambda n: st.sampled_from([n, n * 9, 95 + n, 995 + n, 1995 + n, 9_995 + n, 99_995 + n])
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("last") / "models.git"
    new_registry(place)
    return place


def shown(place: Path, files: list[str]) -> GitSnapshot:
    """A commit with these files in the directory of the model's versions."""
    repository = Repository(place)
    main = repository.ref(MAIN) or ""
    staging = Staging()
    blobs: dict[str, str | None] = {f"models/fraud/versions/{name}": staging.blob(name.encode()) for name in files}
    tree = edit_tree(repository.tree_of(main), blobs, read=repository.read, staging=staging, remembered={})
    commit = staging.commit(tree=tree, parents=[main], author=ALICE, committer=ALICE, at_seconds=2**31, message="x")  # type: ignore[arg-type]
    write_loose(place / "objects", staging, durable=False)
    return GitSnapshot(repository, commit)


def agree(snapshot: GitSnapshot) -> bool:
    numbers = GitSnapshot(snapshot._repository, snapshot.commit).versions(FRAUD)
    return snapshot.last_version(FRAUD) == (numbers[-1] if numbers else 0)


@settings(max_examples=60, deadline=None)
@given(st.sets(_PLACES, max_size=12))
def test_the_last_one_is_the_highest_of_all(place: Path, numbers: set[int]) -> None:
    files = [f"{n // 1000}xxx/{n}.yaml" if n >= 1000 else f"{n}.yaml" for n in numbers]
    snapshot = shown(place, files)
    assert agree(snapshot)
    assert snapshot.last_version(FRAUD) == max(numbers, default=0)
    with snapshot._repository.writing():
        assert agree(snapshot)


@pytest.mark.parametrize(
    "odd",
    [
        *("007.yaml", "99999", "zzzzzz.yaml", "x.txt", "1500.yaml", "0.yaml", ".yaml", "!!.yaml", "12345678901.yaml"),
        *("9xxx/3.yaml", "zzz/7000.yaml", "0xxx/12.yaml", "5xxx/x.yaml", "5xxx/5001", "2xxx/99999.yaml", "12xx/8.yaml"),
    ],
)
@pytest.mark.parametrize("files", [[], ["3.yaml", "12.yaml"], ["3.yaml", "999.yaml", "2xxx/2001.yaml"]])
def test_with_a_file_that_no_registry_writes_it_is_what_the_list_says(place: Path, files: list[str], odd: str) -> None:
    assert agree(shown(place, [*files, odd]))


def test_a_registration_does_not_list_the_versions_before_it(
    tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "models.git"
    new_registry(place)
    registry = registry_git.open(place, actor=ALICE)
    registry.register_many([Registration(name="fraud", source=f"s3://acme/{n}", read=False) for n in range(1_005)])
    registry.delete("fraud", version=1_005)
    with monkeypatch.context() as patched:
        patched.setattr(GitSnapshot, "versions", _refuse)
        made = [registry.register("fraud", f"s3://acme/new/{n}", read=False).version for n in range(2)]
    assert made == [1_006, 1_007]
    healthy(git, place, registry)


def _refuse(*arguments: object) -> None:
    raise AssertionError("all versions were listed")
