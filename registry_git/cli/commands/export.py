"""export: handing over what this registry holds."""

from __future__ import annotations

import click

from registry_git.cli.arguments import ASSIGNMENT
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.migrated import show_exported
from registry_git.cli.output import answer
from registry_git.cli.progress import progress


@click.group("export", cls=LazyGroup, sections={"Commands": {"mlflow": "registry_git.cli.commands.export:mlflow"}})
def export() -> None:
    """Write what this registry holds into another one."""


@click.command(
    "mlflow", cls=RegistryCommand, example="registry-git export mlflow sqlite:///mlflow.db --stage Live=Production"
)
@click.argument("uri")
@click.option("--name", "names", multiple=True, metavar="PATTERN", help="Only models so called; * and ? are open.")
@click.option("--stage", "stages", multiple=True, type=ASSIGNMENT, metavar="OLD=NEW", help="A stage called NEW there.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be done.")
@pass_invocation
def mlflow(
    invocation: Invocation, uri: str, names: tuple[str, ...], stages: tuple[tuple[str, str], ...], dry_run: bool
) -> None:
    """Write the registry into the MLflow registry at URI, with the numbers that the versions have here.

    It can be stopped, and run again: nothing is written twice.
    """
    from registry_git.migration.export import export_mlflow
    from registry_git.tracking.client import be_brief, look_up_at

    be_brief(retries=2, seconds=120)
    look_up_at(uri)
    snapshot = invocation.now().snapshot()
    with progress("Exporting", "versions") as told:
        exported = export_mlflow(snapshot, uri, names=names, stages=dict(stages), dry_run=dry_run, progress=told)
    answer(invocation, exported, lambda: show_exported(exported, uri, dry_run=dry_run))
