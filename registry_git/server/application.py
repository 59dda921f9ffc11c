"""The application: every collection of endpoints, behind the guard. A new collection is one line in `build`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from registry_git.server.document import include_document
from registry_git.server.guard import Guard
from registry_git.server.operation import root
from registry_git.server.own import about, changes, forge, looking, models, requests
from registry_git.server.pages.serving import include_pages
from registry_git.server.problems import NoEndpoint, problem
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
    app: FastAPI


def build(service: Service) -> Built:
    """The application of a service, which it closes when the server has stopped."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.takes = {}  # what each operation of the document takes
    routes: Routes[Serving] = Routes()
    for collection in (*COLLECTIONS, *PROTOCOLS, include_document(app)):
        collection.include(app, service, routes)
    include_pages(app, service)
    app.add_exception_handler(HTTPException, _no_endpoint)
    return Built(guard=Guard(app, routes, service.settings, service.metrics), routes=routes, app=app)


async def _no_endpoint(request: Request, error: Exception) -> Response:
    """What Starlette refuses: an unknown path, or a method that a path does not take."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    path = request.url.path[:200]
    message = f"No endpoint has the path {path}." if error.status_code == 404 else f"{path} takes no {request.method}."
    _, body, headers = problem(NoEndpoint(message, hint="The endpoints are at /docs."))
    return Response(body, error.status_code, {**headers, **(error.headers or {})}, "application/json")
