"""deployment: which jobs and services follow which stage, alias or version."""

from __future__ import annotations

import click

from registry_git.cli.command import LazyGroup

_COMMANDS = "registry_git.cli.commands"


@click.group(
    "deployment",
    cls=LazyGroup,
    sections={
        "Commands": {
            "add": f"{_COMMANDS}.deployment_write:add",
            "list": f"{_COMMANDS}.deployment_read:list_",
            "show": f"{_COMMANDS}.deployment_read:show",
            "pin": f"{_COMMANDS}.deployment_write:pin",
            "follow": f"{_COMMANDS}.deployment_write:follow",
            "roll": f"{_COMMANDS}.deployment_write:roll",
            "ask": f"{_COMMANDS}.deployment_write:ask",
            "remove": f"{_COMMANDS}.deployment_write:remove",
        }
    },
)
def deployment() -> None:
    """Declare which jobs and services use a model, and see who uses what."""
