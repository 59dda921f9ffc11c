"""The program `registry-git`, also installed as `git-registry`, so that `git registry show fraud` works."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from itertools import pairwise
from typing import Any, NoReturn

import click

from registry_git import __version__
from registry_git.cli.command import LazyGroup
from registry_git.cli.failures import BROKEN_PIPE, report
from registry_git.cli.invocation import Invocation

_COMMANDS = "registry_git.cli.commands"
_SECTIONS = {
    "Begin": {
        "init": "create:init",
        "clone": "remote:clone",
        "completion": "completion:completion",
    },
    "Register and describe": {
        "register": "register:register",
        "describe": "describe:describe",
        "tag": "tag:tag",
        "comment": "comment:comment",
        "rename": "remove:rename",
        "delete": "remove:delete",
    },
    "Look": {
        "list": "listing:list_",
        "show": "show:show",
        "search": "listing:search",
        "activity": "activity:activity",
        "diff": "diff:diff",
    },
    "Ask, decide and move": {
        "request": "request:request",
        "stage": "stage:stage",
        "rollback": "stage:rollback",
        "alias": "alias:alias",
        "deployment": "deployment:deployment",
        "policy": "policy:policy",
    },
    "Use": {
        "resolve": "resolve:resolve",
        "download": "download:download",
        "watch": "watch:watch",
        "observations": "observations:observations",
        "serve": "serve:serve",
        "user": "user:user",
    },
    "Deploy": {
        "gitops": "gitops:gitops",
        "render": "render:render_",
    },
    "Move in and out": {
        "import": "import_:import_",
        "export": "export:export",
    },
    "Look after the registry": {
        "sync": "remote:sync",
        "bundle": "bundle:bundle",
        "reconcile": "reconcile:reconcile_",
        "check": "check:check",
        "doctor": "upkeep:doctor",
        "relayout": "upkeep:relayout",
        "reindex": "upkeep:reindex",
        "hook": "hook:hook",
        "codeowners": "codeowners:codeowners",
    },
}

# Older versions of click print the help themselves.
_HELP_ASKED: tuple[type[click.UsageError], ...] = tuple(
    getattr(click.exceptions, name) for name in ("NoArgsIsHelpError",) if hasattr(click.exceptions, name)
)


class Program(LazyGroup):
    """The root: every way out of it is an exit code; no error leaves it as a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Runs the program with `args` (default: the process's own) and exits."""
        words = args[0] if args else kwargs.get("args")
        words = sys.argv[1:] if words is None else list(words)
        if "_REGISTRY_GIT_COMPLETE" in os.environ:
            from registry_git.cli import bash  # noqa: F401 - makes its class the one for bash
        invocation = Invocation()
        kwargs.update(standalone_mode=False, obj=invocation)
        try:
            answer = super().main(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            sys.exit(_hang_up())
        except SystemExit:
            raise
        except _HELP_ASKED as usage:
            click.echo(usage.format_message(), err=True)
            sys.exit(2)
        except BaseException as error:
            machine = invocation.machine or (isinstance(error, click.UsageError) and _wants_json(words))
            code = report(error, machine=machine, registry=invocation.registry)
            if isinstance(error, OSError):
                _silence()  # what could not be printed now cannot be printed at the end either
            sys.exit(code)
        sys.exit(answer if isinstance(answer, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a reader that went away ends it without a word."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            ctx.exit(_hang_up())
        return answer


def _hang_up() -> int:
    """Nobody reads standard output any more."""
    _silence()
    return BROKEN_PIPE


def _silence() -> None:
    """What is still in the buffer of standard output goes nowhere, without a complaint."""
    with suppress(OSError, ValueError):  # a stream of a test has no file behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wants_json(words: list[str]) -> bool:
    """Whether a command line that could not be parsed asks for JSON or YAML."""
    formats = ("json", "yaml")
    pairs = pairwise(words)
    return any(one in ("-o", "--output") and other in formats for one, other in pairs) or any(
        word in [f"{option}{form}" for option in ("-o", "--output=") for form in formats] for word in words
    )


@click.command(
    "registry-git",
    cls=Program,
    sections={
        title: {name: f"{_COMMANDS}.{place}" for name, place in places.items()} for title, places in _SECTIONS.items()
    },
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="What happens in a registry is kept in Git: asking for a stage is a branch, saying yes is a merge.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def program() -> None:
    """A model registry whose only database is a Git repository."""


def main() -> NoReturn:
    """The entry point of `registry-git` and `git-registry`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    program.main()
