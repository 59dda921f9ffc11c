"""completion: what makes the shell complete commands, models, versions, stages and requests."""

from __future__ import annotations

import os
from pathlib import Path

import click

from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import PROGRAM
from registry_git.core.errors import Invalid

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=RegistryCommand, example='eval "$(registry-git completion bash)"   # in ~/.bashrc')
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the script that makes SHELL (default: yours) complete this program."""
    from click.shell_completion import get_completion_class

    from registry_git.cli import bash  # noqa: F401 - makes its class the one for bash

    chosen = shell or Path(os.environ.get("SHELL", "")).name
    script = get_completion_class(chosen) if chosen in _SHELLS else None
    if script is None:
        raise Invalid("Your shell is not known.", hint=f"Name it: registry-git completion {'|'.join(_SHELLS)}")
    click.echo(script(ctx.find_root().command, {}, PROGRAM, "_REGISTRY_GIT_COMPLETE").source())
