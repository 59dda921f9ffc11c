"""Every method that databricks-sdk has for the workspace model registry gets an answer that it can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import ml

from tests.registry_scene import new_registry
from tests.server_scene import serving
from tests.webhook_scene import Receiver, quick, receiving

Api = ml.ModelRegistryAPI
WHERE = ("fraud", "2")
ROLES = {"leads": ["alice@acme.io"], "risk": ["bob@acme.io"]}


class Recorded:
    """The client, with the names of the methods that were asked for."""

    def __init__(self, api: Api) -> None:
        self.asked: set[str] = set()
        self._api = api

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self._api, name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def api(tmp_path: Path, receiver: Receiver) -> Iterator[Recorded]:
    place = tmp_path / "models.git"
    new_registry(place, versions=1, protect=["Production"], roles=ROLES)
    with serving(quick(place)) as client:
        url = str(client.base_url).rstrip("/")
        yield Recorded(WorkspaceClient(host=url, token="any", auth_type="pat").model_registry)


def test_no_method_of_the_client_is_one_that_this_server_does_not_have(api: Recorded, receiver: Receiver) -> None:
    assert api.create_model("risk", tags=[ml.ModelTag("a", "b")]).registered_model.name == "risk"
    assert api.create_model_version("fraud", "s3://acme/fraud/2").model_version.version == "2"
    api.update_model("fraud", description="A model.")
    api.update_model_version(*WHERE, description="The second.")
    api.set_model_tag("fraud", "team", "risk")
    api.set_model_version_tag(*WHERE, "auc", "0.9")

    model = api.get_model("fraud").registered_model_databricks
    assert (model.description, [(tag.key, tag.value) for tag in model.tags]) == ("A model.", [("team", "risk")])
    version = api.get_model_version(*WHERE).model_version
    assert (version.description, [(tag.key, tag.value) for tag in version.tags]) == ("The second.", [("auc", "0.9")])
    assert api.get_model_version_download_uri(*WHERE).artifact_uri == "s3://acme/fraud/2"
    assert [one.version for one in api.get_latest_versions("fraud")] == ["2"]
    assert sorted(one.name for one in api.list_models()) == ["fraud", "risk"]
    assert [one.name for one in api.search_models(filter="name = 'fraud'")] == ["fraud"]
    assert [one.version for one in api.search_model_versions(filter="name = 'fraud'")] == ["2", "1"]

    assert api.create_transition_request(*WHERE, "Production").request.to_stage == "Production"
    assert [one.to_stage for one in api.list_transition_requests(*WHERE)] == ["Production"]
    approval = api.approve_transition_request(*WHERE, "Production", False).activity
    assert (approval.activity_type.value, approval.system_comment.split(";")[0]) == (
        "APPROVED_REQUEST",
        "the requester's own",
    )
    assert api.reject_transition_request(*WHERE, "Production").activity.activity_type.value == "REJECTED_REQUEST"
    api.create_transition_request(*WHERE, "Staging")
    gone = api.delete_transition_request(*WHERE, "Staging", "alice@acme.io").activity
    assert gone.activity_type.value == "CANCELLED_REQUEST"
    moved = api.transition_stage(*WHERE, "Staging", False).model_version_databricks
    assert moved.current_stage == "Staging"

    comment = api.create_comment(*WHERE, "Hm.").comment.id
    assert api.update_comment(comment, "Well.").comment.comment == "Well."
    api.delete_comment(comment)

    level = ml.RegisteredModelPermissionLevel.CAN_MANAGE
    given = [
        ml.RegisteredModelAccessControlRequest(user_name=f"{name}@acme.io", permission_level=level)
        for name in ("alice", "bob")
    ]
    for told in (
        api.get_permissions(model.id),
        api.update_permissions(model.id, access_control_list=given[:1]),
        api.set_permissions(model.id, access_control_list=given),
    ):
        assert {"alice@acme.io", "bob@acme.io"} <= {one.user_name for one in told.access_control_list}
    assert api.get_permission_levels(model.id).permission_levels[-1].permission_level is level

    spec = ml.HttpUrlSpec(url=receiver.url)
    webhook = api.create_webhook([ml.RegistryWebhookEvent.COMMENT_CREATED], http_url_spec=spec).webhook.id
    assert api.test_registry_webhook(webhook).status_code == 200
    assert api.update_webhook(webhook, description="To CI.").webhook.description == "To CI."
    assert [one.id for one in api.list_webhooks()] == [webhook]
    api.delete_webhook(webhook)
    assert list(api.list_webhooks()) == []

    api.delete_model_tag("fraud", "team")
    api.delete_model_version_tag(*WHERE, "auc")
    api.transition_stage(*WHERE, "None", False)
    api.delete_model_version(*WHERE)
    assert api.rename_model("fraud", new_name="scam").registered_model.name == "scam"
    api.delete_model("risk")
    left = api.get_model("scam").registered_model_databricks
    assert (left.tags, [one.version for one in left.latest_versions]) == ([], ["1"])

    assert {name for name in vars(Api) if not name.startswith("_")} == api.asked
