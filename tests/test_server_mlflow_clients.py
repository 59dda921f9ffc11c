"""MLflow's own client works with the server unchanged: MLFLOW_REGISTRY_URI is all that it is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

import registry_git
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, new_registry
from tests.server_scene import serving, settings_of

MOUNTS = ("/api/2.0/mlflow", "/api/2.0/preview/mlflow", "/ajax-api/2.0/mlflow")


class Doubles(mlflow.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: list[int], params: Any = None) -> list[int]:
        return [2 * one for one in model_input]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "models.git"
    new_registry(path, protect=["Production"], roles={"ml-leads": ["bob@acme.io"]})
    return path


@pytest.fixture(scope="module")
def http(place: Path) -> Iterator[httpx.Client]:
    with serving(settings_of(place, tracking_uri=runs_of(place))) as client:
        yield client


def runs_of(place: Path) -> str:
    return place.with_name("runs").as_uri()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved model."""
    where = tmp_path_factory.mktemp("model") / "doubles"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(where, python_model=Doubles(), pip_requirements=[])
    return where.as_uri()


@pytest.fixture(autouse=True)
def environment(http: httpx.Client, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", str(http.base_url).rstrip("/"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", runs_of(place))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)
    warnings.simplefilter("ignore")


def test_a_model_is_registered_moved_aliased_and_loaded_by_its_uris(files: str) -> None:
    client = MlflowClient()
    made = mlflow.register_model(files, "doubles")
    assert (made.name, made.version, made.status, made.current_stage) == ("doubles", "1", "READY", "None")
    again = mlflow.register_model(files, "doubles", tags={"auc": "0.9"})
    assert (again.version, again.tags) == ("2", {"auc": "0.9"})
    client.transition_model_version_stage("doubles", "2", "Staging")
    client.set_registered_model_alias("doubles", "champion", "1")
    for uri in ("models:/doubles/1", "models:/doubles/Staging", "models:/doubles@champion", "models:/doubles/latest"):
        assert mlflow.pyfunc.load_model(uri).predict([3]) == [6], uri
    assert client.get_model_version_by_alias("doubles", "champion").version == "1"
    assert {one.version for one in client.get_latest_versions("doubles")} == {"1", "2"}


def test_a_model_that_is_logged_is_registered_with_its_run_and_loaded(place: Path) -> None:
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(name="m", python_model=Doubles(), registered_model_name="logged", pip_requirements=[])
    found = MlflowClient().get_model_version("logged", "1")
    assert found.source.startswith("models:/m-")
    assert mlflow.pyfunc.load_model("models:/logged/1").predict([4]) == [8]
    known = registry_git.open(place, actor=ALICE).version("logged", 1)
    assert known.source.startswith("file:")
    assert known.manifest.lineage.run_id == run.info.run_id
    assert known.digest.startswith("sha256:")
    mlflow.register_model(f"runs:/{run.info.run_id}/m", "by-run")
    assert MlflowClient().get_model_version("by-run", "1").run_id == run.info.run_id


def test_a_server_without_a_tracking_store_leaves_logged_models_to_its_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_registry(tmp_path / "other.git")
    with serving(settings_of(tmp_path / "other.git")) as other:
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", str(other.base_url).rstrip("/"))
        with mlflow.start_run():
            mlflow.pyfunc.log_model(name="m", python_model=Doubles(), registered_model_name="m", pip_requirements=[])
        client = MlflowClient()
        assert client.get_model_version_download_uri("m", "1") == client.get_model_version("m", "1").source
        assert mlflow.pyfunc.load_model("models:/m/1").predict([5]) == [10]


def test_every_method_of_the_client_works(place: Path) -> None:
    client = MlflowClient()
    client.create_registered_model("all", tags={"team": "risk"}, description="All of it.")
    client.create_model_version("all", "s3://acme/1", run_id="r1", tags={"a": "b"}, description="One.")
    client.create_model_version("all", "s3://acme/2")
    client.set_registered_model_tag("all", "k", "v")
    client.delete_registered_model_tag("all", "team")
    client.set_model_version_tag("all", "1", "c", "d")
    client.delete_model_version_tag("all", "1", "a")
    client.update_registered_model("all", "Everything.")
    client.update_model_version("all", "1", "The one.")
    client.set_registered_model_alias("all", "best", "1")
    client.delete_registered_model_alias("all", "best")
    assert client.get_model_version_download_uri("all", "1") == "s3://acme/1"
    assert [one.version for one in client.search_model_versions("name = 'all'", order_by=["version_number ASC"])] == [
        "1",
        "2",
    ]
    first = client.search_registered_models("name LIKE 'al%'", max_results=1)
    assert [one.name for one in first] == ["all"]
    copied = client.copy_model_version("models:/all/1", "copied")
    assert (copied.source, copied.run_id, copied.tags) == ("models:/all/1", "r1", {"c": "d"})
    assert client.get_model_version_download_uri("copied", "1") == "s3://acme/1"
    client.delete_model_version("all", "2")
    client.rename_registered_model("all", "everything")
    model = client.get_registered_model("everything")
    assert (model.name, model.description, model.tags) == ("everything", "Everything.", {"k": "v"})
    found = client.get_model_version("everything", "1")
    assert (found.tags, found.description, found.run_id) == ({"c": "d"}, "The one.", "r1")
    assert found.user_id == "alice@acme.io"
    client.delete_registered_model("everything")
    with pytest.raises(MlflowException, match="not found") as refused:
        client.get_registered_model("everything")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_pages_of_a_search_are_followed(place: Path) -> None:
    registry = registry_git.open(place, actor=ALICE, durable=False)
    for number in range(5):
        registry.create_model(f"page-{number}")
    client, token, seen = MlflowClient(), None, []
    while True:
        page = client.search_registered_models("name LIKE 'page-%'", max_results=2, page_token=token)
        seen += [one.name for one in page]
        token = page.token
        if not token:
            break
    assert seen == [f"page-{number}" for number in range(5)]


