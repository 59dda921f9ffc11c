"""What a person may do with a model, as one of five levels that Databricks' clients know. The policy alone decides.

A level is what the policy lets somebody do without anybody else's yes, or with their own approval. It is told, never
asked: a write is judged by `policy.evaluate`, whatever level was told.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from fnmatch import fnmatchcase

from registry_git.core.names import Actor
from registry_git.core.rules import Action, Policy, Rule


class Level(str, Enum):
    """From the least to the most; each includes those before it."""

    READ = "CAN_READ"  # look, and ask for a transition
    EDIT = "CAN_EDIT"  # register versions and describe them
    STAGING = "CAN_MANAGE_STAGING_VERSIONS"  # move or approve, short of the last stage that serves
    PRODUCTION = "CAN_MANAGE_PRODUCTION_VERSIONS"  # move or approve into every stage
    MANAGE = "CAN_MANAGE"  # also delete


DESCRIPTIONS = {
    Level.READ: "Can view the model, comment on it, and ask for transitions",
    Level.EDIT: "Can register versions, and edit descriptions and tags",
    Level.STAGING: "Can decide on transitions to all stages but the last that serves",
    Level.PRODUCTION: "Can decide on transitions to every stage",
    Level.MANAGE: "Can delete the model and its versions",
}


def roles_of(policy: Policy, email: str) -> frozenset[str]:
    """The roles that a person holds."""
    return frozenset(role for role, held in policy.roles.items() if email.lower() in map(str.lower, held))


def level_of(actor: Actor, policy: Policy, model: str) -> Level:
    """The level of a person."""
    return level_with(roles_of(policy, actor.email), policy, model)


def level_with(roles: Collection[str], policy: Policy, model: str) -> Level:
    """The highest level whose deeds, and those of all lower ones, no rule keeps from who holds these roles."""

    def may(action: Action, target: str = "") -> bool:
        rules = [rule for rule in policy.rules if _concerns(rule, action, target, model)]
        return all(_has_say(roles, rule) for rule in rules)

    if not (may(Action.REGISTER) and may(Action.EDIT)):
        return Level.READ
    serving = [stage.name for stage in policy.stages if stage.serving]
    last = serving[-1:]
    if not all(may(Action.STAGE, stage.name) for stage in policy.stages if stage.name not in last):
        return Level.EDIT
    if not all(may(Action.STAGE, name) for name in last):
        return Level.STAGING
    return Level.MANAGE if may(Action.DELETE) else Level.PRODUCTION


def _concerns(rule: Rule, action: Action, target: str, model: str) -> bool:
    """Whether a rule is about what is to be done."""
    if rule.on is not action:
        return False
    if rule.to and target.casefold() not in {name.casefold() for name in rule.to}:
        return False
    return any(fnmatchcase(model, pattern) for pattern in rule.models)


def _has_say(roles: Collection[str], rule: Rule) -> bool:
    """Whether a rule counts the approval of who holds these roles (of others' requests, under four eyes), or lets them
    act.
    """
    return not rule.by or bool(set(rule.by) & set(roles))
