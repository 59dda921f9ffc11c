"""Who may decide what, as methods: permission levels, which follow from the policy's roles and rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from registry_git.core.changes import edits
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.errors import Invalid
from registry_git.core.levels import Level, level_of, level_with, roles_of
from registry_git.core.model import Policy
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot
from registry_git.manifests.codec import encode
from registry_git.manifests.policy_text import parse_policy
from registry_git.registry.writes import Writes

EVERYBODY = "users"  # what Databricks calls the group of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Levels on a model: of the policy's roles and of everybody (`users`), and of the people (emails) in roles."""

    groups: Mapping[str, Level]
    people: Mapping[str, Level]


class Permitting(Writes):
    """The part of the registry that says who may what."""

    def own_level(self, name: str) -> Level:
        """The level of the actor on a model, which need not exist. Raises: Invalid."""
        return level_of(self._surroundings.actor, self.policy(), ModelName.parse(name))

    def levels(self, name: str) -> Levels:
        """The levels of roles and of those who hold them on a model. Raises: NotFound."""
        snapshot = self._snapshot()
        model, policy = snapshot.model(ModelName.parse(name)).name, snapshot.policy()
        people = sorted({email for members in policy.roles.values() for email in members})
        groups = {role: level_with({role}, policy, model) for role in sorted(policy.roles)}
        return Levels(
            groups={**groups, EVERYBODY: level_with((), policy, model)},
            people={email: level_with(roles_of(policy, email), policy, model) for email in people},
        )

    def give_levels(
        self, name: str, people: Mapping[str, Level], groups: Mapping[str, Level], *, replacing: bool = False
    ) -> None:
        """Puts people (email addresses) into roles, so that they have these levels on a model, by one change of policy.

        Levels of groups are what the rules make of them, and are not given. `replacing`: these are all levels that
        there are to be. As nobody loses one this way, whoever holds a level by a role has to be among them, by name or
        by the role.

        Raises:
            NotFound; PermissionDenied: the policy does not let the actor change it; Invalid: a group has another level,
            not exactly one role gives a person the level, or somebody would lose one.
        """
        model = ModelName.parse(name)

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            policy = snapshot.policy()
            snapshot.model(model)
            if replacing:
                _require_all(policy, model, people, groups)
            for group, level in groups.items():
                _require_group(policy, model, group, level)
            for email, level in people.items():
                policy = _with_level(policy, model, email.strip().lower(), level)
            # through the same door as a policy that is written by hand: addresses are checked there
            return edits.change_policy(snapshot, act, policy=parse_policy(encode(policy).decode()))

        self.change(decide)


def _require_group(policy: Policy, model: ModelName, group: str, level: Level) -> None:
    if group != EVERYBODY and group not in policy.roles:
        raise Invalid(
            f"There is no group {group}.",
            hint=f"Groups are the roles of registry.yaml, and {EVERYBODY}: {_roles(policy)}",
        )
    found = level_with(() if group == EVERYBODY else {group}, policy, model)
    if found is not level:
        raise Invalid(
            f"{group} has {found.value} on {model}, by the rules of registry.yaml.",
            hint="Change the rules: registry-git request create --policy registry.yaml",
        )


def _require_all(policy: Policy, model: ModelName, people: Collection[str], groups: Collection[str]) -> None:
    """Returns when nobody who holds more than everybody does is left out. Raises: Invalid."""
    named, least = {email.strip().lower() for email in people}, level_with((), policy, model)
    for email in sorted({email.lower() for members in policy.roles.values() for email in members}):
        held = roles_of(policy, email)
        level = level_with(held, policy, model)
        if level is not least and email not in named and held.isdisjoint(groups):
            raise Invalid(
                f"{email} would lose {level.value} on {model}, which a list of levels cannot take away.",
                hint="Give levels with PATCH, or name everybody. Roles are changed with: "
                "registry-git request create --policy registry.yaml",
            )


def _with_level(policy: Policy, model: ModelName, email: str, level: Level) -> Policy:
    held = roles_of(policy, email)
    if level_with(held, policy, model) is level:
        return policy
    roles = [role for role in sorted(policy.roles) if level_with(held | {role}, policy, model) is level]
    if len(roles) != 1:
        found = f"{len(roles)} roles give" if roles else "No role gives"
        raise Invalid(
            f"{found} {email} {level.value} on {model}.",
            hint=f"Roles are {_roles(policy)}; change them: registry-git request create --policy registry.yaml",
        )
    members = tuple(sorted({*policy.roles[roles[0]], email}))
    return replace(policy, roles={**policy.roles, roles[0]: members})


def _roles(policy: Policy) -> str:
    return ", ".join(sorted(policy.roles)) or "none"
