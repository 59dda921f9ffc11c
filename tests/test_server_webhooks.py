"""Webhooks are told of everything that happens, in order, at least once; what nobody should see is not shown."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

import registry_git
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, new_registry
from tests.server_scene import code_of, serving
from tests.waiting import until
from tests.webhook_scene import BASE, Receiver, create, metric, quick, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_every_event_is_told_in_order_with_its_payload_and_signature(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client:
        spec = {"url": receiver.url, "secret": "s3cret", "authorization": "Word 7"}
        webhook = create(client, receiver, http_url_spec=spec)
        alice = as_(ALICE)
        alice.create_model("churn")
        alice.register("fraud", "s3://acme/fraud/2")
        alice.set_tags("fraud", {"auc": "0.91", "ok: 1": "yes"}, version=2)
        alice.add_comment("fraud", 2, "Looks good.")
        alice.transition("fraud", 2, "Staging")
        asked = alice.request_stage("fraud", 2, "Production", comment="please")
        receiver.wait(6)
        as_(BOB).approve(asked.id)
        receiver.wait(7)
        until(lambda: metric(client, 'deliveries_total{outcome="delivered"}') == 7)
        assert metric(client, "waiting") == 0
    told = [one.json for one in receiver.got]
    for one, body in zip(receiver.got, told, strict=True):
        assert one.headers["x-databricks-signature"] == hmac.new(b"s3cret", one.body, sha256).hexdigest()
        assert one.headers["authorization"] == "Word 7"
        assert one.headers["content-type"] == "application/json"
        assert body.pop("webhook_id") == webhook["id"]
        assert abs(body.pop("event_timestamp") - webhook["creation_timestamp"]) < 60_000
    assert len({one.headers["x-registry-git-delivery"] for one in receiver.got}) == 7
    fraud = {"model_name": "fraud", "version": "2"}
    assert told == [
        {
            "event": "REGISTERED_MODEL_CREATED",
            "model_name": "churn",
            "text": "alice@acme.io created registered model 'churn'.",
        },
        {
            "event": "MODEL_VERSION_CREATED",
            **fraud,
            "text": "alice@acme.io created version 2 of registered model 'fraud'.",
        },
        {
            "event": "MODEL_VERSION_TAG_SET",
            **fraud,
            "tags": [{"key": "auc", "value": "0.91"}, {"key": "ok: 1", "value": "yes"}],
            "text": "alice@acme.io set version tag(s) 'auc' => '0.91', 'ok: 1' => 'yes' "
            "for registered model 'fraud' version 2.",
        },
        {
            "event": "COMMENT_CREATED",
            **fraud,
            "comment": "Looks good.",
            "text": "alice@acme.io commented on registered model 'fraud' version 2.",
        },
        {
            "event": "MODEL_VERSION_TRANSITIONED_STAGE",
            **fraud,
            "from_stage": "None",
            "to_stage": "Staging",
            "text": "Registered model 'fraud' version 2 transitioned from None to Staging.",
        },
        {
            "event": "TRANSITION_REQUEST_CREATED",
            **fraud,
            "from_stage": "Staging",
            "to_stage": "Production",
            "comment": "please",
            "text": "alice@acme.io requested to transition registered model 'fraud' version 2 "
            "from Staging to Production.",
        },
        {
            "event": "MODEL_VERSION_TRANSITIONED_STAGE",
            **fraud,
            "from_stage": "Staging",
            "to_stage": "Production",
            "text": "Registered model 'fraud' version 2 transitioned from Staging to Production.",
        },
    ]


def test_the_events_of_one_stage_are_told_of_that_stage_alone(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=2)
    kinds = ("STAGING", "PRODUCTION", "ARCHIVED")
    events = [f"MODEL_VERSION_TRANSITIONED_TO_{kind}" for kind in kinds]
    events += [f"TRANSITION_REQUEST_TO_{kind}_CREATED" for kind in kinds]
    with serving(quick(tmp_path / "r.git")) as client:
        create(client, receiver, *events)
        alice = as_(ALICE)
        asked = alice.request_stage("fraud", 2, "Archived")
        receiver.wait(1)
        alice.cancel(asked.id)
        alice.transition("fraud", 1, "Staging")
        alice.transition("fraud", 1, "Production")
        alice.transition("fraud", 1, "None")
        alice.transition("fraud", 1, "Archived")
        receiver.wait(4)
    assert [one.json["event"] for one in receiver.got] == [
        "TRANSITION_REQUEST_TO_ARCHIVED_CREATED",
        "MODEL_VERSION_TRANSITIONED_TO_STAGING",
        "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION",
        "MODEL_VERSION_TRANSITIONED_TO_ARCHIVED",
    ]


def test_a_webhook_of_a_model_is_told_of_that_model_alone(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client:
        create(client, receiver, "MODEL_VERSION_CREATED", model_name="fraud")
        as_(ALICE).register("churn", "s3://acme/churn/1")
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(1)
    assert receiver.told() == ["MODEL_VERSION_CREATED fraud/2"]


def test_what_was_written_while_no_server_ran_is_told_by_the_next_and_nothing_twice(
    tmp_path: Path, receiver: Receiver
) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    alice = as_(ALICE)
    with serving(quick(tmp_path / "r.git")) as client:
        create(client, receiver)
        asked = alice.request_stage("fraud", 1, "Staging")
        receiver.wait(1)
    alice.register("fraud", "s3://acme/fraud/2")
    as_(BOB).approve(asked.id)
    quickly = alice.request_stage("fraud", 2, "Production")
    as_(BOB).approve(quickly.id)
    alice.request_stage("fraud", 2, "Archived")
    with serving(quick(tmp_path / "r.git")) as client:
        receiver.wait(6)
        until(lambda: metric(client, "waiting") == 0)
    with serving(quick(tmp_path / "r.git")) as client:
        alice.add_comment("fraud", 1, "last")
        receiver.wait(7)
    assert receiver.told() == [
        "TRANSITION_REQUEST_CREATED fraud/1",
        "MODEL_VERSION_CREATED fraud/2",
        "MODEL_VERSION_TRANSITIONED_STAGE fraud/1",
        "TRANSITION_REQUEST_CREATED fraud/2",
        "MODEL_VERSION_TRANSITIONED_STAGE fraud/2",
        "TRANSITION_REQUEST_CREATED fraud/2",
        "COMMENT_CREATED fraud/1",
    ]


def test_a_failing_receiver_is_tried_again_in_order_while_others_are_told(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client, receiving() as other:
        receiver.answers += [500, 302, 404]
        create(client, receiver)
        create(client, other)
        for number in (2, 3):
            as_(ALICE).register("fraud", f"s3://acme/fraud/{number}")
        other.wait(2)
        until(lambda: metric(client, 'deliveries_total{outcome="delivered"}') == 4)
        assert metric(client, 'deliveries_total{outcome="failed"}') == 3
        assert metric(client, "waiting") == 0
    assert receiver.told() == ["MODEL_VERSION_CREATED fraud/2"] * 4 + ["MODEL_VERSION_CREATED fraud/3"]
    assert len({(one.body, one.headers["x-registry-git-delivery"]) for one in receiver.got[:4]}) == 1


@pytest.mark.parametrize(("status", "patience"), [(500, 0.2), (410, 3600.0)], ids=["refusing too long", "gone"])
def test_a_webhook_whose_receiver_is_lost_is_disabled_and_told_so_in_the_log(
    tmp_path: Path, receiver: Receiver, status: int, patience: float, caplog: pytest.LogCaptureFixture
) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    receiver.always = status
    with serving(quick(tmp_path / "r.git", webhooks={"give_up_seconds": patience})) as client:
        create(client, receiver)
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        as_(ALICE).register("fraud", "s3://acme/fraud/3")
        until(lambda: client.get(f"{BASE}/list").json()["webhooks"][0]["status"] == "DISABLED")
        until(lambda: metric(client, 'deliveries_total{outcome="dropped"}') >= 1)
        until(lambda: metric(client, "waiting") == 0)
    assert "is disabled, and what waited for it is dropped" in caplog.text
    assert {one.json["version"] for one in receiver.got} == {"2"}


@pytest.mark.parametrize("status", ["DISABLED", "TEST_MODE"])
def test_nothing_waits_for_a_webhook_that_is_not_active(tmp_path: Path, receiver: Receiver, status: str) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client:
        webhook = create(client, receiver)
        receiver.always = 503
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(1)
        changed = client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": status}).json()["webhook"]
        assert changed["status"] == status
        as_(ALICE).register("fraud", "s3://acme/fraud/3")
        asked = as_(ALICE).request_stage("fraud", 3, "Staging")
        until(lambda: metric(client, "waiting") == 0)
        receiver.always = 200
        receiver.got.clear()
        assert client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": "ACTIVE"}).status_code == 200
        as_(BOB).approve(asked.id)
        as_(ALICE).register("fraud", "s3://acme/fraud/4")
        receiver.wait(2)
    assert receiver.told() == ["MODEL_VERSION_TRANSITIONED_STAGE fraud/3", "MODEL_VERSION_CREATED fraud/4"]


def test_a_changed_url_is_tried_at_once_however_long_the_old_one_failed(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git", webhooks={"back_off_seconds": 3600.0})) as client, receiving() as other:
        receiver.always = 500
        webhook = create(client, receiver)
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(1)
        client.patch(f"{BASE}/update", json={"id": webhook["id"], "http_url_spec": {"url": other.url}})
        assert "x-databricks-signature" not in other.wait(1)[0].headers, "another receiver does not get the old secret"


def test_a_webhook_that_is_changed_while_it_fails_for_the_last_time_is_not_given_up(
    tmp_path: Path, receiver: Receiver
) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    receiver.answers, receiver.pause = [500], 0.5
    with serving(quick(tmp_path / "r.git", webhooks={"give_up_seconds": 0.0})) as client:
        webhook = create(client, receiver)
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(1)
        client.patch(f"{BASE}/update", json={"id": webhook["id"], "description": "Mended."}).raise_for_status()
        receiver.wait(2)
        until(lambda: metric(client, 'deliveries_total{outcome="delivered"}') == 1)
        assert client.get(f"{BASE}/list").json()["webhooks"][0]["status"] == "ACTIVE"
        assert metric(client, 'deliveries_total{outcome="dropped"}') == 0
    assert receiver.told() == ["MODEL_VERSION_CREATED fraud/2"] * 2


def test_a_deleted_webhook_is_told_nothing_more_and_leaves_nothing(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client:
        webhook = create(client, receiver)
        kept = create(client, receiver, "COMMENT_CREATED")
        assert client.delete(f"{BASE}/delete", params={"id": webhook["id"]}).json() == {}
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        as_(ALICE).add_comment("fraud", 1, "hello")
        receiver.wait(1)
        assert [one["id"] for one in client.get(f"{BASE}/list").json()["webhooks"]] == [kept["id"]]
        assert code_of(client.post(f"{BASE}/test", json={"id": webhook["id"]})) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert code_of(client.request("DELETE", f"{BASE}/delete", json={"id": webhook["id"]})) == (
            404,
            "RESOURCE_DOES_NOT_EXIST",
        )
    assert receiver.told() == ["COMMENT_CREATED fraud/1"]
    assert len(list(tmp_path.rglob("places/*.json"))) == 1


def test_a_test_sends_what_is_made_up_and_shows_the_answer(tmp_path: Path, receiver: Receiver) -> None:
    new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as client:
        webhook = create(client, receiver, status="TEST_MODE", model_name="fraud", events=["MODEL_VERSION_CREATED"])
        receiver.answers += [418]
        answer = client.post(f"{BASE}/test", json={"id": webhook["id"]})
        assert answer.json() == {"status_code": 418, "body": "taken"}
        event = "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION"
        client.post(f"{BASE}/test", json={"id": webhook["id"], "event": event}).raise_for_status()
        assert code_of(client.post(f"{BASE}/test", json={"id": webhook["id"], "event": "X"}))[0] == 400
        client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": "DISABLED"})
        assert "disabled" in client.post(f"{BASE}/test", json={"id": webhook["id"]}).json()["message"]
    assert receiver.told() == ["MODEL_VERSION_CREATED fraud/1", f"{event} fraud/1"]
    assert receiver.got[1].json["to_stage"] == "Production"
    assert "nothing has happened" in receiver.got[0].json["text"]


def test_a_job_is_started_by_the_runner_as_databricks_would_and_may_approve(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    job = {"job_id": "42", "access_token": "t0ken", "workspace_url": "https://work.acme.io"}
    with serving(quick(tmp_path / "r.git", webhooks={"allowed": (), "runner": receiver.url})) as client:
        body = {"events": ["TRANSITION_REQUEST_CREATED"], "job_spec": job, "model_name": "fraud"}
        webhook = client.post(f"{BASE}/create", json=body).json()["webhook"]
        assert webhook["job_spec"] == {"job_id": "42", "workspace_url": "https://work.acme.io"}
        as_(ALICE).request_stage("fraud", 1, "Production")
        call = receiver.wait(1)[0]
        asked = json.loads(call.json["notebook_params"]["event_message"])
        waiting = client.get("/api/v1/requests", params={"model": asked["model_name"]}).json()["requests"]
        assert [(one["version"], one["to_stage"]) for one in waiting] == [(int(asked["version"]), asked["to_stage"])]
        assert client.post(f"/api/v1/requests/{waiting[0]['id']}/approve", json={}).json()["state"] == "approved"
    assert call.headers["authorization"] == "Bearer t0ken"
    assert call.json["job_id"] == 42
    assert call.json["workspace_url"] == "https://work.acme.io"
    assert asked["event"] == "TRANSITION_REQUEST_CREATED"
    assert as_(ALICE).model("fraud").stages == {"Production": (1,)}
    with serving(quick(tmp_path / "r.git")) as client:
        refused = client.post(f"{BASE}/create", json=body)
        assert code_of(refused) == (400, "INVALID_PARAMETER_VALUE")
        assert "--webhook-runner" in refused.json()["message"]


def test_what_others_push_to_the_remote_is_told_too(tmp_path: Path, receiver: Receiver) -> None:
    place = tmp_path / "models.git"
    as_ = new_registry(place, versions=1)
    registry_git.clone(str(place), tmp_path / "clone.git", actor=ALICE)
    with serving(quick(tmp_path / "clone.git", fetch_seconds=0.1)) as client:
        create(client, receiver)
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(1)
        asked = as_(ALICE).request_stage("fraud", 2, "Staging")
        receiver.wait(2)
        as_(BOB).approve(asked.id)
        receiver.wait(3)
    assert receiver.told() == [
        "MODEL_VERSION_CREATED fraud/2",
        "TRANSITION_REQUEST_CREATED fraud/2",
        "MODEL_VERSION_TRANSITIONED_STAGE fraud/2",
    ]


def test_a_request_whose_branch_goes_before_its_record_comes_is_told_once(
    tmp_path: Path, receiver: Receiver, git: Git
) -> None:
    place = tmp_path / "r.git"
    as_ = new_registry(place, versions=1)
    with serving(quick(place)) as client:
        create(client, receiver)
        asked = as_(ALICE).request_stage("fraud", 1, "Staging")
        receiver.wait(1)
        branch = f"refs/heads/{asked.branch}"
        git(place, "update-ref", "refs/keep/request", branch)
        git(place, "update-ref", "-d", branch)
        as_(ALICE).add_comment("fraud", 1, "meanwhile")
        receiver.wait(2)
        git(place, "update-ref", branch, "refs/keep/request")
        as_(BOB).approve(asked.id)
        receiver.wait(3)
        until(lambda: metric(client, "waiting") == 0)
    assert [one.split()[0] for one in receiver.told()] == [
        "TRANSITION_REQUEST_CREATED",
        "COMMENT_CREATED",
        "MODEL_VERSION_TRANSITIONED_STAGE",
    ]


def test_servers_that_share_their_webhooks_tell_once(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with serving(quick(tmp_path / "r.git")) as first, serving(quick(tmp_path / "r.git")) as second:
        webhook = create(second, receiver)
        assert first.get(f"{BASE}/list").json() == {"webhooks": [webhook]}
        for number in (2, 3, 4):
            as_(ALICE).register("fraud", f"s3://acme/fraud/{number}")
        receiver.wait(3)
        until(lambda: metric(first, "waiting") + metric(second, "waiting") == 0)
    assert receiver.told() == [f"MODEL_VERSION_CREATED fraud/{number}" for number in (2, 3, 4)]


def test_a_receiver_that_hangs_keeps_no_other_from_being_told(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    receiver.pause = 3.0
    with serving(quick(tmp_path / "r.git", webhooks={"call_seconds": 0.5})) as client, receiving() as other:
        create(client, receiver)
        create(client, other)
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        receiver.wait(1)
        other.wait(1, seconds=3)
        until(lambda: metric(client, 'deliveries_total{outcome="failed"}') >= 1)


def test_a_rewritten_history_is_told_to_nobody_until_the_webhook_begins_anew(
    tmp_path: Path, receiver: Receiver, git: Git, caplog: pytest.LogCaptureFixture
) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=2)
    with serving(quick(tmp_path / "r.git")) as client:
        webhook = create(client, receiver)
        git(tmp_path / "r.git", "update-ref", "refs/heads/main", "main~1")
        until(lambda: "is told of nothing any more" in caplog.text)
        assert "was rewritten" in caplog.text
        for status in ("DISABLED", "ACTIVE"):
            client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": status}).raise_for_status()
        as_(ALICE).add_comment("fraud", 1, "anew")
        receiver.wait(1)
    assert receiver.told() == ["COMMENT_CREATED fraud/1"]


def test_a_branch_that_took_main_in_and_became_it_is_told_of_with_all_that_is_new(
    tmp_path: Path, receiver: Receiver, git: Git
) -> None:
    place = tmp_path / "r.git"
    as_ = new_registry(place, versions=1)
    with serving(quick(place)) as client:
        old = git(place, "rev-parse", "main")
        as_(ALICE).register("churn", "s3://acme/churn/1")
        ours = git(place, "rev-parse", "main")
        git(place, "update-ref", "refs/heads/main", old)
        as_(ALICE).add_comment("fraud", 1, "seen")
        create(client, receiver)
        tree = git(place, "merge-tree", "--write-tree", ours, "main")
        merged = git(place, "commit-tree", tree, "-p", ours, "-p", "main", "-m", "Take main in")
        git(place, "update-ref", "refs/heads/main", merged)
        receiver.wait(3)
    assert receiver.told()[:2] == ["REGISTERED_MODEL_CREATED churn/", "MODEL_VERSION_CREATED churn/1"]


def test_a_renamed_model_is_no_new_one_and_a_deleted_version_has_not_moved(tmp_path: Path, receiver: Receiver) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=2)
    as_(ALICE).transition("fraud", 1, "Production")
    with serving(quick(tmp_path / "r.git")) as client:
        create(client, receiver)
        as_(ALICE).rename("fraud", "scam")
        as_(ALICE).delete("scam", version=1, leaving=True)
        as_(ALICE).add_comment("scam", 2, "the only one")
        receiver.wait(1)
    assert receiver.told() == ["COMMENT_CREATED scam/2"]
