"""`export mlflow`: a registry in Git written into MLflow's stores, and the way there and back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.model import Lineage
from registry_git.migration.carry import Wanted, carry, read_mlflow
from registry_git.migration.export import export_mlflow
from registry_git.registry.facade import Registry
from registry_git.registry.importing import Carried
from tests.cli_program import Cli
from tests.mlflow_scene import fill, holds, new_mlflow, sqlite_uri
from tests.registry_scene import ALICE, new_registry


@pytest.fixture(scope="module")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A filled MLflow registry in SQLite; nobody changes it."""
    uri = sqlite_uri(tmp_path_factory.mktemp("mlflow"))
    fill(new_mlflow(uri))
    return uri


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's stores look models up in the tracking store of the working directory, and make one there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    return new_registry(place)(ALICE)


@pytest.fixture
def target(tmp_path: Path) -> str:
    (tmp_path / "target").mkdir()
    return sqlite_uri(tmp_path / "target")


def moved_in(registry: Registry, uri: str) -> None:
    carry(registry, read_mlflow(uri, Wanted(), unnamed=registry.actor))


def exported(registry: Registry, uri: str, **wanted: Any) -> Carried:
    return export_mlflow(registry.snapshot(), uri, **wanted)


def left(done: Carried) -> dict[tuple[str, int | None, str], str]:
    return {(one.model, one.version, one.what): one.why for one in done.not_carried}


def test_a_round_trip_keeps_everything_that_mlflow_can_hold(registry: Registry, mlflow_uri: str, target: str) -> None:
    moved_in(registry, mlflow_uri)
    done = exported(registry, target)
    assert (done.models, done.versions, done.stages, done.aliases) == (6, 7, 3, 2)
    assert holds(new_mlflow(target)) == holds(new_mlflow(mlflow_uri))
    assert set(left(done)) == {
        ("", None, "times and users"),
        ("", None, "digests, signatures, lineage, comments, requests"),
    }
    made = new_mlflow(target).create_model_version("fraud", "s3://acme/next")
    assert int(made.version) == 6  # the number of a version that was deleted is not given again


