"""Databricks' own clients manage webhooks here unchanged: databricks-sdk, and databricks-registry-webhooks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound
from databricks.sdk.service import ml

from tests.registry_scene import ALICE, As, new_registry
from tests.server_scene import serving
from tests.webhook_scene import Receiver, quick, receiving

# What the documentation of the client shows, with a webhook for a URL and one for a job.
_OLD = """
import json, sys
from databricks_registry_webhooks import HttpUrlSpec, JobSpec, RegistryWebhooksClient
url = sys.argv[1]
client = RegistryWebhooksClient()
spec = HttpUrlSpec(url=url, secret="s3cret", authorization="Bearer 7")
made = client.create_webhook(model_name="fraud", events=["MODEL_VERSION_CREATED"], http_url_spec=spec,
                             description="Slack notifications", status="TEST_MODE")
job = client.create_webhook(model_name="fraud", events=["TRANSITION_REQUEST_CREATED"], description="Job",
                            job_spec=JobSpec(job_id="1", workspace_url="https://work.acme.io", access_token="t0ken"))
tested = client.test_webhook(id=made.id, event="TRANSITION_REQUEST_CREATED")
changed = client.update_webhook(id=made.id, status="ACTIVE", events=["COMMENT_CREATED", "MODEL_VERSION_CREATED"])
listed = [one.id for one in client.list_webhooks(model_name="fraud", events=["COMMENT_CREATED"])]
client.delete_webhook(id=job.id)
left = [one.id for one in client.list_webhooks()]
print(json.dumps({
    "tested": [tested.status_code, tested.body], "made": [made.status, made.description, made.http_url_spec.url],
    "changed": [changed.status, changed.events], "job": job.job_spec.job_id, "same": listed == left == [made.id],
}))
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "r.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=1)


@pytest.fixture
def server(place: Path, as_: As, receiver: Receiver) -> Iterator[httpx.Client]:
    with serving(quick(place, webhooks={"runner": receiver.url})) as client:
        yield client


def test_databricks_sdk_manages_webhooks(server: httpx.Client, as_: As, receiver: Receiver) -> None:
    registry = WorkspaceClient(host=str(server.base_url).rstrip("/"), token="any", auth_type="pat").model_registry
    event, status = ml.RegistryWebhookEvent, ml.RegistryWebhookStatus
    made = registry.create_webhook(
        [event.MODEL_VERSION_CREATED],
        model_name="fraud",
        description="To CI.",
        status=status.TEST_MODE,
        http_url_spec=ml.HttpUrlSpec(url=receiver.url, secret="s3cret", enable_ssl_verification=True),
    ).webhook
    assert made is not None
    assert made.id
    assert (made.status, made.model_name, made.description) == (status.TEST_MODE, "fraud", "To CI.")
    assert made.http_url_spec == ml.HttpUrlSpecWithoutSecret(url=receiver.url, enable_ssl_verification=True)
    tested = registry.test_registry_webhook(made.id, event=event.TRANSITION_REQUEST_TO_PRODUCTION_CREATED)
    assert (tested.status_code, tested.body) == (200, "taken")
    changed = registry.update_webhook(made.id, status=status.ACTIVE, events=[event.MODEL_VERSION_TRANSITIONED_STAGE])
    assert changed.webhook is not None
    assert changed.webhook.status is status.ACTIVE
    assert changed.webhook.description == "To CI."
    job = registry.create_webhook(
        [event.COMMENT_CREATED], job_spec=ml.JobSpec(job_id="7", access_token="t0ken")
    ).webhook
    assert job is not None
    assert job.id
    assert job.job_spec == ml.JobSpecWithoutSecret(job_id="7")
    assert [one.id for one in registry.list_webhooks()] == [made.id, job.id]
    assert [one.id for one in registry.list_webhooks(events=[event.COMMENT_CREATED], model_name="fraud")] == []
    assert [one.id for one in registry.list_webhooks(max_results=1)] == [made.id, job.id], "page by page"
    as_(ALICE).transition("fraud", 1, "Staging")
    receiver.wait(2)
    registry.delete_webhook(made.id)
    with pytest.raises(NotFound):
        registry.delete_webhook(made.id)
    with pytest.raises(InvalidParameterValue):
        registry.create_webhook([], http_url_spec=ml.HttpUrlSpec(url=receiver.url))
    assert receiver.told() == [
        "TRANSITION_REQUEST_TO_PRODUCTION_CREATED fraud/1",
        "MODEL_VERSION_TRANSITIONED_STAGE fraud/1",
    ]


@pytest.mark.slow
def test_databricks_registry_webhooks_manages_them_too(
    server: httpx.Client, receiver: Receiver, tmp_path: Path, outside_environment: Mapping[str, str]
) -> None:
    # it wants a protobuf of its own time, which nothing else here can do with
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "databricks-registry-webhooks==0.1.2", "protobuf<3.21"]
    subprocess.run([*install, "setuptools<70"], check=True, env=dict(outside_environment), capture_output=True)
    env = {"DATABRICKS_HOST": str(server.base_url).rstrip("/"), "DATABRICKS_TOKEN": "any", "HOME": str(tmp_path)}
    done = subprocess.run([str(python), "-c", _OLD, receiver.url], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "tested": [200, "taken"],
        "made": ["TEST_MODE", "Slack notifications", receiver.url],
        "changed": ["ACTIVE", ["COMMENT_CREATED", "MODEL_VERSION_CREATED"]],
        "job": "1",
        "same": True,
    }
    assert receiver.got[0].headers["authorization"] == "Bearer 7"
