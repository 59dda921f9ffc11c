"""`registry-git serve` as a process: it starts, says where, finishes what it acknowledged, and ends with 0."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from registry_git.core.errors import Invalid, Unavailable
from registry_git.server.run import listen
from tests.cli_program import run
from tests.registry_scene import ALICE, new_registry


@contextmanager
def started(
    place: Path, *options: str, env: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the URL that it says."""
    code = "from registry_git.cli.main import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "-R",
        str(place),
        "--as",
        ALICE,
        "-o",
        "json",
        "serve",
        "--port",
        "0",
        *options,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("{"), said + process.stderr.read()
        yield process, json.loads(said)["url"]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served") / "models.git"
    new_registry(place, versions=1)
    return place


def test_it_answers_logs_json_and_stops_with_0_on_a_signal(place: Path) -> None:
    with started(place) as (process, url):
        assert httpx.get(f"{url}/api/v1/registry?token=hidden").json()["you"] == ALICE
        httpx.get(f"{url}/no%0Asuch")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(one["path"], one["status"], one["who"]) for one in lines] == [
        ("/api/v1/registry", 200, "alice@acme.io"),
        ("/no\nsuch", 404, ""),
    ]
    assert "hidden" not in out


def test_options_come_from_the_file_then_the_environment_then_the_command_line(place: Path, tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("access_log: false\nmax-body: 2048\nallow_host: []\n")
    with started(place, "--config", str(config), env={"REGISTRY_GIT_SERVE_MAX_BODY": "4096"}) as (process, url):
        assert httpx.get(f"{url}/health").text == "OK"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")


def test_a_file_with_an_unknown_option_is_refused_by_name(place: Path, tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("prot: 8000\n")
    failed = run("-R", str(place), "serve", "--config", str(config), code=2)
    assert "says 'prot', which is no option" in failed.err
    assert "port" in failed.err


def test_another_address_without_accounts_is_refused(place: Path) -> None:
    failed = run("-R", str(place), "serve", "--host", "0.0.0.0", "--port", "0", code=2)
    assert "can be reached by others, and there are no accounts" in failed.err
    assert 'user add "Name <email>"' in failed.err


def test_a_name_that_a_proxy_would_use_without_accounts_is_refused(place: Path) -> None:
    failed = run("-R", str(place), "serve", "--allow-host", "models.acme.io", "--port", "0", code=2)
    assert "everybody would be" in failed.err


def test_a_certificate_without_its_key_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("none")
    assert (
        "TLS takes a certificate and its key"
        in run("-R", str(place), "serve", "--tls-cert", str(tmp_path / "cert.pem"), code=2).err
    )


def test_a_place_without_a_registry_is_told(tmp_path: Path) -> None:
    assert "There is no registry at" in run("-R", str(tmp_path), "serve", code=3).err


def test_a_taken_port_and_a_strange_address_are_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(Unavailable, match="cannot be listened at"):
            listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(Invalid, match="is no address"):
        listen("no such host", 0)
