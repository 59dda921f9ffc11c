"""What a webhook may reach, who may have one, and that its secrets stay where they are."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpcore
import httpx
import pytest

from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.permissions import SCOPES, Permission
from registry_git.server.webhooks.addresses import Fence, FencedBackend, Forbidden, is_inside
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, LEADS, As, new_registry
from tests.server_scene import code_of, serving
from tests.webhook_scene import BASE, LOOPBACK, Receiver, create, quick, receiving

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:0:0:0:0:80ff:fffe",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "fc00::1",
    "ff02::1",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guarded") / "r.git"


@pytest.fixture(scope="module")
def as_(place: Path) -> As:
    return new_registry(place, versions=1)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_however_it_is_written(address: str) -> None:
    assert is_inside(ip_address(address))
    with pytest.raises(Forbidden, match="private address"):
        Fence().admit(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])
def test_a_public_address_may_be_reached(address: str) -> None:
    assert Fence().admit(address) == address


def test_networks_of_the_configuration_may_be_reached_and_no_others() -> None:
    fence = Fence((ip_network("10.1.0.0/16"),))
    assert fence.admit("10.1.2.3") == "10.1.2.3"
    assert fence.admit("::ffff:10.1.2.3") == "::ffff:10.1.2.3"
    with pytest.raises(Forbidden):
        fence.admit("10.2.0.1")


def test_one_private_address_among_public_ones_is_enough_to_refuse_a_name() -> None:
    fence = Fence(resolver=lambda host, port: ["93.184.215.14", "10.0.0.5"])
    with pytest.raises(Forbidden, match="leads to a private address"):
        fence.addresses("both.acme.io", 443)


def test_what_a_name_resolves_to_a_moment_later_has_no_say(receiver: Receiver) -> None:
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    backend = FencedBackend(Fence(LOOPBACK, resolver=rebinding))
    stream = backend.connect_tcp("rebinding.acme.io", port, timeout=5)
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    stream.close()
    assert asked == ["rebinding.acme.io"], "it is resolved once, and the judged address is connected to"
    with pytest.raises(Forbidden):
        backend.connect_tcp("rebinding.acme.io", port, timeout=5)


def test_all_addresses_of_a_name_are_tried(receiver: Receiver) -> None:
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    two = Fence(LOOPBACK, resolver=lambda host, port: ["127.0.0.9", "127.0.0.1"])
    FencedBackend(two).connect_tcp("two.acme.io", port, timeout=5).close()
    none = Fence(LOOPBACK, resolver=lambda host, port: ["127.0.0.9"])
    with pytest.raises(httpcore.ConnectError):
        FencedBackend(none).connect_tcp("none.acme.io", port, timeout=5)


@pytest.mark.parametrize("fenced", [True, False])
def test_a_name_that_nobody_resolves_keeps_nobody_longer_than_one_call_may_take(fenced: bool) -> None:
    """The system's resolver takes what time it likes."""
    asked, gate = threading.Event(), threading.Event()

    def silent(host: str, port: int) -> list[str]:
        asked.set()
        gate.wait(60)
        return ["127.0.0.1"]

    backend = FencedBackend(Fence(LOOPBACK, silent)) if fenced else FencedBackend(None, silent)
    began = time.monotonic()
    with pytest.raises(httpcore.ConnectTimeout, match=r"silent\.acme\.io is not resolved in time"):
        backend.connect_tcp("silent.acme.io", 443, timeout=0.2)
    assert time.monotonic() - began < 30
    assert asked.is_set()
    gate.set()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.5"])
