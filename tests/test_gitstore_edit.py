"""Trees that are edited here are the trees that git makes, and what differs between two of them is all that differs."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path

import pygit2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.gitstore.edit import Listing, edit_tree
from registry_git.gitstore.history import Step, steps
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.trees import EMPTY_TREE, compare_trees

# names that sort differently as files and as directories, at several depths
_PATHS = [
    *("a", "a.b", "a-b", "a0", "é", "registry.yaml", "models/a/model.yaml", "models/a/versions/1.yaml", "models/a0/x"),
    *("models/a/versions/10.yaml", "models/a/versions/2.yaml", "models/a-b/x", "models/a.b/x", "models/é/x", "a!/x"),
]
_EDITS = st.dictionaries(st.sampled_from(_PATHS), st.none() | st.binary(max_size=2), max_size=6)


def tree_by_libgit2(repository: pygit2.Repository, files: dict[str, bytes]) -> str:
    """The tree that libgit2's index makes of the files."""
    index = pygit2.Index()
    for path, data in files.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(data), pygit2.enums.FileMode.BLOB))
    return str(index.write_tree(repository))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> pygit2.Repository:
    return pygit2.init_repository(str(tmp_path_factory.mktemp("trees")), bare=True)


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(_EDITS, min_size=1, max_size=5))
def test_edited_trees_are_those_that_libgit2_makes(
    bare: pygit2.Repository, batches: list[dict[str, bytes | None]]
) -> None:
    staging, remembered = Staging(), dict[str, Listing]()

    def read(oid: str) -> bytes:
        return staging.read(oid) or b""

    files: dict[str, bytes] = {}
    tree = EMPTY_TREE
    for edits in batches:
        # a file and a directory of one name is no tree
        clean = {path: data for path, data in edits.items() if data is None or not _clash(path, {**files, **edits})}
        before, before_files = tree, dict(files)
        for path, data in clean.items():
            files.pop(path, None)
            if data is not None:
                files[path] = data
        blobs = {path: None if data is None else staging.blob(data) for path, data in clean.items()}
        tree = edit_tree(before, blobs, read=read, staging=staging, remembered=remembered)
        assert tree == tree_by_libgit2(bare, files)
        differing = {path for path in {*files, *before_files} if files.get(path) != before_files.get(path)}
        assert {change.path for change in compare_trees(before, tree, read=read)} == differing


_NAMES = [f"model-{number:03}" for number in range(120)]


@settings(max_examples=200, deadline=None)
@given(
    there=st.sets(st.sampled_from(_NAMES), min_size=60),
    edits=st.dictionaries(st.sampled_from(_NAMES), st.sampled_from([None, b"a", b"b"]), max_size=4),
)
def test_of_large_directories_all_that_differs_is_told(there: set[str], edits: dict[str, bytes | None]) -> None:
    staging = Staging()

    def read(oid: str) -> bytes:
        return staging.read(oid) or b""

    blob = staging.blob(b"a")
    first = edit_tree(EMPTY_TREE, dict.fromkeys(there, blob), read=read, staging=staging, remembered={})
    blobs = {path: None if data is None else staging.blob(data) for path, data in edits.items()}
    second = edit_tree(first, blobs, read=read, staging=staging, remembered={})
    before = dict.fromkeys(there, blob)
    expected = {(path, before.get(path), oid) for path, oid in blobs.items() if before.get(path) != oid}
    for one, other, told in ((first, second, expected), (second, first, {(p, new, old) for p, old, new in expected})):
        assert {(one.path, one.before, one.after) for one in compare_trees(one, other, read=read)} == told


def test_a_file_takes_the_place_of_a_directory_and_the_other_way_round(bare: pygit2.Repository) -> None:
    staging = Staging()
    blob = staging.blob(b"x")

    def read(oid: str) -> bytes:
        return staging.read(oid) or b""

    first = edit_tree(EMPTY_TREE, {"a/b": blob, "a.c": blob}, read=read, staging=staging, remembered={})
    second = edit_tree(first, {"a": blob}, read=read, staging=staging, remembered={})
    assert second == tree_by_libgit2(bare, {"a": b"x", "a.c": b"x"})
    assert edit_tree(second, {"a/b": blob}, read=read, staging=staging, remembered={}) == first


