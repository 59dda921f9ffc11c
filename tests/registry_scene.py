"""What the tests of the registry share: people, a registry of their own, and plain git's opinion of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import registry_git
from registry_git.core.activity import Activity
from registry_git.registry.facade import Registry
from tests.conftest import Git

ALICE = "Alice <alice@acme.io>"
BOB = "Bob <bob@acme.io>"
CAROL = "Carol <carol@acme.io>"
DAVE = "Dave <dave@acme.io>"
LEADS = {"ml-leads": ["bob@acme.io", "carol@acme.io"]}

# a call as somebody: `as_(BOB).approve(…)`
As = Callable[[str], Registry]


def new_registry(
    path: Path,
    *,
    versions: int = 0,
    protect: Sequence[str] = (),
    roles: Mapping[str, Sequence[str]] | None = None,
    rules: str = "",
) -> As:
    """A registry of Alice's with `versions` versions of the model `fraud`, and how to open it as anybody.

    `rules` is YAML that is put in place of the registry's rules.
    """
    registry = registry_git.init(path, protect=protect, roles=roles, actor=ALICE, durable=False)
    for number in range(1, versions + 1):
        registry.register("fraud", f"s3://acme/fraud/{number}")

    def opened(actor: str) -> Registry:
        return registry_git.open(path, actor=actor, durable=False)

    if rules:
        text = policy_text(registry)
        registry.set_policy(f"{text.partition('rules:')[0]}{rules}")
    return opened


def policy_text(registry: Registry) -> str:
    """`registry.yaml` as it is on `main`."""
    from registry_git.manifests.codec import encode

    return encode(registry.policy()).decode()


def refs(git: Git, repository: Path) -> str:
    """Every reference and what it holds, and `HEAD`."""
    return git(repository, "for-each-ref", "--format=%(refname) %(objectname)") + git(repository, "rev-parse", "HEAD")


def true_merges(git: Git, repository: Path) -> int:
    """How many merges landed on `main`, each of them just what plain git makes of its two parents."""
    merges = git(repository, "rev-list", "--merges", "--first-parent", "main").split()
    for merge in merges:
        first, second = git(repository, "rev-parse", f"{merge}^1", f"{merge}^2").split()
        tree = git(repository, "merge-tree", "--write-tree", first, second)
        assert tree == git(repository, "rev-parse", f"{merge}^{{tree}}"), git(repository, "show", "--stat", merge)
    return len(merges)


def healthy(git: Git, repository: Path, registry: Registry) -> None:
    """Asserts that neither git nor the registry finds a fault."""
    assert git(repository, "fsck", "--strict", "--no-dangling", "--no-progress") == ""
    assert registry.check() == []


def loosen(repository: Path) -> None:
    """Makes a file of its own of every object."""
    for pack in list((repository / "objects" / "pack").glob("*.pack")):
        aside = repository / pack.name
        pack.rename(aside)
        pack.with_suffix(".idx").unlink()
        with aside.open("rb") as content:
            subprocess.run(["git", "unpack-objects", "-q"], cwd=repository, stdin=content, check=True)
        aside.unlink()


def hand_commit(
    git: Git,
    repository: Path,
    branch: str,
    files: Mapping[str, str | None],
    *,
    author: str,
    message: str = "By hand",
    committer: str | None = None,
    config: Sequence[str] = (),
) -> str:
    """A commit by plain git on a branch of a bare repository: files put (text) or removed (None). Gives its id."""
    index = repository / "hand.index"
    env = {"GIT_INDEX_FILE": os.fspath(index), **person(author, "AUTHOR"), **person(committer or author, "COMMITTER")}
    parent = git(repository, "rev-parse", f"refs/heads/{branch}")
    git(repository, "read-tree", parent, env=env)
    for path, text in files.items():
        if text is None:
            gone = f"0 {'0' * 40}\t{path}\n"
            git(repository, "update-index", "--index-info", stdin=gone, env=env)
        else:
            blob = git(repository, "hash-object", "-w", "--stdin", stdin=text)
            git(repository, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    tree = git(repository, "write-tree", env=env)
    index.unlink()
    settings = [part for setting in config for part in ("-c", setting)]
    sign = ["-S"] if config else []
    commit = git(repository, *settings, "commit-tree", *sign, tree, "-p", parent, "-m", message, env=env)
    git(repository, "update-ref", f"refs/heads/{branch}", commit)
    return commit


def person(actor: str, role: str) -> dict[str, str]:
    """The environment in which git takes `actor` for the author or committer (`role`)."""
    name, _, email = actor.rstrip(">").partition(" <")
    return {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": email}


def file_at(git: Git, repository: Path, revision: str, path: str) -> str:
    """The text of a file at a revision, with its closing newline."""
    return git(repository, "show", f"{revision}:{path}") + "\n"


def record_of(request: str, model: str = "fraud") -> str:
    """The path of a request's record."""
    return f"models/{model}/requests/{request}.yaml"


def review(by: str, proposal: str) -> str:
    """An approval as a record writes it."""
    return (
        f"- by: {by}\n  at: '2026-11-23T06:14:11.412Z'\n  verdict: approved\n  source: commit\n  proposal: {proposal}\n"
    )


def told(registry: Registry, since: int = 3) -> list[tuple[str, str, str]]:
    """Type, person and version of the activities of the model, without its creation and first two versions."""
    return [(one.activity_type, one.user_id, str(one.version)) for one in registry.activity("fraud")[since:]]


def both_ways(registry: Registry, place: Path) -> list[Activity]:
    """The activities as the index came by them step by step, after a look that a rebuilt one says the same."""
    step_by_step = registry.activity()
    registry.reindex()
    assert registry.activity() == step_by_step
    assert registry_git.open(place, actor=CAROL).activity() == step_by_step
    return step_by_step
