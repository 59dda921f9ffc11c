"""Where a forge tells what happened to pull requests: believed only with its signature, and then as a hint to look."""

from __future__ import annotations

import logging

from pydantic import BaseModel, Field

from registry_git.core.errors import PermissionDenied
from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.own.shapes import Shape
from registry_git.server.permissions import OWN_MOUNTS

_LOG = logging.getLogger(__name__)
_HINT = "It takes a forge in registry.yaml, and the same secret there and here: serve --hook-secret-file FILE"
own = Endpoints(OWN_MOUNTS, tag="Forge")


class Heard(Shape):
    """What was made of a delivery."""

    event: str | None = Field(description="merged, closed, reviewed or pushed; null: no concern of this registry.")


@own.add("POST", "/forge-events", gives=Heard, status=202, versioned=False)
def forge_event(call: Call, asked: BaseModel) -> Heard:
    """Takes a forge's webhook, signed with the secret that the server was given; then it looks at remote and forge."""
    from registry_git.forges.webhooks import receive

    forge = call.policy.forge
    try:
        if forge is None:
            raise PermissionDenied("This registry names no forge.", hint="Say where it is in registry.yaml: forge.")
        event = receive(forge, headers=call.headers, body=call.body, secret=call.service.settings.hook_secret)
    except PermissionDenied as reason:
        # anybody may call, so the answer does not tell whether there is a forge, which one, or a secret
        _LOG.info("A forge's webhook was refused: %s", reason)
        raise PermissionDenied("The webhook is not signed as this registry wants it.", hint=_HINT) from None
    if event is not None:
        call.service.pull_requests.forget(event.branch, event.number)
        call.service.keeper.wake()
    return Heard(event=event.kind.value if event else None)
