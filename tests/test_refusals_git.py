"""What git allows and a registry refuses: replaced objects, foreign entries, odd revisions and dates."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Corrupt, Invalid, NotFound, Unavailable
from tests.conftest import Git
from tests.refusal_scene import POINTER, VERSION, filled_registry, long_history, refused
from tests.registry_scene import ALICE, BOB, DAVE, As, hand_commit, refs


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def as_(place: Path) -> As:
    return filled_registry(place)


def test_a_replaced_object_changes_no_read(as_: As, place: Path, git: Git) -> None:
    long_history(as_(ALICE))
    before = as_(BOB)
    seen = (before.resolve("models:/fraud/1"), before.activity())
    one, other = git(place, "rev-parse", f"main:{VERSION}", "main:models/fraud/versions/3.yaml").split()
    git(place, "replace", one, other)
    tip, root = git(place, "rev-parse", "main", "main~60").split()
    git(place, "replace", tip, root)
    assert "versions/3" in git(place, "show", f"main:{VERSION}") or git(place, "rev-list", "--count", "main") < "60"
    after = as_(BOB)
    after.reindex()
    assert (after.resolve("models:/fraud/1"), after.activity()) == seen
    assert after.check() == []


def test_a_tag_or_branch_that_looks_like_main_is_not_read(as_: As, place: Path, git: Git) -> None:
    before = as_(BOB).commit
    first = git(place, "rev-list", "--max-parents=0", "main")
    git(place, "tag", "main", first)
    git(place, "update-ref", "refs/heads/refs/heads/main", first)
    git(place, "update-ref", "refs/main", first)
    after = as_(BOB)
    assert after.commit == before
    assert after.at("main").commit == before
    after.register("fraud", "s3://acme/fraud/4")
    assert git(place, "rev-parse", "refs/tags/main") == first
    assert git(place, "rev-parse", "refs/heads/main") == after.commit


def test_a_head_on_another_branch_changes_no_read(as_: As, place: Path, git: Git) -> None:
    before = as_(BOB).commit
    git(place, "symbolic-ref", "HEAD", "refs/heads/elsewhere")
    assert as_(BOB).commit == before


def plant(git: Git, place: Path, mode: str, oid: str, path: str) -> None:
    """One more entry of the given mode in the tree of `main`, committed by plain git."""
    env = {"GIT_INDEX_FILE": str(place / "plant.index")}
    git(place, "read-tree", "main", env=env)
    git(place, "rm", "-r", "-q", "--cached", "--ignore-unmatch", path, env=env)
    git(place, "update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}", env=env)
    tree = git(place, "write-tree", "--missing-ok", env=env)
    git(place, "update-ref", "refs/heads/main", git(place, "commit-tree", tree, "-p", "main", "-m", "plant"))


ODD = ["120000", "160000", "100755"]


@pytest.mark.parametrize("mode", ODD)
@pytest.mark.parametrize("path", [VERSION, POINTER, "models/fraud/model.yaml", "registry.yaml"])
def test_an_entry_that_is_no_plain_file_is_corrupt_and_check_finds_it(
    as_: As, place: Path, git: Git, mode: str, path: str
) -> None:
    blob = git(place, "rev-parse", f"main:{path}")
    if mode == "120000":
        blob = git(place, "hash-object", "-w", "--stdin", stdin="../../../../../etc/passwd")
    plant(git, place, mode, git(place, "rev-parse", "main") if mode == "160000" else blob, path)
    reads: dict[str, Callable[[], object]] = {
        VERSION: lambda: as_(BOB).version("fraud", 1),
        POINTER: lambda: as_(BOB).resolve("models:/fraud/Production"),
        "models/fraud/model.yaml": lambda: as_(BOB).model("fraud"),
        "registry.yaml": lambda: as_(BOB).policy(),
    }
    wrong = refused(reads[path], Corrupt)
    assert isinstance(wrong, Corrupt)
    assert mode in wrong.message
    assert wrong.path == path
    if path != "registry.yaml":
        assert any(finding.path == path and finding.level == "error" for finding in as_(BOB).check())


def test_a_policy_that_is_no_yaml_stops_everything_until_the_commit_that_is_named_is_taken_back(
    as_: As, place: Path, tmp_path: Path, git: Git
) -> None:
    text = git(place, "show", "main:registry.yaml")
    broken = hand_commit(git, place, "main", {"registry.yaml": f"{text}\nrules: [\n"}, author=DAVE)
    hand_commit(git, place, "main", {"README.md": "Ours\n"}, author=DAVE)
    for act in (
        lambda: as_(BOB).resolve("models:/fraud/1"),
        lambda: as_(BOB).models(),
        lambda: as_(BOB).check(),
        lambda: as_(BOB).register("fraud", "s3://x"),
        lambda: as_(BOB).set_policy(text),
    ):
        wrong = refused(act, Corrupt)
        assert isinstance(wrong, Corrupt)
        assert (wrong.path, wrong.line) == ("registry.yaml", text.count("\n") + 3)
        assert wrong.hint.startswith("Which commit left it so: git log -1 ")
    command = wrong.hint.partition(": git ")[2].partition(";")[0]
    assert git(place, *command.split()).startswith(f"commit {broken}\n")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", place, clone)
    git(clone, "revert", "--no-edit", broken)
    git(clone, "push", "--quiet")
    assert as_(BOB).resolve("models:/fraud/1").version == 1
    assert as_(BOB).check() == []


@pytest.mark.parametrize("mode", ["120000", "160000", "100644"])
@pytest.mark.parametrize("directory", ["models/fraud", "models/fraud/versions", "models"])
def test_a_directory_that_is_none_is_corrupt_and_never_merely_empty(
    as_: As, place: Path, git: Git, mode: str, directory: str
) -> None:
    blob = git(place, "hash-object", "-w", "--stdin", stdin="elsewhere")
    plant(git, place, mode, git(place, "rev-parse", "main") if mode == "160000" else blob, directory)
    registry = as_(BOB)
    refused(lambda: registry.resolve("models:/fraud/1"), Corrupt)
    refused(lambda: registry.resolve("models:/fraud/latest"), Corrupt)
    refused(lambda: registry.register("fraud", "s3://x"), Corrupt)
    assert any(finding.path == directory for finding in registry.check())


@pytest.mark.parametrize("name", [".gitattributes", ".gitmodules", ".mailmap", "models/fraud/.gitattributes"])
def test_a_file_that_changes_how_git_reads_is_found(as_: As, place: Path, git: Git, name: str) -> None:
    hand_commit(git, place, "main", {name: "* text eol=crlf\n"}, author=BOB)
    (finding,) = as_(BOB).check()
    assert (finding.level, finding.path) == ("error", name)
    assert finding.fix


def test_a_mailmap_gives_nobody_another_name(as_: As, place: Path, git: Git) -> None:
    long_history(as_(ALICE))
    mailmap = "Mallory <mallory@evil.example> <alice@acme.io>\n"
    hand_commit(git, place, "main", {".mailmap": mailmap}, author=BOB)
    git(place, "config", "log.mailmap", "true")
    registry = as_(BOB)
    registry.reindex()
    assert {one.user_id for one in registry.activity()} <= {ALICE, BOB}


@pytest.mark.parametrize("path", ["models/fraud/notes.txt", "models/stray.yaml", "deployments/x.yaml", "requests/a/b"])
def test_a_file_that_no_registry_writes_is_found(as_: As, place: Path, git: Git, path: str) -> None:
    hand_commit(git, place, "main", {path: "x\n"}, author=BOB)
    assert [finding.path for finding in as_(BOB).check()] == [path]


def test_a_file_elsewhere_is_the_users_own(as_: As, place: Path, git: Git) -> None:
    hand_commit(git, place, "main", {"README.md": "x\n", "apps/fraud/kustomization.yaml": "x\n"}, author=BOB)
    assert as_(BOB).check() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("fraud", "Fraud"), ("stra\u00dfe", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("\uff21", "a")],
    ids=["case", "sharp s", "composed", "full width"],
)
def test_names_that_are_hardly_told_apart_are_warned_of(as_: As, one: str, other: str) -> None:
    registry = as_(ALICE)
    for name in (one, other):
        registry.register(name, "s3://x")
    warnings = [finding for finding in registry.check() if finding.level == "warning"]
    assert len(warnings) == 1
    assert repr(one) in warnings[0].message
    assert repr(other) in warnings[0].message


def test_a_name_in_a_tree_that_is_no_text_is_corrupt(as_: As, place: Path, git: Git) -> None:
    tree = git(place, "ls-tree", "main:models")
    blob = git(place, "rev-parse", "main:registry.yaml")
    models = _mktree(place, tree, blob)
    root = git(place, "ls-tree", "main").replace(git(place, "rev-parse", "main:models"), models)
    commit = git(place, "commit-tree", git(place, "mktree", stdin=root + "\n"), "-p", "main", "-m", "bad")
    git(place, "update-ref", "refs/heads/main", commit)
    refused(lambda: as_(BOB).versions("fraud") and as_(BOB).resolve("models:/other/1"), Corrupt)
    refused(lambda: as_(BOB).check(), Corrupt)


def _mktree(place: Path, tree: str, blob: str) -> str:
    lines = f"{tree}\n".encode() + b"100644 blob " + blob.encode() + b"\tb\xffd\n"
    done = subprocess.run(["git", "-C", str(place), "mktree"], input=lines, capture_output=True, check=True)
    return done.stdout.decode().strip()


REVISIONS = [
    *(
        "-h",
        "--output=x",
        "--upload-pack=x",
        "HEAD",
        "HEAD~1",
        "main~1",
        "main^",
        "main^{tree}",
        "main@{1}",
        "@",
        "@{-1}",
    ),
    *("@{upstream}", ":/x", ":/Register", ":registry.yaml", "main:registry.yaml", "main..main", "^main", "v1.0"),
    *(
        "refs/tags/v1.0",
        "tags/v1.0",
        "refs/remotes/origin/main",
        "heads/main",
        "main\n",
        "main\0",
        "\nmain",
        "",
        " ",
        "*",
    ),
    *("refs/heads/main~1", "request/fraud/x\n", "request/../../HEAD", "request/fraud/..", "2026-03-01\n", "2026-13-01"),
    *("2026-02-30", "10000-01-01", "2026-3-1", "yesterday", "２０２６-03-01", "2026-03-01T25:00", "abc", "ABCDEF0"),
]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_that_is_neither_date_commit_nor_request_is_refused(
    as_: As, place: Path, git: Git, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(place, "tag", "v1.0", "main")
    git(place, "tag", "abc", "main")
    before = refs(git, place)
    monkeypatch.setenv("PATH", "/nonexistent")  # no git program is asked
    refused(lambda: as_(BOB).at(revision), Invalid, NotFound)
    monkeypatch.undo()
    assert refs(git, place) == before


def test_a_commit_that_is_not_of_the_registry_is_not_shown(as_: As, place: Path, git: Git) -> None:
    tree = git(place, "rev-parse", "main^{tree}")
    stray = git(place, "commit-tree", tree, "-m", "stray")
    for text in (stray, stray[:10], tree, "0" * 40):
        refused(lambda text=text: as_(BOB).at(text), NotFound)  # type: ignore[misc]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
def test_a_repository_of_another_user_tells_how_to_trust_it(as_: As, place: Path, git: Git) -> None:
    as_(ALICE)
    subprocess.run(["chown", "-R", "54321", place], check=True)
    told = refused(lambda: registry_git.open(place, actor=ALICE), Unavailable)
    assert told.hint.endswith(f"git config --global --add safe.directory {place}/") or str(place) in told.hint
    assert "safe.directory" in told.hint
    told = refused(lambda: registry_git.clone(str(place), place.with_name("copy.git"), actor=ALICE), Unavailable)
    assert "dubious ownership" in told.message
    git(place.parent, "config", "--global", "--add", "safe.directory", str(place))
    assert registry_git.open(place, actor=ALICE).resolve("models:/fraud/1").version == 1


@pytest.mark.parametrize("seconds", [253402300800, 2**40, 2**62, 2**63 - 1])
def test_a_commit_from_after_the_year_9999_is_read_and_built_upon(as_: As, place: Path, git: Git, seconds: int) -> None:
    as_(ALICE)
    head = git(place, "cat-file", "commit", "main").partition("\n\n")[0].split("\n")
    lines = [f"tree {git(place, 'rev-parse', 'main^{tree}')}", f"parent {git(place, 'rev-parse', 'main')}"]
    lines += [f"{who} Bob <bob@acme.io> {seconds} +0000" for who in ("author", "committer")]
    assert head
    text = "\n".join(lines) + "\n\nfrom the future\n"
    commit = git(place, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text)
    git(place, "update-ref", "refs/heads/main", commit)
    registry = as_(BOB)
    registry.register("fraud", "s3://acme/fraud/4")
    assert registry.versions("fraud")[0].version == 4
    assert all(one.creation_timestamp <= 253402300799999 for one in registry.activity())
    registry.reindex()
    long_history(registry)
    registry.reindex()
    assert registry.check() == []
    assert registry.at("2999-01-01").models()
