"""describe: what a model or a version is."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import NUMBERED, numbered, text_or_stdin
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.registry.curating import Curating
from registry_git.registry.telling import where


@click.command("describe", cls=RegistryCommand, example='registry-git describe fraud/12 "Trained on week 46."')
@click.argument("target", metavar="NAME[/VERSION]", type=NUMBERED)
@click.argument("text")
@pass_invocation
def describe(invocation: Invocation, target: str, text: str) -> None:
    """Set the description of a model or version to TEXT (- reads standard input)."""
    name, version = numbered(target)
    view = invocation.part(Curating).describe(name, text_or_stdin(text), version=version)
    answer(invocation, shapes.target_shape(view), lambda: say(f"Described {where(name, version)}."))
