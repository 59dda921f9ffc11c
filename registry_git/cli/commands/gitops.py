"""gitops: what Argo CD, Flux, kustomize, Helm and compose deploy from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from registry_git.cli.command import LazyGroup, RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import answer, say
from registry_git.gitops.initialise import Outcome, initialise
from registry_git.gitops.settings import Runtime, Tool, Wanted


@click.group("gitops", cls=LazyGroup)
def gitops() -> None:
    """Write what Argo CD, Flux, kustomize, Helm and compose deploy models from."""


@gitops.command(
    "init",
    cls=RegistryCommand,
    example="registry-git gitops init --tool argocd --repo-url https://git.acme.io/ml/models.git\n"
    "registry-git gitops init --tool flux --runtime deployment --namespace 'models-{environment}'\n"
    "registry-git gitops init",
)
@click.option(
    "--tool", "tools", multiple=True, type=click.Choice([one.value for one in Tool]), help="What deploys; repeatable."
)
@click.option("--runtime", type=click.Choice([one.value for one in Runtime]), help="What runs models. Default: kserve.")
@click.option("--namespace", metavar="NAME", help="Default: models; {environment} stands for the environment.")
@click.option("--repo-url", metavar="URL", help="The registry, as the cluster reaches it. Default: the remote.")
@click.option("--branch", metavar="NAME", help="The branch that the tools follow. Default: main.")
@click.option(
    "--stage", "stages", multiple=True, metavar="STAGE", help="Only this stage; repeatable. Default: serving."
)
@click.option("--model", "models", multiple=True, metavar="PATTERN", help="Only these models; repeatable.")
@click.option("--image", metavar="IMAGE", help="What serves, for --runtime deployment.")
@click.option("--model-format", metavar="FORMAT", help="Instead of the recorded formats; mlflow reads an MLmodel.")
@click.option("--force", is_flag=True, help="Write over files that were changed by hand.")
@click.option("--to", metavar="DIR", help="Write into this work tree, and commit nothing.")
@click.option("--dry-run", is_flag=True, help="Write nothing, and say what would be done.")
@click.option("-m", "--comment", default="", help="Why, for the log.")
@pass_invocation
def init(invocation: Invocation, /, force: bool, to: str | None, dry_run: bool, comment: str, **named: Any) -> None:
    """Write a deploy/ tree into the registry, in one commit, for the tools that deploy models.

    The options are kept in deploy/gitops.yaml: without options, the command brings the tree up to date, and another
    --tool adds to it. Files that you changed are left alone.
    """
    place = Path(to) if to else None
    outcome = initialise(invocation.write(), Wanted(**named), force=force, to=place, dry_run=dry_run, comment=comment)
    answer(invocation, outcome, lambda: _print(outcome, dry_run=dry_run))


def _print(outcome: Outcome, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for word, paths in (("written", outcome.written), ("removed", outcome.removed)):
        for path in paths:
            say(f"{would}{word}  {path}")
    for path in outcome.kept:
        say(f"kept     {path}  (changed by hand; --force writes over it)")
    for note in outcome.notes:
        say(f"note     {note}")
    if not (outcome.written or outcome.removed):
        say("deploy/ is as it should be.")
    elif not dry_run:
        say("deploy/README.md says what to run.")
