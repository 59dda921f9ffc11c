"""request: asking, looking, deciding."""

from __future__ import annotations

import click

from registry_git.cli.command import LazyGroup

_HERE = "registry_git.cli.commands"


@click.group(
    "request",
    cls=LazyGroup,
    sections={
        "Commands": {
            "create": f"{_HERE}.request_create:create",
            "list": f"{_HERE}.request_read:list_",
            "show": f"{_HERE}.request_read:show",
            "diff": f"{_HERE}.request_read:diff",
            "approve": f"{_HERE}.request_decide:approve",
            "reject": f"{_HERE}.request_decide:reject",
            "cancel": f"{_HERE}.request_decide:cancel",
            "refresh": f"{_HERE}.request_decide:refresh",
        }
    },
)
def request() -> None:
    """Ask for a change, and decide what others ask for."""
