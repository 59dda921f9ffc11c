"""request create: a change that others approve."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

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
--policy FILE                   change the policy
"""


@click.command(
    "create", cls=RegistryCommand, help=_HELP, example='registry-git request create fraud 12 Production -m "AUC 0.91"'
)
@click.argument("name", type=MODEL, required=False)
@click.argument("version", type=VERSION, required=False)
@click.argument("stage", type=STAGE, required=False)
@click.option("--alias", type=ALIAS, help="Ask for an alias instead of a stage.")
@click.option("--delete", is_flag=True, help="Ask to delete the version, the model, or (with --alias) the alias.")
@click.option("--policy", metavar="FILE", help="Ask for the policy in FILE (- reads standard input).")
@click.option("--add", is_flag=True, help="Keep the version in the stages that it is in.")
@click.option("--archive-existing", is_flag=True, help="Move the versions that are in STAGE to Archived.")
@click.option("--comment", "-m", default="", help="Why; the approvers read it.")
@click.option("--push", is_flag=True, help="Open a pull request for it on the forge that the policy names.")
@click.option("--id", "identity", help="An id of your own: a retry with the same id asks only once.")
@pass_invocation
def create(
    invocation: Invocation,
    name: str | None,
    version: int | None,
    stage: str | None,
    alias: str | None,
    delete: bool,
    policy: str | None,
    add: bool,
    archive_existing: bool,
    comment: str,
    push: bool,
    identity: str | None,
) -> None:
    asked_for = [word for word in (stage, alias, "--delete" if delete else None, policy) if word is not None]
    if not asked_for or (len(asked_for) > 1 and (stage or policy)) or (policy and name) or not (policy or name):
        raise _unclear("A request asks for one thing: a stage, an alias, a deletion or a policy.")
    if (add or archive_existing) and not stage:
        raise _unclear("--add and --archive-existing go with a stage.")
    registry = invocation.write()
    publish = _publisher(registry) if push else None
    if policy is not None:
        view = registry.request_policy(file_or_stdin(policy), comment=comment, id=identity)
    else:
        view = _ask(registry, name or "", version, stage, alias, delete, add, archive_existing, comment, identity)
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


def _ask(
    registry: Registry,
    name: str,
    version: int | None,
    stage: str | None,
    alias: str | None,
    delete: bool,
    add: bool,
    archive_existing: bool,
    comment: str,
    identity: str | None,
) -> RequestView:
    if alias is not None:
        if delete and version is not None:
            raise _unclear("An alias is deleted without naming a version.")
        return registry.request_alias(name, alias, version, comment=comment, id=identity)
    if delete:
        return registry.request_delete(name, version, comment=comment, id=identity)
    return registry.request_stage(
        name,
        version or 0,
        stage or "",
        add=add,
        archive_existing=archive_existing,
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
