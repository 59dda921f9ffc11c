"""Remotes that would run a program, hold no registry, or had their history rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Corrupt, Invalid, NotFound, Unavailable
from registry_git.gitstore.porcelain import without_password
from tests.conftest import Git
from tests.refusal_scene import filled_registry, refused
from tests.registry_scene import ALICE, BOB, As, refs


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def as_(place: Path) -> As:
    return filled_registry(place)


REMOTES = [
    "ext::sh -c 'touch MARK'",
    "ext::touch MARK",
    "EXT::touch% MARK",
    "fd::17",
    "testgit::x",
    "--upload-pack=touch MARK",
    "--upload-pack=touch${IFS}MARK;",
    "-u touch MARK",
    "-oProxyCommand=touch MARK",
    "-oProxyCommand=touch MARK:x",
    "ssh://-oProxyCommand=touch MARK/x",
    "ssh://-oProxyCommand=touch%20MARK/x",
    "ssh://%2doProxyCommand=touch MARK/x",
    "ssh://alice@-oProxyCommand=touch MARK/x",
    "alice@-oProxyCommand=touch:x",
    "https://acme.io/x\n--upload-pack=touch MARK",
    "ssh://acme.io/x\0y",
    "ssh://acme.io/\rx",
    "acme.io:x\nProxyCommand touch MARK",
    "gopher://acme.io/x",
    "javascript://x",
    "",
]


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which `git`, `ssh` and `sh` leave a mark when they run, and the mark."""
    mark, programs = tmp_path / "ran", tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "ssh", "sh", "env", "touch"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} >> {mark}\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return mark