def test_a_private_address_is_refused_when_the_webhook_is_made(place: Path, as_: As, host: str) -> None:
    with serving(quick(place, webhooks={"allowed": ()})) as client:
        body = {"events": ["MODEL_VERSION_CREATED"], "http_url_spec": {"url": f"http://{host}:80/"}}
        answer = client.post(f"{BASE}/create", json=body)
        assert code_of(answer) == (400, "INVALID_PARAMETER_VALUE")
        assert "--webhook-allow" in answer.json()["message"]


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.1"])
def test_a_name_of_this_machine_is_refused_at_connect(place: Path, as_: As, receiver: Receiver, host: str) -> None:
    with serving(quick(place, webhooks={"allowed": ()})) as client:
        url = receiver.url.replace("127.0.0.1", host)
        webhook = create(client, receiver, status="TEST_MODE", http_url_spec={"url": url})
        answer = client.post(f"{BASE}/test", json={"id": webhook["id"]})
        assert code_of(answer) == (400, "INVALID_PARAMETER_VALUE")
        assert answer.json()["message"].endswith("leads to a private address, which webhooks may not reach.")
    assert receiver.got == []


def test_a_redirect_is_not_followed(place: Path, as_: As, receiver: Receiver) -> None:
    with serving(quick(place)) as client, receiving() as inside:
        receiver.always, receiver.location = 307, inside.url
        webhook = create(client, receiver, status="TEST_MODE")
        assert client.post(f"{BASE}/test", json={"id": webhook["id"]}).json()["status_code"] == 307
        assert len(receiver.got) == 1
        assert inside.got == []


def test_a_proxy_of_the_environment_gets_nothing(
    place: Path, as_: As, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        with serving(quick(place)) as client:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            webhook = create(client, receiver, status="TEST_MODE")
            assert client.post(f"{BASE}/test", json={"id": webhook["id"]}).json()["status_code"] == 200
        assert proxy.got == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ci.acme.io/",
        "file:///etc/passwd",
        "https://",
        "https://user:word@ci.acme.io/",
        "https://ci.acme.io/#part",
        "https://ci.acme.io/a b",
        "https://ci.acme.io/\r\nX-Evil: 1",
        "https://ci.acme.io:99999/",
        f"https://ci.acme.io/{'a' * 2048}",
        "gopher",
    ],
)
def test_a_url_that_is_none_is_refused(place: Path, as_: As, url: str) -> None:
    with serving(quick(place)) as client:
        body = {"events": ["MODEL_VERSION_CREATED"], "http_url_spec": {"url": url}}
        assert code_of(client.post(f"{BASE}/create", json=body)) == (400, "INVALID_PARAMETER_VALUE")


