"""download: the files of a version, verified."""

from __future__ import annotations

import click

from registry_git.cli.arguments import CONSUMER, MODEL_URI
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.cli.plain import plain
from registry_git.cli.progress import progress


@click.command(
    "download", cls=RegistryCommand, reads=True, example="registry-git download models:/fraud/Production ./model"
)
@click.argument("uri", metavar="MODEL_URI", type=MODEL_URI)
@click.argument("destination", metavar="DEST")
@CONSUMER
@pass_invocation
def download(invocation: Invocation, uri: str, destination: str, consumer: str | None) -> None:
    """Copy the files of the version that MODEL_URI names to DEST, and verify their digest."""
    found = invocation.resolve(uri, consumer=consumer)
    with progress("Downloading", "bytes") as told:
        invocation.now().download(f"{found.model}/{found.version}", destination, consumer="", progress=told)

    def show() -> None:
        say(f"{found.model} v{found.version} is at {destination}.")
        say(f"Verified: {found.digest}" if found.digest else "Not verified: the version was registered without digest.")

    answer(invocation, {**plain(found), "destination": destination}, show)