def test_what_the_policy_keeps_from_production_is_refused_with_the_request_that_asks(place: Path, git: Git) -> None:
    client = MlflowClient()
    client.create_registered_model("kept")
    client.create_model_version("kept", "s3://acme/1")
    with pytest.raises(MlflowException) as refused:
        client.transition_model_version_stage("kept", "1", "Production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert "registry-git request create kept 1 Production" in str(refused.value)
    asked = registry_git.open(place, actor=ALICE, durable=False).request_stage("kept", 1, "Production")
    registry_git.open(place, actor=BOB, durable=False).approve(asked.id)
    assert client.get_model_version("kept", "1").current_stage == "Production"
    assert git(place, "log", "-1", "--format=%an", "main") == "Bob"


def test_a_prompt_is_registered_loaded_and_kept_out_of_the_models() -> None:
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    mlflow.genai.register_prompt("greeting", "Dear {{name}}", commit_message="Politer.")
    assert mlflow.genai.load_prompt("prompts:/greeting/2").format(name="Ada") == "Dear Ada"
    mlflow.genai.set_prompt_alias("greeting", "old", 1)
    assert mlflow.genai.load_prompt("prompts:/greeting@old").template == "Hello {{name}}"
    assert [prompt.name for prompt in mlflow.genai.search_prompts()] == ["greeting"]
    assert "greeting" not in [one.name for one in MlflowClient().search_registered_models()]


@pytest.mark.parametrize("mount", MOUNTS)
def test_every_mount_point_answers_the_same(http: httpx.Client, mount: str) -> None:
    name = f"mounted{MOUNTS.index(mount)}"
    made = http.post(f"{mount}/registered-models/create", json={"name": name})
    assert made.status_code == 200
    for other in MOUNTS:
        found = http.get(f"{other}/registered-models/get", params={"name": name}).json()
        assert found["registered_model"] == made.json()["registered_model"]
    assert http.delete(f"{mount}/registered-models/delete", params={"name": name}).json() == {}


def test_a_body_is_json_whatever_its_type_says_and_delete_takes_a_body_or_a_query(http: httpx.Client) -> None:
    base = MOUNTS[0]
    for kind in ({}, {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "text/plain"}):
        assert http.post(f"{base}/registered-models/create", content=b'{"name": "typed"}', headers=kind).is_success
        assert http.request("DELETE", f"{base}/registered-models/delete", json={"name": "typed"}).is_success
    http.post(f"{base}/registered-models/create", json={"name": "typed"})
    assert http.delete(f"{base}/registered-models/delete", params={"name": "typed"}).is_success


def test_a_number_may_be_written_as_one(http: httpx.Client) -> None:
    base = MOUNTS[0]
    http.post(f"{base}/registered-models/create", json={"name": "numbered"})
    http.post(f"{base}/model-versions/create", json={"name": "numbered", "source": "s3://acme/1"})
    moved = http.post(
        f"{base}/model-versions/transition-stage", json={"name": "numbered", "version": 1, "stage": "Staging"}
    )
    assert moved.json()["model_version"]["current_stage"] == "Staging"
    assert moved.json()["model_version"]["version"] == "1"


def test_a_source_that_names_another_version_brings_its_run_along(http: httpx.Client) -> None:
    base = MOUNTS[0]
    for name in ("origin", "copied"):
        http.post(f"{base}/registered-models/create", json={"name": name})
    http.post(f"{base}/model-versions/create", json={"name": "origin", "source": "s3://acme/1", "run_id": "r7"})
    http.post(f"{base}/registered-models/alias", json={"name": "origin", "alias": "best", "version": "1"})
    wanted = {"name": "copied", "source": "models:/origin@best"}
    made = http.post(f"{base}/model-versions/create", json=wanted).json()["model_version"]
    assert (made["source"], made["run_id"]) == ("models:/origin/1", "r7")
    other = http.post(f"{base}/model-versions/create", json={**wanted, "run_id": "r8"})
    assert other.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    gone = http.post(f"{base}/model-versions/create", json={**wanted, "source": "models:/origin/9"})
    assert (gone.status_code, gone.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
