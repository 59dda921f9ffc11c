"""register: a new version of a model."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import ASSIGNMENT, MODEL, text_or_stdin
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say, say_next
from registry_git.cli.progress import progress
from registry_git.registry.curating import Curating


@click.command(
    "register",
    cls=RegistryCommand,
    example="registry-git register fraud s3://acme-models/fraud/12 --tag auc=0.91 --run-id e148278107274832",
)
@click.argument("name", type=MODEL)
@click.argument("source")
@click.option("--tag", "tags", multiple=True, type=ASSIGNMENT, metavar="K=V", help="A tag; a metric is one too.")
@click.option("--description", default="", help="What it is; - reads standard input.")
@click.option("--upload", metavar="URL", help="Copy the artifact below this location first.")
@click.option("--no-read", is_flag=True, help="Take SOURCE as text: its files are not on this machine.")
@click.option("--run-id", default="", help="The run that made it.")
@click.option(
    "--tracking-uri", metavar="URI", help="MLflow's tracking store, asked about the run.  [env: MLFLOW_TRACKING_URI]"
)
@click.option("--run-link", default="", metavar="URL", help="Where the run can be looked at.")
@click.option("--experiment", default="", help="The experiment of the run.")
@click.option("--git-commit", default="", help="The commit of the code that made it.")
@click.option("--dataset", "datasets", multiple=True, type=ASSIGNMENT, metavar="NAME=DIGEST", help="Data it learned.")
@click.option("--id", "identity", help="An id of your own: a retry with the same id registers nothing twice.")
@click.option("--comment", "-m", default="", help="What the history says about it.")
@pass_invocation
def register(
    invocation: Invocation,
    name: str,
    source: str,
    tags: tuple[tuple[str, str], ...],
    description: str,
    upload: str | None,
    no_read: bool,
    run_id: str,
    tracking_uri: str | None,
    run_link: str,
    experiment: str,
    git_commit: str,
    datasets: tuple[tuple[str, str], ...],
    identity: str | None,
    comment: str,
) -> None:
    """Register the model at SOURCE (a directory or any URI) as the next version of NAME."""
    from registry_git.core.model import Dataset, Lineage
    from registry_git.tracking.client import be_brief

    be_brief()

    lineage = Lineage(
        run_id=run_id,
        run_link=run_link,
        experiment_name=experiment,
        git_commit=git_commit,
        datasets=tuple(Dataset(name=each, digest=digest) for each, digest in datasets),
    )
    registry = invocation.part(Curating)
    with progress("Reading the artifact", "bytes") as told:
        view = registry.register(
            name,
            source,
            description=text_or_stdin(description),
            tags=dict(tags),
            lineage=lineage,
            upload=upload,
            tracking_uri=tracking_uri,
            read=not no_read,
            progress=told,
            id=identity,
            comment=comment,
        )

    def show() -> None:
        say(f"Registered v{view.version} of {view.model}: {view.source}")
        say(f"digest {view.digest}" if view.digest else "No digest: the artifact could not be read from here.")
        say_next(invocation, "See it with", "show", f"{view.model}/{view.version}")

    answer(invocation, shapes.version_shape(view), show)
