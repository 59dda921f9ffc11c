"""render: Kubernetes manifests for deployments."""

from __future__ import annotations

import click

from registry_git.cli.arguments import DEPLOYMENT, ENVIRONMENT
from registry_git.cli.command import RegistryCommand
from registry_git.cli.failures import EXIT_CODES
from registry_git.cli.findings import FINDING_FORMATS, show_findings
from registry_git.cli.invocation import Invocation
from registry_git.cli.output import answer, say
from registry_git.core.errors import Conflict, Invalid
from registry_git.gitops.render import Rendering, check_renderings, chosen, render, write_renderings
from registry_git.registry.beside import Kept


@click.command(
    "render",
    cls=RegistryCommand,
    reads=True,
    joined=True,
    example="registry-git render production scorer\n"
    "registry-git render production scorer --at 20261123-7k3m9q\n"
    "registry-git render --write\n"
    "registry-git render --check --head HEAD --format github",
)
@click.argument("environment", required=False, type=ENVIRONMENT)
@click.argument("name", required=False, type=DEPLOYMENT)
@click.option("--template", metavar="NAME", help="templates/NAME.yaml.j2 instead of the deployment's own.")
@click.option("--write", "write", is_flag=True, help="Commit the manifests to deploy/rendered/.")
@click.option("--check", "check", is_flag=True, help="Say whether what is committed is current; exits with 5 if not.")
@click.option("--head", metavar="REV", help="What --check looks at, such as HEAD of a pull request; default: main.")
@click.option("--format", "form", type=click.Choice(FINDING_FORMATS), default="text", help="How --check prints.")
@click.option("-m", "--comment", default="", help="Why, for the log of --write.")
@click.pass_context
def render_(
    ctx: click.Context,
    environment: str | None,
    name: str | None,
    template: str | None,
    write: bool,
    check: bool,
    head: str | None,
    form: str,
    comment: str,
) -> None:
    """Render Kubernetes manifests for a deployment, those of an environment, or all, from templates in the registry.

    The template is templates/NAME.yaml.j2, else templates/service.yaml.j2 or job.yaml.j2; an annotation `template` of
    the deployment names another.
    """
    invocation = ctx.ensure_object(Invocation)
    if write and check:
        raise Invalid("--write and --check are two things.", hint="Give one of them.")
    if (write and invocation.at) or ((write or check) and template is not None):
        raise Invalid(
            "What is committed is made of today's registry, by the deployments' own templates.",
            hint="Leave out --at and --template.",
        )
    if write:
        kept = write_renderings(invocation.write(), environment=environment, name=name, comment=comment)
        answer(invocation, kept, lambda: _print_kept(kept))
        return
    if head is not None and (not check or invocation.at):
        raise Invalid("--head is about what --check looks at.", hint="Add --check, and leave out --at.")
    tree = invocation.read().tree(head or "")
    if check:
        findings = list(check_renderings(tree, environment=environment, name=name))
        some = findings or chosen(tree, environment, name)
        well = "Every rendering is current." if some else "No deployment has a template, so nothing is rendered."
        show_findings(invocation, findings, form, well)
        if findings:
            ctx.exit(EXIT_CODES[Conflict])
        return
    made = render(tree, chosen(tree, environment, name), template=template or "")
    answer(invocation, made, lambda: _print(made))


def _print(made: list[Rendering]) -> None:
    if not made:
        say("No deployment has a template.")
    for place, one in enumerate(made):
        click.echo(f"---\n{one.text}" if place else one.text, nl=False)


def _print_kept(kept: Kept) -> None:
    for word, paths in (("written", kept.written), ("removed", kept.removed)):
        for path in paths:
            say(f"{word}  {path}")
    if not kept.changed:
        say("Every rendering is current.")
