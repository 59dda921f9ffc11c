"""What a browser may be made to do, and what a caller may send: refused before anything is read or written."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.server.rates import Rate
from tests.registry_scene import ALICE, new_registry
from tests.server_scene import code_of, serving, settings_of

MODELS = "/api/v1/models"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("guard") / "models.git"
    new_registry(place, versions=1)
    return place


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[httpx.Client]:
    with serving(settings_of(place, body_bytes=100_000)) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "127.0.0.1.evil.example", "", "[::2]", "localhost.evil"]
)
def test_a_foreign_host_on_loopback_is_refused(client: httpx.Client, host: str) -> None:
    assert code_of(client.get("/health", headers={"host": host})) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_loopback_by_any_of_its_names_is_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "content-type": "application/json"},
        {"sec-fetch-site": "same-site", "content-type": "application/json"},
        {"origin": "https://evil.example", "content-type": "application/json"},
        {"origin": "null", "content-type": "application/json"},
        {"origin": "http://[", "content-type": "application/json"},
        {"referer": "https://evil.example/page", "content-type": "application/json"},
        {"origin": "{self}", "content-type": "text/plain"},
        {"sec-fetch-site": "same-origin", "content-type": "text/plain;charset=UTF-8"},
        {"sec-fetch-site": "none", "content-type": "multipart/form-data"},
        {"user-agent": "Mozilla/5.0", "content-type": "text/plain"},
        {"user-agent": "Mozilla/5.0", "content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_page_of_another_site_changes_nothing(client: httpx.Client, place: Path, headers: dict[str, str]) -> None:
    own = str(client.base_url).rstrip("/")
    sent = {name: value.replace("{self}", own) for name, value in headers.items()}
    answer = client.post(MODELS, content=b'{"name": "evil"}', headers=sent)
    assert code_of(answer) == (403, "PERMISSION_DENIED")
    assert [one.name for one in registry_git.open(place, actor=ALICE).models(filter="name = 'evil'")] == []


def test_a_page_of_this_server_may_change_things(client: httpx.Client) -> None:
    own = str(client.base_url).rstrip("/")
    headers = {"origin": own, "sec-fetch-site": "same-origin", "referer": f"{own}/", "user-agent": "Mozilla/5.0"}
    assert client.post(MODELS, json={"name": "by-page"}, headers=headers).status_code == 201


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "text/plain", "application/json"])
def test_a_program_may_send_json_whatever_it_calls_it(client: httpx.Client, kind: str | None) -> None:
    """`curl -d` says it is a form; the first published examples say nothing."""
    headers = {"user-agent": "curl/8.5.0"} | ({"content-type": kind} if kind else {})
    body = json.dumps({"name": f"by-{(kind or 'none').replace('/', '-')}"}).encode()
    assert client.post(MODELS, content=body, headers=headers).status_code == 201


def test_every_answer_has_the_headers_that_keep_a_browser_from_mischief(client: httpx.Client) -> None:
    for answer in (
        client.get("/health"),
        client.get("/nope"),
        client.get("/docs"),
        client.get(MODELS, headers={"host": "x"}),
        client.get(MODELS),
        client.get(f"{MODELS}/fraud/versions/1"),
        client.get(f"{MODELS}/fraud/versions/99"),
        client.post(MODELS, content=b"no JSON"),
        client.put(MODELS),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in policy
        if answer.headers["content-type"].startswith("text/html"):
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers


def test_script_in_names_descriptions_and_tags_comes_back_as_json_text(client: httpx.Client) -> None:
    script = "<script>alert(1)</script>"
    made = client.post(MODELS, json={"name": "script", "description": script, "tags": {"a": script}})
    assert made.headers["content-type"] == "application/json"
    assert made.json()["description"] == script


def test_line_breaks_in_a_path_or_query_make_no_header(client: httpx.Client) -> None:
    for path in ("/api/v1/models/a%0d%0aset-cookie:x=1", "/x%0d%0aset-cookie:%20x=1", "/docs?x=%0d%0aset-cookie:x=1"):
        assert "set-cookie" not in client.get(path).headers


def test_a_body_that_is_too_large_is_refused_whether_its_length_is_said_or_not(client: httpx.Client) -> None:
    large = b'{"name": "' + b"x" * 200_000 + b'"}'
    assert code_of(client.post(MODELS, content=large)) == (413, "BAD_REQUEST")
    answer = client.post(MODELS, content=(part for part in [large[:90_000], large[90_000:]]))
    assert code_of(answer) == (413, "BAD_REQUEST")


@pytest.mark.parametrize(
    "body",
    [b"[" * 90_000, b"nothing", b"[1]", b'"text"', b'{"name": NaN}', b"\xff\xfe", b'{"name": ' + b"9" * 9_000 + b"}"],
)
def test_a_body_that_is_no_json_object_is_refused(client: httpx.Client, body: bytes) -> None:
    assert code_of(client.post(MODELS, content=body)) == (400, "INVALID_PARAMETER_VALUE")


def test_a_lone_surrogate_is_refused_and_told_about(client: httpx.Client) -> None:
    for body in (b'{"name": "\\ud800"}', b'{"name": "ok2", "tags": {"\\ud800": "x"}}', b'{"\\ud800": 1, "name": "x"}'):
        assert client.post(MODELS, content=body).status_code == 400


def test_comments_and_pages_have_limits(client: httpx.Client) -> None:
    long = client.post(f"{MODELS}/fraud/versions/1/comments", json={"text": "x" * 65_536})
    assert code_of(long) == (400, "INVALID_PARAMETER_VALUE")
    assert client.post(f"{MODELS}/fraud/versions/1/comments", json={"text": "x" * 65_535}).status_code == 201
    assert code_of(client.get(MODELS, params={"max_results": 1001})) == (400, "INVALID_PARAMETER_VALUE")
    assert code_of(client.get("/api/v1/activity", params={"after": 2**70})) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "source",
    ["file:///etc", "/etc/passwd", "file:///etc#x", "file:///etc?y=1", "file:///etc;z", "file://%252fetc", "../.."],
)
def test_a_source_is_stored_as_text_and_never_opened(client: httpx.Client, tmp_path: Path, source: str) -> None:
    made = client.post(f"{MODELS}/local/versions", json={"source": source}).json()
    assert (made["source"], made["digest"], made["format"]) == (source, "", "")


def test_a_run_s_files_are_not_looked_for_either(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}")
    with serving(settings_of(place)) as client:
        lineage = {"run_id": "e148278107274832"}
        made = client.post(
            f"{MODELS}/local/versions", json={"source": "runs:/e148278107274832/model", "lineage": lineage}
        )
    assert made.json()["source"] == "runs:/e148278107274832/model"
    assert list(tmp_path.iterdir()) == []


def test_who_calls_too_often_is_told_when_to_come_back(place: Path) -> None:
    with serving(settings_of(place, per_second=2.0)) as client:
        codes = [client.get("/health") for _ in range(12)]
    refused = [one for one in codes if one.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("host", "said", "rate"),
    [("127.0.0.1", None, 0), ("::1", None, 0), ("0.0.0.0", None, 1000), ("10.0.0.5", 0.0, 0), ("127.0.0.1", 5.0, 5)],
)
def test_unless_a_rate_is_said_others_than_this_machine_have_a_generous_one(
    place: Path, host: str, said: float | None, rate: float
) -> None:
    assert settings_of(place, host=host, per_second=said).rate == rate


def test_a_bucket_fills_again_and_belongs_to_one_caller() -> None:
    rate = Rate(1000.0, burst=2)
    assert [rate.wait("a") == 0 for _ in range(3)] == [True, True, False]
    assert rate.wait("b") == 0
    assert Rate(0).wait("a") == 0


def test_what_is_no_http_is_not_answered_with_a_fault(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as line:
        line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert b"500" not in line.recv(200)
    assert client.get("/health").status_code == 200
