"""import: taking over what another registry holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from registry_git.cli.arguments import ASSIGNMENT, file_or_stdin
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.migrated import show_brought
from registry_git.cli.output import answer
from registry_git.cli.progress import progress
from registry_git.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from registry_git.migration.carry import Found
    from registry_git.registry.facade import Registry


@click.group("import", cls=LazyGroup, sections={"Commands": {"mlflow": "registry_git.cli.commands.import_:mlflow"}})
def import_() -> None:
    """Take over what another registry holds."""


@click.command(
    "mlflow",
    cls=RegistryCommand,
    example="registry-git import mlflow sqlite:///mlflow.db --users users.txt\n"
    "registry-git import mlflow http://mlflow.acme.io -R models.git --init --dry-run",
)
@click.argument("uri")
@click.option("--name", "names", multiple=True, metavar="PATTERN", help="Only models so called; * and ? are open.")
@click.option(
    "--users", metavar="FILE", help='Who MLflow\'s users are, a line each: "alice = Alice Doe <alice@acme.io>".'
)
@click.option(
    "--stage", "stages", multiple=True, type=ASSIGNMENT, metavar="OLD=NEW", help="A stage that is called NEW here."
)
@click.option("--tracking-uri", metavar="URI", help="Where the runs are; by default URI.")
@click.option("--no-runs", is_flag=True, help="Do not look the runs up: quicker, without lineage.")
@click.option("--init", is_flag=True, help="Make the registry, if it is not there: its history begins with MLflow's.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be done.")
@pass_invocation
def mlflow(
    invocation: Invocation,
    uri: str,
    names: tuple[str, ...],
    users: str | None,
    stages: tuple[tuple[str, str], ...],
    tracking_uri: str | None,
    no_runs: bool,
    init: bool,
    dry_run: bool,
) -> None:
    """Copy the registry at an MLflow URI: versions, stages, aliases, tags, times and users.

    It can be stopped, and run again: nothing is imported twice.
    """
    from registry_git.app import find_actor
    from registry_git.migration.carry import Wanted, carry, read_mlflow
    from registry_git.migration.people import parse_people
    from registry_git.tracking.client import be_brief

    be_brief(retries=2, seconds=120)
    registry = _there(invocation) if init else invocation.write()
    actor = registry.actor if registry else find_actor(invocation.actor or None, None)
    wanted = Wanted(
        names=names,
        users=parse_people(file_or_stdin(users)) if users else {},
        stages=dict(stages),
        tracking_uri="" if no_runs else tracking_uri or uri,
    )
    with progress("Reading MLflow", "entries") as told:
        found = read_mlflow(uri, wanted, unnamed=actor, progress=told)
    with _made(invocation, found, dry_run=dry_run) if registry is None else nullcontext(registry) as target:
        with progress("Importing", "facts") as told:
            brought = carry(target, found, dry_run=dry_run, progress=told)
        answer(invocation, brought, lambda: show_brought(invocation, brought, dry_run=dry_run))


def _there(invocation: Invocation) -> Registry | None:
    """The registry, if it is there already: a second run of the same command goes on with it."""
    if not invocation.registry:
        raise Invalid("--init makes a registry, and none is named.", hint="Name it with: -R PATH")
    try:
        return invocation.write()
    except NotFound:
        return None


@contextmanager
def _made(invocation: Invocation, found: Found, *, dry_run: bool) -> Iterator[Registry]:
    """A registry whose first commit is as old as what comes into it; for a dry run one that goes away again."""
    from registry_git import app

    actor = invocation.actor or None
    if not dry_run:
        yield app.init(invocation.registry, actor=actor, created=found.begins)
        return
    with TemporaryDirectory(prefix="registry-git-") as place:
        yield app.init(Path(place) / "rehearsal.git", actor=actor, created=found.begins, durable=False)
