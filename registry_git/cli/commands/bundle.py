"""bundle: registry state as one file, for the other side of an air gap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from shutil import rmtree

import click

from registry_git.cli.arguments import NUMBERED, SIZE, file_or_stdin
from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import PROGRAM, Invocation, pass_invocation
from registry_git.cli.output import answer, as_json, say
from registry_git.cli.progress import progress
from registry_git.core.errors import Corrupt, Invalid, NotFound
from registry_git.registry.bundle_file import BYTES_MAX
from registry_git.registry.bundling import Transfer

_SHOWN = 20  # steps of main that are told to people
_WITHOUT_POLICY = click.option("--without-policy", is_flag=True, help="Do not judge the steps of main by the policy.")
_MAX_SIZE = click.option(
    "--max-size", metavar="SIZE", type=SIZE, default=BYTES_MAX, show_default="16G", help="Refuse a larger file."
)


@click.group("bundle", cls=LazyGroup)
def bundle() -> None:
    """Carry a registry's state, with open requests, across an air gap in one file."""


@bundle.command(
    "create",
    cls=RegistryCommand,
    example="registry-git bundle create registry.tar --artifacts fraud/12\n"
    "registry-git bundle create update.tar --for state.json",
)
@click.argument("file")
@click.option("--since", metavar="REV_OR_DATE", help="Leave out what came up to a commit or a date.")
@click.option("--for", "state", metavar="STATE", help="Leave out what is at the other side: a file of `bundle state`.")
@click.option(
    "--artifacts", metavar="NAME/VERSION", type=NUMBERED, multiple=True, help="A version whose files go along."
)
@pass_invocation
def create(invocation: Invocation, file: str, since: str | None, state: str | None, artifacts: tuple[str, ...]) -> None:
    """Write main, the open requests, and the files of chosen versions to FILE."""
    known = None if state is None else _state(state)
    with progress("Reading", "bytes") as told:
        made = invocation.now().create_bundle(file, since=since, state=known, artifacts=artifacts, progress=told)

    def show() -> None:
        requests = len(made.refs) - 1
        say(f"Wrote {made.file}: main at {made.commit[:12]}, {requests} open request{'s' if requests != 1 else ''}.")
        for one in made.artifacts:
            say(f"With the files of {one.model} v{one.version}: {one.digest}")
        name = Path(made.file).name
        say(f"There, take it over with: {PROGRAM} bundle apply {name}")
        if not made.since:
            say(f"Where there is no registry yet: {PROGRAM} -R PATH bundle apply {name} --new")

    answer(invocation, made, show)


@bundle.command("state", cls=RegistryCommand, example="registry-git bundle state > state.json")
@pass_invocation
def state(invocation: Invocation) -> None:
    """Print what is here, as JSON, so that the other side can make a bundle of what is not."""
    found = {"refs": invocation.now().bundle_state()}
    answer(invocation, found, lambda: click.echo(as_json(found)))


@bundle.command("verify", cls=RegistryCommand, example="registry-git bundle verify update.tar")
@click.argument("file")
@_WITHOUT_POLICY
@_MAX_SIZE
@pass_invocation
def verify(invocation: Invocation, file: str, without_policy: bool, max_size: int) -> None:
    """Judge the bundle FILE, and say what it would change."""
    with _hinted(file):
        registry = invocation.now()
    found = registry.verify_bundle(file, by_policy=not without_policy, max_bytes=max_size)

    def show() -> None:
        say("It is whole, and can be applied." if found.changed else "It is whole, and all of it is here already.")
        _print(found)

    answer(invocation, found, show)


@bundle.command("apply", cls=RegistryCommand, example="registry-git bundle apply update.tar --artifacts-to /srv/models")
@click.argument("file")
@click.option("--artifacts-to", metavar="DIR_OR_URL", help="Store the files in it there, for download to find.")
@_WITHOUT_POLICY
@_MAX_SIZE
@click.option("--new", is_flag=True, help="Make the repository that -R names, for the first bundle.")
@pass_invocation
def apply(
    invocation: Invocation, file: str, artifacts_to: str | None, without_policy: bool, max_size: int, new: bool
) -> None:
    """Take over what the bundle FILE holds: all of it, or nothing."""
    with _made(invocation.registry) if new else nullcontext(), progress("Storing", "bytes") as told:
        with _hinted(file):
            registry = invocation.write()
        done = registry.apply_bundle(
            file, artifacts_to=artifacts_to, by_policy=not without_policy, max_bytes=max_size, progress=told
        )

    def show() -> None:
        say(f"main is at {done.commit[:12]} now." if done.changed else "All of it is here already.")
        _print(done)
        for location in done.stored:
            say(f"Stored {location}")
        if done.artifacts and not done.stored:
            say("The files in it were not stored: apply it again with --artifacts-to DIR.")

    answer(invocation, done, show)


@contextmanager
def _hinted(file: str) -> Iterator[None]:
    """Where there is no registry, one that `init` makes would be in the way of what comes."""
    try:
        yield
    except NotFound as problem:
        hint = f"If it is to come with this bundle: {PROGRAM} bundle apply {file} --new"
        raise NotFound(problem.message, hint=hint) from None


@contextmanager
def _made(registry: str) -> Iterator[None]:
    """An empty repository for a registry that is brought there, as `init` would make it; kept if that succeeds.

    Raises:
        Invalid: nothing names it; AlreadyExists.
    """
    from registry_git.gitstore.creation import create_repository
    from registry_git.gitstore.porcelain import is_url

    if not registry or is_url(registry):
        raise Invalid("--new does not say where.", hint="Name the new repository with -R PATH.")
    place = Path(registry).absolute()
    was_there = place.exists()
    create_repository(place, bare=place.suffix == ".git")
    try:
        yield
    except BaseException:
        if not was_there:
            rmtree(place, ignore_errors=True)
        raise


def _print(found: Transfer) -> None:
    for move in found.moves:
        say(f"{move.branch}: {move.old[:12] or 'new'} → {move.new[:12]}")
    if len(found.steps) > _SHOWN:
        say(f"  … {len(found.steps) - _SHOWN} earlier commits")
    for step in found.steps[-_SHOWN:]:
        say(f"  {step}")
    for one in found.artifacts:
        say(f"Files of {one.model} v{one.version}: {one.digest}")


def _state(path: str) -> dict[str, str]:
    """The references in a file of `bundle state`. Raises: NotFound, Invalid."""
    from registry_git.registry.bundle_file import parse_refs

    try:
        return parse_refs(json.loads(file_or_stdin(path))["refs"])
    except (ValueError, TypeError, KeyError, RecursionError, Corrupt):
        raise Invalid(f"{path} is no state of a registry.", hint="Make one with: registry-git bundle state") from None
