"""Which tests begin: with several workers, the long ones, so that no worker is alone with one of them at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

One = TypeVar("One")

# Files with long tests, the longest first. Those of a group follow each other on one worker: only one Pagure runs at a
# time, and who has no other test to run meanwhile would wait for it.
LONGEST = (
    ("test_forges_pagure.py", "test_forges_pagure_pages.py"),
    ("test_registry_races.py",),
    ("test_server_fuzz.py",),
    ("test_mlflow_server.py",),
    ("test_registry_kill.py",),
    ("test_migration_import.py",),
    ("test_migration_export.py",),
    ("test_examples_demo.py", "test_examples_mlflow.py"),
    ("test_index.py",),
    ("test_pages_version_browser.py",),
    ("test_pages_story.py", "test_pages_pictures.py"),
    ("test_server_remote.py",),
    ("test_hook_deployments.py",),
    ("test_docs_blocks.py",),
    ("test_pages_sweep.py",),
)


def long_first(tests: Sequence[One], file_of: Callable[[One], str], workers: int) -> list[One]:
    """The tests in an order in which each worker begins with long ones; otherwise as they were.

    Each worker of pytest-xdist is given an equal share of the list, the first share to the first one, and those that
    are done take over from the end of another's share.

    Args:
        tests: in the order of their files.
        file_of: the name of a test's file.
        workers: how many there are.
    """
    heads: list[list[One]] = [[] for _ in range(workers)]
    for number, group in enumerate(LONGEST):
        for name in group:
            heads[number % workers] += [one for one in tests if file_of(one) == name]
    known = {name for group in LONGEST for name in group}
    others = iter([one for one in tests if file_of(one) not in known])
    placed: list[One] = []
    for number, head in enumerate(heads):
        share = (len(tests) - len(placed)) // (workers - number)
        placed += head
        placed += islice(others, max(0, share - len(head)))
    return [*placed, *others]
