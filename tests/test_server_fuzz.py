"""Whatever is sent by the OpenAPI document, or against it, gets an answer that is not the server's fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import registry_git
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


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_by_the_document_or_against_it_is_answered_with_a_fault(
    client: httpx.Client, mode: GenerationMode
) -> None:
    document = schemathesis.openapi.from_url(f"{str(client.base_url).rstrip('/')}/openapi.json")
    checks = [not_a_server_error, status_code_conformance]
    if mode is GenerationMode.POSITIVE:  # what is no HTTP is refused before it comes to an endpoint
        checks += [content_type_conformance, response_schema_conformance]
    tried = set()
    for found in document.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=checks)

        try:
            ask()
        except Unsatisfiable:
            continue  # nothing can be wrong with a request without parameters
        tried.add(operation.label)
    assert len(tried) > 30


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
