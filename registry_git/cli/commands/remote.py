"""clone and sync: registries with a remote."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.cli.plain import plain


@click.command(
    "clone", cls=RegistryCommand, example="registry-git clone git@git.acme.io:ml/acme-models.git acme-models"
)
@click.argument("url")
@click.argument("path", required=False)
@click.option("--bare", is_flag=True, help="A bare repository; a PATH that ends in .git is one without it.")
@pass_invocation
def clone(invocation: Invocation, url: str, path: str | None, bare: bool) -> None:
    """Make a clone at PATH that follows the registry at URL: what is written there goes to URL."""
    from registry_git import app

    target = path or url.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    registry = app.clone(url, target, bare=bare or None, actor=invocation.actor or None)
    answer(
        invocation,
        shapes.registry_shape(registry, target),
        lambda: say(f"Cloned the registry {registry.policy().name} to {target}."),
    )


@click.command("sync", cls=RegistryCommand, example="registry-git sync")
@pass_invocation
def sync(invocation: Invocation) -> None:
    """Exchange with the remote: what came there comes here, what was written here goes there."""
    done = invocation.write().sync()
    answer(invocation, {"message": str(done), **plain(done)}, lambda: say(str(done)))
