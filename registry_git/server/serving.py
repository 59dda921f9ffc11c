"""One request at one route, from what was sent to the reply: who calls and may they, what do they ask, run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from registry_git.core.errors import Invalid
from registry_git.server.at_hand import NotAtHand, Shown
from registry_git.server.call import Call
from registry_git.server.guard import HEADERS, PEER, ROUTE, TRUSTED, WHO
from registry_git.server.handles import Handle
from registry_git.server.identity import Identity, caller_of
from registry_git.server.permissions import Permission
from registry_git.server.problems import TooLarge, TooMany, Unauthenticated
from registry_git.server.reply import Receive, Reply, Scope, failed, is_known, unchanged
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
        self._versioned = endpoint.reads and endpoint.versioned
        # what depends on `main` alone is answered anew only when `main` moves, whatever becomes of requests
        self._tag = service.state.commit if endpoint.at_hand else service.state.quick_tag
        self._answers = service.answers_of_main if endpoint.at_hand else service.answers

    async def reply(self, scope: Scope, receive: Receive, names: Mapping[str, str]) -> Reply:
        """The reply to a request; `names` are those in its path. Raises nothing: an error is a reply too."""
        scope[ROUTE] = self.route
        try:
            identity = await admitted(scope, self._service, self._endpoint.permission)
            if self._versioned:
                return await self._versioned_reply(scope, names, identity)
            body = b"" if self._endpoint.reads else await received(scope, receive, self._service.settings.body_bytes)
            asked = self._endpoint.asked(scope["query_string"], names, body)
            return await self._workers.run(self._run, asked, _Sent(identity, scope, body))
        except Exception as error:
            return failed(error)

    async def _versioned_reply(self, scope: Scope, names: Mapping[str, str], identity: Identity | None) -> Reply:
        """The reply to a read that follows from the registry's state: what is known is not asked for again."""
        service, tag = self._service, self._tag() or ""
        who = (identity.actor, identity.scopes) if identity else None
        question = (who, self.route, scope["path"], scope["query_string"])
        if tag:
            known = self._answers.find(tag, question)
            if known is not None:
                return unchanged(tag) if is_known(scope[HEADERS], tag) else known
        asked = self._endpoint.asked(scope["query_string"], names, b"")
        sent = _Sent(identity, scope, b"")
        at = str(getattr(asked, "at", None) or "") if self._endpoint.past else ""
        if at:  # a date that lies ahead, or a branch, names another commit as time goes by
            return await service.remembering.run(self._run, asked, sent, at)
        found = self._run_at_hand(asked, sent, tag) if self._endpoint.at_hand else None
        if found is None:
            found = await self._workers.run(self._run, asked, sent, "", tag)
            if self._tag() != tag:
                return found
        if tag and found.status == 200:
            self._answers.keep(tag, question, found)
        return found

    def _run_at_hand(self, asked: BaseModel, sent: _Sent, commit: str) -> Reply | None:
        """Runs the endpoint in the event loop, on what is at hand there; None: a thread has to look for more."""
        shown = self._service.table.at(commit)
        if shown is None:
            return None
        try:
            return self._endpoint.answer(sent.call(self._service, None, shown=shown), asked, commit)
        except NotAtHand:
            return None
        except Exception as error:
            return failed(error)

    def _run(self, asked: BaseModel, sent: _Sent, at: str = "", tag: str = "") -> Reply:
        """Runs the endpoint, on a thread that may wait."""
        try:
            if at:
                return self._endpoint.answer(sent.call(self._service, None, at=at), asked)
            with self._handles.take() as handle:
                found = self._endpoint.answer(sent.call(self._service, handle), asked, tag)
                if self._endpoint.at_hand:
                    self._service.table.lay(handle.store)
                return found
        except Exception as error:
            return failed(error)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What came, and from whom."""

    identity: Identity | None
    scope: Scope
    body: bytes

    def call(self, service: Service, handle: Handle | None, *, at: str = "", shown: Shown | None = None) -> Call:
        """The request as an endpoint sees it."""
        return Call(
            service=service,
            identity=self.identity,
            headers=self.scope[HEADERS],
            body=self.body,
            _handle=handle,
            _at=at,
            _shown=shown,
        )


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
