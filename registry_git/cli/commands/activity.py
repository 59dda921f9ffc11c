"""activity: what happened."""

from __future__ import annotations

import time

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import NUMBERED, numbered
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, as_json, as_yaml, say
from registry_git.cli.safe import visible
from registry_git.core.activity import Activity
from registry_git.core.errors import Invalid
from registry_git.core.times import Timestamp
from registry_git.registry.telling import what, where

_RECENT = 50


@click.command(
    "activity",
    cls=RegistryCommand,
    reads=True,
    example="registry-git activity fraud/12\nregistry-git activity --follow --output json",
)
@click.argument("target", metavar="[NAME[/VERSION]]", type=NUMBERED, required=False)
@click.option("--follow", "-f", is_flag=True, help="Then wait, and show what happens; JSON is one object a line.")
@click.option("--limit", type=click.IntRange(min=1), help="The newest so many.")
@click.option(
    "--interval", type=click.FloatRange(min=0.05), default=1.0, show_default=True, help="Seconds between looks."
)
@pass_invocation
def activity(invocation: Invocation, target: str | None, follow: bool, limit: int | None, interval: float) -> None:
    """Show what happened to everything, to a model or to a version, oldest first."""
    name, version = (None, None) if target is None else numbered(target)
    if follow and invocation.at:
        raise Invalid("--follow waits for what comes, and --at shows the past.", hint="Leave out one of them.")
    if follow:
        _follow(invocation, name, version, limit, interval)
        return
    found = invocation.read().activity(name, version, limit=limit)

    def show() -> None:
        from registry_git.cli.listings import show_activities

        show_activities(found)

    answer(invocation, [shapes.activity_shape(one) for one in found], show)


def _follow(invocation: Invocation, name: str | None, version: int | None, limit: int | None, interval: float) -> None:
    """Shows what is there, then each new activity, until it is interrupted."""
    registry = invocation.now()
    cursor = registry.activity_cursor()
    before = registry.activity(name, version)
    found = before if limit is None else before[-limit:]
    seen = {one.id for one in before} - {one.id for one in found}
    while True:
        for one in found:
            # what an open request is told as comes again when it lands
            if one.id not in seen:
                seen.add(one.id)
                _tell(invocation, one)
        time.sleep(interval)
        registry = invocation.now()  # opened anew, so that what came to a remote is seen
        reached = registry.activity_cursor()
        found = registry.activity(name, version, after=cursor)
        found += registry.activity(name, version, limit=_RECENT)  # new requests are not on main yet
        cursor = reached


def _tell(invocation: Invocation, one: Activity) -> None:
    if invocation.output == "json":
        click.echo(as_json(shapes.activity_shape(one), indent=None))
    elif invocation.output == "yaml":
        click.echo(as_yaml(shapes.activity_shape(one), document=True), nl=False)
    else:
        moment = Timestamp.of(one.creation_timestamp).text()[:19].replace("T", " ")
        comment = f'  "{visible(one.comment)}"' if one.comment else ""
        say(f"{moment}  {visible(one.user_id)}  {where(one.model, one.version)}  {visible(what(one))}{comment}")
