"""The own API: what the command line can do, over HTTP, in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import registry_git
from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.permissions import SCOPES, Permission
from tests.cli_program import run
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, CAROL, healthy, new_registry, policy_text
from tests.server_scene import code_of, serving, settings_of

API = "/api/v1"


class People:
    """A running server, and its callers by name."""

    def __init__(self, client: httpx.Client, place: Path, tokens: dict[str, str]) -> None:
        self.client = client
        self.place = place
        self._tokens = tokens

    def __call__(self, who: str, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._tokens[who]}"}
        json_body = None if method == "GET" else body
        return self.client.request(
            method, f"{API}{path}", headers=headers, params=body if method == "GET" else None, json=json_body
        )

    def ok(self, who: str, method: str, path: str, **body: Any) -> Any:
        answer = self(who, method, path, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    place = tmp_path_factory.mktemp("own") / "models.git"
    new_registry(place, versions=3, protect=["Production"], roles={"leads": ["bob@acme.io", "carol@acme.io"]})
    settings = settings_of(place)
    file = AccountFile(settings.accounts)
    tokens = {}
    for actor in (ALICE, BOB, CAROL):
        name, email = actor.split(" <")
        file.add(Actor.parse(actor))
        tokens[name.lower()], _ = file.add_token(email[:-1], scopes=frozenset(SCOPES), created=0, expires=None)
    with serving(settings) as client:
        yield People(client, place, tokens)


def printed(people: People, *words: str) -> Any:
    return json.loads(run("-R", str(people.place), *words, "-o", "json").out)


def test_a_model_goes_from_registration_to_production_by_a_request(people: People, git: Git) -> None:
    made = people.ok("alice", "POST", "/models/risk/versions", source="s3://acme/risk/1", tags={"auc": "0.9"})
    assert (made["model"], made["version"], made["created_by"]) == ("risk", 1, ALICE)
    refused = people("alice", "POST", "/models/risk/versions/1/stage", stage="Production")
    assert code_of(refused) == (403, "PERMISSION_DENIED")
    asked = people.ok("alice", "POST", "/requests", model="risk", version="1", stage="Production", comment="Ready.")
    assert asked["decision"]["needed"] == 1
    assert asked["decision"]["may_approve"] == ["bob@acme.io", "carol@acme.io"]
    assert "models/risk/stages/Production/pointer.yaml" in people.ok("bob", "GET", f"/requests/{asked['id']}/diff")
    preview = people.ok("bob", "GET", "/resolve", uri="models:/risk/Production", at=asked["id"])
    assert preview["source"] == "s3://acme/risk/1"
    done = people.ok("bob", "POST", f"/requests/{asked['id']}/approve", comment="Go.")
    assert (done["state"], done["reviews"][0]["by"]) == ("approved", BOB)
    assert people.ok("alice", "GET", "/resolve", uri="models:/risk/Production")["version"] == 1
    assert git(people.place, "log", "-1", "--format=%an <%ae>", "main") == BOB
    told = people.ok("carol", "GET", "/activity", model="risk")["activities"]
    assert [one["activity_type"] for one in told][-2:] == ["REQUESTED_TRANSITION", "APPROVED_REQUEST"]


def test_a_request_that_is_rejected_says_who_said_what(people: People) -> None:
    asked = people.ok("alice", "POST", "/requests", model="fraud", version="1", stage="Production")
    first = people.ok("bob", "POST", f"/requests/{asked['id']}/reject", comment="Not yet.")
    assert (first["state"], first["reviews"][0]["comment"]) == ("rejected", "Not yet.")
    assert people.ok("carol", "GET", "/requests", state="rejected")["requests"][0]["id"] == asked["id"]
    assert code_of(people("carol", "POST", f"/requests/{asked['id']}/approve")) == (409, "RESOURCE_CONFLICT")


def test_a_request_with_several_approvals_says_what_is_missing_and_whom_it_waits_for(people: People) -> None:
    registry = registry_git.open(people.place, actor=ALICE)

    def policy(text: str) -> None:
        asked = registry.request_policy(text)
        registry_git.open(people.place, actor=CAROL).approve(asked.id)

    rules = "- {on: stage, to: [Staging], approvals: 2, by: [leads], four_eyes: true}\n"
    before = policy_text(registry)
    policy(before.replace("rules:\n", f"rules:\n{rules}"))
    asked = people.ok("alice", "POST", "/requests", model="fraud", version="1", stage="Staging")["id"]

    def waiting(email: str) -> list[str]:
        return [one["id"] for one in people.ok("alice", "GET", "/requests", decider=email)["requests"]]

    assert [waiting(f"{name}@acme.io") for name in ("alice", "BOB", "carol")] == [[], [asked], [asked]]
    first = people.ok("bob", "POST", f"/requests/{asked}/approve", comment="Good.")
    assert (first["state"], first["decision"]["given"], first["decision"]["needed"]) == ("open", 1, 2)
    seen = people.ok("alice", "GET", f"/requests/{asked}")
    assert [(one["by"], one["verdict"], one["comment"]) for one in seen["reviews"]] == [(BOB, "approved", "Good.")]
    assert "2 approvals by leads" in seen["decision"]["unmet"][0]["why"]
    assert [waiting(f"{name}@acme.io") for name in ("alice", "bob", "carol")] == [[], [], [asked]]
    assert people.ok("carol", "POST", f"/requests/{asked}/approve")["state"] == "approved"
    assert waiting("carol@acme.io") == []
    for odd in ({"state": "all"}, {"at": "main"}):
        refused = people("alice", "GET", "/requests", decider="bob@acme.io", **odd)
        assert code_of(refused) == (400, "INVALID_PARAMETER_VALUE")
    policy(before)
    people.ok("alice", "POST", "/models/fraud/versions/1/stage", stage="None")


def test_what_it_answers_is_what_the_command_line_prints(people: People) -> None:
    model = printed(people, "list")
    assert people.ok("alice", "GET", "/models")["models"] == model
    assert people.ok("alice", "GET", "/models/fraud/versions")["versions"] == printed(people, "list", "fraud")
    assert people.ok("alice", "GET", "/diff", left="fraud/1", right="fraud/2")["differences"] == printed(
        people, "diff", "fraud/1", "fraud/2"
    )
    wanted = printed(people, "activity")
    assert people.ok("alice", "GET", "/activity", max_results=1000)["activities"] == wanted
    shown = printed(people, "request", "list", "--state", "all")
    told = people.ok("alice", "GET", "/requests", state="all")["requests"]
    assert [{key: one[key] for key in told[0]} for one in shown] == told


def test_pages_hold_what_was_asked_for_and_end(people: People) -> None:
    first = people.ok(
        "alice", "GET", "/versions", filter="name = 'fraud'", max_results=2, order_by="version_number ASC"
    )
    assert [one["version"] for one in first["versions"]] == [1, 2]
    token = first["next_page_token"]
    rest = people.ok(
        "alice",
        "GET",
        "/versions",
        filter="name = 'fraud'",
        max_results=2,
        order_by="version_number ASC",
        page_token=token,
    )
    assert ([one["version"] for one in rest["versions"]], rest["next_page_token"]) == ([3], "")
    pages = [people.ok("alice", "GET", "/models", max_results=1, order_by="last_activity DESC")]
    while token := pages[-1]["next_page_token"]:
        pages.append(
            people.ok("alice", "GET", "/models", max_results=1, order_by="last_activity DESC", page_token=token)
        )
    models = [one for page in pages for one in page["models"]]
    assert [len(page["models"]) for page in pages] == [1] * len(models)
    assert {page["total"] for page in pages} == {len(models)}
    assert [one["last_activity"] for one in models] == sorted((one["last_activity"] for one in models), reverse=True)
    found = people.ok("alice", "GET", "/models", text="ALICE fra")
    assert ([one["name"] for one in found["models"]], found["total"]) == (["fraud"], 1)
    for wrong in ({"max_results": 10**9}, {"max_results": 0}, {"page_token": "AAAA"}, {"filter": "name ="}):
        assert code_of(people("alice", "GET", "/models", **wrong)) == (400, "INVALID_PARAMETER_VALUE")


def test_wildcards_and_quotes_in_a_search_are_literal(people: People) -> None:
    for name in ("100%_sure", "100xxsure"):
        people.ok("alice", "POST", "/models", name=name)
    found = people.ok("alice", "GET", "/models", filter="name = '100%_sure'")["models"]
    assert [one["name"] for one in found] == ["100%_sure"]
    assert people("alice", "GET", "/models", filter="name = 'x' OR '1'='1'").status_code == 400


def test_the_past_is_one_parameter_away(people: People) -> None:
    before = people.ok("alice", "GET", "/registry")["commit"]
    people.ok("alice", "PATCH", "/models/fraud", description="Card fraud.", tags={"team": "risk"})
    people.ok("alice", "PATCH", "/models/fraud/versions/1", status="FAILED_REGISTRATION", tags={"a": "1"})
    now = people.ok("alice", "GET", "/models/fraud")
    assert (now["description"], now["tags"]) == ("Card fraud.", {"team": "risk"})
    then = people.ok("alice", "GET", "/models/fraud", at=before)
    assert (then["description"], then["tags"], then["commit"]) == ("", {}, before)
    assert people.ok("alice", "GET", "/models/fraud/versions/1", at=before)["status"] == "READY"
    people.ok("alice", "PATCH", "/models/fraud", tags={"team": None})
    assert people.ok("alice", "GET", "/models/fraud")["tags"] == {}
    assert code_of(people("alice", "GET", "/models/fraud", at="HEAD~1")) == (400, "INVALID_PARAMETER_VALUE")


def test_aliases_comments_and_deletions_are_written_by_who_calls(people: People) -> None:
    assert people.ok("bob", "PUT", "/models/fraud/aliases/champion", version="2")["aliases"]["champion"] == 2
    said = people.ok("carol", "POST", "/models/fraud/versions/2/comments", text="Drifts.")
    assert said["author"] == CAROL
    assert people.ok("alice", "GET", "/models/fraud/versions/2/comments")["comments"] == [said]
    assert "champion" not in people.ok("bob", "DELETE", "/models/fraud/aliases/champion")["aliases"]
    gone = people.ok("alice", "POST", "/models/fraud/versions", source="s3://acme/fraud/4")["version"]
    assert people.ok("alice", "DELETE", f"/models/fraud/versions/{gone}", comment="A mistake.")["changed"] is True
    assert code_of(people("alice", "GET", f"/models/fraud/versions/{gone}")) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_retry_with_the_same_id_registers_once(people: People) -> None:
    made = [
        people.ok("alice", "POST", "/models/churn/versions", source="s3://acme/churn", id="job-7781")["version"]
        for _ in range(3)
    ]
    assert made == [1, 1, 1]


def test_a_field_that_is_not_known_and_a_body_that_is_no_object_are_refused(people: People) -> None:
    wrong = people("alice", "POST", "/models/fraud/versions", source="s3://x", tagz={})
    assert code_of(wrong) == (400, "INVALID_PARAMETER_VALUE")
    assert "tagz" in wrong.json()["message"]
    assert code_of(people("alice", "POST", "/models", name=7)) == (400, "INVALID_PARAMETER_VALUE")
    assert code_of(people("alice", "POST", "/requests", model="fraud", version="1")) == (400, "INVALID_PARAMETER_VALUE")


def test_deployments_are_shown(people: People) -> None:
    registry = registry_git.open(people.place, actor=ALICE)
    registry.add_deployment("staging", "scorer", model="fraud", version=1)
    found = people.ok("alice", "GET", "/deployments", model="fraud")["deployments"]
    assert [(one["environment"], one["name"], one["version"]) for one in found] == [("staging", "scorer", 1)]
    assert people.ok("alice", "GET", "/deployments/staging/scorer") == found[0]
    assert code_of(people("alice", "GET", "/deployments/staging/none")) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_the_registry_is_healthy_after_all_that(people: People, git: Git) -> None:
    healthy(git, people.place, registry_git.open(people.place, actor=ALICE))


def test_a_token_that_may_not_approve_does_not_approve_by_moving_directly(tmp_path: Path) -> None:
    """A direct change counts as its author's own approval, where a rule takes that."""
    place = tmp_path / "models.git"
    rules = "rules:\n  - {on: stage, to: [Production], approvals: 1}\n"
    new_registry(place, versions=1, rules=rules)
    settings = settings_of(place)
    file = AccountFile(settings.accounts)
    file.add(Actor.parse(ALICE))
    write = frozenset({Permission.READ, Permission.WRITE})
    with serving(settings) as client:
        for scopes, status in ((write, 403), (frozenset(SCOPES), 200)):
            token, _ = file.add_token("alice@acme.io", scopes=scopes, created=0, expires=None)
            answer = client.post(
                f"{API}/models/fraud/versions/1/stage",
                json={"stage": "Production"},
                headers={"authorization": f"Bearer {token}"},
            )
            assert answer.status_code == status, answer.text


