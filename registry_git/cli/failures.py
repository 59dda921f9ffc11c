"""Every error as one sentence, a hint and an exit code; no traceback unless REGISTRY_GIT_DEBUG=1 asks for it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from shlex import quote

import click

from registry_git.cli.safe import exact, visible
from registry_git.cli.sheets import coloured
from registry_git.core import errors

_COMMAND = re.compile(r"\bregistry-git (?!init\b|clone\b|[^ ]+ --help|[^ ]+ [^ ]+ --help)(?=[a-z])")
INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

# One place for the command line's codes; `docs/cli.md` shows this table.
EXIT_CODES: dict[type[errors.RegistryError], int] = {
    errors.Invalid: 2,
    errors.NotFound: 3,
    errors.AlreadyExists: 4,
    errors.Conflict: 5,
    errors.PermissionDenied: 6,
    errors.Corrupt: 7,
    errors.Unavailable: 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is told about an error: its name, one sentence, what to do, and the exit code."""

    code: str
    message: str
    hint: str
    exit_code: int


def failure_of(error: BaseException) -> Failure:
    """What to tell about `error`."""
    if isinstance(error, errors.RegistryError):
        for kind, code in EXIT_CODES.items():
            if isinstance(error, kind):
                return Failure(code=kind.__name__, message=_sentence(error), hint=error.hint, exit_code=code)
    if isinstance(error, click.UsageError):
        return Failure(code="Invalid", message=error.format_message(), hint=_usage_hint(error), exit_code=2)
    if isinstance(error, click.ClickException):
        return Failure(code="Invalid", message=error.format_message(), hint="", exit_code=2)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Failure(code="Interrupted", message="Interrupted.", hint="", exit_code=INTERRUPTED)
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename!r}" if error.filename else ""
        message = f"The system refused{where}: {error.strerror}."
        return Failure(code="Unavailable", message=message, hint="Try again when that is mended.", exit_code=8)
    name = type(error).__name__
    message = f"Something went wrong that registry-git did not expect: {name}: {error}"
    hint = "Run it again with REGISTRY_GIT_DEBUG=1 to see where, and report it."
    return Failure(code="Internal", message=message, hint=hint, exit_code=INTERNAL)


def report(error: BaseException, *, machine: bool, registry: str = "") -> int:
    """Tells about `error` on standard error, and gives the exit code.

    Args:
        error: what went wrong.
        machine: whether to tell it as one JSON object instead of two lines of text.
        registry: what `--registry` named; commands in the hint then name it too, so that they can be copied.
    """
    failure = failure_of(error)
    hint = _COMMAND.sub(f"registry-git -R {quote(registry)} ", failure.hint) if registry else failure.hint
    if os.environ.get("REGISTRY_GIT_DEBUG") == "1":
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    if machine:
        import json

        told = {"error": {"code": failure.code, "message": failure.message, "hint": hint}}
        click.echo(exact(json.dumps(told, ensure_ascii=False)), err=True)
        return failure.exit_code
    if failure.exit_code == INTERRUPTED:
        return INTERRUPTED
    click.echo(f"{_label('error:', 'red')} {visible(failure.message)}", err=True)
    if hint:
        click.echo(f"{_label('hint:', 'cyan')} {visible(hint)}", err=True)
    return failure.exit_code


def _sentence(error: errors.RegistryError) -> str:
    if not isinstance(error, errors.Corrupt):
        return error.message
    where = error.path + (f":{error.line}" if error.line else "") + (f" {error.json_path}" if error.json_path else "")
    return f"{where.strip()}: {error.message}" if where.strip() else error.message


def _usage_hint(error: click.UsageError) -> str:
    said = getattr(error, "hint", "")
    if said:
        return str(said)
    return f"See how it is used with: {error.ctx.command_path} --help" if error.ctx else ""


def _label(text: str, colour: str) -> str:
    return click.style(text, fg=colour, bold=True) if coloured(sys.stderr) else text
