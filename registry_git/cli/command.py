"""The classes of all commands: global options before and after the subcommand, one example in every help."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click

from registry_git.cli.invocation import Invocation
from registry_git.core.errors import Invalid

FORMATS = ("table", "json", "yaml")


class UnknownCommand(click.UsageError):
    """A command that does not exist; `hint` says which one may be meant."""

    def __init__(self, name: str, known: list[str], ctx: click.Context) -> None:
        super().__init__(f"There is no command {name!r}.", ctx=ctx)
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=3)
        self.hint = (
            f"Did you mean {' or '.join(near)}?" if near else f"List the commands with: {ctx.command_path} --help"
        )


class RegistryCommand(click.Command):
    """A command that takes the global options too.

    Args:
        example: one or more command lines that the help shows.
        reads: whether `--at` can show it the past.
        formats: what `--output` may be.
        joined: whether the first two arguments may come as one, `production/scorer` or `fraud/12`, as lists print them.
    """

    def __init__(
        self,
        *args: Any,
        example: str,
        reads: bool = False,
        formats: tuple[str, ...] = FORMATS,
        joined: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.reads = reads
        self.joined = joined
        self.own_params = list(self.params)
        self.params = [*self.params, *global_options(formats, at=reads)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words that are left after the options and arguments were taken."""
        if self.joined and args and "/" in args[0] and not args[0].startswith("-"):
            args = [*args[0].split("/", 1), *args[1:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. Raises: Invalid when it writes and `--at` was given."""
        if ctx.ensure_object(Invocation).at and not self.reads:
            raise Invalid(
                f"--at shows the past, and {ctx.info_name!r} does not read it.",
                hint="Leave out --at; reading commands as show, list and activity take it.",
            )
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the command's own options, then the global ones."""
        _write_options(ctx, formatter, self.own_params, self.params)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the example."""
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called.

    Args:
        sections: the headings of the help, and below each the commands as name to `module:attribute`.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = dict(sections or {})
        self._lazy = {name: place for places in self._sections.values() for name, place in places.items()}
        self.own_params = list(self.params)
        self.params = [*self.params, *global_options(FORMATS, at=True)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which help shows them."""
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None when there is none."""
        place = self._lazy.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker: the table names commands only
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with. Raises: UnknownCommand."""
        name = args[0]
        if not ctx.resilient_parsing and name not in self._lazy and name not in self.commands:
            raise UnknownCommand(name, self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the global options, then the commands under their headings."""
        _write_options(ctx, formatter, self.own_params, self.params)
        for title, names in {**self._sections, "Commands": self._sections.get("Commands", self.commands)}.items():
            found = [(name, command) for name in names if (command := self.get_command(ctx, name))]
            if found:
                with formatter.section(title):
                    formatter.write_dl([(name, command.get_short_help_str(limit=200)) for name, command in found])


def global_options(formats: tuple[str, ...], *, at: bool) -> list[click.Parameter]:
    """The options that every command takes; their values go into the `Invocation`, and the last one given wins."""
    return [
        _option("-R", "--registry", "registry", metavar="PATH_OR_URL", help="The registry. [env: REGISTRY_GIT_URI]"),
        _option("--as", "actor", metavar='"NAME <EMAIL>"', help="Who acts. [env: REGISTRY_GIT_ACTOR]"),
        _option("-o", "--output", "output", type=click.Choice(formats), help="How the answer is printed."),
        _option(
            "--at", "at", metavar="REV_OR_DATE", hidden=not at, help="Show the past: a date, a commit, or a request."
        ),
    ]


def _option(*names: str, **attributes: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=_kept(names[-1]), **attributes)


def _kept(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            if not value and field != "output":
                raise Invalid(f"--{'as' if field == 'actor' else field} is empty.", hint="Give it a value.")
            setattr(ctx.ensure_object(Invocation), field, value)

    return keep


def _write_options(
    ctx: click.Context, formatter: click.HelpFormatter, own: list[click.Parameter], all_params: list[click.Parameter]
) -> None:
    options = [param for param in all_params if isinstance(param, click.Option)]
    mine = [record for param in options if param in own and (record := param.get_help_record(ctx))]
    others = [record for param in options if param not in own and (record := param.get_help_record(ctx))]
    helping = ctx.command.get_help_option(ctx)
    record = helping.get_help_record(ctx) if helping else None
    if mine:
        with formatter.section("Options"):
            formatter.write_dl(mine)
    with formatter.section("Global options"):
        formatter.write_dl([*others, *([record] if record else [])])
