"""Who may have webhooks: of a model who manages it, of the whole registry who has a say in all that its rules guard."""

from __future__ import annotations

from registry_git.core.errors import PermissionDenied
from registry_git.core.levels import Level, level_of
from registry_git.core.model import Policy
from registry_git.core.names import Actor

_NOBODY = Actor("Nobody <nobody@localhost>")


def may_manage(policy: Policy, actor: Actor | None, model: str) -> bool:
    """Whether somebody (None: nobody is known) manages a model; `model` empty: has a role of each rule with roles."""
    actor = actor or _NOBODY
    if model:
        return level_of(actor, policy, model) is Level.MANAGE
    roles = {role for role, members in policy.roles.items() if actor.email.lower() in members}
    return all(not rule.by or roles & set(rule.by) for rule in policy.rules)


def require_managing(policy: Policy, actor: Actor, model: str) -> None:
    """Returns when somebody may. Raises: PermissionDenied."""
    if not may_manage(policy, actor, model):
        what = f"the model {model}" if model else "the whole registry"
        raise PermissionDenied(
            f"{actor.email} does not have the permission level {Level.MANAGE.value} for {what}.",
            hint="It takes a role of each of the rules in registry.yaml that name roles.",
        )
