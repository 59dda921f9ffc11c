"""deployment add, pin, follow, remove: declaring what follows what."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import ALIAS, DEPLOYMENT, ENVIRONMENT, MODEL, STAGE, VERSION
from registry_git.cli.command import RegistryCommand
from registry_git.cli.commands.deployment_read import say_told
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say


@click.command(
    "add",
    cls=RegistryCommand,
    example="registry-git deployment add production scorer --model fraud --stage Production --service\n"
    "registry-git deployment add production nightly --model fraud --version 12 --job",
)
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@click.option("--model", type=MODEL, required=True, help="The model that it uses.")
@click.option("--stage", type=STAGE, default="", help="Follow what is in this stage.")
@click.option("--alias", type=ALIAS, default="", help="Follow what this alias points to.")
@click.option("--version", type=VERSION, help="Pin it to this version.")
@click.option("--job", "workload", flag_value="job", help="It is a job: it ends.")
@click.option("--service", "workload", flag_value="service", help="It is a service: it runs on (the default).")
@click.option("--owner", metavar='"NAME <EMAIL>"', default="", help="Who answers for it; by default who declares it.")
@click.option(
    "--follow",
    type=click.Choice(("auto", "request", "pinned")),
    help="How it gets another version: in the commit that moves the stage or alias (auto, the default), when a request "
    "for that is approved, or never.",
)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def add(
    invocation: Invocation,
    environment: str,
    name: str,
    model: str,
    stage: str,
    alias: str,
    version: int | None,
    workload: str | None,
    owner: str,
    follow: str | None,
    comment: str,
) -> None:
    """Declare that a job or service uses a model: what it follows, and how."""
    view = invocation.write().add_deployment(
        environment,
        name,
        model=model,
        stage=stage,
        alias=alias,
        version=version,
        workload=workload or "service",
        owner=owner,
        follow=follow or "",
        comment=comment,
    )
    answer(invocation, shapes.deployment_shape(view), lambda: say_told(view))


@click.command(
    "pin",
    cls=RegistryCommand,
    example="registry-git deployment pin production scorer\nregistry-git deployment pin production scorer 11",
)
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@click.argument("version", type=VERSION, required=False)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def pin(invocation: Invocation, environment: str, name: str, version: int | None, comment: str) -> None:
    """Fix a deployment to VERSION, or to the one that it uses now."""
    view = invocation.write().pin_deployment(environment, name, version, comment=comment)
    answer(invocation, shapes.deployment_shape(view), lambda: say_told(view))


@click.command(
    "follow",
    cls=RegistryCommand,
    example="registry-git deployment follow production scorer --stage Production\n"
    "registry-git deployment follow production scorer --by request",
)
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@click.option("--stage", type=STAGE, default="", help="Follow what is in this stage.")
@click.option("--alias", type=ALIAS, default="", help="Follow what this alias points to.")
@click.option(
    "--by",
    "follow",
    type=click.Choice(("auto", "request")),
    help="How it gets another version: by itself, or when a request for that is approved.",
)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def follow(
    invocation: Invocation, environment: str, name: str, stage: str, alias: str, follow: str | None, comment: str
) -> None:
    """Make a deployment follow a stage or an alias, by itself or on request; what is left out stays as it is."""
    view = invocation.write().follow_deployment(
        environment, name, stage=stage, alias=alias, follow=follow or "", comment=comment
    )
    answer(invocation, shapes.deployment_shape(view), lambda: say_told(view))


@click.command("remove", cls=RegistryCommand, example="registry-git deployment remove production scorer")
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@click.option("--comment", "-m", default="", help="Why.")
@pass_invocation
def remove(invocation: Invocation, environment: str, name: str, comment: str) -> None:
    """Remove a deployment; the history keeps it."""
    done = invocation.write().remove_deployment(environment, name, comment=comment)
    shape = shapes.done_shape(done, environment=environment, name=name)
    answer(invocation, shape, lambda: say(f"Removed {environment}/{name}; history keeps it."))
