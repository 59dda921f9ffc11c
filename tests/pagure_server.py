"""A real Pagure on loopback, started by the scripts that lie beside the checkout, and what people do in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "REGISTRY_GIT_PAGURE"
FILES_VARIABLE = "REGISTRY_GIT_PAGURE_FILES"  # a directory to keep the unpacked server in, so that it starts sooner
PASSWORD = "secret12"


def scripts(outside: Mapping[str, str]) -> Path:
    """The directory with `up.sh`; without it the test fails in CI and is skipped elsewhere."""
    place = Path(outside.get(VARIABLE) or ROOT.parent / "shared" / "pagure_ci")
    if not (place / "up.sh").is_file():
        missing = f"There is no up.sh in {place}; say with {VARIABLE} where the scripts are that start a Pagure."
        if outside.get("CI", "").lower() in ("true", "1"):
            pytest.fail(missing)
        warnings.warn(missing, stacklevel=2)  # a skipped test alone is one letter among thousands
        pytest.skip(missing)
    return place


class Pagure:
    """A running Pagure with the users admin, alice, bob and carol."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self.url = url
        self.tokens = tokens

    def call(self, login: str, method: str, path: str, **fields: str) -> dict[str, Any]:
        """A call of the API by a person, outside of the product's adapter."""
        answer = httpx.request(
            method,
            f"{self.url}/api/0{path}",
            headers={"Authorization": f"token {self.tokens[login]}"},
            data=fields or None,
            timeout=180,
            trust_env=False,
        )
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def git_url(self, login: str, project: str) -> str:
        """Where a person pushes to."""
        return f"{self.url.replace('://', f'://{login}:{PASSWORD}@')}/{project}.git"


@contextmanager
def pagure(place: Path, outside: Mapping[str, str]) -> Iterator[Pagure]:
    """A Pagure whose files are in `place`; it runs until the end of the block."""
    script = scripts(outside) / "up.sh"
    port = _free_ports()
    shutil.rmtree(place / "run", ignore_errors=True)  # what an earlier run left: projects, not programs
    env = {name: value for name, value in outside.items() if not name.startswith(("GIT_", "REGISTRY_GIT_"))}
    # whoever runs the tests may have set up git in their own way; the server must not see it
    env |= {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    started = subprocess.run([script, place, str(port)], env=env, capture_output=True, text=True, timeout=900)
    assert started.returncode == 0, f"{started.stdout}\n{started.stderr}\n{_log(place)}"
    try:
        python = place / "venv" / "bin" / "python"
        if subprocess.run([python, "-c", "import packaging"], env=env, capture_output=True).returncode:
            # kombu imports it at the first task, and not all of its versions say that they need it
            subprocess.run([python, "-m", "pip", "install", "--quiet", "packaging"], env=env, check=True, timeout=300)
        yield Pagure(f"http://127.0.0.1:{port}", json.loads((place / "run" / "tokens.json").read_text()))
    except Exception:
        print(_log(place))
        raise
    finally:
        os.kill(int((place / "run" / "pid").read_text()), signal.SIGTERM)


class Receiver:
    """Takes webhooks: `deliveries` are (headers, raw body), in the order in which they came."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    def wait_for(self, topic: str) -> tuple[dict[str, str], bytes]:
        """The first delivery on a topic, waited for."""
        for _ in range(300):
            for headers, body in self.deliveries:
                if json.loads(body).get("topic") == topic:
                    return headers, body
            time.sleep(0.1)
        told = [json.loads(body).get("topic") for _, body in self.deliveries]
        raise AssertionError(f"no webhook on {topic}; there were {told}")


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A web server that keeps what is posted to it."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept.deliveries.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    kept.url = f"http://127.0.0.1:{httpd.server_address[1]}/hook"
    runner = threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    runner.start()
    try:
        yield kept
    finally:
        httpd.shutdown()
        httpd.server_close()
        runner.join()


def _free_ports() -> int:
    """A port that is free together with the one after it, which the server's queue takes."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("there are no two free ports in a row")


def _log(place: Path) -> str:
    log = place / "run" / "serve.log"
    return log.read_text(errors="replace")[-6000:] if log.exists() else ""
