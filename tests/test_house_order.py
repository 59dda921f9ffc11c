"""In which order the tests run: all of them, the long ones first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.order import LONGEST, long_first

FIRST, SECOND = LONGEST[0][0], LONGEST[1][0]


def file_of(test: str) -> str:
    return test.partition(":")[0]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_every_test_runs_once_and_the_rest_stay_in_order(workers: int) -> None:
    tests = [f"{name}:{number}" for name in ("a", FIRST, "b", SECOND, "c") for number in range(5)]
    placed = long_first(tests, file_of, workers)
    assert sorted(placed) == sorted(tests)
    assert [one for one in placed if len(file_of(one)) == 1] == [one for one in tests if len(file_of(one)) == 1]


def test_each_worker_begins_with_a_long_one() -> None:
    tests = [f"a:{number}" for number in range(96)] + [f"{FIRST}:1", f"{FIRST}:2", f"{SECOND}:1", f"{SECOND}:2"]
    placed = long_first(tests, file_of, 2)
    assert placed[:2] == [f"{FIRST}:1", f"{FIRST}:2"]
    assert placed[50:52] == [f"{SECOND}:1", f"{SECOND}:2"]


def test_the_files_are_there_and_each_is_in_one_group() -> None:
    names = [name for group in LONGEST for name in group]
    assert len(names) == len(set(names))
    assert [name for name in names if not (Path(__file__).parent / name).is_file()] == []
