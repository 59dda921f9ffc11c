"""What a change comes to: edits, what rules must look at, and the words for the log."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry_git.core.model import Action, DeploymentKey, ModelVersion
from registry_git.core.names import Actor, Id, ModelName
from registry_git.core.snapshot import Edits
from registry_git.core.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does something, when, under which id, and what they say about it.

    The id marks the write: a retry with the same id finds what was already done. `force`: also where a deployment
    would be left with what it uses deleted or out of service; the comment then says why. `approves`: whether a direct
    change counts as the actor's own approval.
    """

    actor: Actor
    at: Timestamp
    id: Id
    comment: str = ""
    force: bool = False
    approves: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One thing that a change does, as rules see it.

    `target` is the stage or alias whose pointer changes, or the environment of the deployment (empty for other
    actions), `entering` the version that it gets on purpose (gates are checked on it), `missing_before` the stages
    that `entering` should have passed.
    """

    action: Action
    model: ModelName | None
    target: str = ""
    entering: ModelVersion | None = None
    missing_before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The commit's words: a sentence for people, facts for machines (they become trailers).

    `forced` says what stood against the change, where it was made nevertheless.
    """

    sentence: str
    action: str
    model: ModelName | None = None
    version: int | None = None
    from_stage: str = ""
    to_stage: str = ""
    request: Id | None = None
    forced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A deployment that gets another version with a change. `asked`: not yet, a request for it is to be opened."""

    key: DeploymentKey
    before: int | None
    after: int
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The outcome of deciding a change on one snapshot. No edits: everything is already as asked.

    `rolls` are the deployments that get another version; `asks` those that follow on request and whose reference moves,
    so that a request for them may be due, or moot.
    """

    edits: Edits
    touches: tuple[Touch, ...]
    headline: Headline
    comment: str = ""
    warnings: tuple[str, ...] = field(default=())
    rolls: tuple[Roll, ...] = ()
    asks: tuple[DeploymentKey, ...] = ()
