"""doctor, relayout, reindex: keeping a registry well."""

from __future__ import annotations

from collections.abc import Sequence

import click

from registry_git.cli import shapes
from registry_git.cli.command import RegistryCommand
from registry_git.cli.failures import EXIT_CODES
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.cli.progress import progress
from registry_git.core.errors import Corrupt
from registry_git.registry.finding import Finding


@click.command("doctor", cls=RegistryCommand, example="registry-git doctor --fix")
@click.option("--fix", is_flag=True, help="Mend what can be mended without asking.")
@click.pass_context
def doctor(ctx: click.Context, fix: bool) -> None:
    """Look at the repository around the registry: locks, hooks, layout, index; say what would help."""
    findings = ctx.ensure_object(Invocation).write().doctor(fix=fix)
    _answer(ctx, findings, "Nothing to mend.")


@click.command("relayout", cls=RegistryCommand, example="registry-git relayout fanout")
@click.argument("layout", type=click.Choice(("flat", "fanout")))
@pass_invocation
def relayout(invocation: Invocation, layout: str) -> None:
    """Move all models to another layout, in one commit."""
    done = invocation.write().relayout(layout)
    sentence = f"The layout is {layout} now." if done.changed else f"The layout was {layout} already."
    answer(invocation, shapes.done_shape(done, layout=layout), lambda: say(sentence))


@click.command("reindex", cls=RegistryCommand, example="registry-git reindex")
@pass_invocation
def reindex(invocation: Invocation) -> None:
    """Throw the index away and build it anew from the repository; no data is in it alone."""
    registry = invocation.write()
    with progress("Indexing", "manifests") as told:
        count = registry.reindex(told)
    answer(invocation, {"manifests": count, "commit": registry.commit}, lambda: say(f"Indexed {count:,} manifests."))


def _answer(ctx: click.Context, findings: Sequence[Finding], well: str) -> None:
    """Prints findings; the exit code says whether one is an error."""

    def show() -> None:
        from registry_git.cli.tables import show_table

        rows = [
            (one.level, f"{one.path}:{one.line}" if one.line else one.path, one.message, one.fix) for one in findings
        ]
        show_table(("!LEVEL", "PATH", "FINDING", "WHAT HELPS"), rows, empty=well)

    answer(ctx.ensure_object(Invocation), findings, show)
    if any(one.level == "error" for one in findings):
        ctx.exit(EXIT_CODES[Corrupt])
