"""A real Pagure on loopback, started by the scripts that lie beside the checkout, and what people do in it."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "REGISTRY_GIT_PAGURE"
FILES_VARIABLE = "REGISTRY_GIT_PAGURE_FILES"  # a directory to keep the unpacked server in, so that it starts sooner
PASSWORD = "secret12"
# What the pages of the server take from other packages: Debian does not keep copies.
_SHOWN_WITH = ("libjs-bootstrap4", "libjs-jquery", "libjs-jquery-selectize.js", "fonts-font-awesome")
_NOBODY = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 2 2">'
    '<circle cx="1" cy="1" r="1" fill="#9ab"/></svg>'
)


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

    def __init__(self, url: str, tokens: Mapping[str, str], place: Path) -> None:
        self.url = url
        self.tokens = tokens
        self._place = place

    def shown_in(self, page: Page) -> None:
        """Makes the pages of the server look in a browser as they do where it is installed.

        Here it is unpacked beside the system, and it looks for templates and styles below `/usr/share`. So templates
        are linked to where the program lies, and the browser gets styles, scripts and fonts from the packages. Nothing
        comes from another host.
        """
        share = self._place / "root" / "usr" / "share" / "pagure"
        program = self._place / "root" / "usr" / "lib" / "python3" / "dist-packages" / "pagure"
        for name in ("templates", "themes"):
            if not (program / name).is_symlink():
                (program / name).symlink_to(share / name)
        if not (share / "static" / "vendor" / "bootstrap" / "bootstrap.min.css").exists():
            self._unpack(_SHOWN_WITH)

        def answer(route: Route) -> None:
            path = httpx.URL(route.request.url).path
            theme = share / "themes" / "default" / "static"
            file = theme / path.removeprefix("/theme/static/") if "/theme/" in path else share / path.removeprefix("/")
            if not route.request.url.startswith(self.url):
                route.fulfill(body=_NOBODY, content_type="image/svg+xml")  # the picture of a person
            elif "/static/" in path and file.exists():
                route.fulfill(path=file.resolve())
            else:
                route.continue_()

        page.route("**/*", answer)

    def _unpack(self, packages: Sequence[str]) -> None:
        """Lays Debian packages beside the server's own, from where that came."""
        place = self._place
        options = {
            "Dir::Etc": place / "apt" / "etc" / "apt",
            "Dir::State::lists": place / "apt" / "lists",
            "Dir::Cache": place / "apt" / "cache",
            "Dir::State::status": "/dev/null",
            "APT::Sandbox::User": "root",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        beside = place / "web"
        beside.mkdir(exist_ok=True)
        subprocess.run(["apt-get", *words, "-qq", "download", *packages], cwd=beside, check=True, timeout=300)
        for file in sorted(beside.glob("*.deb")):
            subprocess.run(["dpkg", "-x", file, place / "root"], check=True, timeout=60)

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
def pagure(temporary: pytest.TempPathFactory, outside: Mapping[str, str]) -> Iterator[Pagure]:
    """A Pagure, which runs until the end of the block, and is the only one of this run of pytest meanwhile.

    What it is unpacked from and installed into is shared by all that are started in one run, one after the other.
    """
    script = scripts(outside) / "up.sh"
    base = temporary.getbasetemp()
    kept = outside.get(FILES_VARIABLE)
    place = Path(kept) if kept else (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pagure"
    place.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _started(script, place, outside) as running:
            yield running


@contextmanager
def _started(script: Path, place: Path, outside: Mapping[str, str]) -> Iterator[Pagure]:
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
        yield Pagure(f"http://127.0.0.1:{port}", json.loads((place / "run" / "tokens.json").read_text()), place)
    except Exception:
        print(_log(place))
        raise
    finally:
        _end(int((place / "run" / "pid").read_text()))


def _end(process: int) -> None:
    """Ends a process that is not our child, and waits until it is gone: the next one takes its place."""
    os.kill(process, signal.SIGTERM)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"Pagure ({process}) did not end")


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
    """A port that is free together with the one after it, which the server's queue takes.

    They are below those that systems give to whoever names none: it takes half a minute until the server listens, and
    meanwhile other tests start servers and connect to them.
    """
    for _ in range(100):
        port = random.randrange(20_000, 30_000, 2)
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port
    raise AssertionError("there are no two free ports in a row")


def _log(place: Path) -> str:
    log = place / "run" / "serve.log"
    return log.read_text(errors="replace")[-6000:] if log.exists() else ""
