"""Answers on standard output: JSON and YAML for programs, tables for people."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from registry_git.cli.invocation import Invocation
from registry_git.cli.plain import plain
from registry_git.cli.safe import exact, visible_lines


def answer(invocation: Invocation, value: object, show: Callable[[], None]) -> None:
    """Prints `value` as `--output` asks: as JSON or YAML, else what `show` prints for people.

    `value` may be a function that gives it, for one that takes long to make.
    """
    if invocation.machine and callable(value):
        value = value()
    if invocation.output == "json":
        click.echo(as_json(plain(value)))
    elif invocation.output == "yaml":
        click.echo(as_yaml(plain(value)), nl=False)
    else:
        show()


def as_json(data: Any, *, indent: int | None = 2) -> str:
    """`data` as JSON text that is harmless on a terminal."""
    import json

    return exact(json.dumps(data, ensure_ascii=not _unicode(), indent=indent))


def as_yaml(data: Any, *, document: bool = False) -> str:
    """`data` as YAML text; as a document of a stream if `document`."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(data, Dumper=dumper, sort_keys=False, width=1 << 30, explicit_start=document)
    return str(text)


def say(text: str) -> None:
    """Prints a line for people; what users wrote in it cannot steer the terminal."""
    click.echo(visible_lines(text))


def say_next(invocation: Invocation, what: str, *words: str) -> None:
    """Tells which command comes next: `Approve it with: registry-git request approve …`."""
    say(f"{what}: {invocation.command(*words)}")


def _unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
