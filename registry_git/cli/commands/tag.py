"""tag: the tags of models and versions."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import NUMBERED, TAG, numbered, text_or_stdin
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.registry.curating import Curating
from registry_git.registry.telling import where


@click.group("tag", cls=LazyGroup)
def tag() -> None:
    """Set or delete a tag of a model or version."""


@tag.command("set", cls=RegistryCommand, example="registry-git tag set fraud/12 validated true")
@click.argument("target", metavar="NAME[/VERSION]", type=NUMBERED)
@click.argument("key", type=TAG)
@click.argument("value")
@pass_invocation
def set_(invocation: Invocation, target: str, key: str, value: str) -> None:
    """Set the tag KEY to VALUE (- reads standard input)."""
    name, version = numbered(target)
    view = invocation.part(Curating).set_tag(name, key, text_or_stdin(value), version=version)
    answer(invocation, shapes.target_shape(view), lambda: say(f"Set the tag {key} of {where(name, version)}."))


@tag.command("delete", cls=RegistryCommand, example="registry-git tag delete fraud/12 validated")
@click.argument("target", metavar="NAME[/VERSION]", type=NUMBERED)
@click.argument("key", type=TAG)
@pass_invocation
def delete(invocation: Invocation, target: str, key: str) -> None:
    """Delete the tag KEY."""
    name, version = numbered(target)
    view = invocation.part(Curating).delete_tag(name, key, version=version)
    answer(invocation, shapes.target_shape(view), lambda: say(f"{where(name, version)} has no tag {key} now."))
