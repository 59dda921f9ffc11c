"""Lineage: what a version's manifest says of its run, read from a real MLflow tracking store."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.errors import NotFound, Unavailable
from registry_git.core.model import Dataset, Lineage
from registry_git.registry.facade import Registry
from registry_git.tracking import run as tracking
from registry_git.tracking.client import explained
from registry_git.tracking.run import read_lineage
from tests.registry_scene import ALICE, new_registry

MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl}
model_id: %s
run_id: %s
signature:
  inputs: '[{"type": "double", "name": "amount"}]'
"""


class Tracked:
    """A tracking store in SQLite with one run, which read a data set and logged a model."""

    def __init__(self, place: Path) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Dataset as Read
        from mlflow.entities import DatasetInput, LoggedModelOutput

        self.uri = f"sqlite:///{place / 'tracking.db'}"
        client = MlflowClient(tracking_uri=self.uri)
        self.experiment_id = client.create_experiment("fraud-weekly", artifact_location=str(place / "artifacts"))
        tags = {"mlflow.user": "alice", "mlflow.source.git.commit": "7c0ffee"}
        run = client.create_run(self.experiment_id, run_name="nightly", tags=tags)
        self.run_id = run.info.run_id
        self.files = Path(run.info.artifact_uri)
        read = Read(name="tx-2026w46", digest="5be3", source_type="local", source="{}")
        client.log_inputs(self.run_id, datasets=[DatasetInput(read, [])])
        logged = client.create_logged_model(self.experiment_id, name="model", source_run_id=self.run_id)
        client.log_outputs(self.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        self.model_id = logged.model_id
        self.logged_files = Path(logged.artifact_location)
        for files in (self.files / "plain", self.logged_files):
            files.mkdir(parents=True)
            (files / "MLmodel").write_text(MLMODEL % (self.model_id, self.run_id))
            (files / "model.pkl").write_text("weights")

    @property
    def lineage(self) -> Lineage:
        """What is known of the run."""
        return Lineage(
            run_id=self.run_id,
            run_name="nightly",
            run_user="alice",
            experiment_id=self.experiment_id,
            experiment_name="fraud-weekly",
            model_id=self.model_id,
            git_commit="7c0ffee",
            datasets=(Dataset(name="tx-2026w46", digest="5be3"),),
        )


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    return Tracked(tmp_path_factory.mktemp("tracking"))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path / "acme.git")(ALICE)


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    listening = socket.create_server(("127.0.0.1", 0))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()


def test_a_run_tells_its_experiment_its_user_its_commit_its_data_and_its_model(tracked: Tracked) -> None:
    assert read_lineage(tracked.uri, tracked.run_id) == tracked.lineage
    assert read_lineage(tracked.uri, model_id=tracked.model_id) == tracked.lineage


def test_the_link_of_a_run_leads_to_its_page_and_holds_no_password() -> None:
    link = tracking._link("https://alice:secret@mlflow.acme.io/base/", "3", "e148")
    assert link == "https://mlflow.acme.io/base/#/experiments/3/runs/e148"
    assert tracking._link("sqlite:///x.db", "3", "e148") == ""


@pytest.mark.parametrize("form", ["runs:/{run}/plain", "runs:/{run}/model", "models:/{model}", "{files}"])
def test_a_registration_records_lineage_signature_flavors_and_digest_whatever_form_its_source_has(
    tracked: Tracked, registry: Registry, form: str
) -> None:
    source = form.format(run=tracked.run_id, model=tracked.model_id, files=tracked.logged_files)
    made = registry.register("fraud", source, tracking_uri=tracked.uri)
    assert made.source == source
    assert made.manifest.lineage == tracked.lineage
    assert made.manifest.flavors == ("python_function", "sklearn")
    assert made.format == "sklearn"
    assert made.manifest.signature == '{"inputs":[{"type":"double","name":"amount"}]}'
    assert made.digest == registry.register("same", str(tracked.logged_files), tracking_uri="").digest


def test_what_the_caller_says_wins_over_what_the_run_says(tracked: Tracked, registry: Registry) -> None:
    said = Lineage(run_id=tracked.run_id, run_name="by hand", git_commit="abc123")
    made = registry.register("fraud", "s3://acme/1", lineage=said, tracking_uri=tracked.uri).manifest.lineage
    assert (made.run_name, made.git_commit, made.run_user) == ("by hand", "abc123", "alice")


def test_the_tracking_store_of_the_environment_is_asked_unless_told_otherwise(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracked.uri)
    registry = new_registry(tmp_path / "acme.git")(ALICE)
    run = Lineage(run_id=tracked.run_id)
    assert registry.register("fraud", "s3://acme/1", lineage=run).manifest.lineage == tracked.lineage
    assert registry.register("fraud", "s3://acme/2", lineage=run, tracking_uri="").manifest.lineage == run
    assert registry.register("fraud", "s3://acme/3").manifest.lineage == Lineage()


def test_an_unknown_run_costs_a_warning_and_not_the_registration(
    tracked: Tracked, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    made = registry.register("fraud", "s3://acme/1", lineage=Lineage(run_id="e148"), tracking_uri=tracked.uri)
    assert made.manifest.lineage == Lineage(run_id="e148")
    assert "Registered without the lineage of run e148" in caplog.text
    assert "Run with id=e148 not found" in caplog.text


def test_a_server_that_never_answers_is_waited_for_once_and_not_long(
    mute: str, registry: Registry, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow  # noqa: F401 - its import is not the wait

    monkeypatch.setattr(tracking.look_up, "__kwdefaults__", {**tracking.look_up.__kwdefaults__, "seconds": 0.5})
    monkeypatch.setattr(tracking, "_silent", {})
    run = Lineage(run_id="e148")
    begun = time.monotonic()
    for number in range(1, 4):
        made = registry.register("fraud", f"s3://acme/{number}", lineage=run, tracking_uri=mute)
        assert made.manifest.lineage == run
    assert time.monotonic() - begun < 5
    assert caplog.text.count("gave no answer within 0.5 s") == 1
    assert caplog.text.count("so it was not asked again") == 2
    assert [each for each in threading.enumerate() if each.name == "registry-git tracking" and not each.daemon] == []


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is nothing at"):
        read_lineage(f"sqlite:///{tmp_path / 'typo.db'}", "e148")
    assert list(tmp_path.iterdir()) == []


def test_an_error_tells_no_password_of_the_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's own words quote the whole address; they reach logs, and a server's callers."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Unavailable, match=r"API request to http://ml@127\.0\.0\.1:1/") as refused:
        read_lineage("http://ml:s3cr@t:x@127.0.0.1:1", "e148")
    assert "s3cr" not in str(refused.value)


def test_a_store_that_the_small_mlflow_cannot_read_says_what_to_install() -> None:
    told = explained(ModuleNotFoundError("No module named 'sqlalchemy'"), "sqlite:///mlflow.db")
    assert isinstance(told, Unavailable)
    assert told.hint == "Run: pip install mlflow"


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    absent: Any = None
    monkeypatch.setitem(sys.modules, "mlflow", absent)
    with pytest.raises(Unavailable, match="mlflow, which is not installed") as refused:
        read_lineage("sqlite:///mlflow.db", "e148")
    assert refused.value.hint == "Run: pip install 'registry-git[mlflow]'"
