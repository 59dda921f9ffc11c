"""The arguments of commands: parsed once, here; each knows how the shell can complete it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.names import parse_version
from registry_git.core.uris import parse_reference

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    _Text = click.ParamType[str]
    _Number = click.ParamType[int]
    _Pair = click.ParamType[tuple[str, str]]
else:  # not generic in every version of click
    _Text = _Number = _Pair = click.ParamType


class _Completing:
    """An argument that the shell completes from the registry."""

    def __init__(self, name: str, completer: str) -> None:
        self.name = name
        self._completer = completer

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What the registry has that begins so; nothing where it cannot be read."""
        from click.shell_completion import CompletionItem

        from registry_git.cli import complete

        return [CompletionItem(word) for word in complete.words(self._completer, ctx, incomplete)]


class _Named(_Completing, _Text):
    """Text that is handed on as it is."""


class _Version(_Completing, _Number):
    """A version number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises: Invalid."""
        return parse_version(value)


class _Assignment(_Pair):
    """`KEY=VALUE`, as a pair."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The pair. Raises: Invalid when there is no `=`, or nothing before it."""
        if isinstance(value, tuple):
            return value
        key, equals, rest = str(value).partition("=")
        if not equals or not key:
            option = param.opts[-1] if param else "the option"
            raise Invalid(f"{value!r} assigns nothing.", hint=f"Write it as: {option} KEY=VALUE")
        return key, rest


class _Size(_Number):
    """A number of bytes, as `500M` or `20G`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of bytes. Raises: Invalid."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)([KMGT]?)B?", str(value).strip().upper())
        if found is None:
            raise Invalid(f"{value!r} is no size.", hint="Write bytes, or a number with K, M, G or T, as 20G.")
        return int(float(found[1]) * 1000 ** " KMGT".index(found[2] or " "))


MODEL = _Named("name", "models")
VERSION = _Version("version", "versions")
STAGE = _Named("stage", "stages")
ALIAS = _Named("alias", "aliases")
REQUEST = _Named("id", "requests")
REFERENCE = _Named("reference", "references")
NUMBERED = _Named("name[/version]", "numbered")
MODEL_URI = _Named("model_uri", "uris")
ENVIRONMENT = _Named("environment", "environments")
DEPLOYMENT = _Named("name", "deployments")
COMMENT = _Named("comment_id", "comments")
TAG = _Named("key", "tags")
ASSIGNMENT = _Assignment()
SIZE = _Size()
FORCE = "Also where a deployment is in the way; --comment says why."

# Of the commands with which jobs get their models.
CONSUMER = click.option(
    "--consumer", metavar="NAME", help="Who asks, to be recorded: as prod/scorer. [env: REGISTRY_GIT_CONSUMER]"
)


def numbered(text: str) -> tuple[str, int | None]:
    """The model and the version that `NAME` or `NAME/VERSION` names.

    Raises:
        Invalid: it names a stage or an alias.
    """
    reference = parse_reference(text)
    if reference.alias or reference.stage or reference.latest:
        raise Invalid(f"{text!r} names no version by its number.", hint="Write NAME/VERSION, as fraud/12.")
    return reference.model, reference.version


def one_version(text: str) -> tuple[str, int]:
    """The model and the version that `NAME/VERSION` names. Raises: Invalid."""
    name, version = numbered(text)
    if version is None:
        raise Invalid(f"{text!r} names a model, and a version is needed.", hint="Write NAME/VERSION, as fraud/12.")
    return name, version


def deployment_place(text: str) -> tuple[str, str]:
    """The environment and the name that `ENV/NAME` names. Raises: Invalid."""
    environment, slash, name = text.partition("/")
    if not slash or not environment or not name:
        raise Invalid(f"{text!r} names no deployment.", hint="Write it as production/scorer.")
    return environment, name


def text_or_stdin(text: str) -> str:
    """`text`, or for `-` all of standard input but its last line feed."""
    return sys.stdin.read().removesuffix("\n") if text == "-" else text


def file_or_stdin(path: str) -> str:
    """The text of the file at `path`, or of standard input for `-`. Raises: NotFound; Invalid: not UTF-8; OSError."""
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", hint="Name a file, or - for standard input.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from None
