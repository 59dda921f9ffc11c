"""Findings for people, and in the formats that CI systems show beside the lines of a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from registry_git.cli.invocation import Invocation
from registry_git.cli.output import answer, say
from registry_git.registry.finding import Finding

if TYPE_CHECKING:
    from registry_git.registry.judging.faults import Fault

FINDING_FORMATS = ("text", "github", "gitlab", "junit", "sarif")


def show_findings(invocation: Invocation, findings: Sequence[Finding], form: str, well: str) -> None:
    """Prints findings in one of the formats; `well` is what is said when none is an error."""
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
