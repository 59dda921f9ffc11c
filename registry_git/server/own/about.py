"""The registry itself."""

from __future__ import annotations

from pydantic import BaseModel, Field

from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.permissions import OWN_MOUNTS

own = Endpoints(OWN_MOUNTS, tag="Registry")


class About(BaseModel):
    """What registry this is, and who asks."""

    name: str = Field(description="The registry's name.")
    stages: list[str] = Field(description="Its stages, in the order of registry.yaml.")
    commit: str = Field(description="The commit of `main` that is shown.")
    you: str = Field(description="Who you are here: the actor of what you write.")


@own.add("GET", "/registry", gives=About)
def about(call: Call, asked: BaseModel) -> About:
    """The registry, and who you are in it."""
    registry = call.registry
    policy = registry.policy()
    stages = [str(stage.name) for stage in policy.stages]
    return About(name=policy.name, stages=stages, commit=registry.commit, you=call.actor)
