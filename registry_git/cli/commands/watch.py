"""watch: a command at each change of what a stage or an alias names."""

from __future__ import annotations

import shlex
import signal
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import click

from registry_git.cli import delivery
from registry_git.cli.arguments import ALIAS, MODEL, STAGE
from registry_git.cli.command import RegistryCommand
from registry_git.cli.failures import INTERRUPTED
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import as_json, as_yaml, say
from registry_git.cli.plain import plain
from registry_git.cli.safe import visible
from registry_git.core.errors import Invalid, RegistryError
from registry_git.core.pointing import PointerChange
from registry_git.core.uris import parse_reference

_WORDS = "registry_git.watch.words"


class _WatchCommand(RegistryCommand):
    """What stands behind `--` is the command to run, and not ours to read."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta[_WORDS] = tuple(args[place + 1 :])
            args = args[:place]
        return super().parse_args(ctx, args)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The options, one field for each; what they mean stands in the help."""

    model: str
    stages: tuple[str, ...]
    aliases: tuple[str, ...]
    line: str | None
    name: str
    since: str | None
    initial: bool
    reset: bool
    once: bool
    interval: float | None
    retries: int
    backoff: float
    state: str | None


@click.command(
    "watch",
    cls=_WatchCommand,
    example="registry-git watch fraud --stage Production --name roller --exec 'echo \"$MODEL_SOURCE\"'\n"
    "registry-git watch --alias champion --once -- ./deploy.sh",
)
@click.argument("model", metavar="[MODEL] [-- COMMAND ARG…]", type=MODEL, required=False, default="")
@click.option("--stage", "stages", type=STAGE, multiple=True, help="Only this stage; may be given several times.")
@click.option("--alias", "aliases", type=ALIAS, multiple=True, help="Only this alias; may be given several times.")
@click.option("--exec", "line", metavar="CMD", help="Run this line with sh at each change; or a program behind --.")
@click.option("--name", default="watch", show_default=True, help="Under this name the place in the history is kept.")
@click.option(
    "--since", metavar="REV_OR_DATE", help="Where the first watch of the name begins: start, a commit, a date."
)
@click.option("--initial", is_flag=True, help="The first watch of the name tells first what the pointers say now.")
@click.option("--reset", is_flag=True, help="Forget the place of the name, and begin as its first watch does.")
@click.option("--once", is_flag=True, help="End when all that is there was delivered.")
@click.option("--interval", type=click.FloatRange(min=0.05), help="Seconds between looks.  [default: 1; remote: 10]")
@click.option("--retries", type=click.IntRange(min=0), default=5, show_default=True, help="Of a command that fails.")
@click.option(
    "--backoff",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds before its first retry; they double, up to 60.",
)
@click.option("--state", metavar="DIR", help="Where the place is kept, instead of in the repository.")
@pass_invocation
@click.pass_context
def watch(ctx: click.Context, invocation: Invocation, /, **options: Any) -> None:
    """Print, or run a command at, each change of what stages and aliases name."""
    asked = _Asked(**options)
    if asked.since and asked.initial:
        raise Invalid("--since and --initial begin at two places.", hint="Give one of them.")
    if "/" in asked.model:
        raise Invalid(f"{asked.model!r} is no name of a model.", hint=_meant(asked.model))
    command = _command(ctx, asked)
    following = invocation.now().watch(
        asked.name, model=asked.model, stages=asked.stages, aliases=asked.aliases, state=asked.state
    )
    if asked.reset:
        following.forget()
    with delivery.Stopping() as stopping:
        changes = following.changes(
            since=asked.since or "now",
            initial=asked.initial,
            interval_seconds=asked.interval,
            once=asked.once,
            pause=stopping.wait,
            warn=_warn,
        )
        with closing(changes), suppress(delivery.Stopped):
            try:
                for change in changes:
                    if command is not None:
                        command.deliver(change, stopping)
                    _tell(invocation, change)
            except RegistryError:
                # a signal that ends us may end a fetch, too
                if not stopping.signal:
                    raise
    if stopping.signal == signal.SIGINT:
        ctx.exit(INTERRUPTED)


def _meant(text: str) -> str:
    """How to follow what a reference as `fraud/Production` or `models:/fraud@champion` names."""
    try:
        found = parse_reference(text)
    except RegistryError:
        return "Name a model alone."
    words = ("--stage", found.stage) if found.stage else ("--alias", found.alias) if found.alias else ()
    return f"Follow it with: {shlex.join(('registry-git', 'watch', found.model, *words))}"


def _command(ctx: click.Context, asked: _Asked) -> delivery.Command | None:
    """What is run at each change; None when changes are printed. Raises: Invalid."""
    words: tuple[str, ...] | None = ctx.meta.get(_WORDS)
    line = asked.line
    if line is None and words is None:
        return None
    if line is not None and words is not None:
        raise Invalid("There are two commands: --exec, and the one behind --.", hint="Give one of them.")
    words = ("/bin/sh", "-c", line) if line is not None else words
    if not words or not words[-1 if line is not None else 0].strip():
        raise Invalid("There is no command to run.", hint="Write it as: --exec CMD, or -- PROGRAM ARG…")
    shown = words[0] if line is None else f"`{line}`"
    return delivery.Command(words, shown=shown, retries=asked.retries, backoff_seconds=asked.backoff, warn=_warn)


def _tell(invocation: Invocation, change: PointerChange) -> None:
    if invocation.output == "json":
        click.echo(as_json(plain(change), indent=None))
    elif invocation.output == "yaml":
        click.echo(as_yaml(plain(change), document=True), nl=False)
    else:
        say(f"{delivery.told(change)}  {change.source}  by {change.by}  {change.commit[:8]}")


def _warn(sentence: str) -> None:
    click.echo(f"warning: {visible(sentence)}", err=True)
