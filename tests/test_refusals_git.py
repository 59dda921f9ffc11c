"""What git allows and a registry refuses: foreign entries, revisions, remotes, configuration, damaged objects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Corrupt, Invalid, NotFound, RegistryError, Unavailable
from registry_git.registry.facade import Registry
from registry_git.registry.registering import Registration
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, As, hand_commit, new_registry, refs

VERSION = "models/fraud/versions/1.yaml"
POINTER = "models/fraud/stages/Production/pointer.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def as_(place: Path) -> As:
    """A registry with three versions of `fraud`, one in Production, one the champion."""
    opened = new_registry(place, versions=3)
    registry = opened(ALICE)
    registry.transition("fraud", 2, "Production")
    registry.set_alias("fraud", "champion", 1)
    return opened


def long_history(registry: Registry, commits: int = 70) -> None:
    """Commits enough that a fresh index streams them from `git log`."""
    one = Registration(name="credit", source="s3://credit", read=False)
    registry.register_many([one] * commits)


def refused(action: Callable[[], object], *errors: type[RegistryError]) -> RegistryError:
    with pytest.raises(errors) as caught:
        action()
    assert caught.value.hint
    return caught.value


# -------------------------------------------------------------------------------------- what changes what reads return


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


# --------------------------------------------------------------------------------------------------- foreign entries


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


# ---------------------------------------------------------------------------------------------------------- revisions

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


# ------------------------------------------------------------------------------------------------------------ remotes

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


# ------------------------------------------------------------------------------------------------- a rewritten remote


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


def test_a_remote_whose_main_is_gone_is_an_alarm(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    as_(ALICE)
    registry = registry_git.clone(str(place), tmp_path / "copy.git", actor=ALICE)
    before = refs(git, tmp_path / "copy.git")
    git(place, "update-ref", "-d", "refs/heads/main")
    assert "gone" in refused(registry.sync, Corrupt).message
    assert refs(git, tmp_path / "copy.git") == before


# ------------------------------------------------------------------------------ environment and configuration of others

CHILD = """
import json, sys
import registry_git
place, remote, copy = sys.argv[1:]
said = []
for registry in (registry_git.open(place, actor="Bob <bob@acme.io>"), registry_git.open(actor="Bob <bob@acme.io>")):
    registry.reindex()
    said.append([registry.commit, len(registry.activity()), registry.resolve("models:/fraud/1").source])
registry.register("fraud", "s3://acme/fraud/new")
request = registry.request_stage("fraud", 3, "Staging")
registry.approve(request.id)
said.append([registry.commit, len(registry.check())])
clone = registry_git.clone(remote, copy, actor="Bob <bob@acme.io>")
clone.register("fraud", "s3://acme/fraud/pushed")
clone.sync()
said.append(clone.commit)
print(json.dumps(said))
"""


def test_inherited_git_variables_redirect_nothing(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    long_history(as_(ALICE))
    remote = tmp_path / "remote.git"
    new_registry(remote, versions=1)
    decoy = tmp_path / "decoy.git"
    new_registry(decoy, versions=1)
    main, pushed = git(place, "rev-parse", "main"), git(remote, "rev-parse", "main")
    activities = len(as_(BOB).activity())
    (decoy / "hooks").mkdir(exist_ok=True)
    env = {
        "GIT_DIR": str(decoy),
        "GIT_WORK_TREE": str(tmp_path / "elsewhere"),
        "GIT_COMMON_DIR": str(decoy),
        "GIT_INDEX_FILE": str(tmp_path / "other.index"),
        "GIT_OBJECT_DIRECTORY": str(decoy / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(decoy / "objects"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_REPLACE_REF_BASE": "refs/heads/",
        "GIT_GRAFT_FILE": str(tmp_path / "grafts"),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "remote.origin.url",
        "GIT_CONFIG_VALUE_0": str(decoy),
        "GIT_CONFIG_KEY_1": "url." + str(decoy) + ".insteadOf",
        "GIT_CONFIG_VALUE_1": str(remote),
        "GIT_CONFIG_PARAMETERS": f"'remote.origin.url'='{decoy}'",
        "GIT_EXTERNAL_DIFF": f"touch {tmp_path / 'ran'}",
        "GIT_PAGER": f"touch {tmp_path / 'ran'}",
        "GIT_EDITOR": f"touch {tmp_path / 'ran'}",
        "GIT_AUTHOR_NAME": "Mallory",
        "GIT_AUTHOR_EMAIL": "mallory@evil.example",
        "GIT_QUARANTINE_PATH": str(tmp_path / "quarantine"),
    }
    (tmp_path / "grafts").write_text(f"{main}\n")
    kept = refs(git, decoy), sorted(path.name for path in (decoy / "objects").rglob("*") if path.is_file())
    done = subprocess.run(
        [sys.executable, "-c", CHILD, place, remote, tmp_path / "copy.git"],
        env={**os.environ, **env},
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second, written, sent = json.loads(done.stdout)
    assert first == second == [main, activities, "s3://acme/fraud/1"]
    assert written == [git(place, "rev-parse", "main"), 0]
    assert git(place, "rev-list", "--count", f"{main}..main") == "4"
    assert sent == git(remote, "rev-parse", "main") != pushed
    assert set(git(place, "log", "-1", "--format=%ae").split()) == {"bob@acme.io"}
    assert kept == (refs(git, decoy), sorted(p.name for p in (decoy / "objects").rglob("*") if p.is_file()))
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "other.index").exists()


HOOKS = [
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-auto-gc"),
    *("post-rewrite", "reference-transaction", "push-to-checkout", "post-index-change", "fsmonitor-watchman"),
]


def trap(git: Git, repository: Path, tmp_path: Path) -> Path:
    """Sets everything in a repository's configuration that names a program to one that leaves the mark."""
    mark, program = tmp_path / "ran", tmp_path / "trap"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {mark}\nexit 1\n')
    program.chmod(0o755)
    hooks = tmp_path / "trapped-hooks"
    hooks.mkdir()
    for name in HOOKS:
        (hooks / name).write_text(program.read_text())
        (hooks / name).chmod(0o755)
    for key in (
        *("core.fsmonitor", "core.pager", "core.editor", "sequence.editor", "gpg.program", "gpg.ssh.program"),
        *("gpg.openpgp.program", "diff.external", "core.askPass", "merge.trap.driver", "filter.trap.clean"),
        *("filter.trap.smudge", "filter.trap.process", "diff.trap.textconv", "diff.trap.command", "gpg.x509.program"),
        *("gpg.ssh.defaultKeyCommand", "trailer.trap.cmd"),
    ):
        git(repository, "config", key, str(program))
    git(repository, "config", "core.hooksPath", str(hooks))
    return mark


