"""What is not there any more has a page still, which tells where it went."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.pages_scene import Site, proof, site
from tests.registry_scene import ALICE, BOB, new_registry


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("gone") / "models.git"
    as_ = new_registry(place)
    alice = as_(ALICE)
    for name in ("doomed", "old name", "fraud"):
        alice.register(name, "s3://acme/1")
        alice.register(name, "s3://acme/2")
    as_(BOB).delete("doomed", comment="nobody uses it")
    alice.rename("old name", "new name")
    alice.delete("fraud", version=1)
    with site(place) as found:
        yield found


def told(client: httpx.Client, address: str) -> str:
    """The text of a page that says that something is not there."""
    answer = client.get(address)
    assert answer.status_code == 404
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_a_deleted_model_says_who_deleted_it_and_leads_to_how_it_was(client: httpx.Client) -> None:
    page = told(client, "/models/doomed")
    assert "Registered model 'doomed' does not exist." in page
    assert "Bob deleted the model doomed" in page
    assert "nobody uses it" in page
    then = re.search(r'href="(/models/doomed/versions/2\?at=[0-9a-f]+)"', client.get("/models/doomed").text)
    assert then is not None
    assert client.get(then[1]).status_code == 200


def test_a_deleted_version_leads_to_its_model_and_tells_of_itself_alone(client: httpx.Client) -> None:
    page = told(client, "/models/fraud/versions/1")
    assert "Alice deleted fraud v1" in page
    assert "registered fraud v2" not in page
    assert '<a href="/models/fraud">fraud</a>' in client.get("/models/fraud/versions/1").text


def test_a_version_of_a_deleted_model_tells_of_it_too(client: httpx.Client) -> None:
    assert "registered doomed v2" in told(client, "/models/doomed/versions/2")


def test_a_model_that_was_renamed_leads_to_its_name_of_today(client: httpx.Client) -> None:
    assert "The model was renamed: it is new name now." in told(client, "/models/old%20name")
    assert '<a href="/models/new%20name">new name</a>' in client.get("/models/old%20name").text
    assert '<a href="/models/new%20name/versions/2">new name v2</a>' in client.get("/models/old%20name/versions/2").text


def test_what_never_was_is_a_sentence_alone(client: httpx.Client) -> None:
    for address in ("/models/never", "/models/fraud/versions/99", "/models/never/versions/1"):
        page = told(client, address)
        assert "does not exist" in page
        assert "What happened to it" not in page


def test_a_form_of_what_somebody_else_deleted_says_so(client: httpx.Client) -> None:
    form = {"csrf": proof(client.get("/models/fraud")), "description": "new"}
    answer = client.post("/models/doomed/description", data=form)
    assert answer.status_code == 404
    assert "Bob" in answer.text
    assert "deleted the model doomed" in html.unescape(answer.text)
