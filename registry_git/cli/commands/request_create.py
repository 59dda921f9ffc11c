"""request create: a change that others approve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from registry_git.cli.arguments import ALIAS, FORCE, MODEL, STAGE, VERSION, deployment_place, file_or_stdin
from registry_git.cli.asking import ask_for
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.core.errors import Invalid
from registry_git.registry.deploying import DeploymentSpec
from registry_git.registry.facade import Registry
from registry_git.registry.views import RequestView

_FORM = "registry-git request create NAME VERSION STAGE"
_HELP = """Ask for a change, on a branch of its own that others can look at and approve.

\b
NAME VERSION STAGE              move a version to a stage
NAME VERSION --alias ALIAS      point an alias to a version
NAME --alias ALIAS --delete     delete an alias
NAME VERSION --delete           delete a version
NAME --delete                   delete a model and all its versions
NAME --rename NEW               give a model another name
NAME --deployment ENV/NAME      roll a deployment to what it follows
NAME VERSION --deployment ENV/NAME   pin a deployment to a version
NAME --deployment ENV/NAME --delete  remove a deployment
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
    deployment: str | None
    add: bool
    archive_existing: bool
    force: bool

    def check(self) -> None:
        """Returns when one thing is asked for. Raises: Invalid."""
        deleting = "--delete" if self.delete else None
        asked = (self.stage, self.alias, None if self.deployment else deleting, self.rename, self.policy)
        words = [word for word in (*asked, self.deployment) if word is not None]
        alone = self.stage or self.policy or self.rename or self.deployment
        if not words or (len(words) > 1 and alone) or (self.policy and self.name) or not (self.policy or self.name):
            raise _unclear(
                "A request asks for one thing: a stage, an alias, a deletion, a deployment, another name or a policy."
            )
        if (self.add or self.archive_existing) and not self.stage:
            raise _unclear("--add and --archive-existing go with a stage.")
        if self.rename is not None and self.version is not None:
            raise _unclear("A model is renamed, with all its versions, without naming one.")
        if self.delete and self.deployment is not None and self.version is not None:
            raise _unclear("A deployment is removed without naming a version.")
        if self.delete and self.alias is not None and self.version is not None:
            raise _unclear("An alias is deleted without naming a version.")


@click.command(
    "create",
    cls=RegistryCommand,
    joined=True,
    help=_HELP,
    example='registry-git request create fraud 12 Production -m "AUC 0.91"',
)
@click.argument("name", type=MODEL, required=False)
@click.argument("version", type=VERSION, required=False)
@click.argument("stage", type=STAGE, required=False)
@click.option("--alias", type=ALIAS, help="Ask for an alias instead of a stage.")
@click.option("--delete", is_flag=True, help="Ask to delete the version, the model, or (with --alias) the alias.")
@click.option("--rename", metavar="NEW", help="Ask to give the model the name NEW.")
@click.option("--deployment", metavar="ENV/NAME", help="Ask for a change of this deployment.")
@click.option("--policy", metavar="FILE", help="Ask for the policy in FILE (- reads standard input).")
@click.option("--add", is_flag=True, help="Keep the version in the stages that it is in.")
@click.option("--archive-existing", is_flag=True, help="Move the versions that are in STAGE to Archived.")
@click.option("--comment", "-m", default="", help="Why; the approvers read it.")
@click.option("--force", is_flag=True, help=FORCE)
@click.option("--push", is_flag=True, help="Open a pull request for it on the forge that the policy names.")
@click.option("--id", "identity", help="An id of your own: a retry with the same id asks only once.")
@pass_invocation
def create(invocation: Invocation, /, comment: str, push: bool, identity: str | None, **words: Any) -> None:
    wanted = Wanted(**words)
    wanted.check()
    ask_for(invocation, lambda registry: _ask(registry, wanted, comment, identity), push=push)


def _ask(registry: Registry, wanted: Wanted, comment: str, identity: str | None) -> RequestView:
    name, version, force = wanted.name or "", wanted.version, wanted.force
    if wanted.deployment is not None:
        change = "remove" if wanted.delete else "pin" if version is not None else "roll"
        where = deployment_place(wanted.deployment)
        spec = DeploymentSpec(model=name, version=version)
        return registry.request_deployment(*where, change, spec, comment=comment, id=identity)
    if wanted.policy is not None:
        return registry.request_policy(file_or_stdin(wanted.policy), comment=comment, id=identity)
    if wanted.rename is not None:
        return registry.request_rename(name, wanted.rename, comment=comment, id=identity)
    if wanted.alias is not None:
        return registry.request_alias(name, wanted.alias, version, comment=comment, id=identity, force=force)
    if wanted.delete:
        return registry.request_delete(name, version, comment=comment, id=identity, force=force)
    return registry.request_stage(
        name,
        version or 0,
        wanted.stage or "",
        add=wanted.add,
        archive_existing=wanted.archive_existing,
        comment=comment,
        id=identity,
        force=force,
    )


def _unclear(message: str) -> Invalid:
    return Invalid(message, hint=f"As: {_FORM}. All forms: registry-git request create --help")
