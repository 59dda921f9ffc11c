"""alias: named pointers to versions."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import ALIAS, FORCE, MODEL, VERSION
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.registry.placing import Placing
from registry_git.registry.telling import rolled


@click.group("alias", cls=LazyGroup)
def alias() -> None:
    """Point an alias of a model to a version, or delete it."""


@alias.command("set", cls=RegistryCommand, example="registry-git alias set fraud champion 12")
@click.argument("name", type=MODEL)
@click.argument("alias", type=ALIAS)
@click.argument("version", type=VERSION)
@pass_invocation
def set_(invocation: Invocation, name: str, alias: str, version: int) -> None:
    """Point ALIAS of the model NAME to VERSION."""
    view = invocation.part(Placing).set_alias(name, alias, version)

    def show() -> None:
        say(f"{view.name}@{alias} is v{version} now.")
        for line in rolled(view.rolled):
            say(line)

    answer(invocation, shapes.model_shape(view), show)


@alias.command("delete", cls=RegistryCommand, example="registry-git alias delete fraud champion")
@click.argument("name", type=MODEL)
@click.argument("alias", type=ALIAS)
@click.option("--comment", "-m", default="", help="Why.")
@click.option("--force", is_flag=True, help=FORCE)
@pass_invocation
def delete(invocation: Invocation, name: str, alias: str, comment: str, force: bool) -> None:
    """Delete ALIAS of the model NAME; the version stays."""
    view = invocation.part(Placing).delete_alias(name, alias, comment=comment, force=force)
    answer(invocation, shapes.model_shape(view), lambda: say(f"{view.name} has no alias {alias} now."))
