"""What the tests of the gate share: a registry that guards itself, clones of it by plain git, and pushes to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import registry_git
from registry_git.registry.facade import Registry
from tests.cli_program import run
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, CAROL, DAVE, LEADS, hand_commit, person

__all__ = ["ALICE", "BOB", "CAROL", "DAVE", "Answer", "Yard", "make_guarded"]

PASSWORD = "s3cr3t"
VERSION = "models/fraud/versions/{}.yaml"
RECORD = "models/fraud/requests/{}.yaml"
POINTER = "models/fraud/stages/{}/pointer.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a push ended, and what the pusher was told."""

    code: int
    said: str

    def refused(self, *words: str) -> None:
        """Asserts that the hook refused, in words that hold `words`, with a hint and without a traceback."""
        assert self.code != 0, self.said
        assert "pre-receive hook declined" in self.said, self.said
        for word in words:
            assert word in self.said, self.said
        assert "remote: hint: " in self.said, self.said
        assert "Traceback" not in self.said

    def taken(self) -> None:
        """Asserts that the push went in."""
        assert self.code == 0, self.said


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """The guarded registry `bare`, and room for clones beside it.

    `web` is where it is served over HTTP, as `host/path`; empty: pushes go over a path.
    """

    bare: Path
    git: Git
    web: str = ""

    def as_(self, actor: str) -> Registry:
        """The registry through a clone of the actor's own, by our client."""
        place = self.bare.parent / f"client-{actor.split()[0].lower()}.git"
        if place.exists():
            return registry_git.open(place, actor=actor, durable=False)
        return registry_git.clone(str(self.bare), place, actor=actor)

    def clone(self, actor: str) -> Path:
        """A bare clone by plain git that shows every branch as its own, as it is now."""
        place = self.bare.parent / f"plain-{actor.split()[0].lower()}.git"
        if not place.exists():
            self.git(self.bare.parent, "clone", "--quiet", "--bare", self.bare, place)
        # git would collect garbage after it, in the background, and take directories away in which others write
        self.git(place, "-c", "gc.auto=0", "fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/heads/*")
        return place

    def push(self, clone: Path, *specs: str, actor: str, url: str = "", force: bool = False) -> Answer:
        """A push by plain git as `actor`; over `url` where one is given.

        Over HTTP it is the user's name that says who pushes, and Mallory's environment that claims another.
        """
        before = self.refs()
        if self.web and not url:
            name = actor.split()[0].lower()
            url, actor = f"http://{name}:{PASSWORD}@{self.web}", "Mallory <mallory@acme.io>"
        done = subprocess.run(
            ["git", "push", *(["--force"] if force else []), "--atomic", url or str(self.bare), *specs],
            cwd=clone,
            env={**os.environ, "REGISTRY_GIT_ACTOR": actor},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            assert self.refs() == before
        return Answer(code=done.returncode, said=done.stderr)

    def refs(self) -> str:
        """Every reference of the registry and what it holds."""
        return self.git(self.bare, "for-each-ref", "--format=%(refname) %(objectname)")

    def hand(self, actor: str, files: Mapping[str, str | None], *, branch: str = "main", author: str = "") -> Path:
        """A clone of the actor's with a commit by plain git on a branch."""
        clone = self.clone(actor)
        hand_commit(self.git, clone, branch, files, author=author or actor)
        return clone

    def files(self, revision: str = "main") -> list[str]:
        """The path of every file at a revision."""
        return self.git(self.bare, "ls-tree", "-r", "--name-only", revision).split()

    def text(self, path: str, revision: str = "main") -> str:
        """A file of the registry, with its closing newline."""
        return self.git(self.bare, "show", f"{revision}:{path}") + "\n"

    def ask(self, version: int = 2, stage: str = "Production", actor: str = ALICE, model: str = "fraud") -> str:
        """The branch of a new request by our client."""
        return self.as_(actor).request_stage(model, version, stage).branch

    def merge(
        self,
        actor: str,
        branch: str,
        *,
        edit: Mapping[str, str | None] | None = None,
        onto: str = "main",
        message: str = "Merge",
    ) -> Path:
        """A clone of the actor's in which a branch is merged into main as plain git does; `edit` makes it evil."""
        clone = self.clone(actor)
        tree = self.git(clone, "merge-tree", "--write-tree", onto, branch).split()[0]
        return self.merged(actor, clone, tree, [onto, branch], edit, message)

    def merged(
        self,
        actor: str,
        clone: Path,
        tree: str,
        parents: list[str],
        edit: Mapping[str, str | None] | None = None,
        message: str = "Merge",
    ) -> Path:
        """The clone with a merge commit of any tree on main."""
        git = self.git
        env = {**person(actor, "AUTHOR"), **person(actor, "COMMITTER"), "GIT_INDEX_FILE": str(clone / "merge.index")}
        git(clone, "read-tree", tree, env=env)
        for path, text in (edit or {}).items():
            if text is None:
                git(clone, "update-index", "--index-info", stdin=f"0 {'0' * 40}\t{path}\n", env=env)
            else:
                blob = git(clone, "hash-object", "-w", "--stdin", stdin=text)
                git(clone, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
        tree = git(clone, "write-tree", env=env)
        flags = [part for parent in parents for part in ("-p", parent)]
        commit = git(clone, "commit-tree", tree, *flags, "-m", message, env=env)
        git(clone, "update-ref", "refs/heads/main", commit)
        return clone


def make_guarded(path: Path) -> None:
    """A registry of Alice's: fraud with three versions, v1 in Production; spam with one. Bob and Carol approve."""
    registry = registry_git.init(path, protect=["Production"], roles=LEADS, actor=ALICE, durable=False)
    for number in range(1, 4):
        registry.register("fraud", f"s3://acme/fraud/{number}", tags={"auc": f"0.9{number}"})
    registry.register("spam", "s3://acme/spam/1")
    asked = registry.request_stage("fraud", 1, "Production")
    registry_git.open(path, actor=BOB, durable=False).approve(asked.request)
    run("-R", str(path), "hook", "install")


def review(by: str, proposal: str) -> str:
    """What an approval adds to a record without reviews; `proposal` is that line of the record."""
    said = f"- by: {by}\n  at: '2026-11-23T06:14:11.412Z'\n  verdict: approved\n  source: commit\n  {proposal}\n"
    return f"reviews:\n{said}"


def new_version(yard: Yard, number: int, *, id: str = "byhand01") -> dict[str, str | None]:
    """The files of a version that somebody writes by hand."""
    text = yard.text(VERSION.format(1)).replace("version: 1\n", f"version: {number}\n")
    lines = [f"id: {id}" if line.startswith("id: ") else line for line in text.split("\n")]
    return {VERSION.format(number): "\n".join(lines)}
