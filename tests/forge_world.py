"""A registry on a running forge, with a request that waits: what every test of an adapter begins with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import registry_git
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.base import Forge, NewPullRequest, PullRequest
from registry_git.forges.http import Patience
from registry_git.forges.settings import speak_to
from registry_git.forges.token import Token
from registry_git.registry.facade import Registry
from registry_git.registry.views import RequestView
from tests import forge_dialects, forge_server

KINDS = (ForgeKind.GITHUB, ForgeKind.GITLAB, ForgeKind.GITEA)
PEOPLE = {"bob": "bob@acme.io", "carol": "carol@acme.io"}
QUICK = Patience(connect=5, answer=10, limit=3, back_off=(0.01, 0.01))
_DIALECTS = {
    ForgeKind.GITHUB: ("/api/v3", forge_dialects.GITHUB),
    ForgeKind.GITLAB: ("/api/v4", forge_dialects.GITLAB),
    ForgeKind.GITEA: ("/api/v1", forge_dialects.GITEA),
}


class World:
    """A forge of one kind (`forge`, where people act) with a registry and its open request."""

    def __init__(self, kind: ForgeKind, forge: forge_server.Forge, registry: Registry) -> None:
        self.kind = kind
        self.forge = forge
        self.registry = registry
        self.request = self.ask(2, "Production")

    def ask(self, version: int, stage: str) -> RequestView:
        """A further request, its branch on the forge."""
        return self.registry.request_stage("fraud", version, stage, comment="better on last week's data")

    def settings(self) -> ForgeSettings:
        """What `registry.yaml` would say."""
        return ForgeSettings(kind=self.kind, url=self.forge.url, repository=forge_server.REPOSITORY, people=PEOPLE)

    def adapter(
        self,
        login: str | None = "alice",
        patience: Patience = QUICK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Forge:
        """The product's adapter, with the token of a person (None: nobody)."""
        token = Token(f"{login}-s3cr3t-t0ken") if login else None
        return speak_to(self.settings(), token, patience=patience, sleep=sleep)

    def opened(self, request: RequestView | None = None) -> PullRequest:
        """The pull request of the request, opened by Alice."""
        wanted = request or self.request
        return self.adapter().open(NewPullRequest(title="Move fraud", body="why", branch=wanted.branch))

    def push(self, branch: str) -> str:
        """Somebody pushes a further commit to a branch."""
        forge = self.forge
        tree = forge.git("rev-parse", f"{branch}^{{tree}}")
        commit = forge.git("commit-tree", tree, "-p", branch, "-m", "another one")
        forge.git("update-ref", f"refs/heads/{branch}", commit)
        forge.follow()
        return commit

    def landing(self, request: RequestView | None = None) -> str:
        """The commit that brought the request's record to main, found as the registry finds it."""
        wanted = request or self.request
        return self.forge.git(
            "log",
            "--first-parent",
            "--diff-merges=first-parent",
            "--diff-filter=A",
            "-s",
            "--format=%H",
            "main",
            "--",
            f"models/fraud/requests/{wanted.id}.yaml",
        )


@contextmanager
def world(kind: ForgeKind, root: Path) -> Iterator[World]:
    """A forge of a kind with the registry `acme/models`: fraud v1 in Production, a request to move v2 there."""
    registry = registry_git.init(root / "acme" / "models.git", actor="Alice <alice@acme.io>", durable=False)
    registry.register("fraud", "s3://acme/fraud/1", tags={"auc": "0.90"})
    registry.register("fraud", "s3://acme/fraud/2", tags={"auc": "0.91"})
    registry.transition("fraud", 1, "Production")
    prefix, routes = _DIALECTS[kind]
    with forge_server.serve(root, prefix, routes) as forge, direct():
        yield World(kind, forge, registry)


@contextmanager
def direct() -> Iterator[None]:
    """Loopback is reached directly, whatever proxy the machine goes out by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        yield
