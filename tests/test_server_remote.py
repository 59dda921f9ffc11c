"""A server before a remote: it keeps up, its own writes are seen at once, and several of them stay one registry."""

from __future__ import annotations

import hmac
import itertools
import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

import registry_git
from tests.conftest import Git
from tests.registry_scene import ALICE, healthy, new_registry, policy_text
from tests.server_scene import code_of, serving, settings_of
from tests.test_server_process import started
from tests.waiting import until

API = "/api/v1"
FORGE = "forge: {kind: gitea, url: 'http://127.0.0.1:9', repository: acme/models}\n"


def cloned(tmp_path: Path, place: Path, name: str) -> Path:
    registry_git.clone(str(place), tmp_path / name, actor=ALICE)
    return tmp_path / name


def test_what_others_push_comes_by_itself_and_own_writes_are_there_at_once(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    registry = new_registry(place, versions=1)(ALICE)
    clone = cloned(tmp_path, place, "clone.git")
    with serving(settings_of(clone, fetch_seconds=0.1)) as client:
        client.post(f"{API}/models/fraud/versions", json={"source": "s3://acme/fraud/2"}).raise_for_status()
        assert client.get(f"{API}/models/fraud").json()["latest_version"] == 2
        assert registry.model("fraud").latest_version == 2, "it is at the remote before it is acknowledged"
        registry.register("fraud", "s3://acme/fraud/3")
        asked = registry.request_stage("fraud", 1, "Production")
        until(lambda: client.get(f"{API}/models/fraud").json()["latest_version"] == 3)
        assert client.get("/ready").json()["seconds_since_fetch"] < 15
        assert 'registry_git_fetches_total{outcome="done"}' in client.get("/metrics").text
        assert client.post(f"{API}/requests/{asked.id}/approve", json={}).json()["state"] == "approved"
        assert registry.model("fraud").stages == {"Production": (1,)}


def test_a_remote_that_is_away_keeps_no_read_from_its_answer(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=1)
    clone = cloned(tmp_path, place, "clone.git")
    with serving(settings_of(clone, fetch_seconds=0.1)) as client:
        until(lambda: client.get("/ready").status_code == 200)
        place.rename(tmp_path / "away.git")
        until(lambda: 'outcome="failed"' in client.get("/metrics").text)
        assert client.get(f"{API}/requests").json() == {"requests": []}
        assert client.get("/ready").status_code == 200
        assert code_of(client.post(f"{API}/models", json={"name": "x"})) == (503, "TEMPORARILY_UNAVAILABLE")
        (tmp_path / "away.git").rename(place)
        assert client.post(f"{API}/models", json={"name": "x"}).status_code == 201


def test_a_server_that_starts_while_the_remote_is_away_is_ready_to_answer(tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=1)
    clone = cloned(tmp_path, place, "clone.git")
    place.rename(tmp_path / "away.git")
    with serving(settings_of(clone, fetch_seconds=0.1)) as client:
        until(lambda: client.get("/ready").status_code == 200)
        assert client.get("/ready").json()["seconds_since_fetch"] is None
        assert client.get(f"{API}/models/fraud").json()["latest_version"] == 1


def test_a_rewritten_history_is_an_alarm_that_ready_tells(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=2)
    clone = cloned(tmp_path, place, "clone.git")
    with serving(settings_of(clone, fetch_seconds=0.1)) as client:
        until(lambda: client.get("/ready").status_code == 200)
        git(place, "update-ref", "refs/heads/main", "main~1")
        until(lambda: client.get("/ready").status_code == 503)
        assert client.get(f"{API}/models/fraud").json()["latest_version"] == 2


def test_the_forge_s_webhook_makes_it_look_and_only_with_its_signature(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    registry = new_registry(place, versions=1)(ALICE)
    registry.set_policy(policy_text(registry) + FORGE)
    clone = cloned(tmp_path, place, "clone.git")
    body = json.dumps(
        {"ref": "refs/heads/main", "after": "0" * 40, "repository": {"full_name": "acme/models"}}
    ).encode()
    right = {"x-gitea-signature": hmac.new(b"word", body, sha256).hexdigest(), "x-gitea-event": "push"}
    with serving(settings_of(clone, fetch_seconds=3600.0, hook_secret="word")) as client:
        until(lambda: client.get("/ready").json()["seconds_since_fetch"] is not None)
        registry.register("fraud", "s3://acme/fraud/2")
        for headers in ({}, right | {"x-gitea-signature": "0" * 64}):
            assert code_of(client.post(f"{API}/forge-events", content=body, headers=headers)) == (
                403,
                "PERMISSION_DENIED",
            )
        assert client.get(f"{API}/models/fraud").json()["latest_version"] == 1
        heard = client.post(f"{API}/forge-events", content=body, headers=right)
        assert (heard.status_code, heard.json()) == (202, {"event": "pushed"})
        until(lambda: client.get(f"{API}/models/fraud").json()["latest_version"] == 2)
    with serving(settings_of(clone, fetch_seconds=3600.0)) as client:
        assert code_of(client.post(f"{API}/forge-events", content=body, headers=right)) == (403, "PERMISSION_DENIED")


def test_who_signs_nothing_is_told_the_same_with_a_forge_and_without_with_a_secret_and_without(tmp_path: Path) -> None:
    with_forge, without = new_registry(tmp_path / "forge.git")(ALICE), new_registry(tmp_path / "plain.git")
    with_forge.set_policy(policy_text(with_forge) + FORGE)
    assert without(ALICE).policy().forge is None
    told = set()
    for place in ("forge.git", "plain.git"):
        for secret in ("word", ""):
            with serving(settings_of(tmp_path / place, fetch_seconds=3600.0, hook_secret=secret)) as client:
                answer = client.post(f"{API}/forge-events", content=b"{}")
                told.add((answer.status_code, answer.text))
    assert len(told) == 1
    assert told.pop()[0] == 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """One write: its mark in the commit, and when it was asked and acknowledged (monotonic seconds)."""

    mark: str
    asked: float
    answered: float


class Work:
    """What the threads do, and what they were told."""

    def __init__(self) -> None:
        self.done: list[Acknowledged] = []
        self._lock = threading.Lock()

    def post(self, client: httpx.Client, path: str, mark: str, **body: Any) -> Any:
        began = time.monotonic()
        answer = client.post(f"{API}{path}", json={**body, "id": mark})
        answer.raise_for_status()
        with self._lock:
            self.done.append(Acknowledged(mark=mark, asked=began, answered=time.monotonic()))
        return answer.json()

    def mixed(self, client: httpx.Client, name: str, rounds: int) -> None:
        """Registers, moves and looks: what was written here is seen here at once."""
        for number in range(rounds):
            mark = f"{name}-{number:03d}"
            made = self.post(client, "/models/fraud/versions", mark, source=f"s3://acme/{mark}")["version"]
            assert client.get(f"{API}/models/fraud/versions/{made}").json()["id"] == mark
            self.post(client, f"/models/fraud/versions/{made}/stage", f"{mark}-move", stage="Staging")
            shown = client.get(f"{API}/models/fraud/versions/{made}").json()
            assert shown["stages"] == ["Staging"]


def assert_linear(done: list[Acknowledged], places: dict[str, int]) -> None:
    """What was acknowledged before another was asked for comes before it in the history."""
    for one, other in itertools.permutations(done, 2):
        if one.answered < other.asked:
            assert places[one.mark] < places[other.mark], (one, other)


@pytest.mark.slow
def test_three_servers_on_one_remote_lose_nothing_and_are_one_line_of_history(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models.git"
    as_ = new_registry(place)
    work = Work()
    with ExitStack() as stack:
        clients = []
        for number in range(3):
            env = {"XDG_CACHE_HOME": str(tmp_path / f"cache{number}")}
            process, url = stack.enter_context(
                started(f"file://{place}", "--no-access-log", "--fetch-seconds", "0.5", env=env)
            )
            clients.append(stack.enter_context(httpx.Client(base_url=url, timeout=120)))
        with ThreadPoolExecutor(9) as threads:
            jobs = [
                threads.submit(work.mixed, client, f"s{number}t{thread}", 3)
                for number, client in enumerate(clients)
                for thread in range(3)
            ]
            for job in jobs:
                job.result()
        for number, client in enumerate(clients):
            asked = work.post(client, "/requests", f"request-{number}", model="fraud", version="1", alias=f"a{number}")
            other = clients[(number + 1) % 3]
            assert other.post(f"{API}/requests/{asked['id']}/approve", json={}).json()["state"] == "approved"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    registry = as_(ALICE)
    log = git(place, "log", "--first-parent", "--reverse", "--format=%B%x00", "main").split("\0")
    places = {
        mark: number for number, text in enumerate(log) for mark in re.findall(r"^Registry-\w+: (\S+)$", text, re.M)
    }
    direct = [one for one in work.done if not one.mark.startswith("request-")]
    assert len(direct) == 3 * 3 * 3 * 2
    assert {one.mark for one in direct} <= set(places), "nothing that was acknowledged is lost"
    assert_linear(direct, places)
    versions = registry.versions("fraud")
    assert sorted(one.version for one in versions) == list(range(1, 28))
    assert all(one.stages == ("Staging",) for one in versions)
    assert registry.model("fraud").aliases == {"a0": 1, "a1": 1, "a2": 1}
    healthy(git, place, registry)
    assert os.path.isdir(tmp_path / "cache2")
