"""observations: which consumers use which versions."""

from __future__ import annotations

import click

from registry_git.cli.arguments import NUMBERED, numbered
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say


@click.group("observations", cls=LazyGroup)
def observations() -> None:
    """Show which jobs and services asked for which versions."""


@observations.command(
    "list",
    cls=RegistryCommand,
    example="registry-git observations list fraud/12\nregistry-git observations list --consumer prod/scorer",
)
@click.argument("target", metavar="[NAME[/VERSION]]", type=NUMBERED, required=False)
@click.option("--consumer", metavar="NAME", help="Only what this one uses.")
@pass_invocation
def list_(invocation: Invocation, target: str | None, consumer: str | None) -> None:
    """List the versions that consumers were seen to use, of a model or of all."""
    name, version = (None, None) if target is None else numbered(target)
    found = invocation.now().observations(name, version, consumer=consumer)

    def show() -> None:
        from registry_git.cli.listings import show_observed

        show_observed(found)

    answer(invocation, found, show)


@observations.command("flush", cls=RegistryCommand, example="registry-git observations flush")
@pass_invocation
def flush(invocation: Invocation) -> None:
    """Record what was noted here and is not recorded yet, on the branch observations."""
    done = invocation.write().flush_observations()
    uses = f"{done.uses} use{'s' if done.uses != 1 else ''}"
    by = f"{done.consumers} consumer{'s' if done.consumers != 1 else ''}"
    sentence = f"Recorded {uses} by {by}." if done.uses else "Nothing waits to be recorded."
    answer(invocation, done, lambda: say(sentence))
