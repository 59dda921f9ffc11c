"""request create: a change that others approve."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from registry_git.cli import shapes
from registry_git.cli.arguments import ALIAS, MODEL, STAGE, VERSION, file_or_stdin
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say, say_next
from registry_git.cli.plain import plain
from registry_git.cli.told import asked, besides, who_may
from registry_git.core.errors import Invalid, RegistryError
from registry_git.registry.facade import Registry
from registry_git.registry.views import RequestView

if TYPE_CHECKING:
    from registry_git.forges.publishing import Published

_FORM = "registry-git request create NAME VERSION STAGE"
_HELP = """Ask for a change, on a branch of its own that others can look at and approve.

\b
NAME VERSION STAGE              move a version to a stage
NAME VERSION --alias ALIAS      point an alias to a version
NAME --alias ALIAS --delete     delete an alias
NAME VERSION --delete           delete a version
NAME --delete                   delete a model and all its versions
NAME --rename NEW               give a model another name
--policy FILE                   change the policy
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    name: str | None
    version: int | None
    stage: str | None
    alias: str | None
    delete: bool
    rename: str | None
    policy: str | None
    add: bool
    archive_existing: bool

    def check(self) -> None:
        """Returns when one thing is asked for. Raises: Invalid."""
        deleting = "--delete" if self.delete else None
        words = [w for w in (self.stage, self.alias, deleting, self.rename, self.policy) if w is not None]
        alone = self.stage or self.policy or self.rename
        if not words or (len(words) > 1 and alone) or (self.policy and self.name) or not (self.policy or self.name):
            raise _unclear("A request asks for one thing: a stage, an alias, a deletion, another name or a policy.")
        if (self.add or self.archive_existing) and not self.stage:
            raise _unclear("--add and --archive-existing go with a stage.")
        if self.rename is not None and self.version is not None:
            raise _unclear("A model is renamed, with all its versions, without naming one.")
        if self.delete and self.alias is not None and self.version is not None:
            raise _unclear("An alias is deleted without naming a version.")


@click.command(
    "create", cls=RegistryCommand, help=_HELP, example='registry-git request create fraud 12 Production -m "AUC 0.91"'
)
@click.argument("name", type=MODEL, required=False)
@click.argument("version", type=VERSION, required=False)
@click.argument("stage", type=STAGE, required=False)
@click.option("--alias", type=ALIAS, help="Ask for an alias instead of a stage.")
@click.option("--delete", is_flag=True, help="Ask to delete the version, the model, or (with --alias) the alias.")
@click.option("--rename", metavar="NEW", help="Ask to give the model the name NEW.")
@click.option("--policy", metavar="FILE", help="Ask for the policy in FILE (- reads standard input).")
@click.option("--add", is_flag=True, help="Keep the version in the stages that it is in.")
@click.option("--archive-existing", is_flag=True, help="Move the versions that are in STAGE to Archived.")
@click.option("--comment", "-m", default="", help="Why; the approvers read it.")
@click.option("--push", is_flag=True, help="Open a pull request for it on the forge that the policy names.")
@click.option("--id", "identity", help="An id of your own: a retry with the same id asks only once.")
@pass_invocation
def create(invocation: Invocation, /, comment: str, push: bool, identity: str | None, **words: Any) -> None:
    wanted = Wanted(**words)
    wanted.check()
    registry = invocation.write()
    publish = _publisher(registry) if push else None
    view = _ask(registry, wanted, comment, identity)
    try:
        published = publish(view.request) if publish else None
    except RegistryError as problem:
        problem.message = f"Request {view.request} is made, but no pull request is open for it: {problem.message}"
        problem.hint = f"{problem.hint} Then give the same command again with --id {view.request}".strip()
        raise
    shape = shapes.request_shape(view)
    if published is not None:
        shape["pull_request"] = plain(published.pull)
    answer(invocation, shape, lambda: _print(invocation, view, published))


def _ask(registry: Registry, wanted: Wanted, comment: str, identity: str | None) -> RequestView:
    name, version = wanted.name or "", wanted.version
    if wanted.policy is not None:
        return registry.request_policy(file_or_stdin(wanted.policy), comment=comment, id=identity)
    if wanted.rename is not None:
        return registry.request_rename(name, wanted.rename, comment=comment, id=identity)
    if wanted.alias is not None:
        return registry.request_alias(name, wanted.alias, version, comment=comment, id=identity)
    if wanted.delete:
        return registry.request_delete(name, version, comment=comment, id=identity)
    return registry.request_stage(
        name,
        version or 0,
        wanted.stage or "",
        add=wanted.add,
        archive_existing=wanted.archive_existing,
        comment=comment,
        id=identity,
    )


def _print(invocation: Invocation, view: RequestView, published: Published | None) -> None:
    say(f"Request {view.request} asks to {asked(view)}.")
    for sentence in (who_may(view), *besides(view)):
        say(sentence)
    if published is not None:
        _print_pull(published)
    say_next(invocation, "Approve it with", "request", "approve", view.request)
    say_next(invocation, "See what it changes with", "request", "diff", view.request)


def _publisher(registry: Registry) -> Callable[[str], Published]:
    from registry_git.forges import publishing  # slow to import: it speaks HTTP

    publishing.require_remote(registry)
    return lambda request: publishing.publish(registry, request, environment=os.environ)


def _print_pull(published: Published) -> None:
    if published.pull is not None:
        say(f"Review it at: {published.pull.url}")
        for remark in published.pull.remarks:
            say(remark)
    else:
        say(f"The branch {published.branch} is at {published.remote}.")
        say("The policy names no forge; open a pull request for it by hand, into main, or approve it from here:")


def _unclear(message: str) -> Invalid:
    return Invalid(message, hint=f"As: {_FORM}. All forms: registry-git request create --help")
