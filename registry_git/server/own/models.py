"""Models and versions: looked at, now and in the past."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from registry_git.core.search import decode_token, encode_token
from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.own import shapes
from registry_git.server.own.fields import Limit, Name, Then, Token
from registry_git.server.own.fields import Version as Number
from registry_git.server.permissions import OWN_MOUNTS

own = Endpoints(OWN_MOUNTS, tag="Models and versions")
_PAGE = 100
Order = Annotated[list[str], Field(description="As `name DESC`; repeat it for more.", max_length=10)]
Filter = Annotated[
    str, Field(description="As MLflow's: `name LIKE 'fraud%' AND tags.team = 'risk'`.", max_length=10_000)
]


class Searched(Then):
    """A search, a page at a time."""

    filter: Filter = ""
    order_by: Order = Field(default_factory=list)
    max_results: Limit = None
    page_token: Token = ""


class SearchedModels(Searched):
    """A search of models, a page at a time."""

    text: str = Field(
        default="",
        description="Words that are all in the name, description, creator or tags, in upper or lower case.",
        max_length=200,
    )


class OneModel(Then):
    """Which model."""

    name: Name


class OneVersion(OneModel):
    """Which version."""

    version: Number


class Models(shapes.Shape):
    """A page of models."""

    models: list[shapes.Model]
    next_page_token: str = Field(description="Ask for what comes after with it; empty: that was all.")
    total: int = Field(description="How many models there are on all pages.")


class Versions(shapes.Shape):
    """Versions, or a page of them."""

    versions: list[shapes.Version]
    next_page_token: str = Field(default="", description="Ask for what comes after with it; empty: that was all.")


@own.add("GET", "/models", takes=SearchedModels, gives=Models)
def list_models(call: Call, asked: SearchedModels) -> Models:
    """The models that pass a filter; `order_by` may be `last_activity DESC`."""
    start, size = decode_token(asked.page_token), asked.max_results or _PAGE
    page = call.reading.model_page(
        text=asked.text, filter=asked.filter, order_by=asked.order_by, limit=size, offset=start
    )
    return Models(
        models=[shapes.Model.of(one) for one in page.models],
        next_page_token=encode_token(start + size) if start + size < page.total else "",
        total=page.total,
    )


@own.add("GET", "/versions", takes=Searched, gives=Versions)
def search_versions(call: Call, asked: Searched) -> Versions:
    """The versions of any model that pass a filter, the last updated first."""
    reading, start, size = call.reading, decode_token(asked.page_token), asked.max_results or _PAGE
    found = reading.search_versions(asked.filter, order_by=asked.order_by, limit=size + 1, offset=start)
    return Versions(
        versions=[shapes.Version.of(one) for one in found[:size]],
        next_page_token=encode_token(start + size) if len(found) > size else "",
    )


@own.add("GET", "/models/{name}", takes=OneModel, gives=shapes.Model)
def get_model(call: Call, asked: OneModel) -> shapes.Model:
    """One model."""
    return shapes.Model.of(call.reading.model(asked.name))


@own.add("GET", "/models/{name}/versions", takes=OneModel, gives=Versions)
def list_versions(call: Call, asked: OneModel) -> Versions:
    """All versions of a model, newest first."""
    return Versions(versions=[shapes.Version.of(one) for one in call.reading.versions(asked.name)])


@own.add("GET", "/models/{name}/versions/{version}", takes=OneVersion, gives=shapes.Version)
def get_version(call: Call, asked: OneVersion) -> shapes.Version:
    """One version."""
    return shapes.Version.of(call.reading.version(asked.name, asked.version))
