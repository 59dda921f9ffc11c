"""A webhook is its maker's for as long as they may have it, and its model's under whatever name."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import httpx
import pytest

from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.permissions import SCOPES
from tests.registry_scene import ALICE, BOB, CAROL, DAVE, As, new_registry, policy_text
from tests.server_scene import serving, settings_of
from tests.waiting import until
from tests.webhook_scene import BASE, create, quick, receiving

TEAM = {"ml-leads": ["bob@acme.io", "carol@acme.io", "dave@acme.io"]}
NEW = ["MODEL_VERSION_CREATED"]


def status_of(client: httpx.Client, id: str) -> tuple[str, str]:
    found = client.get(f"{BASE}/list").json()["webhooks"]
    return next((one["status"], one.get("model_name", "")) for one in found if one["id"] == id)


def without(as_: As, email: str) -> None:
    registry = as_(CAROL)
    text = policy_text(registry)
    assert f"- {email}\n" in text
    asked = registry.request_policy("".join(line for line in text.splitlines(True) if line.strip() != f"- {email}"))
    as_(DAVE).approve(asked.id)


@pytest.mark.parametrize("model", ["fraud", None])
def test_who_loses_the_level_has_no_webhook_any_more(
    tmp_path: Path, model: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "r.git"
    as_ = new_registry(place, versions=1, protect=["Production"], roles=TEAM)
    bearer = tokens(place, BOB, CAROL)
    more = {"model_name": model} if model else {}
    with receiving() as receiver, serving(quick(place)) as client:
        client.headers.update(bearer[BOB])
        webhook = create(client, receiver, *NEW, **more)
        as_(ALICE).register("fraud", "s3://acme/fraud/2")
        until(lambda: receiver.told() == ["MODEL_VERSION_CREATED fraud/2"])
        client.headers.update(bearer[CAROL])
        with caplog.at_level(logging.ERROR):
            without(as_, "bob@acme.io")
            as_(ALICE).register("fraud", "s3://acme/fraud/3")
            until(lambda: status_of(client, webhook["id"])[0] == "DISABLED")
        why = "Bob <bob@acme.io> answers for it, and may not have it any more"
        assert why in caplog.text
        (told,) = client.get(f"{BASE}/list").json()["webhooks"]
        assert told["status_message"].startswith(f"Disabled by the server: {why}; who may have it takes it over with")
        again = client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": "ACTIVE"})
        assert again.status_code == 200, "Carol may, and answers for it from now on"
        assert "status_message" not in again.json()["webhook"]
        as_(ALICE).register("fraud", "s3://acme/fraud/4")
        until(lambda: receiver.told()[1:] == ["MODEL_VERSION_CREATED fraud/4"])
        assert status_of(client, webhook["id"])[0] == "ACTIVE"


def test_a_webhook_follows_its_model_s_renames_also_those_of_while_the_server_was_away(tmp_path: Path) -> None:
    place = tmp_path / "r.git"
    as_ = new_registry(place, versions=1)
    with receiving() as receiver:
        with serving(quick(place)) as client:
            webhook = create(client, receiver, *NEW, model_name="fraud")
            as_(ALICE).rename("fraud", "risk")
            as_(ALICE).register("risk", "s3://acme/risk/2")
            until(lambda: receiver.told() == ["MODEL_VERSION_CREATED risk/2"])
            assert status_of(client, webhook["id"]) == ("ACTIVE", "risk")
        as_(ALICE).register("risk", "s3://acme/risk/3")
        as_(ALICE).rename("risk", "hazard")
        as_(ALICE).register("hazard", "s3://acme/hazard/4")
        as_(ALICE).register("risk", "s3://acme/risk/1")  # another model, which has the name now
        with serving(quick(place)) as client:
            wanted = [f"MODEL_VERSION_CREATED {name}" for name in ("risk/2", "risk/3", "hazard/4")]
            until(lambda: receiver.told() == wanted)
            until(lambda: status_of(client, webhook["id"]) == ("ACTIVE", "hazard"))


def test_one_that_was_told_of_nothing_has_its_model_s_name_of_now(tmp_path: Path) -> None:
    place = tmp_path / "r.git"
    as_ = new_registry(place, versions=1)
    with receiving() as receiver, serving(quick(place)) as client:
        webhook = create(client, receiver, *NEW, model_name="fraud", status="DISABLED")
        as_(ALICE).rename("fraud", "risk")
        assert status_of(client, webhook["id"]) == ("DISABLED", "risk")
        made = client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": "ACTIVE"}).json()["webhook"]
        assert (made["status"], made["model_name"]) == ("ACTIVE", "risk")
        as_(ALICE).register("risk", "s3://acme/risk/2")
        until(lambda: receiver.told() == ["MODEL_VERSION_CREATED risk/2"])


@pytest.mark.parametrize("guarded", [True, False])
def test_one_of_before_makers_were_written_down_is_told_until_rules_name_roles_and_then_says_so(
    tmp_path: Path, guarded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "r.git"
    as_ = new_registry(place, versions=1, protect=["Production"] if guarded else [], roles=TEAM)
    bearer = tokens(place, BOB)
    with receiving() as receiver:
        with serving(quick(place)) as client:
            client.headers.update(bearer[BOB])
            webhook = create(client, receiver, *NEW, model_name="fraud")
        (kept,) = tmp_path.glob("webhooks/*/webhooks.json")
        old = json.loads(kept.read_text())
        for one in old["webhooks"]:
            del one["by"], one["model_id"]
        kept.write_text(json.dumps(old))
        with caplog.at_level(logging.ERROR), serving(quick(place)) as client:
            client.headers.update(bearer[BOB])
            as_(ALICE).register("fraud", "s3://acme/fraud/2")
            if not guarded:
                until(lambda: receiver.told() == ["MODEL_VERSION_CREATED fraud/2"])
                return
            until(lambda: status_of(client, webhook["id"])[0] == "DISABLED")
            until(lambda: "nobody answers for it, and the policy names roles" in caplog.text)
            assert "registry-webhooks/update and the status ACTIVE" in caplog.text
            (told,) = client.get(f"{BASE}/list").json()["webhooks"]
            assert "nobody answers for it" in told["status_message"]
            again = client.patch(f"{BASE}/update", json={"id": webhook["id"], "status": "ACTIVE"}).json()["webhook"]
            assert "status_message" not in again
            as_(ALICE).register("fraud", "s3://acme/fraud/3")
            until(lambda: receiver.told() == ["MODEL_VERSION_CREATED fraud/3"])
            assert client.get(f"{BASE}/list").json()["webhooks"] == [again]


def tokens(place: Path, *people: str) -> dict[str, dict[str, str]]:
    accounts = AccountFile(settings_of(place).accounts)
    found = {}
    for person in people:
        actor = Actor.parse(person)
        accounts.add(actor)
        text, _ = accounts.add_token(actor.email, scopes=frozenset(SCOPES), created=0, expires=None)
        found[person] = {"authorization": f"Bearer {text}"}
    return found
