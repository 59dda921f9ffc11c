"""A receiver of webhooks on loopback that writes down what it gets, and answers as it is told."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx

from registry_git.server.settings import Settings
from registry_git.server.webhooks.settings import WebhookSettings
from tests.server_scene import settings_of
from tests.waiting import until

BASE = "/api/2.0/mlflow/registry-webhooks"
LOOPBACK = (ip_network("127.0.0.0/8"),)
ALL = [
    "REGISTERED_MODEL_CREATED",
    "MODEL_VERSION_CREATED",
    "MODEL_VERSION_TRANSITIONED_STAGE",
    "MODEL_VERSION_TAG_SET",
    "TRANSITION_REQUEST_CREATED",
    "COMMENT_CREATED",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One call: its path, headers (names in lower case) and raw body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True, eq=False)
class Receiver:
    """What came. `answers` are the statuses of the next calls; after them it is always the same.

    `pause`: seconds between having a call and answering it.
    """

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    always: int = 200
    location: str = ""
    pause: float = 0.0

    def wait(self, calls: int, seconds: float = 15) -> list[Got]:
        """The calls, once there are so many."""
        until(lambda: len(self.got) >= calls, seconds)
        return list(self.got)

    def told(self) -> list[str]:
        """The events of the calls, with model and version."""
        return [f"{one.json['event']} {one.json['model_name']}/{one.json.get('version', '')}" for one in self.got]


@contextmanager
def receiving(host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A running receiver; `tls` is a certificate and its key."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            receiver.got.append(Got(path=self.path, headers=headers, body=body))
            time.sleep(receiver.pause)
            self.send_response(receiver.answers.pop(0) if receiver.answers else receiver.always)
            if receiver.location:
                self.send_header("location", receiver.location)
            self.send_header("content-length", "5")
            self.end_headers()
            self.wfile.write(b"taken")

        def log_message(self, format: str, *args: object) -> None:
            """Tests are silent."""

    server = ThreadingHTTPServer((host, 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"{'https' if tls else 'http'}://{host}:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def quick(repository: Path, *, webhooks: Mapping[str, Any] | None = None, **other: Any) -> Settings:
    """A server whose webhooks may reach loopback, and are tried again at once."""
    plain: dict[str, Any] = {"allowed": LOOPBACK, "back_off_seconds": 0.05, "look_seconds": 0.05, "call_seconds": 5.0}
    return settings_of(repository, webhooks=WebhookSettings(**plain | dict(webhooks or {})), **other)


def create(client: httpx.Client, receiver: Receiver, *events: str, **more: Any) -> Any:
    """A new webhook that tells the receiver; by default of everything."""
    body = {"events": events or ALL, "http_url_spec": {"url": receiver.url, "secret": "s3cret"}} | more
    answer = client.post(f"{BASE}/create", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["webhook"]


def metric(client: httpx.Client, name: str) -> float:
    """The value of a metric, as Prometheus reads it."""
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"registry_git_webhook_{name} ")).split()[-1])
