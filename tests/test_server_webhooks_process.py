"""A server that is killed at any moment tells everything when it is started again, in order."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from tests.registry_scene import ALICE, BOB, new_registry
from tests.test_server_process import started
from tests.waiting import until
from tests.webhook_scene import create, metric, receiving

_VERSIONS = 4  # before each kill


@pytest.mark.slow
def test_kill_9_loses_nothing_and_changes_no_order(tmp_path: Path) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    accounts = ("--accounts", str(tmp_path / "accounts.json"), "--no-access-log", "--webhook-allow", "127.0.0.0/8")
    number = 1
    with receiving() as receiver:
        receiver.pause = 0.1  # between having it and saying so
        with started(tmp_path / "r.git", *accounts) as (_, url), httpx.Client(base_url=url) as client:
            create(client, receiver, "MODEL_VERSION_CREATED", "TRANSITION_REQUEST_CREATED")
        for turn in range(2):
            for _ in range(_VERSIONS):
                number += 1
                as_(ALICE).register("fraud", f"s3://acme/fraud/{number}")
            told = len(receiver.got)
            asked = as_(ALICE).request_stage("fraud", number, "Staging")
            with started(tmp_path / "r.git", *accounts) as (process, url), httpx.Client(base_url=url) as client:
                receiver.wait(told + 2)  # it is in the middle of it
                client.post("/api/v1/models", json={"name": f"m{turn}"}).raise_for_status()
                process.kill()
                process.wait()
            as_(BOB).approve(asked.id)
        with started(tmp_path / "r.git", *accounts) as (_, url), httpx.Client(base_url=url) as client:
            receiver.pause = 0.0
            until(lambda: receiver.told().count(f"TRANSITION_REQUEST_CREATED fraud/{number}") >= 1)
            until(lambda: metric(client, "waiting") == 0)
            told = len(receiver.got)
            time.sleep(0.5)
            assert len(receiver.got) == told
    created = [one.partition("/")[2] for one in receiver.told() if one.startswith("MODEL_VERSION_CREATED")]
    assert list(dict.fromkeys(created)) == [str(one) for one in range(2, number + 1)]
    asked_for = dict.fromkeys(one for one in receiver.told() if one.startswith("TRANSITION_REQUEST_CREATED"))
    assert list(asked_for) == [f"TRANSITION_REQUEST_CREATED fraud/{one}" for one in (5, 9)]
    again = len(receiver.got) - len({one.headers["x-registry-git-delivery"] for one in receiver.got})
    assert 1 <= again <= 2, "each kill may repeat the one that was under way"
