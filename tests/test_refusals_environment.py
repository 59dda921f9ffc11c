"""Other people's environment and configuration send no read or write elsewhere, and run nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import registry_git
from tests.conftest import Git
from tests.refusal_scene import filled_registry, long_history, refused
from tests.registry_scene import ALICE, BOB, As, new_registry, refs


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def as_(place: Path) -> As:
    return filled_registry(place)


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
