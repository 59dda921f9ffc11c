"""The OpenAPI document, and its page at /docs: plain HTML without a script, so that a strict policy holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from threading import Lock
from typing import Any

from pydantic import BaseModel

from registry_git import __version__
from registry_git.server.call import Answer, Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.permissions import ROOT_MOUNT

_SCHEMA = "#/components/schemas/{model}"
_QUERIED = ("get", "head", "delete")
_IN_PATH = re.compile(r"\{(\w+)\}")
_PROBLEM = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {
        "error_code": {"type": "string", "description": "As in MLflow and Databricks: RESOURCE_DOES_NOT_EXIST …"},
        "message": {"type": "string", "description": "One sentence that says what is wrong, and what to do."},
    },
}
_ERRORS = {
    "400": "What was asked can never be.",
    "401": "Nobody is named, or the token is not known.",
    "403": "The policy, the token's scopes or the server's guard do not allow it.",
    "404": "What was named does not exist.",
    "409": "Somebody else was first: a stale request, or one that is decided.",
    "413": "The body is too large.",
    "429": "Too many requests.",
    "503": "The remote or the disk cannot be reached; it may work later.",
}


def document_of(collections: Sequence[Endpoints]) -> dict[str, Any]:
    """The OpenAPI document of all endpoints. FastAPI makes it, which is slow to import: it waits for who asks."""
    from fastapi import FastAPI
    from fastapi.openapi.utils import get_openapi

    app = FastAPI()
    takes: dict[str, type[BaseModel]] = {}
    for collection in collections:
        for path, endpoint in collection.documented():
            about = endpoint.run.__doc__ or endpoint.run.__name__
            takes[f"{endpoint.method} {path}"] = endpoint.takes
            app.add_api_route(
                path,
                _nothing,
                methods=[endpoint.method],
                status_code=endpoint.status,
                response_model=endpoint.gives,
                summary=about.partition("\n")[0].rstrip("."),
                description=endpoint.run.__doc__,
                tags=[collection.tag],
                name=endpoint.run.__name__,
                openapi_extra={
                    "x-takes": f"{endpoint.method} {path}",
                    "x-media": endpoint.media,
                    "x-permission": endpoint.permission.value,
                },
            )
    made = get_openapi(
        title="registry-git",
        version=__version__,
        description="A model registry whose only database is a Git repository.",
        routes=app.routes[len(FastAPI().routes) :],
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    made["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token: rgt_…"},
        "basic": {"type": "http", "scheme": "basic", "description": "The email address, and a token as password."},
    }
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(method, path, operation, schemas, takes[operation.pop("x-takes")])
    return made


def _nothing() -> None:
    """Stands for every endpoint in the document."""


def _complete(
    method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any], takes: type[BaseModel]
) -> None:
    """Says what an endpoint takes, in its path too, and how it fails."""
    schema = takes.model_json_schema(ref_template=_SCHEMA)
    schemas.update(schema.pop("$defs", {}))
    fields = dict(schema.get("properties", {}))
    in_path = {name: fields.pop(name) for name in _IN_PATH.findall(path)}
    required = [name for name in schema.get("required", ()) if name in fields]
    parameters = [_parameter(name, "path", True, field) for name, field in in_path.items()]
    if method in _QUERIED:
        parameters += [_parameter(name, "query", name in required, field) for name, field in fields.items()]
    elif fields:
        schema |= {"properties": fields, "required": required}
        if not required:
            del schema["required"]
        operation["requestBody"] = {"required": bool(required), "content": {"application/json": {"schema": schema}}}
    if parameters:
        operation["parameters"] = parameters
    answers = operation["responses"]
    media = operation.pop("x-media")
    for answer in answers.values():
        if media != "application/json":
            answer["content"] = {media: {"schema": {"type": "string"}}}
    answers.pop("422", None)
    for status, description in _ERRORS.items():
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        answers[status] = {"description": description, "content": content}
    if operation["x-permission"] == "public":
        del answers["401"]
        operation["security"] = []
    else:
        operation["security"] = [{"bearer": []}, {"basic": []}]


def _parameter(name: str, where: str, required: bool, field: dict[str, Any]) -> dict[str, Any]:
    about = field.get("description", "")
    return {"name": name, "in": where, "required": required, "description": about, "schema": field}


def documenting(collections: Sequence[Endpoints]) -> Endpoints:
    """The endpoints that show the document of these collections, and of themselves."""
    found = Endpoints(ROOT_MOUNT, tag="Documentation")
    made: list[dict[str, Any]] = []
    making = Lock()

    def document() -> dict[str, Any]:
        with making:
            if not made:
                made.append(document_of((*collections, found)))
        return made[0]

    @found.add("GET", "/openapi.json", versioned=False)
    def openapi(call: Call, asked: BaseModel) -> Answer:
        """The OpenAPI document."""
        return Answer(content=document())

    @found.add("GET", "/docs", versioned=False, media="text/html")
    def docs(call: Call, asked: BaseModel) -> Answer:
        """The OpenAPI document, to be read."""
        return Answer(content=_page(document()), media_type="text/html; charset=utf-8")

    @found.add("GET", "/docs/style.css", versioned=False, media="text/css")
    def style(call: Call, asked: BaseModel) -> Answer:
        """The style of /docs."""
        return Answer(content=_STYLE, media_type="text/css; charset=utf-8")

    return found


def _page(document: dict[str, Any]) -> str:
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, document))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in groups.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>registry-git: its API</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="docs/style.css"></head><body>'
        f"<h1>registry-git {escape(document['info']['version'])}</h1><p>{escape(document['info']['description'])} "
        '<a href="openapi.json">OpenAPI document</a></p>'
        f"{body}</body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    rows = [
        _row(one["name"], one["in"], one.get("required", False), one.get("schema", {}))
        for one in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    rows += [
        _row(name, "body", name in body.get("required", ()), field)
        for name, field in body.get("properties", {}).items()
    ]
    table = f"<table><tr><th>field<th>in<th>type<th>meaning</tr>{''.join(rows)}</table>" if rows else ""
    answer: dict[str, Any] = next((one for code, one in operation["responses"].items() if code[0] == "2"), {})
    ref = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    gives = ref.rpartition("/")[2]
    fields = document["components"]["schemas"].get(gives, {}).get("properties", {})
    shown = "".join(_row(name, gives, True, field) for name, field in fields.items())
    answered = f"<p>Answer: <code>{escape(gives)}</code></p><table>{shown}</table>" if gives else ""
    return (
        f"<details><summary><i>{escape(operation['x-permission'])}</i>"
        f'<b class="{method}">{method.upper()}</b> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>{table}{answered}</details>"
    )


def _row(name: str, where: str, required: bool, schema: dict[str, Any]) -> str:
    star = "" if required else " <i>optional</i>"
    return (
        f"<tr><td><code>{escape(name)}</code>{star}<td>{escape(where)}<td>{escape(_kind(schema))}"
        f"<td>{escape(schema.get('description', ''))}</tr>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


_STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h2 { margin-top: 2rem; border-bottom: 1px solid #d0d7de; }
details { border: 1px solid #d0d7de; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
summary i { float: right; color: #57606a; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-top: 1px solid #eaeef2; }
.get, .head { color: #0a5cc2; } .post { color: #116329; } .patch, .put { color: #8a4600; } .delete { color: #a40e26; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3; } td, th { border-color: #30363d; } a { color: #79c0ff; }
  .get, .head { color: #79c0ff; } .post { color: #7ee787; } .patch, .put { color: #ffa657; } .delete { color: #ff7b72; }
}
"""
