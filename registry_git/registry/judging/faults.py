"""What the gate finds: a finding, and which of its rules it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from registry_git.core import errors
from registry_git.core.decision import Decision
from registry_git.registry.finding import Finding


class Rule(str, Enum):
    """What the gate looks at. The values are stable: reports carry them."""

    MANIFEST = "manifest"
    ENTRY = "forbidden-entry"
    COMMIT = "commit-form"
    PROMISE = "append-only"
    RECORD = "request-record"
    REQUEST = "request-content"
    STALE = "stale"
    MERGE = "merge"
    IN_USE = "in-use"
    POLICY = "policy"
    APPROVAL = "approval"
    AUTHOR = "author"
    REFERENCE = "reference"


DESCRIPTIONS = {
    Rule.MANIFEST: "Every manifest is valid, and agrees with the others.",
    Rule.ENTRY: "A registry holds plain files, and none that change how git reads it.",
    Rule.COMMIT: "A commit has one signature at most, and two parents at most.",
    Rule.PROMISE: "Versions never change, numbers are never given twice, records only grow.",
    Rule.RECORD: "A request's record comes to main by a merge, and names who spoke.",
    Rule.REQUEST: "A request's branch changes what its record asks for, and nothing else.",
    Rule.STALE: "A request fits the base that it is merged into.",
    Rule.MERGE: "A merge is what git makes of its two parents.",
    Rule.IN_USE: "What a deployment uses is not deleted or taken out of service, unless that is forced with a comment.",
    Rule.POLICY: "The policy of the base allows the change.",
    Rule.APPROVAL: "The change has the approvals that the policy of the base asks for.",
    Rule.AUTHOR: "Who pushes is the author of what is pushed.",
    Rule.REFERENCE: "Only main, request branches and observations move, and only forward.",
}

_ERRORS: dict[Rule, type[errors.RegistryError]] = {
    Rule.STALE: errors.Conflict,
    Rule.IN_USE: errors.Conflict,
    Rule.POLICY: errors.PermissionDenied,
    Rule.APPROVAL: errors.PermissionDenied,
    Rule.AUTHOR: errors.PermissionDenied,
    Rule.REFERENCE: errors.PermissionDenied,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Finding):
    """A finding of the gate. `path` is a file, or the reference that was pushed."""

    rule: Rule

    @property
    def error(self) -> type[errors.RegistryError]:
        """The class of error that it is, for exit codes."""
        return _ERRORS.get(self.rule, errors.Invalid)


def fault(rule: Rule, path: str, message: str, fix: str = "", *, line: int = 0, level: str = "error") -> Fault:
    """A fault. `level` is `error`, `warning` or `note`."""
    return Fault(rule=rule, level=level, path=path, message=message, fix=fix, line=line)


def as_faults(rule: Rule, findings: Iterable[Finding]) -> Iterator[Fault]:
    """Findings of `check` as faults."""
    for one in findings:
        yield fault(rule, one.path, one.message, one.fix, line=one.line, level=one.level)


def of_error(rule: Rule, path: str, problem: errors.RegistryError) -> Fault:
    """The fault that an error tells; a manifest's error keeps its own file and line."""
    if isinstance(problem, errors.Corrupt) and problem.path:
        message = f"{problem.json_path}: {problem.message}" if problem.json_path else problem.message
        return fault(rule, problem.path, message, problem.hint, line=problem.line)
    return fault(rule, path, problem.message, problem.hint)


def policy_faults(decision: Decision, path: str, *, waiting: str = "error") -> Iterator[Fault]:
    """What the policy misses. `waiting` is the level of what more approvals would mend."""
    for unmet in decision.unmet:
        rule, level = (Rule.APPROVAL, waiting) if unmet.by_approval else (Rule.POLICY, "error")
        yield fault(rule, path, f"{_capital(unmet.rule)}: {unmet.why}.", unmet.satisfy, level=level)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
