"""The first commit of a registry: its policy."""

from __future__ import annotations

from collections.abc import Mapping

from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Invalid
from registry_git.core.model import Action, Policy, PolicyKey, Rule, Stage
from registry_git.core.names import StageName
from registry_git.core.snapshot import find_stage
from registry_git.gitstore.store import Store
from registry_git.manifests.codec import encode, files
from registry_git.manifests.layout import Layout
from registry_git.manifests.messages import write_message
from registry_git.registry.writing import Surroundings

_STAGES = (
    Stage(name=StageName("Staging")),
    Stage(name=StageName("Production")),
    Stage(name=StageName("Archived"), serving=False),
)


def first_policy(name: str, layout: str, protect: tuple[str, ...], roles: Mapping[str, tuple[str, ...]]) -> Policy:
    """The policy of a new registry: the stages of plain MLflow, and no rules but for the stages in `protect`.

    A protected stage takes one approval by somebody of `roles` other than the requester; without roles, by anybody
    other. So does a change of the policy then, or the protection would be one edit away from gone.

    Raises:
        Invalid: no such stage, or a name, role or address that no policy may hold.
    """
    plain = Policy(name=name, layout=layout, stages=_STAGES)
    rules: list[Rule] = []
    by = tuple(roles)
    for text in protect:
        stage = find_stage(plain, text)
        if stage is None:
            raise Invalid("The stage None cannot be protected.", hint="Name Staging, Production or Archived.")
        rules.append(Rule(on=Action.STAGE, to=(stage.name,), approvals=1, by=by, four_eyes=True))
    if rules:
        rules.append(Rule(on=Action.POLICY, approvals=1, by=by, four_eyes=True))
    lowered = {role: tuple(email.lower() for email in who) for role, who in roles.items()}
    policy = Policy(name=name, layout=layout, stages=_STAGES, roles=lowered, rules=tuple(rules))
    encode(policy)  # refused here, before anything is created for it
    return policy


def start(store: Store, surroundings: Surroundings, policy: Policy) -> str:
    """Writes the first commit and gives its id. Raises: Conflict when there is a `main` already."""
    act = surroundings.act()
    content = files(PolicyKey(), policy, Layout(policy.layout))
    headline = Headline(sentence=f"Create the registry {policy.name}", action="init")
    return store.start(
        {path: data for path, data in content.items() if data is not None},
        author=act.actor,
        at_seconds=act.at // 1000,
        message=write_message(headline, "", act.id, act.at),
    )
