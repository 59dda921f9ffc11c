"""How an endpoint is made. Three lines and one entry:

    mlflow = Endpoints(MLFLOW_MOUNTS, tag="MLflow")

    class GetModel(BaseModel):
        name: str = Field(description="The model's name.")

    @mlflow.add("GET", "/registered-models/get", takes=GetModel)
    def get_registered_model(call: Call, asked: GetModel) -> dict[str, object]:
        \"\"\"One registered model.\"\"\"
        return {"registered_model": ...(call.registry.model(asked.name))}

- What it needs goes into `permissions.py`, in the table of its mount points; without it the server does not start.
- `takes` is a pydantic model. It is filled from the path (`/models/{name}`), the query (GET, HEAD, DELETE) and
  the JSON body (all but GET and HEAD), whatever the content type says. A field of type `list` takes a repeated
  parameter. A field named `at` asks for the past: then use `call.reading`, not `call.registry`.
- `call.registry` is `registry_git.Registry` as the caller: one use case, which raises the errors of `core.errors`. They
  become answers in `problems.py`; nothing is to be caught here.
- Give back a dict or a pydantic model (`gives`, for the document at /docs), or an `Answer` for anything else, whose
  `media` type the document says. The first line of the docstring is the summary.
- Its path is looked up in a table (`routing.py`), so a name in it is one part between slashes.
- It runs on a thread of its own with a repository of its own; a GET gets the ETag and its 304 without doing anything,
  and its answer is kept for the same caller while the registry does not move. So what it says follows from the commit,
  the caller and what is asked; `versioned=False` is for what does not (webhooks, metrics, the clock).
- `at_hand=True` is for a GET that follows from `main` alone and asks for one thing: it reads `call.readable`, and the
  event loop answers it by itself where one statement of the index does (`at_hand.py`).
- A new collection is added to `COLLECTIONS` in `application.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from registry_git.core.errors import Invalid
from registry_git.server.call import Answer, Call
from registry_git.server.identity import Identity
from registry_git.server.permissions import Permission, needed
from registry_git.server.problems import refused_fields, strict_json
from registry_git.server.reply import Reply, caching, is_known, make_reply, state_reply, unchanged
from registry_git.server.routing import Routes
from registry_git.server.service import Service
from registry_git.server.serving import Serving, admitted, received

if TYPE_CHECKING:
    from starlette.requests import Request

_BODILESS = ("GET", "HEAD")
_QUERIED = ("GET", "HEAD", "DELETE")
Run = Callable[[Call, Any], object]
R = TypeVar("R", bound=Run)


class Nothing(BaseModel):
    """An endpoint takes no parameters; what comes along is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One way to ask, at each of its mount points."""

    method: str
    path: str
    run: Run
    takes: type[BaseModel]
    gives: type[BaseModel] | None
    status: int
    versioned: bool
    media: str
    at_hand: bool
    permission: Permission
    lists: frozenset[str] = field(init=False)
    past: bool = field(init=False)  # whether it can be asked how something was

    def __post_init__(self) -> None:
        object.__setattr__(self, "lists", list_fields(self.takes))
        object.__setattr__(self, "past", "at" in self.takes.model_fields)

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method in _BODILESS

    def asked(self, query: bytes, names: Mapping[str, str], body: bytes) -> BaseModel:
        """What the caller asks for in the query, by the names in the path, and in the body. Raises: Invalid."""
        values: dict[str, Any] = {}
        if query and self.method in _QUERIED:
            for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
                if name in self.lists:
                    values.setdefault(name, []).append(value)
                else:
                    values[name] = value
        if self.method not in _BODILESS and body.strip() and self.takes is not Nothing:
            given = strict_json(body)
            if not isinstance(given, dict):
                raise Invalid("The body is no JSON object.", hint="Send an object, as {}.")
            values.update(given)
        values.update(names)
        try:
            return self.takes.model_validate(values)
        except ValidationError as error:
            raise refused_fields(error) from None

    def answer(self, call: Call, asked: BaseModel, tag: str = "") -> Reply:
        """Runs the use case, with the answer's ETag: `tag`, if a read is known to see at least that state.

        Raises: RegistryError.
        """
        if self.versioned and self.reads:
            tag = tag or call.service.state.tag()
            if is_known(call.headers, tag):
                return unchanged(tag)
        result = self.run(call, asked)
        if self.versioned and not self.reads:
            tag = call.service.state.tag()
        if not isinstance(result, Answer):
            return state_reply(self.status, _written(result), tag, "application/json")
        headers = {**caching(tag), **result.headers}
        return make_reply(result.status, _written(result.content), headers, result.media_type)


class Endpoints:
    """A collection of endpoints below the same mount points."""

    def __init__(self, mounts: tuple[str, ...], *, tag: str) -> None:
        self._mounts = mounts
        self.tag = tag
        self._endpoints: list[Endpoint] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        takes: type[BaseModel] = Nothing,
        gives: type[BaseModel] | None = None,
        status: int = 200,
        versioned: bool = True,
        media: str = "application/json",
        at_hand: bool = False,
    ) -> Callable[[R], R]:
        """Makes the function the endpoint for a method and a path. Raises: LookupError: the table lacks it."""

        def added(run: R) -> R:
            permission = needed(self._mounts, method, path)
            self._endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    run=run,
                    takes=takes,
                    gives=gives,
                    status=status,
                    versioned=versioned,
                    media=media,
                    at_hand=at_hand,
                    permission=permission,
                )
            )
            return run

        return added

    def include(self, routes: Routes[Serving], service: Service) -> None:
        """Adds them to the routes, each at every mount point."""
        for endpoint in self._endpoints:
            for mount in self._mounts:
                path = mount + endpoint.path
                routes.add(endpoint.method, path, Serving(endpoint, service, path))

    def documented(self) -> Iterator[tuple[str, Endpoint]]:
        """The path and the endpoint of each that the document shows: at its first mount point only."""
        for endpoint in self._endpoints:
            if endpoint.method != "HEAD":
                yield self._mounts[0] + endpoint.path, endpoint


async def admit(request: Request, service: Service, permission: Permission) -> Identity | None:
    """Who calls, if they may. Raises: Unauthenticated, PermissionDenied, TooMany."""
    return await admitted(request.scope, service, permission)


async def whole_body(request: Request, at_most: int) -> bytes:
    """The body, of at most so many bytes. Raises: TooLarge; Invalid: the caller went away meanwhile."""
    return await received(request.scope, request.receive, at_most)


def _written(content: object) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, BaseModel):
        return content.model_dump_json().encode()
    try:
        return to_json(content)  # a third of the time that `json` takes, which is most of a long list's
    except (PydanticSerializationError, UnicodeEncodeError):  # half of a character, which somebody once wrote
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def list_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields that take a repeated parameter."""
    return frozenset(name for name, field in model.model_fields.items() if _is_list(field.annotation))


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple) or any(_is_list(part) for part in get_args(kind))
