"""A registry that exists in memory alone, for the tests of changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from registry_git.core.changes import pointers, registration
from registry_git.core.changes.following import with_following
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.integrity import disagreements
from registry_git.core.model import (
    DeploymentKey,
    Entity,
    Key,
    Policy,
    PolicyKey,
    Stage,
)
from registry_git.core.names import Actor, AliasName, Id, ModelName, StageName
from registry_git.core.snapshot import Overlay, Snapshot
from registry_git.core.times import Timestamp

ALICE = Actor.parse("Alice <alice@acme.io>")
BOB = Actor.parse("Bob <bob@acme.io>")
FRAUD = ModelName("fraud")
CHAMPION = AliasName("champion")
STAGING, PRODUCTION, SHADOW, ARCHIVED = map(StageName, ("Staging", "Production", "Shadow", "Archived"))
POLICY = Policy(
    name="acme",
    stages=(
        Stage(name=STAGING),
        Stage(name=PRODUCTION, exclusive=True, after=(STAGING,)),
        Stage(name=SHADOW),
        Stage(name=ARCHIVED, serving=False),
        Stage(name=StageName("Bin"), serving=False),
    ),
)


class Nothing(Snapshot):
    """A registry without anything in it; the tests lay edits over it."""

    commit = "0" * 40

    def find(self, key: Key) -> Entity | None:
        return None

    def models(self) -> tuple[ModelName, ...]:
        return ()

    def versions(self, model: ModelName) -> tuple[int, ...]:
        return ()

    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        return ()

    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        return ()

    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        return ()

    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        return ()

    def deployments(self) -> tuple[DeploymentKey, ...]:
        return ()

    def deploys(self) -> bool:
        return False


class Scene:
    """A registry that changes are made in, one after the other."""

    def __init__(self, policy: Policy = POLICY, *, versions: int = 3) -> None:
        self.now = Overlay(Nothing(), {PolicyKey(): policy})
        self._numbers = count(1)
        for number in range(1, versions + 1):
            self.do(registration.register, model=FRAUD, new=registration.NewVersion(source=f"s3://x/{number}"))

    def act(self, actor: Actor = ALICE) -> Act:
        number = next(self._numbers)
        return Act(actor=actor, at=Timestamp(number), id=Id(f"act-{number:04}"))

    def decide(
        self,
        change: Callable[..., Proposal],
        *,
        by: Actor = ALICE,
        force: bool = False,
        why: str = "",
        **arguments: object,
    ) -> Proposal:
        act = replace(self.act(by), force=force, comment=why)
        return with_following(self.now, change(self.now, act, **arguments), act)

    def do(self, change: Callable[..., Proposal], *, by: Actor = ALICE, **arguments: object) -> Proposal:
        proposal = self.decide(change, by=by, **arguments)
        self.now = Overlay(self.now, proposal.edits)
        assert list(disagreements(self.now, proposal.edits)) == []
        return proposal

    def move(self, version: int, to: str, **more: object) -> Proposal:
        return self.do(pointers.transition, model=FRAUD, version=version, to=to, **more)

    def placed(self) -> dict[str, tuple[int, ...]]:
        return {pointer.stage: pointer.versions for pointer in self.now.stage_pointers(FRAUD)}