def test_a_certificate_is_checked_unless_the_webhook_says_otherwise(
    place: Path, as_: As, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=here"
    made = ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    with receiving(tls=(cert, key)) as receiver:

        def tried(client: httpx.Client, **spec: object) -> httpx.Response:
            webhook = create(client, receiver, status="TEST_MODE", http_url_spec={"url": receiver.url, **spec})
            assert webhook["http_url_spec"]["enable_ssl_verification"] is spec.get("enable_ssl_verification", True)
            return client.post(f"{BASE}/test", json={"id": webhook["id"]})

        with serving(quick(place)) as client:
            assert "certificate" in tried(client).json()["message"].lower()
            assert receiver.got == []
            assert tried(client, enable_ssl_verification=False).json()["status_code"] == 200
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        with serving(quick(place)) as client:
            assert tried(client, enable_ssl_verification=True).json()["status_code"] == 200


def test_who_drips_an_answer_keeps_nobody_longer_than_one_call_may_take(place: Path, as_: As) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                while True:
                    connection.sendall(b"H")
                    time.sleep(0.05)
        except OSError:
            pass  # nobody came, or whoever came is gone

    listener.settimeout(5)
    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()
    with listener, serving(quick(place, webhooks={"call_seconds": 0.3})) as client:
        spec = {"url": f"http://127.0.0.1:{listener.getsockname()[1]}/"}
        webhook = create(client, Receiver(), status="TEST_MODE", http_url_spec=spec)
        began = time.monotonic()
        answer = client.post(f"{BASE}/test", json={"id": webhook["id"]})
        assert answer.status_code == 400, answer.text
        assert time.monotonic() - began < 5
        dripping.join(20)
        assert not dripping.is_alive(), "the connection is still open"


def test_secrets_are_in_no_answer_no_log_no_git_and_only_in_a_file_of_the_owner(
    tmp_path: Path, receiver: Receiver, git: Git, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    caplog.set_level(logging.DEBUG)
    secrets = ["s3cret-sign", "s3cret-header", "s3cret-token"]
    seen = []
    http = {"url": receiver.url, "secret": secrets[0], "authorization": f"Bearer {secrets[1]}"}
    job = {"job_id": "1", "access_token": secrets[2]}
    with serving(quick(tmp_path / "r.git", access_log=True, webhooks={"runner": receiver.url})) as client:
        receiver.answers += [500]
        for spec in ({"http_url_spec": http}, {"job_spec": job}):
            made = client.post(f"{BASE}/create", json={"events": ["MODEL_VERSION_CREATED"], **spec})
            seen += [made, client.patch(f"{BASE}/update", json={"id": made.json()["webhook"]["id"], **spec})]
        bad = {"events": ["X"], "http_url_spec": http | {"authorization": f"{secrets[1]}\r\nX: 1"}, "job_spec": job}
        seen += [client.get(f"{BASE}/list"), client.post(f"{BASE}/create", json=bad)]
        seen += [client.post(f"{BASE}/create", json={"http_url_spec": bad["http_url_spec"], "events": ["X"]})]
        seen += [client.post(f"{BASE}/create", json={"job_spec": {"access_token": secrets[2]}, "events": ["X"]})]
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(3)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    holding = [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]
    assert [path.name for path in holding] == ["webhooks.json"]
    assert not holding[0].is_relative_to(tmp_path / "r.git")
    assert holding[0].stat().st_mode & 0o777 == 0o600
    told = caplog.text + "".join(capfd.readouterr()) + "".join(one.text for one in seen)
    assert [secret for secret in secrets if secret in told] == []
    kept = json.loads(holding[0].read_text())["webhooks"]
    assert kept[0]["http"]["secret"] == secrets[0], "and it was really there to be found"


def test_a_file_of_webhooks_that_others_may_read_is_refused(tmp_path: Path, receiver: Receiver) -> None:
    new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client:
        create(client, receiver)
        file = next(tmp_path.rglob("webhooks.json"))
        file.chmod(0o644)
        answer = client.get(f"{BASE}/list")
        assert answer.status_code == 503
        assert "chmod 600" in answer.json()["message"]


def test_a_webhook_takes_the_level_to_manage_and_a_token_with_full_scope(tmp_path: Path, receiver: Receiver) -> None:
    place = tmp_path / "r.git"
    new_registry(place, versions=1, protect=["Production"], roles=LEADS)(ALICE).register("churn", "s3://acme/churn/1")
    accounts = AccountFile(tmp_path / "accounts.json")
    tokens = {}
    for actor in (ALICE, BOB):
        accounts.add(Actor.parse(actor))
        email = Actor.parse(actor).email
        tokens[email], _ = accounts.add_token(email, scopes=frozenset(SCOPES), created=0, expires=None)
    few = frozenset({Permission.READ, Permission.WRITE})
    tokens["few"], _ = accounts.add_token("bob@acme.io", scopes=few, created=0, expires=None)
    with serving(quick(place)) as client:

        def as_who(name: str, method: str, path: str, **body: object) -> httpx.Response:
            headers = {"authorization": f"Bearer {tokens[name]}"}
            return client.request(method, f"{BASE}/{path}", headers=headers, json=body)

        body = {"events": ["MODEL_VERSION_CREATED"], "http_url_spec": {"url": receiver.url}}
        webhook = as_who("bob@acme.io", "POST", "create", **body, model_name="fraud").json()["webhook"]
        whole = as_who("bob@acme.io", "POST", "create", **body)
        assert whole.status_code == 200
        for path in ("create", "test"):
            assert client.post(f"{BASE}/{path}", json={"id": webhook["id"], **body}).status_code == 401
        assert client.get(f"{BASE}/list").status_code == 401
        for name in ("alice@acme.io", "few"):
            for method, path in (("PATCH", "update"), ("POST", "test"), ("DELETE", "delete"), ("POST", "create")):
                refused = as_who(name, method, path, **body, id=webhook["id"])
                assert code_of(refused) == (403, "PERMISSION_DENIED"), (name, path)
        assert as_who("alice@acme.io", "GET", "list").json() == {"webhooks": []}, "nor are they shown"
        assert len(as_who("few", "GET", "list").json()["webhooks"]) == 2
    assert receiver.got == []


def test_all_mount_points_answer_and_what_is_asked_wrongly_is_told(place: Path, as_: As, receiver: Receiver) -> None:
    with serving(quick(place)) as client:
        for mount in ("/api/2.0/mlflow", "/api/2.0/preview/mlflow", "/ajax-api/2.0/mlflow"):
            assert client.get(f"{mount}/registry-webhooks/list", params={"model_name": "fraud"}).status_code == 200
        target = {"http_url_spec": {"url": receiver.url}}
        job = {"job_spec": {"job_id": "1", "access_token": "t"}}
        wrong = [
            target,
            {"events": [], **target},
            {"events": ["X"], **target},
            {"events": ["MODEL_VERSION_CREATED"]},
            {"events": ["MODEL_VERSION_CREATED"], **target, **job},
            {"events": ["MODEL_VERSION_CREATED"], **target, "status": "active"},
            {"events": ["REGISTERED_MODEL_CREATED"], **target, "model_name": "fraud"},
            {"events": ["MODEL_VERSION_CREATED"], "http_url_spec": {"url": receiver.url, "authorization": "a\nb"}},
            {"events": ["MODEL_VERSION_CREATED"], "http_url_spec": {"url": receiver.url, "secret": "\ud800"}},
        ]
        for body in wrong:
            answer = client.post(f"{BASE}/create", content=json.dumps(body))
            assert code_of(answer) == (400, "INVALID_PARAMETER_VALUE"), body
        missing = {"events": ["MODEL_VERSION_CREATED"], **target, "model_name": "no-such"}
        assert code_of(client.post(f"{BASE}/create", json=missing)) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert code_of(client.get(f"{BASE}/list", params={"page_token": "forged"}))[0] == 400
        assert code_of(client.get(f"{BASE}/list", params={"max_results": 10**9}))[0] == 400


def test_lists_come_in_pages_and_by_event(tmp_path: Path, receiver: Receiver) -> None:
    new_registry(tmp_path / "r.git")
    with serving(quick(tmp_path / "r.git")) as client:
        made = [create(client, receiver, "COMMENT_CREATED", status="DISABLED")["id"] for _ in range(3)]
        made.append(create(client, receiver, "MODEL_VERSION_CREATED", "COMMENT_CREATED", status="DISABLED")["id"])
        asked = {"events": "COMMENT_CREATED", "max_results": 2}
        first = client.get(f"{BASE}/list", params=asked).json()
        second = client.get(f"{BASE}/list", params=asked | {"page_token": first["next_page_token"]}).json()
        both = {"events": ["MODEL_VERSION_CREATED", "COMMENT_CREATED"]}
        assert [one["id"] for one in client.get(f"{BASE}/list", params=both).json()["webhooks"]] == made
        alone = client.get(f"{BASE}/list", params={"events": "MODEL_VERSION_CREATED"}).json()["webhooks"]
        assert [one["id"] for one in alone] == made[3:]
        assert [one["id"] for one in first["webhooks"] + second["webhooks"]] == made
        assert "next_page_token" not in second
