"""Help says in one sentence what a command does, and shows an example that the program understands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation
from registry_git.cli.main import program
from tests.cli_program import run

LISTED = (
    *("init", "register", "list", "show", "search", "describe", "stage", "activity", "resolve", "download", "diff"),
    *("rollback", "rename", "delete", "check", "doctor", "relayout", "reindex", "clone", "sync", "completion"),
    *("codeowners", "reconcile", "render", "watch", "serve"),
)
GROUPS = {
    "tag": ["set", "delete"],
    "alias": ["set", "delete"],
    "request": ["create", "list", "show", "diff", "approve", "reject", "cancel", "refresh"],
    "comment": ["add", "edit", "delete", "list"],
    "policy": ["show", "set"],
    "user": ["add", "token", "revoke", "list"],
    "deployment": ["add", "list", "show", "pin", "follow", "roll", "ask", "remove"],
    "gitops": ["init"],
    "observations": ["list", "flush"],
    "import": ["mlflow"],
    "bundle": ["create", "state", "verify", "apply"],
    "export": ["mlflow"],
    "hook": ["install", "pre-receive", "reference-transaction"],
}


def commands(group: LazyGroup = program, path: tuple[str, ...] = ()) -> Iterator[tuple[str, RegistryCommand]]:
    """Every command with its full name."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, LazyGroup):
            yield from commands(command, (*path, name))
        else:
            assert isinstance(command, RegistryCommand)
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())


def test_the_commands_are_these() -> None:
    expected = {*LISTED, *(f"{group} {verb}" for group, verbs in GROUPS.items() for verb in verbs)}
    assert set(COMMANDS) == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_one_sentence_an_example_and_the_global_options(name: str) -> None:
    text = run(*name.split(), "--help").out
    sentence = (COMMANDS[name].help or "").split("\n\n")[0]
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\nExample:\n" in text
    for option in ("--registry", "--as", "--output", "-h, --help"):
        assert option in text
    assert ("--at " in text) == COMMANDS[name].reads


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_is_a_line_that_the_program_understands(name: str) -> None:
    for line in COMMANDS[name].example.splitlines():
        words = shlex.split(line, comments=True)
        if words[0] == "eval":
            words = shlex.split(words[1].removeprefix("$(").removesuffix(")"))
        assert words[0] == "registry-git"
        assert " ".join(words[1:]).startswith(name)
        own = words[1 + len(name.split()) :]
        if ">" in own:
            own = own[: own.index(">")]
        COMMANDS[name].make_context(name, list(own), obj=Invocation())


def test_help_of_the_program_lists_every_command_and_group() -> None:
    text = run("--help").out
    for name in [*LISTED, *GROUPS]:
        assert f"\n  {name} " in text


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_lists_its_verbs(group: str) -> None:
    text = run(group, "--help").out
    for verb in GROUPS[group]:
        assert f"\n  {verb} " in text


def test_a_group_without_a_verb_prints_its_help() -> None:
    assert "approve" in run("request", code=2).err
    assert "Usage: registry-git" in run(code=2).err


def test_the_forms_of_a_request_are_one_line_each() -> None:
    text = run("request", "create", "--help").out
    for form in ("NAME VERSION STAGE  ", "NAME VERSION --alias ALIAS  ", "NAME --delete  ", "--policy FILE  "):
        assert f"\n  {form}" in text