def test_a_tree_that_another_program_wrote_in_the_wrong_order_is_put_right(bare: pygit2.Repository) -> None:
    staging = Staging()
    blob = bytes.fromhex(staging.blob(b"x"))
    wrong = staging.tree(b"100644 b\0" + blob + b"100644 a\0" + blob)
    tree = edit_tree(
        wrong, {"c": blob.hex()}, read=lambda oid: staging.read(oid) or b"", staging=staging, remembered={}
    )
    assert tree == tree_by_libgit2(bare, {"a": b"x", "b": b"x", "c": b"x"})


@settings(max_examples=40, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 400), st.sampled_from([b"100644", b"40000", b""])), max_size=400))
def test_a_directory_of_many_entries_is_as_git_sorts_it_whatever_comes_and_goes(
    edits: list[tuple[int, bytes]],
) -> None:
    there = {b"%03d" % number: b"100644" for number in range(0, 400, 2)}
    listing = Listing(_serialised(there))
    before = listing.copy()
    for number, mode in edits:
        name = b"%03d" % number
        there.pop(name, None)
        if mode:
            there[name] = mode
            listing.put(mode, name, _id_of(name))
        else:
            listing.drop(name)
            listing.drop(name + b"/")
    assert listing.serialised() == Listing(listing.serialised()).serialised() == _serialised(there)
    assert {name: mode for name, mode, _ in listing} == there
    for number in range(0, 401, 7):
        name = b"%03d" % number
        assert listing.find(name) == ((there[name].decode(), _id_of(name)) if name in there else None)
    assert before.serialised() == _serialised({b"%03d" % number: b"100644" for number in range(0, 400, 2)})


def _id_of(name: bytes) -> str:
    return sha1(name, usedforsecurity=False).hexdigest()


def _serialised(entries: dict[bytes, bytes]) -> bytes:
    ordered = sorted(entries.items(), key=lambda entry: entry[0] + b"/" * (entry[1] == b"40000"))
    return b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(_id_of(name))) for name, mode in ordered)


def test_a_long_stretch_of_history_reads_as_a_short_one(tmp_path: Path) -> None:
    pygit2.init_repository(str(tmp_path), bare=True)
    repository = Repository(tmp_path)
    staging = Staging()
    commits: list[str] = []
    tree = EMPTY_TREE
    who = "Alice <alice@acme.io>"
    for number in range(150):
        edits: dict[str, str | None] = {f"models/{number % 7}/x.yaml": staging.blob(b"%d" % number)}
        if number % 10 == 9:
            edits[f"models/{number % 5}/x.yaml"] = None
        if number % 25 != 3:  # some commits change nothing
            tree = edit_tree(tree, edits, read=lambda oid: staging.read(oid) or b"", staging=staging, remembered={})
        commits.append(
            staging.commit(
                tree=tree,
                parents=commits[-1:],
                author=who,  # type: ignore[arg-type]
                committer=who,  # type: ignore[arg-type]
                at_seconds=1_700_000_000 + number,
                message=f"Change {number}\n\n:100644 no change\n\nRegistry-Action: edit\n",
            )
        )
    write_loose(tmp_path / "objects", staging, durable=False)
    whole = list(steps(repository, since=None, until=commits[-1]))
    assert [step.commit.id for step in whole] == commits
    parts: list[Step] = []
    for start in range(0, 150, 50):
        parts += steps(repository, since=commits[start - 1] if start else None, until=commits[start + 49])
    assert parts == whole


def _clash(path: str, others: dict[str, bytes | None]) -> bool:
    return any(
        other.startswith(f"{path}/") or path.startswith(f"{other}/")
        for other, data in others.items()
        if data is not None
    )
