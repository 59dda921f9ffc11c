"""What a remote says when it does not take a push, in the words of git and of forges: another was first, or refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import PermissionDenied, RegistryError, Unavailable
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, healthy

# git hands a push to this hook, which answers for each reference as a forge does: with `ng` and the forge's words.
HOOK = """\
#!{python}
import pathlib, subprocess, sys

def read():
    lines = []
    while size := int(sys.stdin.buffer.read(4), 16):
        lines.append(sys.stdin.buffer.read(size - 4).decode().rstrip("\\n"))
    return lines

def write(*lines):
    for line in lines:
        sys.stdout.buffer.write(b"%04x" % (len(line.encode()) + 4) + line.encode())
    sys.stdout.buffer.write(b"0000")
    sys.stdout.buffer.flush()

read()
write("version=1\\0atomic")
moves = [line.split(" ") for line in read()]
answer, rival = pathlib.Path("answer"), pathlib.Path("rival")
if answer.exists():
    words = answer.read_text()
    print("error: in the forge's own words", file=sys.stderr)
    if rival.exists():
        subprocess.run(["git", "update-ref", "refs/heads/main", rival.read_text()], check=True)
        answer.unlink()
    write(*(f"ng {{name}} {{words}}" for _, _, name in moves))
else:
    for old, new, name in moves:
        subprocess.run(["git", "update-ref", name, new, old], check=True)
    write(*(f"ok {{name}}" for _, _, name in moves))
"""


@pytest.fixture
def remote(tmp_path: Path, git: Git) -> Path:
    """A bare registry whose pushes the hook answers."""
    place = tmp_path / "models.git"
    registry_git.init(place, actor=ALICE, durable=False)
    git(place, "config", "receive.procReceiveRefs", "refs")
    hook = place / "hooks" / "proc-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(python=sys.executable))
    hook.chmod(0o755)
    return place


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Registry:
    return registry_git.clone(str(remote), tmp_path / "clone.git", actor=ALICE)


def of_a_rival(remote: Path, tmp_path: Path, git: Git) -> str:
    """The commit of Bob's with which he would be first, in the remote already and on none of its branches."""
    elsewhere = tmp_path / "elsewhere.git"
    git(tmp_path, "clone", "--quiet", "--bare", remote, elsewhere)
    git(elsewhere, "remote", "remove", "origin")
    registry_git.open(elsewhere, actor=BOB, durable=False).register("fraud", "s3://by-bob")
    git(remote, "fetch", "--quiet", elsewhere, "main")
    return git(elsewhere, "rev-parse", "main")


@pytest.mark.parametrize(
    "words",
    [
        "non-fast-forward",
        "fetch first",
        "cannot lock ref 'refs/heads/main': is at 1f3b but expected 8c2d",
        "incorrect old value provided",
        "stale info",
        "failed to update ref",
        "reference already exists",
        "remote ref updated since checkout",
        "failed to lock",
    ],
)
def test_who_is_told_that_another_was_first_decides_again(
    remote: Path, clone: Registry, tmp_path: Path, git: Git, words: str
) -> None:
    (remote / "rival").write_text(of_a_rival(remote, tmp_path, git))
    (remote / "answer").write_text(words)
    assert clone.register("fraud", "s3://by-alice").version == 2
    assert not (remote / "answer").exists()
    healthy(git, remote, registry_git.open(remote, actor=ALICE))


@pytest.mark.parametrize(
    "words",
    [
        "push declined due to repository rule violations",  # a ruleset of GitHub
        "protected branch hook declined",  # a branch protection of GitHub
        "pre-receive hook declined",  # GitLab, Gitea, Bitbucket
        "hook declined",  # Pagure
    ],
)
def test_what_a_protection_refuses_is_told_in_its_words_and_leaves_nothing(
    remote: Path, clone: Registry, git: Git, words: str
) -> None:
    before = git(remote, "rev-parse", "main")
    (remote / "answer").write_text(words)
    with pytest.raises(PermissionDenied, match="in the forge's own words") as caught:
        clone.register("fraud", "s3://by-alice")
    assert "with a request" in caught.value.hint
    assert git(remote, "rev-parse", "main") == before
    assert clone.models() == []


def test_another_reason_is_told_and_no_riddle(remote: Path, clone: Registry) -> None:
    (remote / "answer").write_text("the disk is full")
    with pytest.raises(Unavailable, match=r"models\.git did not take the push: the disk is full\."):
        clone.register("fraud", "s3://by-alice")


def test_a_remote_with_main_in_its_work_tree_says_what_to_set_there(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models"
    registry_git.init(place, bare=False, actor=ALICE, durable=False)
    clone = registry_git.clone(str(place), tmp_path / "clone.git", actor=ALICE)
    with pytest.raises(RegistryError, match="has a work tree with main in it") as caught:
        clone.register("fraud", "s3://by-alice")
    assert isinstance(caught.value, Unavailable)
    git(place, *caught.value.hint.partition("git ")[2].split())
    assert clone.register("fraud", "s3://by-alice").version == 1
    assert git(place, "status", "--porcelain") == ""
    edited = place / "models" / "fraud" / "versions" / "1.yaml"
    edited.write_text("kind: Mine\n")
    with pytest.raises(Unavailable, match="did not take the push: Working directory has unstaged changes"):
        clone.register("fraud", "s3://by-alice")
    assert edited.read_text() == "kind: Mine\n"
