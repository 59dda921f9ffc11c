"""One request of a browser: who sends it, and what its address says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from registry_git.core.errors import Invalid
from registry_git.server.endpoints import list_fields
from registry_git.server.identity import Identity
from registry_git.server.pages.links import ascii_only
from registry_git.server.pages.page import Shown
from registry_git.server.pages.sessions import Visitor
from registry_git.server.permissions import Permission
from registry_git.server.problems import Unauthenticated


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser. `session`: who looks has signed in here, and is not known in another way."""

    request: Request
    visitor: Visitor
    identity: Identity | None
    session: bool

    @property
    def here(self) -> str:
        """The address as it was sent, with its query: a path that is decoded may name something else."""
        scope = self.request.scope
        path = ascii_only(scope.get("raw_path") or scope["path"].encode())
        query = scope["query_string"]
        return f"{path}?{ascii_only(query)}" if query else path

    def values(self, takes: type[BaseModel]) -> dict[str, Any]:
        """What the address says: its query, and the parts of its path."""
        lists, query = list_fields(takes), self.request.query_params
        values: dict[str, Any] = {name: query.getlist(name) if name in lists else query[name] for name in query}
        return values | self.request.path_params

    def require(self, permission: Permission) -> None:
        """Returns when whoever looks may. Raises: Unauthenticated, PermissionDenied."""
        if permission is Permission.PUBLIC:
            return
        if self.identity is None:
            raise Unauthenticated("You are not signed in.", hint="Sign in with a token.")
        self.identity.require(permission)

    def moment(self, shown: Shown) -> str:
        """The moment that is asked for; empty: the present. The past is for those who may read the registry."""
        return "" if shown.permission is Permission.PUBLIC else self.request.query_params.get("at", "").strip()


def filled(takes: type[BaseModel], values: dict[str, Any]) -> Any:
    """The fields of an address or a form. Raises: Invalid."""
    try:
        return takes.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = " ".join(str(part) for part in first["loc"]).replace("_", " ").capitalize()
        raise Invalid(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from None
