"""policy: who may do what."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import file_or_stdin
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say


@click.group("policy", cls=LazyGroup)
def policy() -> None:
    """Show or set the policy: stages, roles and rules."""


@policy.command("show", cls=RegistryCommand, reads=True, example="registry-git policy show > registry.yaml")
@pass_invocation
def show(invocation: Invocation) -> None:
    """Show the policy as the YAML that policy set takes."""
    found = invocation.read().policy()

    def show_yaml() -> None:
        from registry_git.manifests.codec import encode

        click.echo(encode(found).decode(), nl=False)

    answer(invocation, found, show_yaml)


@policy.command("set", cls=RegistryCommand, example="registry-git policy set registry.yaml")
@click.argument("file")
@pass_invocation
def set_(invocation: Invocation, file: str) -> None:
    """Set the policy to the YAML in FILE (- reads standard input)."""
    done = invocation.write().set_policy(file_or_stdin(file))
    sentence = "The policy is set." if done.changed else "The policy was so already."
    answer(invocation, shapes.done_shape(done), lambda: say(sentence))
