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
- It runs on a thread of its own with a repository of its own; a GET gets the ETag and its 304 without doing anything.
  `versioned=False` is for what does not follow from the registry's commit alone (webhooks, metrics).
- A new collection is added to `COLLECTIONS` in `application.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, get_args, get_origin

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from registry_git.core.errors import Invalid
from registry_git.server.call import Answer, Call
from registry_git.server.guard import HEADERS, PEER, ROUTE, TRUSTED, WHO
from registry_git.server.identity import Identity, caller_of
from registry_git.server.permissions import Permission, needed
from registry_git.server.problems import TooLarge, TooMany, Unauthenticated, problem, refused_fields, strict_json
from registry_git.server.service import Service

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
    permission: Permission

    def asked(self, request: Request, body: bytes) -> BaseModel:
        """What the caller asks for. Raises: Invalid."""
        values: dict[str, Any] = {}
        if self.method in _QUERIED:
            lists = list_fields(self.takes)
            query = request.query_params
            values = {name: query.getlist(name) if name in lists else query[name] for name in query}
        if self.method not in _BODILESS and body.strip() and self.takes is not Nothing:
            given = strict_json(body)
            if not isinstance(given, dict):
                raise Invalid("The body is no JSON object.", hint="Send an object, as {}.")
            values.update(given)
        values.update(request.path_params)
        try:
            return self.takes.model_validate(values)
        except ValidationError as error:
            raise refused_fields(error) from None

    def answer(self, call: Call, asked: BaseModel) -> Response:
        """Runs the use case, with the answer's ETag. Raises: RegistryError."""
        reads = self.method in _BODILESS
        tag = call.service.state.tag() if self.versioned and reads else ""
        if tag and _matches(call.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=_caching(tag))
        result = self.run(call, asked)
        if self.versioned and not reads:
            tag = call.service.state.tag()
        found = result if isinstance(result, Answer) else Answer(content=result, status=self.status)
        headers = {**_caching(tag), **found.headers}
        return Response(_written(found.content), found.status, headers, found.media_type)


class Endpoints:
    """A collection of endpoints below the same mount points."""

    def __init__(self, mounts: tuple[str, ...], *, tag: str) -> None:
        self._mounts = mounts
        self._tag = tag
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
                    permission=permission,
                )
            )
            return run

        return added

    def include(self, app: FastAPI, service: Service) -> None:
        """Makes the application serve them. The document shows each at its first mount point only."""
        for endpoint in self._endpoints:
            takes = f"{endpoint.method} {self._mounts[0]}{endpoint.path}"
            app.state.takes[takes] = endpoint.takes
            for mount in self._mounts:
                app.add_api_route(
                    mount + endpoint.path,
                    _serving(endpoint, service, mount + endpoint.path),
                    methods=[endpoint.method],
                    status_code=endpoint.status,
                    response_model=endpoint.gives,
                    summary=(endpoint.run.__doc__ or endpoint.run.__name__).partition("\n")[0].rstrip("."),
                    description=endpoint.run.__doc__,
                    tags=[self._tag],
                    name=endpoint.run.__name__,
                    openapi_extra={
                        "x-takes": takes,
                        "x-media": endpoint.media,
                        "x-permission": endpoint.permission.value,
                    },
                    include_in_schema=mount == self._mounts[0] and endpoint.method != "HEAD",
                )


def _serving(endpoint: Endpoint, service: Service, route: str) -> Callable[[Request], Any]:
    """The function that Starlette calls for one route."""

    async def serve(request: Request) -> Response:
        request.scope[ROUTE] = route
        try:
            identity = await admit(request, service, endpoint.permission)
            body = b"" if endpoint.method in _BODILESS else await whole_body(request, service.settings.body_bytes)
            asked = endpoint.asked(request, body)
            at = str(getattr(asked, "at", None) or "")
            call = partial(
                Call,
                service=service,
                identity=identity,
                headers=request.scope[HEADERS],
                body=body,
                base_url=str(request.base_url).rstrip("/"),
                _at=at,
            )
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(_pool(service, endpoint, at), _run, endpoint, service, call, asked)
        except Exception as error:
            return _failed(error)

    return serve


def _pool(service: Service, endpoint: Endpoint, at: str) -> Executor:
    if at:
        return service.remembering
    return service.reading if endpoint.method in _BODILESS else service.editing


def _run(endpoint: Endpoint, service: Service, make: Callable[..., Call], asked: BaseModel) -> Response:
    with ExitStack() as handles:
        call = make()
        if not call._at:
            pool = service.readers if endpoint.method in _BODILESS else service.editors
            call = make(_handle=handles.enter_context(pool.take()))
        return endpoint.answer(call, asked)


async def admit(request: Request, service: Service, permission: Permission) -> Identity | None:
    """Who calls, if they may. Raises: Unauthenticated, PermissionDenied, TooMany."""
    if permission is Permission.PUBLIC:
        return None
    settings, peer = service.settings, request.scope[PEER]
    caller = caller_of(
        request.scope[HEADERS],
        trusted=request.scope[TRUSTED],
        user_header=settings.user_header,
        name_header=settings.name_header,
    )
    try:
        identity = service.door.quick(caller)
        if identity is None:
            if service.failures.wait(peer, take=0):
                raise TooMany("Too many tokens that are not known here.", seconds=10)
            loop = asyncio.get_running_loop()
            identity = await loop.run_in_executor(service.knocking, service.door.identify, caller)
    except Unauthenticated:
        if caller.authorization:
            service.failures.wait(peer)
        raise
    request.scope[WHO] = identity.actor.email
    identity.require(permission)
    return identity


async def whole_body(request: Request, at_most: int) -> bytes:
    """The body, of at most so many bytes. Raises: TooLarge."""
    said = request.scope[HEADERS].get("content-length", "0")
    parts: list[bytes] = []
    size = int(said) if said.isdigit() and len(said) < 16 else 0
    if size <= at_most:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > at_most:
                break
            parts.append(part)
    if size > at_most:
        raise TooLarge(f"The body is larger than {at_most:,} bytes.", hint="Send less at once.")
    return b"".join(parts)


def _failed(error: Exception) -> Response:
    status, body, headers = problem(error)
    return Response(body, status, headers, "application/json")


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


def _caching(tag: str) -> dict[str, str]:
    headers = {"cache-control": "private, no-cache" if tag else "no-store"}
    if tag:
        headers |= {"etag": f'"{tag}"', "vary": "Authorization", "registry-commit": tag.partition("+")[0]}
    return headers


def _matches(wanted: str, tag: str) -> bool:
    return wanted.strip() == "*" or any(one.strip().removeprefix("W/") == f'"{tag}"' for one in wanted.split(","))


def list_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields that take a repeated parameter."""
    return frozenset(name for name, field in model.model_fields.items() if _is_list(field.annotation))


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple) or any(_is_list(part) for part in get_args(kind))
