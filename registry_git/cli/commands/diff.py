"""diff: in what two versions differ."""

from __future__ import annotations

import click

from registry_git.cli.arguments import REFERENCE
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer


@click.command("diff", cls=RegistryCommand, reads=True, example="registry-git diff fraud/11 fraud/12")
@click.argument("left", type=REFERENCE)
@click.argument("right", type=REFERENCE)
@pass_invocation
def diff(invocation: Invocation, left: str, right: str) -> None:
    """Show the fields in which two versions differ."""
    found = invocation.read().diff(left, right)

    def show() -> None:
        from registry_git.cli.tables import show_table

        rows = [(one.field, one.left or "", one.right or "") for one in found]
        show_table(("!FIELD", left, right), rows, empty=f"{left} and {right} do not differ.")

    answer(invocation, found, show)
