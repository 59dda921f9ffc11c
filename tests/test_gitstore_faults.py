"""Disks that fail, fill up or are read-only: a clear refusal, nothing left behind, and the next write works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.errors import Unavailable
from registry_git.gitstore.objects import Staging, write_loose
from tests.conftest import Git
from tests.gitstore_commits import PROJECT


@pytest.fixture
def bare(tmp_path: Path, git: Git) -> Path:
    git(tmp_path, "init", "-q", "--bare", "registry.git")
    return tmp_path / "registry.git"


def one_blob() -> Staging:
    staging = Staging()
    staging.blob(b"x")
    return staging


FAULT = """
import errno, json, os, sys
from pathlib import Path
from registry_git.core.errors import Unavailable
from registry_git.gitstore.objects import Staging, write_loose
objects, allowed = Path(sys.argv[1]), int(sys.argv[2])
real, calls = os.fsync, 0
def fsync(fd):
    global calls
    calls += 1
    if calls > allowed:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    real(fd)
os.fsync = fsync
staging = Staging()
ids = [staging.blob(b"a"), staging.blob(b"b")]
try:
    write_loose(objects, staging)
    print(json.dumps({"said": "", "calls": calls, "ids": ids}))
except Unavailable as problem:
    os.fsync = real
    left = [str(path) for path in objects.rglob("tmp_*")]
    write_loose(objects, staging)
    print(json.dumps({"said": str(problem), "left": left, "ids": ids}))
"""


def child(script: str, *arguments: object, before: tuple[str, ...] = ()) -> dict[str, Any]:
    done = subprocess.run(
        [*before, sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_input_output_error_at_any_flush_fails_the_write_and_the_next_one_works(bare: Path, git: Git) -> None:
    needed = child(FAULT, bare / "objects", 100)["calls"]
    assert needed == 5  # two files, two directories, and objects/
    for allowed in range(needed):
        for folder in (bare / "objects").glob("??"):
            shutil.rmtree(folder)
        answer = child(FAULT, bare / "objects", allowed)
        assert "input/output error" in answer["said"]
        assert answer["left"] == []
        assert [git(bare, "cat-file", "-p", oid) for oid in answer["ids"]] == ["a", "b"]


LIMIT = """
import json, resource, sys, os
from pathlib import Path
from registry_git.core.errors import Unavailable
from registry_git.gitstore.objects import Staging, write_loose
objects = Path(sys.argv[1])
staging = Staging()
small, large = staging.blob(b"a"), staging.blob(os.urandom(100_000))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    write_loose(objects, staging)
    said = ""
except Unavailable as problem:
    said = str(problem)
left = [str(path) for path in objects.rglob("tmp_*")]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
write_loose(objects, staging)
print(json.dumps({"said": said, "left": left, "large": large}))
"""


def test_a_file_over_the_limit_of_the_process_is_refused_and_leaves_nothing(bare: Path, git: Git) -> None:
    answer = child(LIMIT, bare / "objects")
    assert "ulimit" in answer["said"]
    assert answer["left"] == []
    assert git(bare, "cat-file", "-s", answer["large"]) == "100000"


SMALL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
from registry_git.core.errors import Unavailable
from registry_git.core.names import Actor
from registry_git.gitstore.objects import Staging, write_loose
from registry_git.gitstore.pack import write_pack
from registry_git.gitstore.refs import move_ref, read_ref
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "registry", disk], check=True)
subprocess.run(["git", "init", "-q", "--bare", disk / "r.git"], check=True)
git_dir, objects, main, bob = disk / "r.git", disk / "r.git" / "objects", "refs/heads/main", Actor.parse("B <b@x.io>")
said = {}

def staged(text, parents):
    staging = Staging()
    blob = staging.blob(text)
    tree = staging.tree(b"100644 a\\0" + bytes.fromhex(blob))
    return staging, staging.commit(tree=tree, parents=parents, author=bob, committer=bob, at_seconds=1, message="m")

def attempt(name, act):
    try:
        act()
        said[name] = ""
    except Unavailable as problem:
        said[name] = str(problem)

def state():
    left = [str(path) for path in git_dir.rglob("tmp_*")] + [str(path) for path in git_dir.rglob("*.lock")]
    return [path for path in left if not path.endswith("writer.lock")], read_ref(git_dir, main)

first, one = staged(b"first", [])
write_loose(objects, first)
move_ref(git_dir, main, old=None, new=one)
second, two = staged(os.urandom(20_000), [one])
with open(disk / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
attempt("full loose", lambda: write_loose(objects, second))
attempt("full pack", lambda: write_pack(objects, second))
attempt("full ref", lambda: move_ref(git_dir, main, old=one, new=one))
full = state()
os.unlink(disk / "filler")
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
attempt("read-only loose", lambda: write_loose(objects, second))
attempt("read-only pack", lambda: write_pack(objects, second))
attempt("read-only ref", lambda: move_ref(git_dir, main, old=one, new=two))
read_only = state()
subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
write_loose(objects, second)
move_ref(git_dir, main, old=one, new=two)
fsck = subprocess.run(["git", "-C", git_dir, "fsck", "--strict", "--full"], capture_output=True, text=True, check=True)
print(json.dumps({"said": said, "full": full, "read-only": read_only, "one": one, "fsck": fsck.stdout}))
"""


def test_a_full_and_a_read_only_disk_are_said_so_and_reads_and_the_next_write_work(tmp_path: Path) -> None:
    namespace = ("unshare", "--map-root-user", "--mount") if os.geteuid() else ("unshare", "--mount")
    probe = ["sh", "-c", 'mount -t tmpfs probe "$0"', str(tmp_path)]
    if subprocess.run([*namespace, *probe], capture_output=True).returncode:
        pytest.skip("NOT TESTED HERE: a full and a read-only disk; this machine lets nobody mount a tmpfs")
    answer = child(SMALL_DISK, tmp_path, before=namespace)
    for name, text in answer["said"].items():
        expected = "the disk is full" if name.startswith("full") else "the file system is read-only"
        assert expected in text, name
    assert answer["full"] == [[], answer["one"]]
    assert answer["read-only"] == [[], answer["one"]]
    assert answer["fsck"] == ""


def test_a_directory_that_nobody_may_write_is_said_so(as_nobody: Path) -> None:
    objects = as_nobody / "objects"
    objects.mkdir(mode=0o555)
    with pytest.raises(Unavailable, match="may not write"):
        write_loose(objects, one_blob())


def test_a_repository_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="gone"):
        write_loose(tmp_path / "nowhere", one_blob())
