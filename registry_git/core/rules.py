"""What `registry.yaml` says: stages, roles and rules as values. `policy.evaluate` judges by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from registry_git.core.keys import PolicyKey
from registry_git.core.names import StageName


class Action(str, Enum):
    """What a rule may guard (all but `rename`: to rules it is an edit, and the pointers enter slots of another name),
    and what a request may ask for (all but `register` and `edit`).
    """

    STAGE = "stage"
    ALIAS = "alias"
    REGISTER = "register"
    DELETE = "delete"
    RENAME = "rename"
    EDIT = "edit"
    DEPLOYMENT = "deployment"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A lifecycle slot. Entering an `exclusive` one archives who was there; `after` lists stages to pass first."""

    name: StageName
    exclusive: bool = False
    serving: bool = True
    after: tuple[StageName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition on changes; every rule that matches a change must be met.

    `to` are stages or aliases (empty: all), `models` shell patterns. `by` are roles; with `approvals` 0 the person
    who makes the change must hold one of them. `tags` must be present on the version, `minimum` and `maximum` bound
    numeric tags.
    """

    on: Action
    to: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    approvals: int = 0
    by: tuple[str, ...] = ()
    four_eyes: bool = False
    signed: bool = False
    tags: tuple[str, ...] = ()
    minimum: Mapping[str, float] = field(default_factory=dict)
    maximum: Mapping[str, float] = field(default_factory=dict)


class ForgeKind(str, Enum):
    """The code forges that are spoken to. Forgejo speaks what Gitea speaks."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    PAGURE = "pagure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSettings:
    """Where the registry's pull requests are.

    `url` is the forge's web address without a closing `/`, `repository` its path there (`owner/name`). `people` maps
    logins, in lower case, to the email addresses that the roles name, in lower case.
    """

    kind: ForgeKind
    url: str
    repository: str
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`registry.yaml`: stages, roles, rules.

    `roles` maps a role to email addresses in lower case. `keys` maps an email address to the public ssh keys that
    sign for it. `forge` is None where no pull requests are opened. `observations` says whether it is recorded who uses
    which version.
    """

    name: str
    layout: str = "flat"
    stages: tuple[Stage, ...]
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forge: ForgeSettings | None = None
    observations: bool = True
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> PolicyKey:
        """The identity."""
        return PolicyKey()
