"""What is done on a model's page: by hand, with what the policy says about it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.core.errors import NotFound
from registry_git.registry.facade import Registry
from tests.pages_scene import Site, led, proof, reader
from tests.registry_scene import ALICE, BOB, LEADS, new_registry

RULES = """rules:
- on: alias
  to: [champion]
  approvals: 1
  by: [ml-leads]
- on: delete
  models: ["guarded*"]
  approvals: 1
  by: [ml-leads]
- on: alias
  models: ["guarded*"]
  approvals: 1
  by: [ml-leads]
- on: register
  models: ["secret*"]
  by: [ml-leads]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    as_ = new_registry(place, versions=3, roles=LEADS, rules=RULES)
    as_(BOB).set_alias("fraud", "champion", 1)
    as_(ALICE).register("unaliased", "s3://acme/unaliased/1")
    as_(ALICE).register("guarded", "s3://acme/guarded/1")
    as_(BOB).set_alias("guarded", "best", 1)
    return place


@pytest.fixture
def registry(place: Path) -> Registry:
    return registry_git.open(place, actor=ALICE)


def send(client: httpx.Client, address: str, page: str = "/models/fraud", **fields: str) -> httpx.Response:
    return client.post(address, data={"csrf": proof(client.get(page)), **fields})


def test_a_description_is_changed_with_the_line_ends_of_unix(client: httpx.Client, registry: Registry) -> None:
    answer = send(client, "/models/fraud/description", description="One\r\n\r\n* two")
    assert led(client, answer) == ("/models/fraud", "The description is changed.")
    assert registry.model("fraud").description == "One\n\n* two"
    assert registry.activity("fraud")[-1].user_id == ALICE


def test_tags_are_added_changed_and_removed(client: httpx.Client, registry: Registry) -> None:
    send(client, "/models/fraud/tags", key=" team ", value="risk")
    assert registry.model("fraud").tags["team"] == "risk"
    send(client, "/models/fraud/tags", key="team", value="fraud")
    assert registry.model("fraud").tags["team"] == "fraud"
    answer = send(client, "/models/fraud/tags/remove", key="team")
    assert led(client, answer) == ("/models/fraud#tags", "The tag team is removed.")
    assert "team" not in registry.model("fraud").tags


def test_a_refused_tag_is_said_on_the_page_with_what_was_typed(client: httpx.Client) -> None:
    answer = send(client, "/models/fraud/tags", form="tag", key="no*good", value="a value that took long to type")
    assert answer.status_code == 400
    assert "is no tag key." in answer.text
    assert '<details class="edit" open>' in answer.text
    assert 'value="no*good"' in answer.text
    assert 'value="a value that took long to type"' in answer.text


def test_an_alias_is_set_moved_and_removed_where_the_policy_lets_one(client: httpx.Client, registry: Registry) -> None:
    answer = send(client, "/models/fraud/aliases", alias="@challenger", version="v2")
    assert led(client, answer) == ("/models/fraud#aliases", "The alias challenger names v2 now.")
    assert registry.model("fraud").aliases["challenger"] == 2
    send(client, "/models/fraud/aliases", alias="challenger", version="3", how="now")
    assert registry.model("fraud").aliases["challenger"] == 3
    send(client, "/models/fraud/aliases/remove", alias="challenger", how="now")
    assert "challenger" not in registry.model("fraud").aliases


def test_an_alias_that_wants_approvals_is_asked_for(client: httpx.Client, registry: Registry) -> None:
    page = client.get("/models/fraud").text
    assert '<button class="main" name="how" value="ask">Ask for it</button>' in page
    assert "Ask to remove<span" in page
    for how, version in (("ask", "2"), ("", "3")):
        answer = send(client, "/models/fraud/aliases", alias="champion", version=version, how=how, comment="better")
        address, said = led(client, answer)
        request = registry.request(address.removeprefix("/requests/"))
        assert (request.action, request.version, request.comment) == ("alias", int(version), "better")
        assert said == (
            f"The policy wants approvals for this, so request {request.id} asks to "
            f"point the alias champion of fraud to v{version}."
        )
    assert registry.model("fraud").aliases["champion"] == 1
    answer = send(client, "/models/fraud/aliases/remove", alias="champion", how="ask")
    assert registry.request(led(client, answer)[0].removeprefix("/requests/")).version is None


def test_before_an_alias_is_set_it_says_for_which_names_that_will_be_a_request(
    client: httpx.Client, shop: Site
) -> None:
    ask = "For @champion the policy wants approvals: a request asks for them."
    plain, guarded = client.get("/models/unaliased").text, client.get("/models/guarded").text
    assert (ask in plain, '<button class="main">Set it</button>' in plain) == (True, True)
    assert (ask in guarded, '<button class="main">Ask for it</button>' in guarded) == (False, True)
    with reader(shop, "bob") as bob:
        page = bob.get("/models/unaliased").text
        assert (ask in page, '<button class="main">Set it</button>' in page) == (False, True)


