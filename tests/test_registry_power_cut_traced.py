"""A power cut at any moment of real writers' work, on a disk that promises what POSIX does and no more."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_git
from registry_git.gitstore import journal, journal_state, journaling
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.power_cut_disk import STRACE, Disk
from tests.registry_scene import ALICE, LEADS
from tests.registry_writers import PROJECT

_OTHER_BOOT = b"after the start."
_CUTS = 40


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    found = shutil.which("strace")
    if not found or subprocess.run([found, "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("DID NOT RUN: this needs strace, and leave to trace")
    registry = registry_git.init(tmp_path / "models.git", protect=["Production"], roles=LEADS, actor=ALICE)
    registry.register("fraud", "s3://acme/fraud/1")
    yield tmp_path / "models.git"
    journal_state.boot_id.cache_clear()


def written(place: Path, processes: int, seed: int) -> tuple[list[str], Disk]:
    """What the kernel was asked to do by writers, and the disk before that."""
    before, acks, trace = (place.parent / name for name in ("before.git", "acks", "trace"))
    shutil.copytree(place, before)
    acks.touch()
    work = [sys.executable, "-m", "tests.power_cut_writers", os.fspath(place), os.fspath(acks), str(processes)]
    subprocess.run([*STRACE, "-o", trace, *work, "4", str(seed)], cwd=PROJECT, check=True, timeout=240)
    return trace.read_text().splitlines(), Disk(place, before, acks)


def assert_there(registry: Registry, git: Git, place: Path, acknowledged: list[str]) -> None:
    """Asserts that all that was acknowledged is there."""
    model = registry.model("fraud")
    versions = {version.version: version for version in registry.versions("fraud")}
    commits = set(git(place, "rev-list", "main").split())
    for kind, one, *more in map(json.loads, acknowledged):
        if kind == "version":
            assert versions[one].source == more[0]
            assert more[1] in commits
        elif kind == "tag":
            assert one in model.tags
        elif kind == "version tag":
            assert more[0] in versions[one].tags
        elif kind == "alias":
            assert model.aliases[one] == more[0]
        else:
            assert kind in ("request", "decided")
            state = str(registry.request(one).state)
            assert kind == "request" or more == ["open"] or more == [state]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [1, 3])
def test_a_power_cut_at_any_moment_takes_nothing_that_was_acknowledged(
    place: Path, git: Git, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    dice = random.Random(seed)
    lines, disk = written(place, processes, seed)
    for module in (journal, journal_state):
        monkeypatch.setattr(module, "boot_id", lambda: _OTHER_BOOT)
    monkeypatch.setattr(journaling, "settle_soon", lambda git_dir: None)
    taken = 0
    for point in sorted(dice.sample(range(len(lines)), _CUTS)):
        for line in lines[taken:point]:
            disk.take(line)
        taken = point
        cut = place.parent / "cut.git"
        disk.leave(cut, dice)
        print(f"cut before line {point + 1} of the trace, after {len(disk.acknowledged)} acknowledgements")
        registry = registry_git.open(cut, actor=ALICE)
        assert_there(registry, git, cut, disk.acknowledged)
        assert git(cut, "fsck", "--full", "--strict", "--no-dangling", "--no-progress") == ""
        assert registry.check() == []
        for number in range(3):
            registry.register("fraud", f"s3://acme/after/{number}")
        shutil.rmtree(cut)
    for line in lines[taken:]:
        disk.take(line)
    assert disk.acknowledged
    # and the simulator has missed nothing
    assert disk.read() == {
        os.fspath(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()
    }
