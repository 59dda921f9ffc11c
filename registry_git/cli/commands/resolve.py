"""resolve: what a models:/ URI names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from registry_git.cli.arguments import CONSUMER, MODEL_URI
from registry_git.cli.command import FORMATS, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer

if TYPE_CHECKING:
    from registry_git.registry.resolving import Resolution


@click.command(
    "resolve",
    cls=RegistryCommand,
    reads=True,
    formats=("uri", "env", *FORMATS),
    example="registry-git resolve models:/fraud/Production\n"
    'eval "$(registry-git resolve models:/fraud@champion --output env)"',
)
@click.argument("uri", metavar="MODEL_URI", type=MODEL_URI)
@CONSUMER
@pass_invocation
def resolve(invocation: Invocation, uri: str, consumer: str | None) -> None:
    """Print where the artifact of models:/NAME/STAGE, /VERSION, /latest or models:/NAME@ALIAS is."""
    found = invocation.resolve(uri, consumer=consumer)
    if invocation.output == "env":
        click.echo(_environment(found))
    elif invocation.output in ("", "uri"):
        click.echo(found.source)
    else:
        answer(invocation, found, lambda: _print(found))


def _environment(found: Resolution) -> str:
    """Lines that a shell can read: values are quoted where they have to be."""
    from shlex import quote

    values = {
        "MODEL_NAME": found.model,
        "MODEL_VERSION": str(found.version),
        "MODEL_STAGE": found.stage,
        "MODEL_ALIAS": found.alias,
        "MODEL_URI": found.uri,
        "MODEL_SOURCE": found.source,
        "MODEL_DIGEST": found.digest,
        "MODEL_FORMAT": found.format,
        "MODEL_COMMIT": found.commit,
    }
    return "\n".join(f"{name}={quote(value) if value else ''}" for name, value in values.items())


def _print(found: Resolution) -> None:
    from registry_git.cli.sheets import show_facts

    show_facts(
        (
            ("uri", found.uri),
            ("source", found.source),
            ("digest", found.digest),
            ("format", found.format),
            ("stage", found.stage),
            ("alias", found.alias),
            ("commit", found.commit),
        )
    )
