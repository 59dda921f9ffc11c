"""The application: every collection of endpoints, behind the guard. A new collection is one line in `build`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry_git.server.document import documenting
from registry_git.server.guard import HEADERS, Guard
from registry_git.server.operation import root
from registry_git.server.own import about, changes, forge, looking, models, requests
from registry_git.server.pages.serving import PageDoor, include_pages, refusal
from registry_git.server.problems import NoEndpoint, for_people, problem
from registry_git.server.protocols import PROTOCOLS
from registry_git.server.routing import Routes
from registry_git.server.service import Service
from registry_git.server.serving import Serving
from registry_git.server.webhooks.endpoints import webhooks

COLLECTIONS = (root, about.own, models.own, changes.own, requests.own, looking.own, forge.own, webhooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a server runs: the guard, with the routes that it asks and the application behind it."""

    guard: Guard
    routes: Routes[Serving]
    app: Starlette


def build(service: Service) -> Built:
    """The application of a service, which it closes when the server has stopped."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        service.close()

    app = Starlette(lifespan=lifespan)
    app.router.redirect_slashes = False
    routes: Routes[Serving] = Routes()
    collections = (*COLLECTIONS, *PROTOCOLS)
    for collection in (*collections, documenting(collections)):
        collection.include(routes, service)
    pages = include_pages(app, service)

    async def refused(request: Request, error: Exception) -> Response:
        return await _no_endpoint(request, error, pages, routes.methods(request.url.path))

    app.add_exception_handler(HTTPException, refused)
    guard = Guard(app, routes, service.settings, service.metrics, refusal=refusal)
    return Built(guard=guard, routes=routes, app=app)


async def _no_endpoint(request: Request, error: Exception, pages: PageDoor, methods: Sequence[str]) -> Response:
    """What no route serves: an unknown path, or a method that a path does not take; an endpoint's takes `methods`."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    path, status, headers = request.url.path[:200], error.status_code, dict(error.headers or {})
    if methods:
        status, headers["Allow"] = 405, ", ".join(methods)
    if for_people(request.scope[HEADERS]):
        said = f"There is no page at {path}." if status == 404 else f"Nothing can be sent to {path}."
        return await pages.refused(request, NoEndpoint(said, hint="Look for it from the models."), status)
    message = f"No endpoint has the path {path}." if status == 404 else f"{path} takes no {request.method}."
    _, body, more = problem(NoEndpoint(message, hint="The endpoints are at /docs."))
    return Response(body, status, {**more, **headers}, "application/json")
