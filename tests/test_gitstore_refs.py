"""References: full names, compare-and-swap, and what git sees of them."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Conflict, Corrupt, Invalid, Unavailable
from registry_git.gitstore import disk
from registry_git.gitstore.refs import (
    Moved,
    ReflogEntry,
    Unconfirmed,
    check_format,
    check_ref_name,
    move_ref,
    read_ref,
    sync_ref,
)
from tests.conftest import Git
from tests.gitstore_commits import BOB, MAIN, commits, locks


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


@pytest.fixture
def ids(bare: Path) -> list[str]:
    return commits(bare)


def test_a_reference_is_made_moved_and_deleted_and_git_sees_the_same(bare: Path, git: Git, ids: list[str]) -> None:
    assert read_ref(bare, MAIN) is None
    move_ref(bare, MAIN, old=None, new=ids[0])
    move_ref(bare, MAIN, old=ids[0], new=ids[1])
    assert read_ref(bare, MAIN) == git(bare, "rev-parse", MAIN) == ids[1]
    assert git(bare, "fsck", "--strict", "--full", "--no-dangling") == ""
    move_ref(bare, MAIN, old=ids[1], new=None)
    assert read_ref(bare, MAIN) is None
    assert git(bare, "for-each-ref") == ""
    assert locks(bare) == []


@pytest.mark.parametrize("packed", [False, True])
def test_who_expects_another_value_is_told_the_actual_one(bare: Path, git: Git, ids: list[str], packed: bool) -> None:
    move_ref(bare, MAIN, old=None, new=ids[0])
    if packed:
        git(bare, "pack-refs", "--all")
    for old, new in [(ids[1], ids[2]), (None, ids[2]), (ids[1], None)]:
        with pytest.raises(Moved) as caught:
            move_ref(bare, MAIN, old=old, new=new)
        assert (caught.value.name, caught.value.expected, caught.value.actual) == (MAIN, old, ids[0])
        assert isinstance(caught.value, Conflict)
    with pytest.raises(Moved) as caught:
        move_ref(bare, "refs/heads/other", old=ids[0], new=ids[1])
    assert caught.value.actual is None
    assert read_ref(bare, MAIN) == ids[0]
    assert locks(bare) == []


def test_a_packed_reference_is_read_moved_and_deleted(bare: Path, git: Git, ids: list[str]) -> None:
    request = "refs/heads/request/fraud/20261123-7k3m9q"
    for name in (MAIN, request, f"{request}0"):
        move_ref(bare, name, old=None, new=ids[0])
    git(bare, "tag", "-a", "-m", "x", "v1", ids[0])
    git(bare, "pack-refs", "--all")
    assert not (bare / MAIN).exists()
    assert read_ref(bare, request) == ids[0]
    move_ref(bare, MAIN, old=ids[0], new=ids[1])
    move_ref(bare, request, old=ids[0], new=None)
    assert read_ref(bare, request) is None
    assert read_ref(bare, MAIN) == ids[1]
    names = git(bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    assert names[:2] == [f"{MAIN} {ids[1]}", f"{request}0 {ids[0]}"]
    assert len(names) == 3
    assert git(bare, "rev-parse", "v1^{}") == ids[0]
    assert git(bare, "fsck", "--strict", "--full", "--no-dangling") == ""
    assert locks(bare) == []


def test_a_tag_named_main_is_never_taken_for_the_branch(bare: Path, git: Git, ids: list[str]) -> None:
    git(bare, "tag", "main", ids[3])
    assert read_ref(bare, MAIN) is None
    with pytest.raises(Invalid):
        read_ref(bare, "main")
    with pytest.raises(Invalid):
        read_ref(bare, "refs/tags/main")


def test_head_is_followed_and_may_be_detached_or_unborn(bare: Path, git: Git, ids: list[str]) -> None:
    assert read_ref(bare, "HEAD") is None
    move_ref(bare, MAIN, old=None, new=ids[0])
    assert read_ref(bare, "HEAD") == ids[0]
    git(bare, "update-ref", "--no-deref", "HEAD", ids[1])
    assert read_ref(bare, "HEAD") == ids[1]
    with pytest.raises(Invalid):
        move_ref(bare, "HEAD", old=ids[1], new=ids[0])


@pytest.mark.parametrize("content", [b"", b"\0" * 41, b"ref: refs/heads/other\n", b"a" * 39 + b"\n", b"A" * 40])
def test_a_reference_that_holds_no_object_id_is_corrupt_and_not_absent(
    bare: Path, ids: list[str], content: bytes
) -> None:
    (bare / MAIN).write_bytes(content)
    with pytest.raises(Corrupt, match="refs/heads/main"):
        read_ref(bare, MAIN)
    with pytest.raises(Corrupt):
        move_ref(bare, MAIN, old=None, new=ids[0])
    assert (bare / MAIN).read_bytes() == content
    assert locks(bare) == []


BAD_NAMES = [
    "main",
    "HEAD",
    "refs/main",
    "refs/heads",
    "refs/heads/",
    "refs/heads/a..b",
    "refs/heads/.a",
    "refs/heads/a.",
    "refs/heads/a.lock",
    "refs/heads/a.lock/b",
    "refs/heads/a//b",
    "refs/heads/a/",
    "refs/heads/a@{b",
    "refs/heads/@",
    "refs/heads/a~b",
    "refs/heads/a^b",
    "refs/heads/a:b",
    "refs/heads/a?b",
    "refs/heads/a*b",
    "refs/heads/a[b",
    "refs/heads/a\\b",
    "refs/heads/../../x",
    "refs/heads/-x",
    "refs/heads/HEAD",
    "refs/tags/v1",
    "refs/replace/a",
    "refs/notes/commits",
    "-x",
    ":/x",
    "@{-1}",
    "/refs/heads/main",
]


@pytest.mark.parametrize(
    "name", [*BAD_NAMES, "", "refs/heads/a b", "refs/heads/a\nb", "refs/heads/a\0b", "refs/heads/" + "x" * 251]
)
def test_a_name_that_is_no_full_name_of_a_branch_is_refused(bare: Path, ids: list[str], name: str) -> None:
    with pytest.raises(Invalid):
        move_ref(bare, name, old=None, new=ids[0])


def test_a_directory_of_branches_has_a_name_as_long_as_a_file_name_may_be(bare: Path, git: Git, ids: list[str]) -> None:
    name = f"refs/heads/request/{'x' * 255}/1234"
    move_ref(bare, name, old=None, new=ids[0])
    assert git(bare, "rev-parse", name).strip() == ids[0]
    with pytest.raises(Invalid):
        move_ref(bare, f"refs/heads/request/{'x' * 256}/1234", old=None, new=ids[0])
    with pytest.raises(Invalid):
        move_ref(bare, f"refs/heads/{'x' * 251}", old=None, new=ids[0])


@pytest.mark.parametrize("bad", ["", "main", "a" * 39, "A" * 40, "0x" + "a" * 38, "a" * 40 + "\n"])
def test_a_value_that_is_no_object_id_is_refused(bare: Path, bad: str) -> None:
    with pytest.raises(Invalid):
        move_ref(bare, MAIN, old=None, new=bad)


@given(st.text(alphabet="ab/.-@{}~^: \\*[?é\n\x7f", max_size=8))
def test_no_name_is_accepted_that_git_would_refuse(rest: str) -> None:
    try:
        check_ref_name(f"refs/heads/{rest}")
    except Invalid:
        return
    assert subprocess.run(["git", "check-ref-format", f"refs/heads/{rest}"]).returncode == 0


def test_a_branch_in_the_place_of_a_directory_is_said_so(bare: Path, git: Git, ids: list[str]) -> None:
    for packed in (False, True):
        move_ref(bare, "refs/heads/request", old=None, new=ids[0])
        if packed:
            git(bare, "pack-refs", "--all")
        with pytest.raises(Conflict, match=r"because refs/heads/request exists") as caught:
            move_ref(bare, "refs/heads/request/fraud/1", old=None, new=ids[0])
        assert not isinstance(caught.value, Moved)
        move_ref(bare, "refs/heads/request", old=ids[0], new=None)
    for packed in (False, True):
        move_ref(bare, "refs/heads/request/fraud/1", old=None, new=ids[0])
        if packed:
            git(bare, "pack-refs", "--all")
        with pytest.raises(Conflict, match="refs/heads/request/"):
            move_ref(bare, "refs/heads/request", old=None, new=ids[0])
        move_ref(bare, "refs/heads/request/fraud/1", old=ids[0], new=None)
    assert locks(bare) == []


def test_empty_directories_go_with_the_last_branch_and_are_no_obstacle(bare: Path, git: Git, ids: list[str]) -> None:
    for name in ("fraud/1", "fraud/2"):
        move_ref(bare, f"refs/heads/request/{name}", old=None, new=ids[0])
    move_ref(bare, "refs/heads/request/fraud/1", old=ids[0], new=None)
    assert (bare / "refs/heads/request/fraud").is_dir()
    move_ref(bare, "refs/heads/request/fraud/2", old=ids[0], new=None)
    assert not (bare / "refs/heads/request").exists()
    assert (bare / "refs/heads").is_dir()
    (bare / "refs/heads/request/left/empty").mkdir(parents=True)
    move_ref(bare, "refs/heads/request", old=None, new=ids[0])
    assert git(bare, "rev-parse", "refs/heads/request") == ids[0]


def test_on_return_the_reference_its_directory_and_new_parents_were_flushed_in_order(
    bare: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    real_sync, real_rename = disk.sync, os.rename

    def sync(fd: int) -> None:
        real_sync(fd)
        path = Path(os.readlink(f"/proc/self/fd/{fd}")).relative_to(bare).as_posix()
        happened.append("sync lock" if path.startswith("registry-git/locks/") else f"sync {path}")

    def rename(old: str, new: str) -> None:
        real_rename(old, new)
        happened.append(f"move {Path(new).relative_to(bare).as_posix()}")

    monkeypatch.setattr(disk, "sync", sync)
    monkeypatch.setattr(os, "rename", rename)
    name = "refs/heads/request/fraud/1"
    move_ref(bare, name, old=None, new=ids[0])
    folders = ["refs/heads/request/fraud", "refs/heads/request", "refs/heads", "refs"]
    assert happened == ["sync lock", f"move {name}", *(f"sync {folder}" for folder in folders)]
    happened.clear()
    move_ref(bare, name, old=ids[0], new=ids[1])
    assert happened == ["sync lock", f"move {name}", f"sync {folders[0]}"]
    happened.clear()
    move_ref(bare, name, old=ids[1], new=None)
    assert happened == ["sync refs/heads"]
    happened.clear()
    move_ref(bare, MAIN, old=None, new=ids[0], durable=False)
    assert happened == [f"move {MAIN}"]
    happened.clear()
    sync_ref(bare, MAIN)
    assert happened == [f"sync {MAIN}", "sync refs/heads", "sync refs", "sync ."]


def failing_after(allowed: int) -> object:
    real = os.fsync
    calls = 0

    def fsync(fd: int) -> None:
        nonlocal calls
        calls += 1
        if calls > allowed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    return fsync


def test_an_input_output_error_before_the_move_changes_nothing(
    bare: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    move_ref(bare, MAIN, old=None, new=ids[0])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_after(0))
        with pytest.raises(Unavailable, match="input/output error") as caught:
            move_ref(bare, MAIN, old=ids[0], new=ids[1])
    assert not isinstance(caught.value, Unconfirmed)
    assert read_ref(bare, MAIN) == ids[0]
    assert locks(bare) == []
    move_ref(bare, MAIN, old=ids[0], new=ids[1])


def test_an_input_output_error_after_the_move_says_that_it_is_not_confirmed(
    bare: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    move_ref(bare, MAIN, old=None, new=ids[0])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_after(1))
        with pytest.raises(Unconfirmed, match="power cut"):
            move_ref(bare, MAIN, old=ids[0], new=ids[1])
        with pytest.raises(Unavailable):
            sync_ref(bare, MAIN)
    assert read_ref(bare, MAIN) == ids[1]
    assert locks(bare) == []
    sync_ref(bare, MAIN)


def test_the_reflog_is_written_as_git_writes_it_where_the_repository_keeps_one(
    tmp_path: Path, bare: Path, git: Git, ids: list[str]
) -> None:
    entry = ReflogEntry(actor=BOB, at_seconds=1_700_000_000, message="register:  v1\nof fraud")
    move_ref(bare, MAIN, old=None, new=ids[0], reflog=entry)
    assert not (bare / "logs").exists()

    git(tmp_path, "init", "-q", "work")
    work = tmp_path / "work" / ".git"
    for name, old, new in [(MAIN, None, ids[0]), (MAIN, ids[0], ids[1]), ("refs/heads/request/fraud/1", None, ids[1])]:
        move_ref(work, name, old=old, new=new, reflog=entry)
    line = "Bob <bob@acme.io> 1700000000 +0000\tregister: v1 of fraud\n"
    expected = f"{'0' * 40} {ids[0]} {line}{ids[0]} {ids[1]} {line}"
    assert (work / "logs" / MAIN).read_text() == (work / "logs" / "HEAD").read_text() == expected
    assert (work / "logs/refs/heads/request/fraud/1").is_file()
    move_ref(work, "refs/heads/request/fraud/1", old=ids[1], new=None)
    assert not (work / "logs/refs/heads/request").exists()
    assert (work / "logs/refs/heads").is_dir()

    git(bare, "config", "core.logAllRefUpdates", "true")
    move_ref(bare, MAIN, old=ids[0], new=ids[1], reflog=entry)
    assert git(bare, "reflog", "show", "--format=%gn %gs", MAIN) == "Bob register: v1 of fraud"
    assert git(bare, "fsck", "--strict", "--full", "--no-dangling") == ""


def test_a_shared_repository_keeps_its_group(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "--bare", "--shared=group", "shared.git")
    shared = tmp_path / "shared.git"
    move_ref(shared, "refs/heads/request/fraud/1", old=None, new="a" * 40)
    assert (shared / "refs/heads/request/fraud/1").stat().st_mode & 0o777 == 0o664
    assert (shared / "refs/heads/request/fraud").stat().st_mode == (shared / "refs/heads").stat().st_mode


def test_an_ordinary_repository_is_accepted_and_formats_of_other_kinds_are_refused(
    tmp_path: Path, bare: Path, git: Git
) -> None:
    check_format(bare)
    git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", "sha256.git")
    with pytest.raises(Invalid, match="sha256"):
        check_format(tmp_path / "sha256.git")
    with open(bare / "config", "a") as config:
        config.write("[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefStorage = reftable\n")
    with pytest.raises(Invalid, match="reftable"):
        check_format(bare)
    (bare / "config").write_text("[core\n")
    with pytest.raises(Unavailable):
        check_format(bare)


def test_a_linked_work_tree_is_refused_since_its_references_are_elsewhere(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "work")
    git(tmp_path / "work", "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path / "work", "worktree", "add", "-q", "../linked")
    check_format(tmp_path / "work" / ".git")
    with pytest.raises(Invalid, match="linked work tree"):
        check_format(tmp_path / "work" / ".git" / "worktrees" / "linked")


def test_the_diary_is_kept_as_soon_as_the_repository_wants_it(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "--bare", "r.git")
    place = tmp_path / "r.git"
    entry = ReflogEntry(actor=BOB, at_seconds=1_700_000_000, message="x")
    for number, (setting, kept) in enumerate([("false", False), ("true", True), ("always", True)]):
        git(place, "config", "core.logAllRefUpdates", setting)
        name = f"refs/heads/topic-{number}"
        move_ref(place, name, old=None, new=f"{number}" * 40, reflog=entry)
        assert (place / "logs" / name).exists() is kept