def test_a_token_that_may_not_approve_cancels_its_own_requests_alone(tmp_path: Path) -> None:
    """To cancel what another asked for is a decision, by whichever route."""
    place = tmp_path / "models.git"
    new_registry(place, versions=2, protect=["Production"], roles={"leads": ["bob@acme.io"]})
    settings = settings_of(place)
    file = AccountFile(settings.accounts)
    file.add(Actor.parse(BOB))
    theirs = registry_git.open(place, actor=ALICE).request_stage("fraud", 1, "Production").request
    own = registry_git.open(place, actor=BOB).request_stage("fraud", 2, "Production").request
    twin = {"name": "fraud", "version": "1", "stage": "Production", "creator": "alice@acme.io"}
    with serving(settings) as client:

        def ask(scopes: frozenset[Permission], method: str, path: str, **query: str) -> int:
            token, _ = file.add_token("bob@acme.io", scopes=scopes, created=0, expires=None)
            return client.request(method, path, params=query, headers={"authorization": f"Bearer {token}"}).status_code

        write = frozenset({Permission.READ, Permission.WRITE})
        assert ask(write, "POST", f"{API}/requests/{theirs}/cancel") == 403
        assert ask(write, "DELETE", "/api/2.0/mlflow/transition-requests/delete", **twin) == 403
        assert ask(write, "POST", f"{API}/requests/{own}/cancel") == 200
        assert ask(frozenset(SCOPES), "POST", f"{API}/requests/{theirs}/cancel") == 200
