"""One request at one route, from what was sent to the reply: who calls and may they, what do they ask, run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from registry_git.core.errors import Invalid
from registry_git.server.call import Call
from registry_git.server.guard import HEADERS, PEER, ROUTE, TRUSTED, WHO
from registry_git.server.identity import Identity, caller_of
from registry_git.server.permissions import Permission
from registry_git.server.problems import TooLarge, TooMany, Unauthenticated
from registry_git.server.reply import Receive, Reply, Scope, failed
from registry_git.server.service import Service

if TYPE_CHECKING:
    from registry_git.server.endpoints import Endpoint


class Serving:
    """An endpoint at one of its mount points; `route` is its path there, with the names of what it takes."""

    def __init__(self, endpoint: Endpoint, service: Service, route: str) -> None:
        self._endpoint = endpoint
        self._service = service
        self.route = route
        self._handles = service.readers if endpoint.reads else service.editors
        self._workers = service.reading if endpoint.reads else service.editing

    async def reply(self, scope: Scope, receive: Receive, names: Mapping[str, str]) -> Reply:
        """The reply to a request; `names` are those in its path. Raises nothing: an error is a reply too."""
        scope[ROUTE] = self.route
        try:
            identity = await admitted(scope, self._service, self._endpoint.permission)
            body = b"" if self._endpoint.reads else await received(scope, receive, self._service.settings.body_bytes)
            asked = self._endpoint.asked(scope["query_string"], names, body)
            at = str(getattr(asked, "at", None) or "")
            workers = self._service.remembering if at else self._workers
            return await workers.run(self._run, asked, at, identity, scope[HEADERS], body, _base_url(scope))
        except Exception as error:
            return failed(error)

    def _run(
        self,
        asked: BaseModel,
        at: str,
        identity: Identity | None,
        headers: Mapping[str, str],
        body: bytes,
        base_url: str,
    ) -> Reply:
        """Runs the endpoint, on a thread that may wait."""
        service = self._service
        try:
            if at:
                call = Call(service=service, identity=identity, headers=headers, body=body, base_url=base_url, _at=at)
                return self._endpoint.answer(call, asked)
            with self._handles.take() as handle:
                call = Call(
                    service=service, identity=identity, headers=headers, body=body, base_url=base_url, _handle=handle
                )
                return self._endpoint.answer(call, asked)
        except Exception as error:
            return failed(error)


async def admitted(scope: Scope, service: Service, permission: Permission) -> Identity | None:
    """Who calls, if they may. Raises: Unauthenticated, PermissionDenied, TooMany."""
    if permission is Permission.PUBLIC:
        return None
    settings, peer = service.settings, scope[PEER]
    caller = caller_of(
        scope[HEADERS],
        trusted=scope[TRUSTED],
        user_header=settings.user_header,
        name_header=settings.name_header,
    )
    try:
        identity = service.door.quick(caller)
        if identity is None:
            if service.failures.wait(peer, take=0):
                raise TooMany("Too many tokens that are not known here.", seconds=10)
            identity = await service.knocking.run(service.door.identify, caller)
    except Unauthenticated:
        if caller.authorization:
            service.failures.wait(peer)
        raise
    scope[WHO] = identity.actor.email
    identity.require(permission)
    return identity


async def received(scope: Scope, receive: Receive, at_most: int) -> bytes:
    """The body, of at most so many bytes. Raises: TooLarge; Invalid: the caller went away before all of it was here."""
    said = scope[HEADERS].get("content-length", "0")
    size = int(said) if said.isdigit() and len(said) < 16 else 0
    parts: list[bytes] = []
    more = size <= at_most
    if more:
        size = 0
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Invalid("The caller went away before the body was here.")
        part = message.get("body", b"")
        size += len(part)
        parts.append(part)
        more = size <= at_most and message.get("more_body", False)
    if size > at_most:
        raise TooLarge(f"The body is larger than {at_most:,} bytes.", hint="Send less at once.")
    return b"".join(parts)


def _base_url(scope: Scope) -> str:
    """The server's own address as the caller sees it."""
    host = scope[HEADERS].get("host", "")
    if not host:
        name, port = scope.get("server") or ("localhost", 80)
        host = f"{name}:{port}"
    return f"{scope['scheme']}://{host}"
