"""One request as an endpoint sees it: who calls, the registry as that person uses it, and what else came along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_git.core.model import Policy
from registry_git.core.names import Actor
from registry_git.mlflow_rules.reading import Readable
from registry_git.registry.facade import Registry
from registry_git.registry.reading import Reading
from registry_git.server.at_hand import Shown
from registry_git.server.handles import Handle
from registry_git.server.identity import Identity
from registry_git.server.permissions import Permission
from registry_git.server.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in.

    Attributes:
        service: what all requests share.
        identity: who calls. PUBLIC routes have none.
        headers: the request's, names in lower case.
        body: its raw bytes.
    """

    service: Service
    identity: Identity | None
    headers: Mapping[str, str]
    body: bytes = b""
    _handle: Handle | None = None
    _at: str = ""
    _shown: Shown | None = None

    @property
    def caller(self) -> Identity:
        """Who calls, and what for."""
        assert self.identity is not None  # noqa: S101 - only PUBLIC routes have no identity, and they do not act
        return self.identity

    @property
    def actor(self) -> Actor:
        """Who calls."""
        return self.caller.actor

    @property
    def registry(self) -> Registry:
        """The registry as the caller uses it: what is written by it is a commit by the caller."""
        assert self._handle is not None  # noqa: S101 - only reads of the past have none
        approves = self.identity is not None and Permission.APPROVE in self.identity.scopes
        return self._handle.registry(self.actor, approves=approves)

    @property
    def readable(self) -> Readable:
        """The registry for endpoints that are `at_hand`: what the event loop has of it, or the whole."""
        return self.registry if self._shown is None else self._shown

    @property
    def policy(self) -> Policy:
        """The registry's policy, also on a PUBLIC route."""
        assert self._handle is not None  # noqa: S101 - as above
        return self._handle.store.snapshot().policy()

    @property
    def reading(self) -> Reading:
        """The registry as it is, or as it was at the `at` that was asked for. Raises: as `Registry.at`."""
        return self.service.past.view(self._at) if self._at else self.registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that is not a JSON object with the status 200, or has headers of its own."""

    content: object
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
