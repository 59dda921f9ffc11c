"""deployment list, show: who uses what, since when, and who is behind."""

from __future__ import annotations

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import DEPLOYMENT, ENVIRONMENT, MODEL, NUMBERED, one_version
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.left_out import warn_unreadable
from registry_git.cli.output import answer, say, say_next
from registry_git.core.errors import Invalid
from registry_git.registry.running import RunningView
from registry_git.registry.views import DeploymentView


@click.command(
    "list",
    cls=RegistryCommand,
    reads=True,
    example="registry-git deployment list\n"
    "registry-git deployment list --environment production --job --version fraud/12\n"
    "registry-git deployment list --observed",
)
@click.option("--environment", type=ENVIRONMENT, help="Only those of one environment.")
@click.option("--model", type=MODEL, help="Only those of one model.")
@click.option("--version", "used", metavar="NAME/VERSION", type=NUMBERED, help="Only those that use one version.")
@click.option("--job", "workload", flag_value="job", help="Only jobs.")
@click.option("--service", "workload", flag_value="service", help="Only services.")
@click.option("--observed", is_flag=True, help="With what each was seen to use, and consumers without a deployment.")
@pass_invocation
def list_(
    invocation: Invocation,
    environment: str | None,
    model: str | None,
    used: str | None,
    workload: str | None,
    observed: bool,
) -> None:
    """List the deployments, and what each of them uses."""
    version = None
    if used is not None:
        name, version = one_version(used)
        if model not in (None, name):
            raise Invalid(f"{used} is no version of {model}.", hint="Leave out --model.")
        model = name
    if observed:
        if invocation.at:
            raise Invalid("What is observed is known as it is now, and --at shows the past.", hint="Leave out one.")
        now = invocation.now()
        found = now.running(environment=environment, workload=workload, model=model, version=version)
        answer(invocation, found, lambda: _print_running(found))
        warn_unreadable(now)
        return
    registry = invocation.read()
    views = registry.deployments(environment=environment, workload=workload, model=model, version=version)
    answer(invocation, [shapes.deployment_shape(view) for view in views], lambda: _print_list(views))
    warn_unreadable(registry)


@click.command(
    "show",
    cls=RegistryCommand,
    reads=True,
    joined=True,
    example="registry-git deployment show production scorer\nregistry-git deployment show production/scorer",
)
@click.argument("environment", type=ENVIRONMENT)
@click.argument("name", type=DEPLOYMENT)
@pass_invocation
def show(invocation: Invocation, environment: str, name: str) -> None:
    """Show what a deployment follows and uses, since when, and what brought it."""
    view = invocation.read().deployment(environment, name)
    answer(invocation, shapes.deployment_shape(view), lambda: _print(invocation, view))


def _print_list(views: list[DeploymentView]) -> None:
    from registry_git.cli.sheets import when, who
    from registry_git.cli.tables import show_table

    rows = [
        (
            f"{view.environment}/{view.name}",
            view.workload,
            f"v{view.version}" if view.version else "",
            view.reference,
            view.follow,
            _short(view),
            when(view.since)[:10] if view.since is not None else "",
            who(view.owner),
        )
        for view in views
    ]
    columns = ("!DEPLOYMENT", "KIND", ">USES", "FOLLOWS", "BY", "!STANDING", "!SINCE", "OWNER")
    show_table(columns, rows, empty="No deployments.")


def _short(view: DeploymentView) -> str:
    if view.standing == "behind":
        return f"behind: v{view.target}"
    return "" if view.standing == "current" else view.standing


def _print_running(found: list[RunningView]) -> None:
    from registry_git.cli.sheets import when
    from registry_git.cli.tables import show_table

    rows = [
        (
            one.consumer,
            one.workload,
            one.model,
            f"v{one.declared}" if one.declared else "",
            f"v{one.observed}" if one.observed else "",
            drifts(one),
            one.asked,
            when(one.last) if one.last is not None else "",
        )
        for one in found
    ]
    columns = ("!CONSUMER", "WORKLOAD", "MODEL", ">DECLARED", ">SEEN", "DRIFT", "ASKED FOR", "!LAST SEEN (UTC)")
    show_table(columns, rows, empty="No deployments, and nobody was seen to use a model.")


def drifts(one: RunningView) -> str:
    """How a consumer stands to its deployment, in a few words; empty when it does what is declared."""
    return {
        "none": "",
        "drifted": f"on v{one.observed}, {one.reference} says {f'v{one.declared}' if one.declared else 'nothing'}",
        "unseen": "never seen",
        "undeclared": "no deployment",
    }[one.drift]


def _print(invocation: Invocation, view: DeploymentView) -> None:
    from registry_git.cli.sheets import short, show_facts, when

    brought = view.request and f"request {view.request}, commit {short(view.brought_by)}"
    show_facts(
        (
            ("deployment", f"{view.environment}/{view.name}"),
            ("workload", view.workload),
            ("owner", view.owner),
            ("follows", f"{view.reference} ({view.follow})"),
            ("uses", f"{view.model} v{view.version}" if view.version else "nothing yet"),
            ("standing", stands(view)),
            ("since", f"{when(view.since)} UTC" if view.since is not None else ""),
            ("brought by", brought or (f"commit {short(view.brought_by)}" if view.brought_by else "")),
            ("source", view.source),
            ("digest", view.digest),
        )
    )
    if view.request:
        say("")
        say_next(invocation, "See who approved it with", "request", "show", view.request)


def stands(view: DeploymentView) -> str:
    """How a deployment stands, in a few words."""
    return {
        "current": "current",
        "behind": f"behind: {view.reference} is v{view.target}",
        "archived": f"archived: v{view.version} is in no stage that serves",
        "dangling": f"dangling: {view.reference} holds nothing",
        "deleted": f"deleted: v{view.version} is gone",
    }[view.standing]


def told(view: DeploymentView) -> str:
    """What a deployment does now, in a sentence."""
    uses = f"uses v{view.version}" if view.version else "uses nothing yet"
    if view.follow == "pinned":
        return f"{view.environment}/{view.name} is pinned to {view.reference} and {uses}."
    by = " on request" if view.follow == "request" else ""
    return f"{view.environment}/{view.name} follows {view.reference}{by} and {uses}."


def say_told(view: DeploymentView) -> None:
    """Prints what a deployment does now."""
    say(told(view))
    if view.standing != "current":
        say(f"It is {stands(view)}.")
