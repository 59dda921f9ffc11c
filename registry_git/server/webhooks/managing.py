"""Who may manage the webhooks of a model, or of the whole registry: who has a say in all that its rules guard."""

from __future__ import annotations

from fnmatch import fnmatchcase

from registry_git.core.errors import PermissionDenied
from registry_git.core.model import Policy
from registry_git.core.names import Actor


def may_manage(policy: Policy, actor: Actor, model: str) -> bool:
    """Whether somebody holds a role of each rule that names roles; `model` empty: of the rules for any model."""
    roles = {role for role, members in policy.roles.items() if actor.email.lower() in members}
    guarding = [
        rule for rule in policy.rules if not model or any(fnmatchcase(model, pattern) for pattern in rule.models)
    ]
    return all(not rule.by or roles & set(rule.by) for rule in guarding)


def require_managing(policy: Policy, actor: Actor, model: str) -> None:
    """Returns when somebody may. Raises: PermissionDenied."""
    if not may_manage(policy, actor, model):
        what = f"the model {model}" if model else "the whole registry"
        raise PermissionDenied(
            f"{actor.email} does not have the permission level CAN_MANAGE for {what}.",
            hint="It takes a role of each rule in registry.yaml that names roles.",
        )