def test_before_a_model_is_renamed_it_says_whether_that_will_be_a_request(client: httpx.Client, shop: Site) -> None:
    plain, guarded = client.get("/models/unaliased").text, client.get("/models/guarded").text
    assert '<button class="danger">Rename</button>' in plain
    assert '<button class="danger">Ask to rename it</button>' in guarded
    with reader(shop, "bob") as bob:
        assert '<button class="danger">Rename</button>' in bob.get("/models/guarded").text


def test_whoever_may_do_it_is_offered_to_do_it(shop: Site) -> None:
    with reader(shop, "bob") as client:
        page = client.get("/models/fraud").text
        assert '<button class="main" name="how" value="now">Point it there</button>' in page


def test_a_refused_alias_keeps_what_was_typed(client: httpx.Client) -> None:
    answer = send(client, "/models/fraud/aliases", form="alias", alias="best", version="99", comment="so good")
    assert answer.status_code == 404
    assert 'value="best"' in answer.text
    assert 'value="99"' in answer.text
    assert ">so good</textarea>" in answer.text
    answer = send(client, "/models/fraud/aliases", alias="best", version="newest")
    assert "is no version number." in answer.text


def test_doing_it_now_against_the_policy_is_refused_on_the_page(client: httpx.Client, registry: Registry) -> None:
    answer = send(client, "/models/fraud/aliases", alias="champion", version="2", how="now")
    assert answer.status_code == 403
    assert "The policy does not allow this" in answer.text
    assert registry.model("fraud").aliases["champion"] == 1


def test_a_model_is_renamed_and_the_page_follows(client: httpx.Client, registry: Registry) -> None:
    registry.create_model("old name")
    answer = send(client, "/models/old%20name/rename", "/models/old%20name", form="rename", new_name="new/name")
    assert answer.status_code == 400
    assert 'value="new/name"' in answer.text
    assert '<details class="danger card" open>' in answer.text
    answer = send(client, "/models/old%20name/rename", "/models/old%20name", new_name="new name", comment="shorter")
    assert led(client, answer) == ("/models/new%20name", "old name is called new name now.")
    assert registry.activity("new name")[-1].comment == "shorter"


def test_a_rename_that_wants_approvals_is_asked_for(client: httpx.Client, registry: Registry) -> None:
    registry.register("plain", "s3://acme/plain/1")
    registry.set_alias("plain", "a", 1)
    answer = send(client, "/models/plain/rename", "/models/plain", new_name="guarded-2")
    request = registry.request(led(client, answer)[0].removeprefix("/requests/"))
    assert (request.action, request.record.new_name) == ("rename", "guarded-2")
    registry.create_model("other")
    answer = send(client, "/models/other/rename", "/models/other", new_name="secret-1")
    assert answer.status_code == 403


def test_a_model_is_deleted_by_who_types_its_name(client: httpx.Client, registry: Registry) -> None:
    registry.create_model("tired")
    answer = send(
        client, "/models/tired/delete", "/models/tired", form="delete", confirmed="fraud", comment="nobody uses it"
    )
    assert answer.status_code == 400
    assert "The name that you typed is not the model" in answer.text
    assert ">nobody uses it</textarea>" in answer.text
    answer = send(
        client, "/models/tired/delete", "/models/tired", confirmed="tired", comment="nobody uses it", how="now"
    )
    assert led(client, answer) == ("/", "tired is deleted; the history keeps it.")
    with pytest.raises(NotFound):
        registry.model("tired")


def test_a_deletion_that_wants_approvals_is_asked_for(client: httpx.Client, registry: Registry) -> None:
    page = client.get("/models/guarded").text
    assert "Ask to delete it" in page
    assert "1 approval by ml-leads" in page
    answer = send(client, "/models/guarded/delete", "/models/guarded", confirmed="guarded", how="ask", comment="old")
    request = registry.request(led(client, answer)[0].removeprefix("/requests/"))
    assert (request.action, request.model, request.comment) == ("delete", "guarded", "old")


def test_a_model_in_service_says_why_it_stays(client: httpx.Client, registry: Registry) -> None:
    registry.register("busy", "s3://acme/busy/1")
    registry.transition("busy", 1, "Production")
    page = client.get("/models/busy").text
    assert "busy has v1 in Production, so it is not deleted." in page.replace("&#39;", "'")
    assert 'action="/models/busy/delete"' not in page


def test_an_alias_that_a_deployment_follows_says_why_it_stays(client: httpx.Client, registry: Registry) -> None:
    registry.register("served", "s3://acme/served/1")
    registry.set_alias("served", "live", 1)
    registry.add_deployment("production", "scorer", model="served", alias="live")
    page = client.get("/models/served").text
    assert "It cannot be removed." in page
    assert "production/scorer" in page
    answer = send(client, "/models/served/aliases/remove", "/models/served", form="alias live", alias="live")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text


def test_a_form_needs_the_proof_of_its_page(client: httpx.Client) -> None:
    assert client.post("/models/fraud/description", data={"description": "x"}).status_code == 403


def test_the_address_of_a_form_leads_to_its_page(client: httpx.Client) -> None:
    answer = client.get("/models/old%20name/aliases")
    assert (answer.status_code, answer.headers["location"]) == (303, "/models/old%20name")
