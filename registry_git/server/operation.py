"""The endpoints by which a server is run: is it alive, can it answer, what does it measure, how is it spoken to."""

from __future__ import annotations

import math

from pydantic import BaseModel, Field

from registry_git import __version__
from registry_git.server.call import Answer, Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.metrics import CONTENT_TYPE
from registry_git.server.permissions import ROOT_MOUNT

root = Endpoints(ROOT_MOUNT, tag="Operation")


class Ready(BaseModel):
    """Whether the server can answer."""

    ready: bool = Field(description="Whether requests should come here.")
    commit: str = Field(description="The commit of the registry that is shown.")
    seconds_since_fetch: float | None = Field(description="How long ago the remote was seen; null without a remote.")


@root.add("GET", "/health", versioned=False, media="text/plain")
@root.add("HEAD", "/health", versioned=False)
def health(call: Call, asked: BaseModel) -> Answer:
    """Whether the process is alive: `OK`."""
    return Answer(content="OK", media_type="text/plain")


@root.add("GET", "/version", versioned=False, media="text/plain")
def version(call: Call, asked: BaseModel) -> Answer:
    """The version of this program."""
    return Answer(content=__version__, media_type="text/plain")


@root.add("GET", "/ready", gives=Ready, versioned=False)
def ready(call: Call, asked: BaseModel) -> Answer:
    """Whether it can answer, also while the remote is away; 503 where it cannot: a load balancer asks another one."""
    service = call.service
    since = service.writer.seconds_since_fetch if service.writer.follows else None
    told = Ready(
        ready=service.writer.alive and service.keeper.warm and not service.keeper.health.alarm,
        commit=service.state.commit(),
        seconds_since_fetch=None if since is None or math.isinf(since) else round(since, 3),
    )
    return Answer(content=told, status=200 if told.ready else 503)


@root.add("GET", "/metrics", versioned=False, media="text/plain")
def metrics(call: Call, asked: BaseModel) -> Answer:
    """What Prometheus reads."""
    return Answer(content=call.service.metrics.text(), media_type=CONTENT_TYPE)