def test_the_trap_catches_plain_git(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    as_(ALICE)
    mark = trap(git, place, tmp_path)
    git(place, "update-ref", "refs/heads/other", "main", check=False)
    assert "reference-transaction" in mark.read_text()


@pytest.mark.parametrize("bare", [True, False])
def test_a_program_in_the_repositorys_configuration_is_never_run(tmp_path: Path, git: Git, bare: bool) -> None:
    place = tmp_path / ("acme.git" if bare else "acme")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    public = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    as_ = new_registry(
        place,
        versions=2,
        rules=f"rules:\n  - {{on: stage, to: [Production], approvals: 1, four_eyes: true, signed: true}}\n"
        f"keys:\n  bob@acme.io: ['{public}']\n",
    )
    git(place, "config", "gpg.format", "ssh")
    git(place, "config", "user.signingkey", str(tmp_path / "key"))
    mark = trap(git, place, tmp_path)
    registry = as_(BOB)
    long_history(registry)
    registry.reindex()
    registry.activity()
    assert registry.check() == []
    registry.doctor(fix=True)
    request = as_(ALICE).request_stage("fraud", 2, "Production")
    assert registry.approve(request.id).state == "approved"
    registry.request_diff(request.id)
    registry.set_alias("fraud", "champion", 1)
    assert not mark.exists(), mark.read_text()


def test_a_program_in_a_clones_configuration_is_never_run(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    as_(ALICE)
    copy = tmp_path / "copy"
    registry_git.clone(str(place), copy, actor=ALICE)
    mark = trap(git, copy, tmp_path)
    registry = registry_git.open(copy, actor=ALICE)
    registry.sync()
    registry.register("fraud", "s3://acme/fraud/4")
    registry.request_stage("fraud", 1, "Staging")
    as_(BOB).register("fraud", "s3://acme/fraud/5")
    registry.sync()
    assert registry.resolve("models:/fraud/latest").version == 5
    assert not mark.exists(), mark.read_text()


def test_the_hooks_of_the_remote_still_run(as_: As, place: Path, tmp_path: Path, git: Git) -> None:
    as_(ALICE)
    registry = registry_git.clone(str(place), tmp_path / "copy", actor=ALICE)
    hook = place / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'only by request' >&2\nexit 1\n")
    hook.chmod(0o755)
    before = refs(git, tmp_path / "copy")
    told = refused(lambda: registry.register("fraud", "s3://x"), registry_git.PermissionDenied)
    assert "only by request" in told.message
    assert refs(git, tmp_path / "copy") == before


# ---------------------------------------------------------------------------------------------------- damaged objects


def damage(git: Git, place: Path, revision: str, how: str) -> None:
    """Removes or spoils the loose object that a revision names."""
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


# -------------------------------------------------------------------------------------------------- who owns it; dates


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
