"""Whatever is sent by the OpenAPI document, or against it, gets an answer that is not the server's fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import registry_git
from registry_git.core.names import ModelName
from registry_git.server.permissions import PAGES, ROOT_MOUNT, TABLE
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, new_registry
from tests.server_scene import serving, settings_of

EXAMPLES = 8  # for each operation, each way: some seconds a run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fuzz") / "models.git"
    new_registry(place, versions=2, protect=["Production"])
    return place


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[httpx.Client]:
    with serving(settings_of(place)) as client:
        yield client


Known = dict[str, Any]
NO_SUCCESS = {  # they take more than what there is: a signature, a deployment, a receiver
    "POST /api/v1/forge-events",
    "GET /api/v1/deployments/{environment}/{name}",
    "POST /api/2.0/mlflow/registry-webhooks/create",
    "POST /api/2.0/mlflow/registry-webhooks/test",
    "PATCH /api/2.0/mlflow/registry-webhooks/update",
    "DELETE /api/2.0/mlflow/registry-webhooks/delete",
}


def there(registry: registry_git.Registry, operation: APIOperation) -> Known:
    """What an operation can be asked about: a model of its own, by the names that fields have for what it has."""
    path = operation.path
    name = f"model-{len(registry.models())}"
    for number in (1, 2):
        registry.register(name, f"s3://acme/{name}/{number}")
    registry.set_tag(name, "team", "risk", version=2)
    registry.set_alias(name, "champion", 2)
    comment = registry.add_comment(name, 2, "Hm.").id
    known: Known = {
        "name": name,
        "model": name,
        "new_name": f"{name}-renamed",
        "version": "2",
        "stage": "Staging",
        "alias": "champion",
        "id": str(comment if "/comments/" in path else registry.snapshot().model(ModelName(name)).id),
        "creator": "alice@acme.io",
        "uri": f"models:/{name}@champion",
        "left": f"{name}/1",
        "right": f"{name}/2",
        "key": "team",
        "value": "ops",
        "action": 1,
        "source": f"s3://acme/{name}/3",
        "filter": "name LIKE 'model%'",
        "order_by": ["name ASC"],
        "page_token": "",
        "at": "main",
    }
    if "request" in path:
        known["stage"] = "Production"
        if not path.endswith("/create"):
            known["request"] = str(registry.request_stage(name, 2, "Production").id)
    if path == "/api/v1/requests":
        del known["alias"], known["new_name"]  # a request asks for one thing
    if operation.label in ("POST /api/v1/models", "POST /api/2.0/mlflow/registered-models/create"):
        known["name"] = f"{name}-made"
    return known


def about(case: schemathesis.Case, known: Known) -> None:
    """Makes a case one about what there is, in every field that its operation has."""
    fields = {one["name"]: one for one in case.operation.definition.raw.get("parameters", ())}
    for name in fields.keys() & known.keys():
        if fields[name]["in"] == "path":
            case.path_parameters[name] = known[name]
        else:
            case.query = {**(case.query or {}), name: known[name]}
    body = case.operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    named = body.get("schema", {}).get("properties", {}).keys() & known.keys()
    if named and isinstance(case.body, dict):
        case.body = {**case.body, **{name: known[name] for name in named}}


def answers(operation: APIOperation, mode: GenerationMode, known: Known) -> set[int]:
    """The statuses with which an operation answers; empty: nothing can be wrong with one without parameters."""
    checks, seen = [not_a_server_error, status_code_conformance], set()
    if mode is GenerationMode.POSITIVE:  # what is no HTTP is refused before it comes to an endpoint
        checks += [content_type_conformance, response_schema_conformance]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        about(case, known)
        seen.add(case.call_and_validate(checks=checks).status_code)

    with suppress(Unsatisfiable):
        ask()
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["by the document", "about what there is", "against the document"])
def test_no_request_by_the_document_or_against_it_is_answered_with_a_fault(
    client: httpx.Client, place: Path, kind: str
) -> None:
    document = schemathesis.openapi.from_url(f"{str(client.base_url).rstrip('/')}/openapi.json")
    mode = GenerationMode.NEGATIVE if kind == "against the document" else GenerationMode.POSITIVE
    known: Known = {}
    seen = {}
    for found in document.get_all_operations():
        operation = found.ok()
        if kind == "about what there is":
            known = there(registry_git.open(place, actor=ALICE), operation)
        seen[operation.label] = answers(operation, mode, known)
    assert {*seen, "GET /openapi.json"} == {  # which was asked for already
        f"{method} {mounts[0]}{path}"
        for mounts, routes in TABLE.items()
        for method, path in routes
        if method != "HEAD" and (mounts is not ROOT_MOUNT or (method, path) not in PAGES)
    }, "every route of the table, at its first mount point"
    silent = {label for label, statuses in seen.items() if not statuses}
    assert len(silent) < (10 if mode is GenerationMode.NEGATIVE else 1)
    if known:
        assert {label for label, statuses in seen.items() if min(statuses) >= 300} == NO_SUCCESS


@pytest.mark.slow
def test_strange_names_in_a_path_are_the_caller_s_fault(client: httpx.Client) -> None:
    for name in ("\0", "a\nb", ".git", "%2e%2e", "a" * 5000, "\u202e", "🜁", "-x", ".lock", "x:y", " "):
        for path in (
            f"/api/v1/models/{quote(name)}",
            f"/api/v1/requests/{quote(name)}",
            f"/api/v1/models/fraud/versions/{quote(name)}",
        ):
            assert client.get(path).status_code in (400, 404), path


@pytest.mark.slow
def test_the_registry_is_healthy_after_all_that_was_sent(client: httpx.Client, place: Path, git: Git) -> None:
    healthy(git, place, registry_git.open(place, actor=ALICE))
