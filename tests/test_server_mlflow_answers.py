"""The REST API answers as MLflow's own server does: the same calls on both, and the same JSON comes of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mlflow.tracking._model_registry import utils as registry_utils
from mlflow.tracking._tracking_service import utils as tracking_utils

from tests.registry_scene import new_registry
from tests.server_scene import serving, settings_of

BASE = "/api/2.0/mlflow"
PROMPT = "mlflow.prompt.is_prompt"
_OWN = {"creation_timestamp", "last_updated_timestamp", "user_id"}  # what two servers cannot have in common
Step = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    place = tmp_path_factory.mktemp("ours") / "models.git"
    new_registry(place)
    with serving(settings_of(place)) as client:
        yield client


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("theirs")
    store = f"sqlite:///{place}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_SERVER_FILE_STORE", store)
        patch.setenv("_MLFLOW_SERVER_REGISTRY_STORE", store)
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", os.fspath(place))
        from mlflow.server import app

        # its handlers tell the whole process which stores are theirs
        patch.setattr(registry_utils, "_registry_uri", registry_utils._registry_uri)
        patch.setattr(tracking_utils, "_tracking_uri", tracking_utils._tracking_uri)
        yield app.test_client()


def create(name: str, **more: Any) -> Step:
    return "POST", "registered-models/create", {"name": name, **more}


def version(name: str, source: str, **more: Any) -> Step:
    return "POST", "model-versions/create", {"name": name, "source": source, **more}


def move(number: Any, stage: str, archive: bool = False, name: str = "fraud") -> Step:
    wanted = {"name": name, "version": number, "stage": stage, "archive_existing_versions": archive}
    return "POST", "model-versions/transition-stage", wanted


def look(name: str = "fraud") -> list[Step]:
    return [
        ("GET", "registered-models/get", {"name": name}),
        ("GET", "registered-models/search", {}),
        ("GET", "model-versions/search", {"filter": f"name = '{name}'", "order_by": "version_number ASC"}),
        ("POST", "registered-models/get-latest-versions", {"name": name}),
    ]


STORY: list[Step] = [
    *look(),
    create("fraud", tags=[{"key": "team", "value": "risk"}, {"key": "n", "value": ""}], description="Finds fraud."),
    create("fraud"),
    create("plain"),
    ("POST", "registered-models/create", {}),
    create("a/b"),
    *look(),
    version("fraud", "s3://acme/1", run_id="a" * 32, run_link="http://runs/1", description="The first."),
    version("fraud", "s3://acme/2", tags=[{"key": "auc", "value": "0.9"}]),
    version("fraud", "s3://acme/3", description=""),
    version("nobody", "s3://acme/3"),
    version("fraud", ""),
    ("POST", "model-versions/create", {"name": "fraud"}),
    version("fraud", "models:/fraud/1"),
    ("GET", "model-versions/get", {"name": "fraud", "version": "4"}),
    ("GET", "model-versions/get-download-uri", {"name": "fraud", "version": "4"}),
    ("GET", "model-versions/get", {"name": "fraud", "version": "9"}),
    ("GET", "model-versions/get", {"name": "fraud", "version": "x"}),
    ("GET", "model-versions/get", {"name": "fraud"}),
    move("1", "Production"),
    move("2", "staging"),
    move("3", "Staging", archive=True),
    move("3", "Bogus"),
    move("3", "None", archive=True),
    move("9", "Staging"),
    ("POST", "model-versions/transition-stage", {"name": "fraud", "version": "1"}),
    *look(),
    ("POST", "registered-models/get-latest-versions", {"name": "fraud", "stages": ["Staging", "production"]}),
    ("GET", "registered-models/get-latest-versions", {"name": "fraud", "stages": ["Staging", "None"]}),
    ("POST", "registered-models/get-latest-versions", {"name": "fraud", "stages": ["Bogus"]}),
    ("POST", "registered-models/get-latest-versions", {"name": "nobody"}),
    ("POST", "registered-models/alias", {"name": "fraud", "alias": "champion", "version": "1"}),
    ("POST", "registered-models/alias", {"name": "fraud", "alias": "challenger", "version": "2"}),
    ("POST", "registered-models/alias", {"name": "fraud", "alias": "latest", "version": "2"}),
    ("POST", "registered-models/alias", {"name": "fraud", "alias": "x", "version": "99"}),
    ("GET", "registered-models/alias", {"name": "fraud", "alias": "champion"}),
    ("GET", "registered-models/alias", {"name": "fraud", "alias": "latest"}),
    ("GET", "registered-models/alias", {"name": "fraud", "alias": "nope"}),
    ("DELETE", "registered-models/alias", {"name": "fraud", "alias": "challenger"}),
    ("DELETE", "registered-models/alias", {"name": "fraud", "alias": "challenger"}),
    ("POST", "registered-models/set-tag", {"name": "fraud", "key": "team", "value": "ops"}),
    ("POST", "registered-models/set-tag", {"name": "fraud", "key": "a=b", "value": "x"}),
    ("DELETE", "registered-models/delete-tag", {"name": "fraud", "key": "n"}),
    ("DELETE", "registered-models/delete-tag", {"name": "nobody", "key": "n"}),
    ("POST", "model-versions/set-tag", {"name": "fraud", "version": "2", "key": "auc", "value": "0.95"}),
    ("DELETE", "model-versions/delete-tag", {"name": "fraud", "version": "2", "key": "none"}),
    ("PATCH", "registered-models/update", {"name": "fraud", "description": "Finds more."}),
    ("PATCH", "model-versions/update", {"name": "fraud", "version": "2", "description": "The second."}),
    ("PATCH", "registered-models/update", {"name": "nobody", "description": "x"}),
    *look(),
    ("GET", "model-versions/search", {"filter": f"run_id = '{'a' * 32}'"}),
    ("GET", "model-versions/search", {"filter": "run_id != 'b'", "order_by": "version_number ASC"}),
    ("GET", "model-versions/search", {"filter": "tags.auc = '0.95'"}),
    ("GET", "model-versions/search", {"filter": "foo = 'x'"}),
    ("GET", "model-versions/search", {"order_by": ["name DESC", "version_number DESC"], "max_results": "2"}),
    ("GET", "model-versions/search", {"order_by": ["version_number ASC"], "max_results": "2", "page_token": "bad"}),
    ("GET", "registered-models/search", {"filter": "name LIKE 'fra%' AND tags.team = 'ops'"}),
    ("GET", "registered-models/search", {"max_results": "1"}),
    ("GET", "registered-models/search", {"max_results": "1001"}),
    ("GET", "registered-models/search", {"order_by": "name DESC"}),
    create("greet", tags=[{"key": PROMPT, "value": "true"}]),
    version(
        "greet", "dummy-source", tags=[{"key": PROMPT, "value": "true"}, {"key": "mlflow.prompt.text", "value": "Hi"}]
    ),
    ("GET", "registered-models/search", {}),
    ("GET", "registered-models/search", {"filter": f"tags.`{PROMPT}` = 'true'"}),
    create("greet"),
    ("DELETE", "model-versions/delete", {"name": "fraud", "version": "4"}),
    ("DELETE", "model-versions/delete", {"name": "fraud", "version": "4"}),
    version("fraud", "s3://acme/5"),
    ("POST", "registered-models/rename", {"name": "fraud", "new_name": "betrug é"}),
    ("POST", "registered-models/rename", {"name": "betrug é", "new_name": "plain"}),
    ("POST", "registered-models/rename", {"name": "betrug é"}),
    *look("betrug é"),
    ("GET", "model-versions/get", {"name": "fraud", "version": "1"}),
    ("DELETE", "registered-models/delete", {"name": "betrug é"}),
    ("DELETE", "registered-models/delete", {"name": "betrug é"}),
    *look("betrug é"),
]


def test_a_long_story_gets_the_answers_that_mlflow_itself_gives(ours: httpx.Client, theirs: Any) -> None:
    told = []
    for method, path, values in STORY:
        if method == "GET":
            own = ours.get(f"{BASE}/{path}", params=values)
            other = theirs.get(f"{BASE}/{path}", query_string=values)
        else:
            own = ours.request(method, f"{BASE}/{path}", json=values)
            other = theirs.open(f"{BASE}/{path}", method=method, json=values)
        answers = [(own.status_code, _comparable(own.json())), (other.status_code, _comparable(other.json))]
        if answers[1][0] == 500:  # which clients would try again for minutes
            answers[1] = (400, "INVALID_PARAMETER_VALUE")
        if answers[0] != answers[1]:
            told.append(f"{method} {path} {values}\n  ours   {answers[0]}\n  theirs {answers[1]}")
    assert not told, "\n".join(told)


def _comparable(answer: Any) -> Any:
    """An answer without what two servers cannot have in common; of an error only its code."""
    if isinstance(answer, list):
        listed = [_comparable(one) for one in answer]
        return sorted(listed, key=lambda one: one["key"]) if answer and "key" in answer[0] else listed
    if not isinstance(answer, dict):
        return answer
    if "error_code" in answer:
        assert answer["message"]
        return answer["error_code"]
    times = [answer[name] for name in _OWN & answer.keys() if name != "user_id"]
    assert all(isinstance(time, int) and time > 10**12 for time in times)
    return {name: _comparable(value) for name, value in answer.items() if name not in _OWN}
