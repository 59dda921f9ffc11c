"""rename and delete: models and versions that change their name or go."""

from __future__ import annotations

import sys

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import FORCE, MODEL, NUMBERED, numbered
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.cli.safe import visible
from registry_git.core.errors import Invalid
from registry_git.registry.curating import Curating
from registry_git.registry.telling import where


@click.command("rename", cls=RegistryCommand, example="registry-git rename fraud card-fraud")
@click.argument("name", type=MODEL)
@click.argument("new_name", metavar="NEW")
@pass_invocation
def rename(invocation: Invocation, name: str, new_name: str) -> None:
    """Give the model NAME the name NEW; versions and history move with it."""
    view = invocation.part(Curating).rename(name, new_name)
    answer(invocation, shapes.model_shape(view), lambda: say(f"{name} is {view.name} now."))


@click.command("delete", cls=RegistryCommand, example="registry-git delete fraud/3 --yes")
@click.argument("target", metavar="NAME[/VERSION]", type=NUMBERED)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--comment", "-m", default="", help="Why.")
@click.option("--force", is_flag=True, help=FORCE)
@pass_invocation
def delete(invocation: Invocation, target: str, yes: bool, comment: str, force: bool) -> None:
    """Delete a version (its number is never given again) or a model with all its versions."""
    name, version = numbered(target)
    what = where(name, version) if version else f"{name} and all its versions"
    registry = invocation.part(Curating)
    if not yes:
        if not sys.stdin.isatty():
            raise Invalid(f"Deleting {what} needs a yes, and nobody can be asked here.", hint="Say it with --yes.")
        click.confirm(f"Delete {visible(what)}?", abort=True, err=True)
    done = registry.delete(name, version=version, comment=comment, force=force)
    shape = shapes.done_shape(done, model=name, version=version)
    answer(invocation, shape, lambda: say(f"Deleted {what}; history keeps it."))
