"""What a list cannot show is said beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from registry_git.cli.safe import visible

if TYPE_CHECKING:
    from registry_git.registry.reading import Reading


def warn_unreadable(registry: Reading) -> None:
    """What is left out is said, on standard error, whatever is printed."""
    broken = registry.unreadable()
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        click.echo(f"warning: left out, since they cannot be read: {visible(broken[0].path)}{more}.", err=True)
        click.echo("hint: See why with: registry-git check", err=True)
