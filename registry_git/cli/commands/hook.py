"""hook: a bare repository that guards itself, without a forge."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.failures import EXIT_CODES
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.cli.safe import visible

if TYPE_CHECKING:
    from registry_git.registry.judging.faults import Fault


@click.group("hook", cls=LazyGroup)
def hook() -> None:
    """Judge every push to a bare repository by the policy of the registry."""


@hook.command("install", cls=RegistryCommand, example="registry-git hook install -R /srv/models.git")
@pass_invocation
def install(invocation: Invocation) -> None:
    """Put the hooks into a bare repository; hooks of other programs are left alone and named."""
    files = [str(path) for path in invocation.now().install_hooks(own_command())]

    def show() -> None:
        for path in files:
            say(f"Wrote {path}.")
        say("Who pushes comes from ssh (REGISTRY_GIT_ACTOR in the forced command) or from the web server's user.")

    answer(invocation, {"hooks": files}, show)


@hook.command("pre-receive", cls=RegistryCommand, hidden=True, example="registry-git hook pre-receive")
@click.pass_context
def pre_receive(ctx: click.Context) -> None:
    """Judge a push: git calls this with the references that are to move on standard input."""
    from registry_git.receive import judge_push

    faults = judge_push(_stdin())
    errors = [one for one in faults if one.level == "error"]
    for one in errors or faults:
        word = "error" if one.level == "error" else one.level
        click.echo(f"{word}: {visible(_told(one))}", err=True)
        if one.fix:
            click.echo(f"hint: {visible(one.fix)}", err=True)
    if errors:
        ctx.exit(max(EXIT_CODES[one.error] for one in errors))


@hook.command(
    "reference-transaction",
    cls=RegistryCommand,
    hidden=True,
    example="registry-git hook reference-transaction prepared",
)
@click.argument("state")
def reference_transaction(state: str) -> None:
    """Make a push durable: git calls this before and after references move."""
    from registry_git.gitstore.durable import make_durable
    from registry_git.gitstore.pushed import merge_pushed

    git_dir = Path(os.environ.get("GIT_DIR", ".")).resolve()
    make_durable(git_dir, state, _stdin())
    if state == "committed":
        merge_pushed(git_dir)


def own_command() -> list[str]:
    """The command line of this program by absolute path, which works in whatever environment git starts it."""
    import subprocess

    program = "from registry_git.cli.main import main; main()"
    # -I: neither the pusher's environment nor the repository's directory says where modules come from
    isolated = [sys.executable, "-I", "-c"]
    found = subprocess.run([*isolated, "import registry_git"], capture_output=True, check=False)
    return [*(isolated if found.returncode == 0 else [sys.executable, "-c"]), program]


def _told(one: Fault) -> str:
    """The sentence, with the file that it is about where it does not stand for itself."""
    if one.rule.value not in ("manifest", "forbidden-entry", "append-only") or one.path in one.message:
        return one.message
    return f"{one.path}{f':{one.line}' if one.line else ''}: {one.message}"


def _stdin() -> str:
    return sys.stdin.buffer.read().decode("utf-8", errors="surrogateescape")
