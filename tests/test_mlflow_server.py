"""MLflow's own server, with its own pages in a real browser, on a registry in Git."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from playwright.sync_api import Page, expect

import registry_git
from registry_git.core.model import Lineage
from tests.browser import chromium
from tests.conftest import Git
from tests.mlflow_pair import quiet
from tests.registry_scene import healthy

pytestmark = pytest.mark.slow
SERVER = "Model Server <server@acme.io>"
_PATIENCE_MS = 60_000  # for a click, on a machine that is busy with the other tests
_SECONDS = 240  # until MLflow's server answers; alone it takes 20


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def server(place: Path, tmp_path: Path) -> Iterator[str]:
    """The address of MLflow's server, which keeps models in Git and everything else in SQLite."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--registry-store-uri", f"git+file://{place}"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = {**os.environ, "REGISTRY_GIT_ACTOR": SERVER, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + _SECONDS
        while not answers(f"{url}/health"):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < until, (tmp_path / "server.log").read_text()
            time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    told = (tmp_path / "server.log").read_text()
    assert "Traceback" not in told, told


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def register_from_a_run(url: str) -> str:
    """Logs a model through the server and registers it as `fraud`; gives the run's id."""

    class Doubled(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[int]) -> list[int]:
            return [2 * one for one in model_input]

    mlflow.set_tracking_uri(url)
    with quiet(), mlflow.start_run(run_name="weekly") as run:
        mlflow.pyfunc.log_model(
            name="model", python_model=Doubled(), registered_model_name="fraud", pip_requirements=[]
        )
    return str(run.info.run_id)


def test_mlflows_pages_show_and_change_what_is_in_git(
    server: str,
    place: Path,
    tmp_path: Path,
    git: Git,
    outside_environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = register_from_a_run(server)
    client = MlflowClient()
    with quiet():
        assert mlflow.pyfunc.load_model("models:/fraud/1").predict([1, 2]) == [2, 4]
    with chromium(tmp_path / "profile", outside_environment) as page:
        page.set_default_timeout(_PATIENCE_MS)
        look_at_the_version(page, server)
        describe_and_name_it(page)
        move_and_tag_it(page)
    version = registry_git.open(place).version("fraud", 1)
    assert (version.description, version.aliases, version.stage) == ("Better on last week", ("champion",), "Staging")
    assert version.tags == {"checked": "yes"}
    assert version.manifest.lineage == Lineage(
        run_id=run,
        run_name="weekly",
        run_user=version.manifest.lineage.run_user,
        experiment_id="0",
        experiment_name="Default",
        model_id=version.manifest.origin.removeprefix("models:/"),
    )
    assert git(place, "log", "--format=%an: %s").splitlines() == [
        "Model Server: Set tag checked on fraud v1",
        "Model Server: Move fraud v1 to Staging",
        "Model Server: Set alias champion of fraud to v1",
        "Model Server: Describe fraud v1",
        "Model Server: Register fraud v1",
        "Model Server: Create registered model fraud",
        "Model Server: Create the registry models",
    ]
    changed = git(place, "log", "-1", "--grep=Describe", "-p", "--format=", "main")
    assert "+description: Better on last week" in changed
    with quiet():
        assert mlflow.pyfunc.load_model("models:/fraud@champion").predict([3]) == [6]
        assert client.get_latest_versions("fraud", ["Staging"])[0].version == "1"
    refusals_arrive(client)
    healthy(git, place, registry_git.open(place))


def look_at_the_version(page: Page, url: str) -> None:
    page.goto(f"{url}/#/models")
    page.get_by_role("button", name="Try it now").click()  # MLflow greets who comes first
    page.get_by_role("link", name="fraud", exact=True).click()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("link", name="weekly")).to_be_visible()  # the run that it comes from
    expect(page.get_by_test_id("source-model-link")).to_be_visible()
    expect(page.get_by_text("Model Server <server@acme.io>")).to_be_visible()


def describe_and_name_it(page: Page) -> None:
    page.get_by_test_id("descriptionEditButton").click()
    page.get_by_test_id("note-view-outer-container").locator("textarea").or_(
        page.get_by_test_id("text-area")
    ).first.fill("Better on last week")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Better on last week").first).to_be_visible()
    page.get_by_text("Add", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("combobox").fill("champion")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save aliases").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_text("champion").first).to_be_visible()


def move_and_tag_it(page: Page) -> None:
    page.get_by_role("switch", name="New model registry UI").click()
    page.get_by_role("button", name="Disable").click()  # stages are on the older version of the page
    page.locator("[class*=stage-transition]").first.click()
    page.get_by_role("menuitem").filter(has_text="Staging").first.click()
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_text("Staging").first).to_be_visible()
    expect(page.get_by_role("button", name="OK")).to_be_hidden()
    page.get_by_text("Tags", exact=True).first.click()
    page.get_by_placeholder("Name").fill("checked")
    page.get_by_placeholder("Value").fill("yes")
    page.get_by_role("button", name="Add").last.click()
    expect(page.get_by_text("checked").first).to_be_visible()


def refusals_arrive(client: MlflowClient) -> None:
    """What the server's store refuses reaches the client as MLflow's codes, and at once."""
    for call, code in (
        (lambda: client.get_registered_model("nobody"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.create_registered_model("fraud"), "RESOURCE_ALREADY_EXISTS"),
        (lambda: client.set_registered_model_alias("fraud", "v1", "1"), "INVALID_PARAMETER_VALUE"),
        (lambda: client.transition_model_version_stage("fraud", "1", "Archived", True), "INVALID_PARAMETER_VALUE"),
        (lambda: client.search_model_versions("foo = 'x'"), "INVALID_PARAMETER_VALUE"),
    ):
        with quiet(), pytest.raises(MlflowException) as refused:
            call()
        assert refused.value.error_code == code
