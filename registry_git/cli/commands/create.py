"""init: a new registry."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import STAGE
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.core.errors import Invalid
from registry_git.core.model import Action


@click.command(
    "init",
    cls=RegistryCommand,
    example="registry-git init models.git --protect Production --approver bob@acme.io",
)
@click.argument("path", default=".")
@click.option("--protect", "stages", multiple=True, type=STAGE, help="A stage that needs somebody else's approval.")
@click.option("--approver", "approvers", multiple=True, metavar="EMAIL", help="Who may approve; default: anybody else.")
@click.option("--layout", type=click.Choice(("flat", "fanout")), default="flat", help="fanout: for 1,000s of models.")
@click.option("--bare", is_flag=True, help="A bare repository; a PATH that ends in .git is one without it.")
@click.option("--name", help="The registry's name; default: the directory's.")
@pass_invocation
def init(
    invocation: Invocation,
    path: str,
    stages: tuple[str, ...],
    approvers: tuple[str, ...],
    layout: str,
    bare: bool,
    name: str | None,
) -> None:
    """Make a new registry at PATH, in a new repository or in the one that is there."""
    from registry_git import app

    if approvers and not stages:
        raise Invalid("--approver says who may approve, and nothing is protected.", hint="Add --protect Production.")
    registry = app.init(
        path,
        name=name,
        bare=bare or None,
        layout=layout,
        protect=stages,
        roles={"approvers": approvers} if approvers else None,
        actor=invocation.actor or None,
    )

    def show() -> None:
        where = "" if path == "." else f" at {path}"
        say(f"Made the registry {registry.policy().name}{where}.")
        if stages:
            may = ", ".join(approvers) or "anybody but the requester"
            rules = registry.policy().rules
            protected = dict.fromkeys(stage for rule in rules if rule.on is Action.STAGE for stage in rule.to)
            say(f"{', '.join(protected)} {'needs' if len(protected) == 1 else 'need'} an approval by: {may}.")
        here = "" if path == "." else f"-R {path} "
        say(f"Register a model with: registry-git {here}register NAME SOURCE")

    answer(invocation, shapes.registry_shape(registry, path), show)
