"""`registry-git serve` as a process: it starts, says where, finishes what it acknowledged, and ends with 0."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.cli.commands.serve import address_of
from registry_git.cli.invocation import Invocation
from registry_git.core.errors import Invalid, NotFound, Unavailable
from registry_git.server.run import listen
from tests.cli_program import run
from tests.registry_scene import ALICE, new_registry
from tests.waiting import until


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


@pytest.mark.parametrize(
    ("options", "warned"),
    [(("--host", "0.0.0.0"), True), (("--host", "0.0.0.0", "--proxy", "10.0.0.5"), False), ((), False)],
)
def test_tokens_that_come_in_the_clear_are_warned_of(
    place: Path, tmp_path: Path, options: tuple[str, ...], warned: bool
) -> None:
    accounts = str(tmp_path / "accounts.json")
    run("user", "add", ALICE, "--accounts", accounts)
    code = "from registry_git.cli.main import main; main()"
    command = [sys.executable, "-c", code, "-R", str(place), "serve", "--port", "0", "--accounts", accounts, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Serving ")
        process.send_signal(signal.SIGTERM)
        err = process.stderr.read()
        process.wait(timeout=60)
    assert ("so tokens can be read on the way" in err) is warned
    assert ("hint: Give --tls-cert and --tls-key" in err) is warned


def test_a_token_for_nobody_says_how_to_add_the_account(tmp_path: Path) -> None:
    failed = run("user", "token", "bob@acme.io", "--accounts", str(tmp_path / "accounts.json"), code=3)
    assert 'registry-git user add "NAME <bob@acme.io>"' in failed.err


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


def test_what_is_acknowledged_while_it_is_told_to_stop_is_written(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    registry = new_registry(place)(ALICE)
    with started(place, "--no-access-log") as (process, url):

        def write(thread: int) -> list[int]:
            done = []
            with httpx.Client(base_url=url, timeout=60) as client:
                for number in range(1000):
                    try:
                        answer = client.post(
                            "/api/v1/models/fraud/versions", json={"source": f"s3://acme/{thread}/{number}"}
                        )
                    except httpx.TransportError:
                        return done  # it takes no more
                    if answer.status_code == 201:
                        done.append(answer.json()["version"])
            return done

        with ThreadPoolExecutor(4) as threads:
            jobs = [threads.submit(write, number) for number in range(4)]
            until(lambda: registry.commit and len(git_versions(place)) > 10)
            process.send_signal(signal.SIGTERM)
            acknowledged = sorted(number for job in jobs for number in job.result())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert acknowledged
    assert set(acknowledged) <= set(git_versions(place))


def git_versions(place: Path) -> list[int]:
    """The numbers of the versions that are there."""
    try:
        return [one.version for one in registry_git.open(place, actor=ALICE).versions("fraud")]
    except NotFound:
        return []


def test_it_speaks_tls_with_the_files_that_it_is_given(place: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-keyout",
        key,
        "-out",
        cert,
        *names,
    ]
    subprocess.run(make, check=True, capture_output=True)
    with started(place, "--tls-cert", str(cert), "--tls-key", str(key)) as (_, url):
        assert url.startswith("https://")
        answer = httpx.get(f"{url}/health", verify=ssl.create_default_context(cafile=str(cert)))
        assert answer.text == "OK"
        assert "max-age" in answer.headers["strict-transport-security"]


def test_a_certificate_that_is_none_is_told(place: Path, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("none")
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    assert "cannot be used" in run("-R", str(place), "serve", "--port", "0", *files, code=2).err


def test_what_a_start_does_not_take_is_not_imported(place: Path) -> None:
    """FastAPI makes the document when somebody asks for it, httpcore sends when there is a webhook."""
    code = (
        "import registry_git.server.run, sys; print([name for name in ('fastapi', 'httpcore') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_server_of_a_url_says_the_url_and_not_where_its_clone_is_kept(tmp_path: Path, output: str) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    url = (tmp_path / "models.git").as_uri()
    code = "from registry_git.cli.main import main; main()"
    command = [sys.executable, "-c", code, "-R", url, "--as", ALICE, "-o", output, "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    if output == "json":
        assert json.loads(said)["registry"] == url
    else:
        assert said.startswith(f"Serving {url} at http://127.0.0.1:")


@pytest.mark.parametrize("secret", ["s3cret", "alice:s3cret"])
def test_a_password_in_the_url_is_not_said(secret: str) -> None:
    said = address_of(Invocation(registry=f"https://{secret}@127.0.0.1:9/models.git"), Path("/clone"))
    assert said == "https://127.0.0.1:9/models.git"
