"""Whether the policy allows a change. One pure function answers the command line, the server, `check` and the audit.

The policy that judges is the one on `main` before the change, never the one that the change brings: callers pass it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from registry_git.core.changes.proposal import Touch
from registry_git.core.decision import Decision, Unmet
from registry_git.core.model import Action, ModelVersion, Policy, Rule
from registry_git.core.names import Actor
from registry_git.core.numbers import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's yes to exactly this change. `signed`: by a key that the policy lists for the person."""

    by: Actor
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is judged: what it touches, who asks for it, and whether it stands as a request that others can approve.

    `approves`: whether a direct change counts as its author's own approval.
    """

    touches: tuple[Touch, ...]
    requester: Actor
    requested: bool
    approves: bool = True


def evaluate(change: Change, policy: Policy, approvals: Sequence[Approval]) -> Decision:
    """Judges a change by a policy.

    A direct change counts as its author's own approval, except under `four_eyes`, where the requester's approval is
    recorded and never counted. One person counts once, however many keys or approvals they have.
    """
    unmet: list[Unmet] = []
    needed = given = 0
    candidates: set[str] = set()
    anyone = False
    said = list(approvals)
    if not change.requested and change.approves:
        said.append(Approval(by=change.requester))
    for touch in change.touches:
        if touch.entering is not None and touch.missing_before:
            before = " or ".join(touch.missing_before)
            unmet.append(
                Unmet(
                    rule=f"stage {touch.target} comes after {before}",
                    why=f"v{touch.entering.version} is not in {before}",
                    satisfy=f"Move it there first: registry-git stage {touch.model} {touch.entering.version} "
                    f"{touch.missing_before[0]}",
                    by_approval=False,
                )
            )
    for rule, touches in _matching(change.touches, policy.rules):
        name = describe_rule(rule)
        for touch in touches:
            if touch.entering is not None:
                unmet.extend(_gates(rule, name, touch.entering))
        members = _members(rule, policy)
        if not rule.approvals:
            if members is not None and change.requester.email not in members:
                unmet.append(_not_a_member(rule, name, change.requester))
            continue
        counted = _counted(rule, members, change.requester, said)
        if rule.approvals > needed:
            needed, given = rule.approvals, len(counted)
        if len(counted) < rule.approvals:
            unmet.append(_short(rule, name, members, change, counted))
            if members is None:
                anyone = True
            else:
                candidates |= members - counted - ({change.requester.email} if rule.four_eyes else set())
    return Decision(
        unmet=tuple(unmet), needed=needed, given=given, may_approve=tuple(sorted(candidates)), anyone=anyone
    )


def describe_rule(rule: Rule) -> str:
    """The rule in one line, as messages name it: `rule on stage to Production for *`."""
    target = f" to {', '.join(rule.to)}" if rule.to else ""
    return f"rule on {rule.on.value}{target} for {', '.join(rule.models)}"


def _matching(touches: tuple[Touch, ...], rules: tuple[Rule, ...]) -> list[tuple[Rule, list[Touch]]]:
    found = []
    for rule in rules:
        hit = [touch for touch in touches if _matches(rule, touch)]
        if hit:
            found.append((rule, hit))
    return found


def _matches(rule: Rule, touch: Touch) -> bool:
    if rule.on is not touch.action:
        return False
    if rule.on is Action.POLICY:
        return True
    if rule.to and touch.target.casefold() not in {name.casefold() for name in rule.to}:
        return False
    return any(fnmatchcase(touch.model or "", pattern) for pattern in rule.models)


def _members(rule: Rule, policy: Policy) -> set[str] | None:
    if not rule.by:
        return None
    return {email.lower() for role in rule.by for email in policy.roles.get(role, ())}


def _counted(rule: Rule, members: set[str] | None, requester: Actor, approvals: Sequence[Approval]) -> set[str]:
    return {
        approval.by.email
        for approval in approvals
        if (members is None or approval.by.email in members)
        and (approval.signed or not rule.signed)
        and not (rule.four_eyes and approval.by.email == requester.email)
    }


def _who(rule: Rule, members: set[str] | None) -> str:
    if members is None:
        return "anybody"
    roles = " or ".join(rule.by)
    return f"{roles} ({', '.join(sorted(members)) or 'nobody holds this role yet'})"


def _not_a_member(rule: Rule, name: str, requester: Actor) -> Unmet:
    roles = " or ".join(rule.by)
    return Unmet(
        rule=name,
        why=f"{requester.email} is not in {roles}",
        satisfy=f"Somebody in {roles} can do it.",
        by_approval=False,
    )


def _short(rule: Rule, name: str, members: set[str] | None, change: Change, counted: set[str]) -> Unmet:
    signed = "signed " if rule.signed else ""
    plural = "s" if rule.approvals > 1 else ""
    why = f"{rule.approvals} {signed}approval{plural} by {_who(rule, members)} needed, {len(counted)} given"
    if rule.four_eyes:
        why += f"; the requester's own ({change.requester.email}) does not count"
    satisfy = (
        f"Ask for it with a request, then {_who(rule, members)} can approve it."
        if not change.requested
        else f"It waits for the approval of {_who(rule, members)}."
    )
    return Unmet(rule=name, why=why, satisfy=satisfy, by_approval=True)


def _gates(rule: Rule, name: str, version: ModelVersion) -> list[Unmet]:
    where = f"{version.model} v{version.version}"

    def unmet(why: str, satisfy: str) -> Unmet:
        return Unmet(rule=name, why=why, satisfy=satisfy, by_approval=False)

    def command(tag: str) -> str:
        return f"registry-git tag set {version.model}/{version.version} {tag}"

    found = [
        unmet(f"{where} lacks the tag {tag!r}", f"Set it with: {command(tag + ' VALUE')}")
        for tag in rule.tags
        if tag not in version.tags
    ]
    bounds = [(tag, bound, "at least", 1) for tag, bound in rule.minimum.items()]
    bounds += [(tag, bound, "at most", -1) for tag, bound in rule.maximum.items()]
    for tag, bound, word, sign in bounds:
        value = number(version.tags.get(tag, ""))
        if value is None:
            why = f"{where} has no number in the tag {tag!r}"
            found.append(unmet(why, f"Record it with: {command(f'{tag} NUMBER')}"))
        elif sign * value < sign * bound:
            why = f"{where} has {tag} = {value:g}, and {word} {bound:g} is required"
            found.append(unmet(why, "Register a version that passes."))
    return found
