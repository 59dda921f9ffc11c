"""stage and rollback: moving versions directly, where the policy allows it."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import FORCE, MODEL, STAGE, VERSION
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.registry.placing import Placing
from registry_git.registry.telling import rolled
from registry_git.registry.views import VersionView


@click.command(
    "stage",
    cls=RegistryCommand,
    joined=True,
    example="registry-git stage fraud 12 Staging\nregistry-git stage fraud/12 Staging",
)
@click.argument("name", type=MODEL)
@click.argument("version", type=VERSION)
@click.argument("stage", type=STAGE)
@click.option("--add", is_flag=True, help="Keep it in the stages that it is in.")
@click.option("--archive-existing", is_flag=True, help="Move the versions that are there to Archived.")
@click.option("--comment", "-m", default="", help="Why.")
@click.option("--force", is_flag=True, help=FORCE)
@click.option("--id", "identity", help="An id of your own: a retry with the same id does nothing twice.")
@pass_invocation
def stage(
    invocation: Invocation,
    name: str,
    version: int,
    stage: str,
    add: bool,
    archive_existing: bool,
    comment: str,
    force: bool,
    identity: str | None,
) -> None:
    """Move VERSION of the model NAME to STAGE (None takes it out of all stages)."""
    view = invocation.part(Placing).transition(
        name, version, stage, add=add, archive_existing=archive_existing, comment=comment, id=identity, force=force
    )
    answer(invocation, shapes.version_shape(view), lambda: _print(view))


@click.command("rollback", cls=RegistryCommand, joined=True, example="registry-git rollback fraud Production")
@click.argument("name", type=MODEL)
@click.argument("stage", type=STAGE)
@click.option("--comment", "-m", default="", help="Why.")
@click.option("--force", is_flag=True, help=FORCE)
@pass_invocation
def rollback(invocation: Invocation, name: str, stage: str, comment: str, force: bool) -> None:
    """Put the version back into STAGE that was there before."""
    view = invocation.part(Placing).rollback(name, stage, comment=comment, force=force)
    answer(invocation, shapes.version_shape(view), lambda: _print(view))


def _print(view: VersionView) -> None:
    say(f"{view.model} v{view.version} is in {' and '.join(view.stages) or 'no stage'} now.")
    for line in rolled(view.rolled):
        say(line)
