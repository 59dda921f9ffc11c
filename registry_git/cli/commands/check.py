"""check: whether a registry is well, and whether a branch may be merged into it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from registry_git.cli.command import RegistryCommand
from registry_git.cli.failures import EXIT_CODES
from registry_git.cli.invocation import Invocation
from registry_git.cli.output import answer, say
from registry_git.cli.progress import progress
from registry_git.core.errors import Corrupt, Invalid
from registry_git.registry.views import Finding

if TYPE_CHECKING:
    from registry_git.registry.judging.faults import Fault

_FORMATS = ("text", "github", "gitlab", "junit", "sarif")
_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

_EXAMPLE = "registry-git check\nregistry-git check --base origin/main"


@click.command("check", cls=RegistryCommand, reads=True, example=_EXAMPLE)
@click.option("--base", metavar="REV", help="Check whether a branch may be merged into this one.")
@click.option("--head", metavar="REV", help="The branch; default: HEAD.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", help="How findings are printed.")
@click.option("--summary", metavar="FILE", help="Where to write what would change. [env: GITHUB_STEP_SUMMARY]")
@click.option("--require-approved", is_flag=True, help="Missing approvals are errors, not notes.")
@click.pass_context
def check(
    ctx: click.Context, base: str | None, head: str | None, form: str, summary: str | None, require_approved: bool
) -> None:
    """Check every manifest and what manifests say about each other; exits with 7 on an error.

    With --base, judge a branch as the policy of the base does: the branch and the result of the merge. The exit code
    is then 2 for what can never be merged, 5 for a stale branch and 6 for what the policy forbids; the highest counts.
    """
    invocation = ctx.ensure_object(Invocation)
    if base is None:
        if head is not None or summary is not None or require_approved:
            raise Invalid(
                "--head, --summary and --require-approved are about a branch.",
                hint="Add --base: what it is merged into.",
            )
        with progress("Checking", "manifests") as told:
            findings = invocation.read().check(told)
        _print(invocation, findings, form, "All manifests are well.")
        if any(one.level == "error" for one in findings):
            ctx.exit(EXIT_CODES[Corrupt])
        return
    if invocation.at:
        raise Invalid("--base is about what would be merged today.", hint="Leave out --at, or --base.")
    report = invocation.now().gate(base, head or "HEAD", require_approved=require_approved)
    _print(invocation, report.faults, form, "Nothing forbids the merge.")
    _write_summary(report.summary, summary)
    if not report.clean:
        ctx.exit(max(EXIT_CODES[one.error] for one in report.faults if one.level == "error"))


def _print(invocation: Invocation, findings: Sequence[Finding], form: str, well: str) -> None:
    if form == "text" or invocation.machine:
        answer(invocation, findings, lambda: _table(findings, well))
        return
    from registry_git.cli.annotations import FORMATS

    click.echo(FORMATS[form](_as_faults(findings)), nl=False)


def _table(findings: Sequence[Finding], well: str) -> None:
    from registry_git.cli.tables import show_table

    rows = [(one.level, f"{one.path}:{one.line}" if one.line else one.path, one.message, one.fix) for one in findings]
    if rows and all(one.level != "error" for one in findings):
        say(well)
    show_table(("!LEVEL", "PATH", "FINDING", "WHAT HELPS"), rows, empty=well)


def _as_faults(findings: Sequence[Finding]) -> list[Fault]:
    from registry_git.registry.judging.faults import Fault, Rule, as_faults

    return [one if isinstance(one, Fault) else next(as_faults(Rule.MANIFEST, [one])) for one in findings]


def _write_summary(text: str, file: str | None) -> None:
    """Writes the summary to a file, or behind what other steps of the job wrote for its page."""
    if file is not None:
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
    elif page := os.environ.get(_SUMMARY_VARIABLE):
        with open(page, "a", encoding="utf-8") as out:
            out.write(text)
