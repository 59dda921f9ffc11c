"""The published examples of 2019 work: curl with their very bodies, at the preview's mount point and the others."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import registry_git
from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.permissions import MLFLOW_MOUNTS, SCOPES
from tests.registry_scene import ALICE, BOB, new_registry
from tests.server_scene import code_of, serving, settings_of

PREVIEW = "/api/2.0/preview/mlflow"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "models.git"
    new_registry(path, protect=["Production"], roles={"ml-leads": ["bob@acme.io"]}, versions=3)
    return path


@pytest.fixture(scope="module")
def tokens(place: Path) -> dict[str, str]:
    accounts = AccountFile(settings_of(place).accounts)
    found = {}
    for person in (ALICE, BOB):
        actor = Actor.parse(person)
        accounts.add(actor)
        found[person] = accounts.add_token(actor.email, scopes=frozenset(SCOPES), created=0, expires=None)[0]
    return found


@pytest.fixture(scope="module")
def http(place: Path, tokens: dict[str, str]) -> Iterator[httpx.Client]:
    with serving(settings_of(place)) as client:
        yield client


def asked(version: Any, stage: str = "Production") -> dict[str, Any]:
    model_version = {"registered_model": {"name": "fraud"}, "version": version}
    return {"model_version": model_version, "stage": stage, "comment": "Please."}


def approval(version: Any, action: int = 1, stage: str = "Production") -> dict[str, Any]:
    return {
        "action": action,
        "transition_request": {
            "model_version": {"registered_model": {"name": "fraud"}, "version": version},
            "request_activity": {"model_registry_data": {"transition": {"to_stage": stage}}},
        },
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="DID NOT RUN: there is no curl here")
@pytest.mark.parametrize("kind", [(), ("-H", "Content-Type:")], ids=["form", "none"])
def test_curl_asks_and_approves_with_the_bodies_of_the_first_documentation(
    http: httpx.Client, tokens: dict[str, str], place: Path, kind: tuple[str, ...]
) -> None:
    version = 1 if kind else 2

    def curl(person: str, method: str, path: str, body: Any) -> Any:
        command = ["curl", "-sS", *kind, "-H", f"Authorization: Bearer {tokens[person]}", "-X", method]
        url = f"{str(http.base_url).rstrip('/')}{PREVIEW}{path}"
        done = subprocess.run([*command, "-d", json.dumps(body), url], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    request = curl(ALICE, "POST", "/transition-requests/create", asked(version))["request"]
    assert (request["user_id"], request["to_stage"], request["comment"]) == ("alice@acme.io", "Production", "Please.")
    activity = curl(BOB, "PATCH", "/transition-requests/update", approval(version))["activity"]
    assert (activity["activity_type"], activity["user_id"]) == ("APPROVED_REQUEST", "bob@acme.io")
    assert registry_git.open(place, actor=ALICE).resolve("models:/fraud/Production").version >= version


@pytest.mark.parametrize("mount", MLFLOW_MOUNTS)
def test_the_nested_and_the_flat_shape_ask_for_the_same_at_every_mount_point(
    http: httpx.Client, tokens: dict[str, str], mount: str
) -> None:
    alice, bob = ({"authorization": f"Bearer {tokens[person]}"} for person in (ALICE, BOB))
    flat = {"name": "fraud", "version": "3", "stage": "Production"}
    for body in (asked("3"), flat):
        made = http.post(f"{mount}/transition-requests/create", json=body, headers=alice)
        assert made.json()["request"]["to_stage"] == "Production"
        (listed,) = http.get(f"{mount}/transition-requests/list", params=flat, headers=bob).json()["requests"]
        assert listed["id"] == made.json()["request"]["id"]
        gone = http.delete(
            f"{mount}/transition-requests/delete", params={**flat, "creator": "alice@acme.io"}, headers=alice
        )
        assert gone.json()["activity"]["activity_type"] == "CANCELLED_REQUEST"
    assert http.get(f"{mount}/transition-requests/list", params=flat, headers=bob).json() == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (approval("3", action=7), "7 is no action on a request"),
        ({"action": 1}, "name: Field required"),
        ({"action": 1, "transition_request": []}, "name: Field required"),
        ({"action": 1, "transition_request": {"model_version": []}}, "name"),
        (approval({"number": 3}), "version"),
    ],
)
def test_a_decision_that_is_none_is_refused(
    http: httpx.Client, tokens: dict[str, str], body: dict[str, Any], says: str
) -> None:
    bearer = {"authorization": f"Bearer {tokens[BOB]}"}
    refused = http.patch(f"{PREVIEW}/transition-requests/update", json=body, headers=bearer)
    assert code_of(refused) == (400, "INVALID_PARAMETER_VALUE")
    assert says in refused.json()["message"]


def test_there_is_nothing_to_approve_before_somebody_asks(http: httpx.Client, tokens: dict[str, str]) -> None:
    bearer = {"authorization": f"Bearer {tokens[BOB]}"}
    refused = http.patch(f"{PREVIEW}/transition-requests/update", json=approval("3", stage="Staging"), headers=bearer)
    assert code_of(refused) == (404, "RESOURCE_DOES_NOT_EXIST")
