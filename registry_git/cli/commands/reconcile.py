"""reconcile: what happened to pull requests, written into the records."""

from __future__ import annotations

import os

import click

from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.cli.plain import plain
from registry_git.forges.reconcile import Reconciled, reconcile
from registry_git.forges.settings import forge_of
from registry_git.registry.telling import how


@click.command("reconcile", cls=RegistryCommand, example="registry-git reconcile")
@pass_invocation
def reconcile_(invocation: Invocation) -> None:
    """Write into the records who merged, reviewed or closed the pull requests of requests, as far as it is known."""
    registry = invocation.write()
    registry.refresh_from_remote()
    forge = forge_of(registry.policy(), environment=os.environ, origin=registry.remote or "")
    found = reconcile(registry, forge)
    answer(invocation, [plain(one) for one in found], lambda: _print(found))


def _print(found: list[Reconciled]) -> None:
    for one in found:
        who = ", ".join(f"{by} ({how(source)})" for by, source in zip(one.by, one.sources, strict=True))
        say(f"{one.request}: {one.verdict} by {who}")
        if one.policy and one.policy != "met":
            say(f"  policy {one.policy}")
    if not found:
        say("Every record has its verdict.")