@pytest.mark.parametrize("url", REMOTES)
def test_a_remote_that_would_run_a_program_is_refused_before_git_runs(
    url: str, tmp_path: Path, no_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = url.replace("MARK", str(no_programs))
    refused(lambda: registry_git.clone(text, tmp_path / "copy.git", actor=ALICE), Invalid)
    if text:
        refused(lambda: registry_git.open(text, actor=ALICE), Invalid, NotFound)
    assert not no_programs.exists()
    assert not (tmp_path / "copy.git").exists()


def test_the_mark_shows_a_program_that_runs(tmp_path: Path, no_programs: Path) -> None:
    with pytest.raises(Unavailable):
        registry_git.clone("ssh://acme.io/x", tmp_path / "copy.git", actor=ALICE)
    assert no_programs.exists()


def test_a_remote_that_the_configuration_rewrites_to_a_program_runs_none(tmp_path: Path, home: Path, git: Git) -> None:
    mark = tmp_path / "ran"
    git(tmp_path, "config", "--global", f"url.ext::touch {mark} .insteadOf", "https://acme.io/")
    git(tmp_path, "config", "--global", "protocol.ext.allow", "always")
    with pytest.raises(Unavailable):
        registry_git.clone("https://acme.io/x", tmp_path / "copy.git", actor=ALICE)
    assert not mark.exists()
    assert not (tmp_path / "copy.git").exists()


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_what_holds_no_registry_is_not_cloned(tmp_path: Path, git: Git, bare: bool, there: bool) -> None:
    git(tmp_path, "init", "-q", "--bare", "empty.git")
    git(tmp_path, "init", "-q", "code")
    git(tmp_path / "code", "commit", "-q", "--allow-empty", "-m", "x")
    target = tmp_path / "copy"
    if there:
        target.mkdir()
    for source, words in (("empty.git", "no branch main"), ("code", "no registry.yaml")):
        wrong = refused(
            lambda s=source: registry_git.clone(str(tmp_path / s), target, bare=bare, actor=ALICE), NotFound
        )  # type: ignore[misc]
        assert words in wrong.message
        assert target.exists() == there
        assert not there or not any(target.iterdir())
    with pytest.raises(Unavailable):
        registry_git.clone(str(tmp_path / "nothing"), target, bare=bare, actor=ALICE)
    assert target.exists() == there


def test_a_clone_does_not_go_where_something_is(as_: As, place: Path, tmp_path: Path) -> None:
    as_(ALICE)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for target in ("full", "file"):
        refused(lambda t=target: registry_git.clone(str(place), tmp_path / t, actor=ALICE), registry_git.AlreadyExists)  # type: ignore[misc]
    assert (tmp_path / "full" / "file").read_text() == (tmp_path / "file").read_text() == "mine"


def rewound(git: Git, place: Path) -> str:
    """Another history of `main` at the remote: its last two commits replaced by another one."""
    tree = git(place, "rev-parse", "main~2^{tree}")
    other = git(place, "commit-tree", tree, "-p", "main~2", "-m", "another history")
    git(place, "update-ref", "refs/heads/main", other)
    return other


@pytest.mark.parametrize("how", ["ours", "ours bare", "plain git"])
def test_a_rewritten_remote_is_an_alarm_and_nothing_moves(
    as_: As, place: Path, tmp_path: Path, git: Git, how: str
) -> None:
    copy = tmp_path / ("copy.git" if "bare" in how else "copy")
    if how == "plain git":
        git(tmp_path, "clone", "-q", str(place), str(copy))
    else:
        registry_git.clone(str(place), copy, actor=ALICE)
    as_(ALICE).request_stage("fraud", 3, "Staging")
    before = refs(git, copy)
    other = rewound(git, place)
    registry = registry_git.open(copy, actor=ALICE)
    there = refs(git, place)
    for action in (
        registry.sync,
        lambda: registry.register("fraud", "s3://acme/fraud/4"),
        lambda: registry.request_stage("fraud", 1, "Staging"),
    ):
        alarm = refused(action, Corrupt)
        assert "rewritten" in alarm.message
        assert refs(git, copy) == before
        assert refs(git, place) == there
    assert registry.resolve("models:/fraud/Production").version == 2
    if how != "plain git":
        git(copy, "fetch", "-q", check=False)
        assert git(copy, "rev-parse", "refs/remotes/origin/main") != other


@pytest.mark.parametrize("written", ["by us", "by others"])
def test_a_rewritten_remote_is_an_alarm_even_after_plain_git_has_followed_it(
    as_: As, place: Path, tmp_path: Path, git: Git, written: str
) -> None:
    git(tmp_path, "clone", "-q", str(place), "copy")
    copy = registry_git.open(tmp_path / "copy", actor=ALICE)
    writer = copy if written == "by us" else as_(BOB)
    writer.register("fraud", "s3://acme/fraud/4")
    copy.sync()
    seen = git(tmp_path / "copy", "rev-parse", "main")
    other = rewound(git, place)
    git(tmp_path / "copy", "fetch", "-q", "origin")
    assert git(tmp_path / "copy", "rev-parse", "refs/remotes/origin/main") == other
    before = refs(git, tmp_path / "copy")
    for action in (copy.sync, lambda: copy.register("fraud", "s3://acme/fraud/5")):
        alarm = refused(action, Corrupt)
        assert "rewritten" in alarm.message
        kept = alarm.hint.rpartition(" ")[2].rstrip(".")
        assert git(tmp_path / "copy", "rev-parse", kept) == seen
        assert refs(git, tmp_path / "copy") == before
        assert git(place, "rev-parse", "main") == other


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://alice:t0ken@git.acme.io/models.git", "https://git.acme.io/models.git"),
        ("https://t0ken@git.acme.io:8443/models.git", "https://git.acme.io:8443/models.git"),
        ("http://a@b:t0ken@git.acme.io", "http://git.acme.io"),
        ("ssh://git:t0ken@git.acme.io/models.git", "ssh://git@git.acme.io/models.git"),
        ("git@git.acme.io:ml/models.git", "git@git.acme.io:ml/models.git"),
        ("https://git.acme.io/a@b/models.git", "https://git.acme.io/a@b/models.git"),
        ("/srv/a:b@c/models.git", "/srv/a:b@c/models.git"),
    ],
)
def test_an_address_is_shown_without_its_password_or_token(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_remote_whose_main_is_gone_is_an_alarm(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    as_(ALICE)
    registry = registry_git.clone(str(place), tmp_path / "copy.git", actor=ALICE)
    before = refs(git, tmp_path / "copy.git")
    git(place, "update-ref", "-d", "refs/heads/main")
    assert "gone" in refused(registry.sync, Corrupt).message
    assert refs(git, tmp_path / "copy.git") == before
