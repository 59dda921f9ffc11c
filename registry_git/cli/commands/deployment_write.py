"""deployment add, pin, follow, roll, remove: declaring what follows what, directly or by a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import ALIAS, DEPLOYMENT, ENVIRONMENT, MODEL, STAGE, VERSION
from registry_git.cli.asking import ask_for
from registry_git.cli.command import RegistryCommand
from registry_git.cli.commands.deployment_read import say_told
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.core.errors import Invalid
from registry_git.registry.deploying import DeploymentSpec
from registry_git.registry.telling import asked
from registry_git.registry.views import DeploymentView


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """Whether a change is made or asked for, and what is said about it."""

    comment: str
    request: bool
    push: bool
    identity: str | None


def _how(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every change of a deployment takes; the command gets them as one `How`."""

    def with_how(*args: Any, comment: str, request: bool, push: bool, identity: str | None, **words: Any) -> None:
        if identity is not None and not (request or push):
            raise Invalid("--id marks a request, and none is made.", hint="Add --request.")
        command(*args, how=How(comment=comment, request=request or push, push=push, identity=identity), **words)

    with_how.__doc__ = command.__doc__
    for option in (
        click.option("--id", "identity", help="An id of your own: a retry with the same id asks only once."),
        click.option("--push", is_flag=True, help="Ask, and open a pull request on the forge that the policy names."),
        click.option("--request", is_flag=True, help="Ask for it, with a request that others approve."),
        click.option("--comment", "-m", default="", help="Why."),
    ):
        with_how = option(with_how)
    return with_how


def _ask(invocation: Invocation, how: How, environment: str, name: str, change: str, **words: Any) -> None:
    ask_for(
        invocation,
        lambda registry: registry.request_deployment(
            environment, name, change, DeploymentSpec(**words), comment=how.comment, id=how.identity
        ),
        push=how.push,
    )


def _say(invocation: Invocation, view: DeploymentView) -> None:
    answer(invocation, shapes.deployment_shape(view), lambda: say_told(view))


@click.command(
    "add",
    cls=RegistryCommand,
    joined=True,
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
    "--by",
    "follow",
    type=click.Choice(("auto", "request", "pinned")),
    help="How it gets another version: in the commit that moves the stage or alias (auto, the default), when a request "
    "for that is approved, or never.",
)
@_how
@pass_invocation
def add(
    invocation: Invocation,
    /,
    environment: str,
    name: str,
    workload: str | None,
    follow: str | None,
    how: How,
    **said: Any,
) -> None:
    """Declare that a job or service uses a model: what it follows, and how."""
    said.update(workload=workload or "service", follow=follow or "")
    if how.request:
        _ask(invocation, how, environment, name, "add", **said)
    else:
        _say(invocation, invocation.write().add_deployment(environment, name, comment=how.comment, **said))


@click.command(
    "pin",
    cls=RegistryCommand,
    joined=True,
    example="registry-git deployment pin production scorer\nregistry-git deployment pin production scorer 11",
)
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@click.argument("version", type=VERSION, required=False)
@_how
@pass_invocation
def pin(invocation: Invocation, environment: str, name: str, version: int | None, how: How) -> None:
    """Fix a deployment to VERSION, or to the one that it uses now."""
    if how.request:
        _ask(invocation, how, environment, name, "pin", version=version)
    else:
        _say(invocation, invocation.write().pin_deployment(environment, name, version, comment=how.comment))


@click.command(
    "follow",
    cls=RegistryCommand,
    joined=True,
    example="registry-git deployment follow production scorer --stage Production\n"
    "registry-git deployment follow production scorer --by request",
)
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@click.option("--stage", type=STAGE, default="", help="Follow what is in this stage.")
@click.option("--alias", type=ALIAS, default="", help="Follow what this alias points to.")
@click.option(
    "--by",
    "--follow",
    "follow",
    type=click.Choice(("auto", "request")),
    help="How it gets another version: by itself, or when a request for that is approved.",
)
@_how
@pass_invocation
def follow(
    invocation: Invocation, environment: str, name: str, stage: str, alias: str, follow: str | None, how: How
) -> None:
    """Make a deployment follow a stage or an alias, by itself or on request; what is left out stays as it is."""
    said = {"stage": stage, "alias": alias, "follow": follow or ""}
    if how.request:
        _ask(invocation, how, environment, name, "follow", **said)
    else:
        _say(invocation, invocation.write().follow_deployment(environment, name, comment=how.comment, **said))


@click.command("roll", cls=RegistryCommand, joined=True, example="registry-git deployment roll production scorer")
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@_how
@pass_invocation
def roll(invocation: Invocation, environment: str, name: str, how: How) -> None:
    """Bring a deployment that follows on request to what it follows now."""
    if how.request:
        _ask(invocation, how, environment, name, "roll")
    else:
        _say(invocation, invocation.write().roll_deployment(environment, name, comment=how.comment))


@click.command("ask", cls=RegistryCommand, example="registry-git deployment ask --environment production")
@click.option("--environment", type=ENVIRONMENT, help="Only for one environment.")
@click.option("--model", type=MODEL, help="Only for one model.")
@pass_invocation
def ask(invocation: Invocation, environment: str | None, model: str | None) -> None:
    """Open the requests that are missing for deployments that follow on request and are behind."""
    views = invocation.write().ask_for_rolls(environment=environment, model=model)

    def show() -> None:
        for view in views:
            say(f"Request {view.request} asks to {asked(view)}.")
        if not views:
            say("No request is missing.")

    answer(invocation, [shapes.request_shape(view) for view in views], show)


@click.command("remove", cls=RegistryCommand, joined=True, example="registry-git deployment remove production scorer")
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@_how
@pass_invocation
def remove(invocation: Invocation, environment: str, name: str, how: How) -> None:
    """Remove a deployment; the history keeps it."""
    if how.request:
        _ask(invocation, how, environment, name, "remove")
        return
    done = invocation.write().remove_deployment(environment, name, comment=how.comment)
    shape = shapes.done_shape(done, environment=environment, name=name)
    answer(invocation, shape, lambda: say(f"Removed {environment}/{name}; history keeps it."))
