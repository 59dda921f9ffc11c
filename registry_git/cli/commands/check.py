"""check: whether a registry is well, and whether a branch may be merged into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from registry_git.cli.command import RegistryCommand
from registry_git.cli.failures import EXIT_CODES
from registry_git.cli.findings import FINDING_FORMATS, show_findings
from registry_git.cli.invocation import Invocation
from registry_git.cli.progress import progress
from registry_git.core.errors import Corrupt, Invalid, RegistryError
from registry_git.manifests.layout import GITOPS_PATH
from registry_git.registry.finding import Finding
from registry_git.registry.tree import Tree

if TYPE_CHECKING:
    from registry_git.registry.judging.gate import GateReport

_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

_EXAMPLE = "registry-git check\nregistry-git check --base origin/main"


@click.command("check", cls=RegistryCommand, reads=True, example=_EXAMPLE)
@click.option("--base", metavar="REV", help="Check whether a branch may be merged into this one.")
@click.option("--head", metavar="REV", help="The branch, or the id of a request; default: HEAD.")
@click.option("--format", "form", type=click.Choice(FINDING_FORMATS), default="text", help="How findings are printed.")
@click.option("--summary", metavar="FILE", help="Where to write what would change. [env: GITHUB_STEP_SUMMARY]")
@click.option("--require-approved", is_flag=True, help="Missing approvals are errors, not notes.")
@click.option(
    "--status", is_flag=True, help="Show the outcome at the branch's commit, on the forge of the base's policy."
)
@click.pass_context
def check(
    ctx: click.Context,
    base: str | None,
    head: str | None,
    form: str,
    summary: str | None,
    require_approved: bool,
    status: bool,
) -> None:
    """Check every manifest and what manifests say about each other; exits with 7 on an error.

    With --base, judge a branch as the policy of the base does: the branch and the result of the merge. The exit code
    is then 2 for what can never be merged, 5 for a stale branch and 6 for what the policy forbids; the highest counts.
    """
    invocation = ctx.ensure_object(Invocation)
    if base is None:
        if head is not None or summary is not None or require_approved or status:
            raise Invalid(
                "--head, --summary, --require-approved and --status are about a branch.",
                hint="Add --base: what it is merged into.",
            )
        with progress("Checking", "manifests") as told:
            registry = invocation.read()
            findings = [*registry.check(told), *_of_deploy(registry.tree())]
        show_findings(invocation, findings, form, "All manifests are well.")
        if any(one.level == "error" for one in findings):
            ctx.exit(EXIT_CODES[Corrupt])
        return
    if invocation.at:
        raise Invalid("--base is about what would be merged today.", hint="Leave out --at, or --base.")
    registry = invocation.now()
    report = registry.gate(base, head or "HEAD", require_approved=require_approved)
    show = _shown_on_forge(report, registry.remote or "") if status else None
    show_findings(invocation, report.faults, form, "Nothing forbids the merge.")
    _write_summary(report.summary, summary)
    if show is not None:
        show()
    if not report.clean:
        ctx.exit(max(EXIT_CODES[one.error] for one in report.faults if one.level == "error"))


def _shown_on_forge(report: GateReport, origin: str) -> Callable[[], object]:
    """What shows the outcome. Raises: Invalid: there is no forge."""
    from registry_git.forges import outcome  # slow to import: it speaks HTTP

    forge = outcome.forge_of_base(report.forge, environment=os.environ, origin=origin)
    return lambda: outcome.show_outcome(forge, report, environment=os.environ)


def _of_deploy(tree: Tree) -> Iterator[Finding]:
    if tree.read(GITOPS_PATH) is None:
        return
    from registry_git.gitops.planning import tree_findings  # templates are slow to import

    try:
        yield from tree_findings(tree)
    except RegistryError as problem:
        yield Finding(level="error", path=GITOPS_PATH, message=problem.message, fix=problem.hint)


def _write_summary(text: str, file: str | None) -> None:
    """Writes the summary to a file, or behind what other steps of the job wrote for its page."""
    if file is not None:
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
    elif page := os.environ.get(_SUMMARY_VARIABLE):
        with open(page, "a", encoding="utf-8") as out:
            out.write(text)