def test_a_round_trip_through_the_file_store_keeps_it_too(
    registry: Registry, mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    moved_in(registry, mlflow_uri)
    files = str(tmp_path / "mlruns")
    exported(registry, files)
    assert holds(new_mlflow(files)) == holds(new_mlflow(mlflow_uri))
    back = new_registry(tmp_path / "back.git")(ALICE)
    moved_in(back, files)
    assert [one.version for one in back.versions("fraud")] == [4, 3, 1]


def test_a_second_export_writes_only_what_changed(registry: Registry, mlflow_uri: str, target: str) -> None:
    moved_in(registry, mlflow_uri)
    exported(registry, target)
    again = exported(registry, target)
    assert again == Carried(already=13)

    registry.set_tag("fraud", "auc", "0.99", version=1)
    registry.delete_tag("fraud", "team")
    registry.set_alias("fraud", "champion", 4)
    registry.transition("fraud", 3, "None")
    registry.register("fraud", "s3://acme/6", read=False, lineage=Lineage(run_id="run6"))
    third = exported(registry, target)
    assert (third.models, third.versions, third.stages, third.aliases, third.updates) == (0, 1, 1, 1, 2)
    there = holds(new_mlflow(target))["fraud"]
    assert there[6]["run_id"] == "run6"
    assert (there[1]["tags"]["auc"], there[3]["stage"], there["aliases"]["champion"]) == ("0.99", "None", 4)
    assert there["tags"] == {"mlflow.note": "ü"}


def test_what_mlflow_refuses_is_told_and_the_rest_is_carried(registry: Registry, target: str) -> None:
    registry.set_policy(
        "apiVersion: registry-git.dev/v1\nkind: Registry\nname: acme\nlayout: flat\nstages:\n- {name: UAT}\n"
        "- {name: Live}\n- {name: Archived, serving: false}\n"
    )
    for number in (1, 2, 3):
        registry.register("fraud", f"s3://acme/{number}", read=False)
    registry.register("fraud", "models:/m-unknown", read=False)
    registry.register("fraud", "s3://acme/5", read=False, status="PENDING_REGISTRATION")
    registry.transition("fraud", 1, "UAT")
    registry.transition("fraud", 2, "Live")
    registry.transition("fraud", 2, "Archived", add=True)
    registry.set_alias("fraud", "challenger", 4)
    told = left(exported(registry, target, stages={"Live": "Production"}))
    there = holds(new_mlflow(target))["fraud"]
    assert {number for number in there if isinstance(number, int)} == {1, 2, 3, 5}
    assert (there[1]["stage"], there[2]["stage"]) == ("None", "Production")
    assert "Invalid Model Version stage: UAT" in told["fraud", 1, "stage UAT"]
    assert told["fraud", 2, "stage Archived"] == "MLflow knows one stage of a version: Live"
    assert "m-unknown" in told["fraud", 4, "version"]
    assert told["fraud", 4, "alias challenger"] == "its version was not carried"
    assert told["fraud", 5, "status PENDING_REGISTRATION"]


def test_a_version_that_is_another_one_there_is_never_written_over(registry: Registry, target: str) -> None:
    client = new_mlflow(target)
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://theirs/1")
    client.create_model_version("fraud", "s3://theirs/2")
    client.delete_model_version("fraud", "2")
    for number in (1, 2, 3):
        registry.register("fraud", f"s3://ours/{number}", read=False)
    told = left(exported(registry, target))
    assert told["fraud", 1, "version"] == "Another version has this number there."
    assert "has given the number 2 already" in told["fraud", 2, "version"]
    there = holds(client)["fraud"]
    assert (there[1]["source"], there[3]["source"]) == ("s3://theirs/1", "s3://ours/3")


def test_nothing_is_made_but_what_was_asked_for(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = new_registry(place, versions=2)(ALICE)
    cli = Cli(registry=place)
    missing = tmp_path / "new.db"
    told = cli.json("export", "mlflow", f"sqlite:///{missing}", "--dry-run")
    assert (told["models"], told["versions"]) == (1, 2)
    assert not missing.exists()
    document = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"`{{{', '.join(f'{key!r}'.replace(chr(39), chr(34)) for key in told)}}}`" in document
    registry.register("fraud", "models:/m-unknown", read=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = set(tmp_path.iterdir())
    (tmp_path / "target").mkdir()
    said = cli("export", "mlflow", sqlite_uri(tmp_path / "target"), "--name", "fr*").out
    assert set(tmp_path.iterdir()) - before == {tmp_path / "target"}
    assert said.startswith("Exported 1 model, 2 versions to sqlite:///")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `mlflow server` with an empty database."""
    place = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = [
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        sqlite_uri(place),
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = (place / "log").open("wb")
    running = subprocess.Popen(
        [sys.executable, *command], cwd=place, env=env, stdout=log, stderr=log, start_new_session=True
    )
    uri = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while not _answers(uri):
            assert running.poll() is None, (place / "log").read_text()
            assert time.monotonic() < until, (place / "log").read_text()
            time.sleep(0.5)
        yield uri
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait()
        log.close()


def _answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(f"{uri}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.slow
def test_a_round_trip_through_a_server_keeps_it_too(
    registry: Registry, mlflow_uri: str, server: str, tmp_path: Path
) -> None:
    moved_in(registry, mlflow_uri)
    exported(registry, server)
    assert holds(new_mlflow(server)) == holds(new_mlflow(mlflow_uri))
    back = new_registry(tmp_path / "back.git")(ALICE)
    moved_in(back, server)
    assert back.model("fraud").aliases == {"challenger": 4, "champion": 3}
    assert back.version("fraud", 3).stage == "Production"
