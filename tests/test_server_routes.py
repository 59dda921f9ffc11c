"""Every route is in the one table, every answer has its ETag and headers, and every error its code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

import registry_git
from registry_git.core import errors
from registry_git.server.application import build
from registry_git.server.call import Answer, Call
from registry_git.server.endpoints import Endpoints, _written
from registry_git.server.permissions import OWN_MOUNTS, PAGES, Permission, every_route, needed
from registry_git.server.problems import CODES, problem
from registry_git.server.service import Service
from tests.registry_scene import ALICE, As, new_registry
from tests.server_scene import code_of, serving, settings_of
from tests.waiting import until


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "models.git"


@pytest.fixture(scope="module")
def as_(place: Path) -> As:
    return new_registry(place, versions=2)


@pytest.fixture(scope="module")
def client(place: Path, as_: As) -> Iterator[httpx.Client]:
    with serving(settings_of(place)) as client:
        yield client


def test_every_route_of_the_application_is_in_the_table_and_the_other_way_round(place: Path, as_: As) -> None:
    service = Service(settings_of(place))
    try:
        built = build(service)
    finally:
        service.close()
    behind = {(method, route.path) for route in built.app.routes for method in route.methods}
    assert behind == set(PAGES)
    assert sorted(built.routes) == sorted(set(every_route()) - set(PAGES))


def test_an_endpoint_that_the_table_lacks_cannot_be_made() -> None:
    def run(call: Call, asked: BaseModel) -> Answer:
        raise AssertionError

    with pytest.raises(LookupError, match="does not say what GET /api/v1/secret needs"):
        Endpoints(OWN_MOUNTS, tag="Test").add("GET", "/secret")(run)


def test_what_changes_something_needs_more_than_to_read() -> None:
    changing = {"POST", "PUT", "PATCH", "DELETE"}
    reads = ("/registered-models/get-latest-versions",)  # MLflow's clients send its list of stages in a body
    weak = [
        route
        for route, permission in every_route().items()
        if route[0] in changing and permission is Permission.READ and not route[1].endswith(reads)
    ]
    assert weak == []


def test_health_and_version_answer_as_text(client: httpx.Client) -> None:
    assert client.get("/health").text == "OK"
    assert client.head("/health").status_code == 200
    assert client.get("/version").text == registry_git.__version__


def test_ready_says_which_commit_is_shown(client: httpx.Client, as_: As) -> None:
    until(lambda: client.get("/ready").status_code == 200)  # the index is built first
    assert client.get("/ready").json() == {"ready": True, "commit": as_(ALICE).commit, "seconds_since_fetch": None}


def test_metrics_count_requests_by_route_and_not_by_what_was_written(client: httpx.Client) -> None:
    client.get("/api/v1/registry?x=secret-word")
    client.get("/secret-word")
    told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'registry_git_requests_total{method="GET",route="/api/v1/registry",status="200"}' in told.text
    assert "process_resident_memory_bytes" in told.text
    assert "secret-word" not in told.text


def test_the_etag_is_the_commit_and_asking_again_with_it_is_a_304(client: httpx.Client, as_: As) -> None:
    first = client.get("/api/v1/registry")
    tag = first.headers["etag"]
    assert tag == f'"{as_(ALICE).commit}"'
    assert first.headers["registry-commit"] == as_(ALICE).commit
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get("/api/v1/registry", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/api/v1/registry", headers={"if-none-match": '"other"'}).status_code == 200


def test_the_etag_moves_with_every_write_and_with_every_request_that_is_asked_or_decided(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    registry = new_registry(place, versions=2)(ALICE)
    with serving(settings_of(place)) as client:

        def tag() -> str:
            return client.get("/api/v1/registry").headers["etag"]

        seen = [tag()]
        registry.set_tag("fraud", "a", "1")
        seen.append(tag())
        one = registry.request_stage("fraud", 1, "Production")
        seen.append(tag())
        other = registry.request_stage("fraud", 2, "Production")
        seen.append(tag())
        registry.reject(other.id)
        seen.append(tag())
        registry.refresh(one.id)
        seen.append(tag())
        assert tag() == seen[-1]
        assert len(set(seen)) == len(seen)
        assert all(registry.commit[:6] in told for told in seen[-1:])


@pytest.mark.parametrize("path", ["/no/such", "/api/v1", "/api/2.0/mlflow/no/such", "/.well-known/no-such"])
def test_an_unknown_path_is_no_endpoint(client: httpx.Client, path: str) -> None:
    assert code_of(client.get(path)) == (404, "ENDPOINT_NOT_FOUND")
    assert code_of(client.post(path)) == (404, "ENDPOINT_NOT_FOUND")


def test_a_method_that_a_path_does_not_take_is_told_with_those_that_it_does(client: httpx.Client) -> None:
    answer = client.delete("/api/v1/registry")
    assert code_of(answer) == (405, "ENDPOINT_NOT_FOUND")
    assert answer.headers["allow"] == "GET"


def test_every_error_of_the_tree_has_a_status_and_a_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.RegistryError]
    told = {
        kind.__name__: problem(kind("Why.", hint="What to do."))[0] for kind in kinds if issubclass(kind, Exception)
    }
    assert told == {
        "Invalid": 400,
        "NotFound": 404,
        "AlreadyExists": 400,
        "Conflict": 409,
        "PermissionDenied": 403,
        "Corrupt": 500,
        "Unavailable": 503,
    }
    assert {code for _, code in CODES.values()} >= {"RESOURCE_CONFLICT", "UNAUTHENTICATED", "ENDPOINT_NOT_FOUND"}


def test_what_nobody_expected_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    status, body, _ = problem(ValueError("the secret"))
    assert status == 500
    assert b"secret" not in body
    assert "the secret" in caplog.text


def test_the_table_says_what_a_route_needs() -> None:
    assert needed(OWN_MOUNTS, "GET", "/registry") is Permission.READ


def test_the_document_and_its_page_need_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "/api/v1/registry" in page
    assert "<script" not in page
    assert "://" not in page
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")
    document = client.get("/openapi.json").json()
    assert document["paths"]["/api/v1/registry"]["get"]["responses"]["200"]
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]


def test_what_stands_in_a_path_is_documented_there_and_nowhere_else(client: httpx.Client) -> None:
    seen = 0
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        names = set(re.findall(r"\{(\w+)\}", path))
        for operation in operations.values():
            told = operation.get("parameters", [])
            assert {one["name"] for one in told if one["in"] == "path" and one["required"]} == names, path
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            elsewhere = {one["name"] for one in told if one["in"] != "path"} | body.get("properties", {}).keys()
            assert not names & elsewhere, path
            assert names.isdisjoint(body.get("required", ())), path
            seen += bool(names)
    assert seen > 20


def test_half_a_character_in_an_answer_becomes_a_question_mark() -> None:
    assert _written({"a": "\ud800x", "b": ["ü", 1.5, None, True]}) == '{"a":"?x","b":["ü",1.5,null,true]}'.encode()
    assert _written({"b": ["ü", 1.5, None, True]}) == '{"b":["ü",1.5,null,true]}'.encode()
