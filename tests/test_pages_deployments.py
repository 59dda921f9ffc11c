"""Deployments as a page: what is declared beside what was seen, and the forms to pin, follow and roll."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.registry.facade import Registry
from registry_git.server.permissions import Permission
from tests.asked_scene import AskedFor, asked_for, text_of
from tests.cli_program import Cli
from tests.pages_scene import Site, new_token, proof, reader, site
from tests.registry_scene import ALICE, BOB


@pytest.fixture
def scene(tmp_path: Path) -> AskedFor:
    return asked_for(tmp_path / "models.git")


@pytest.fixture
def shop(scene: AskedFor, tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "models.git") as found:
        yield found


def send(client: httpx.Client, way: str, **fields: str) -> httpx.Response:
    form = {"csrf": proof(client.get("/deployments")), **fields}
    return client.post(f"/deployments/{way}", data=form)


def deployed(shop: Site, name: str = "production/scorer") -> tuple[int | None, str, str]:
    environment, _, name = name.partition("/")
    view = registry_git.open(shop.place, actor=ALICE).deployment(environment, name)
    return view.version, view.follow, view.reference


def test_each_environment_has_its_deployments_with_what_they_use_and_follow(shop: Site, scene: AskedFor) -> None:
    with reader(shop, "alice") as alice:
        answer = alice.get("/deployments")
        page = text_of(answer)
        assert re.findall(r'<h2 id="environment-([a-z]+)"', answer.text) == ["production", "staging"]
        assert "scorer service" in page
        assert "fraud/Production by itself" in page
        assert "nightly job" in page
        assert "churn/1 pinned" in page
        assert "current" in page
        assert f'href="/requests/{scene.approved}">request {scene.approved}</a>' in answer.text
        only = alice.get("/deployments?environment=staging")
        assert re.findall(r'<h2 id="environment-([a-z]+)"', only.text) == ["staging"]
        assert '<tr id="nightly">' in only.text
        fraud = text_of(alice.get("/deployments?model=fraud"))
        assert "scorer" in fraud
        assert "nightly" not in fraud
        assert "no-model" in text_of(alice.get("/deployments?model=no-model"))
        assert "in nowhere is declared" in text_of(alice.get("/deployments?environment=nowhere"))


def test_what_was_seen_stands_beside_what_is_declared(shop: Site) -> None:
    registry = registry_git.open(shop.place, actor=ALICE)
    registry.resolve("models:/fraud/2", consumer="production/scorer")
    registry.resolve("models:/churn/1", consumer="staging/nightly")
    registry.resolve("models:/fraud/3", consumer="laptop")
    with reader(shop, "alice") as alice:
        page = text_of(alice.get("/deployments"))
        assert re.search(r"fraud v1 v2 just now drifted", page)
        assert re.search(r"churn v1 v1 just now as declared", page)
        assert "Seen without a deployment" in page
        assert re.search(r"laptop fraud v3 fraud/3 just now just now", page)
        assert "Seen without a deployment" not in text_of(alice.get("/deployments?environment=staging"))


def test_one_that_lags_says_what_it_should_use(shop: Site, scene: AskedFor) -> None:
    carol = scene.as_("Carol <carol@acme.io>")
    carol.follow_deployment("production", "scorer", follow="request")
    scene.as_(BOB).refresh(scene.stage)
    scene.as_(BOB).approve(scene.stage)
    with reader(shop, "bob") as bob:
        page = bob.get("/deployments")
        assert "behind: fraud/Production is v4" in text_of(page)
        assert "Roll to v4" in page.text
        assert send(bob, "production/scorer/roll").status_code == 303
    assert deployed(shop) == (4, "request", "fraud/Production")


def test_who_may_pins_and_unpins_by_form(shop: Site) -> None:
    with reader(shop, "bob") as bob:
        assert send(bob, "production/scorer/pin", version="v2", comment="hold").status_code == 303
        assert deployed(shop) == (2, "pinned", "fraud/2")
        answer = bob.get("/deployments?environment=production")
        assert "production/scorer is pinned to fraud/2 and uses v2." in text_of(answer)
        assert ">Unpin and follow</button>" in answer.text
        done = send(bob, "production/scorer/follow", what="stage Production", follow="auto")
        assert done.headers["location"] == "/deployments?environment=production#scorer"
        assert deployed(shop) == (1, "auto", "fraud/Production")
        assert send(bob, "production/scorer/follow", what="alias challenger", follow="request").status_code == 303
        assert deployed(shop)[1:] == ("request", "fraud@challenger")


def test_who_needs_an_approval_asks_for_it(shop: Site) -> None:
    with reader(shop, "alice") as alice:
        answer = alice.get("/deployments?environment=production")
        assert "A change takes an approval: 1 approval by ml-leads" in text_of(answer)
        assert ">Ask to pin</button>" in answer.text
        assert ">Pin</button>" in alice.get("/deployments?environment=staging").text  # no rule is about it
        asked = send(alice, "production/scorer/pin", version="3", ask="1", comment="hold")
        assert asked.status_code == 303
        assert "Pin the deployment production/scorer to fraud v3" in text_of(alice.get(asked.headers["location"]))
        assert send(alice, "production/scorer/follow", what="alias challenger", ask="1").status_code == 303
        refused = send(alice, "production/scorer/pin", version="3")
        assert refused.status_code == 403
        assert "The policy does not allow this" in text_of(refused)
    assert deployed(shop) == (1, "auto", "fraud/Production")


def test_a_token_for_reading_sees_no_form(shop: Site) -> None:
    reads = Site(url=shop.url, place=shop.place, tokens={"bob": new_token(shop.place, "bob", Permission.READ)})
    with reader(reads, "bob") as bob:
        assert 'method="post"' not in bob.get("/deployments").text.partition("<main")[2]
        assert send(bob, "production/scorer/pin", version="2").status_code == 403


@pytest.mark.parametrize(
    ("way", "fields", "status", "sentence"),
    [
        ("production/scorer/pin", {"version": "99"}, 404, "v99 of fraud does not exist."),
        ("production/scorer/pin", {"version": "x"}, 400, "is no version number."),
        ("production/scorer/follow", {"what": "nonsense"}, 400, "cannot be followed."),
        ("production/scorer/follow", {"what": "stage Nowhere"}, 400, "Nowhere"),
        ("production/scorer/roll", {}, 400, "there is nothing to roll by hand."),
        ("production/nobody/pin", {"version": "1"}, 404, "There is no deployment production/nobody."),
    ],
)
def test_a_refusal_is_a_sentence_on_the_page(
    shop: Site, way: str, fields: dict[str, str], status: int, sentence: str
) -> None:
    with reader(shop, "bob") as bob:
        answer = send(bob, way, **fields)
        assert answer.status_code == status
        assert 'role="alert"' in answer.text
        assert sentence in unescape(answer.text)
        assert '<h2 id="environment-production">' in answer.text
    assert deployed(shop) == (1, "auto", "fraud/Production")


def test_many_deployments_come_in_pages(shop: Site, scene: AskedFor) -> None:
    registry: Registry = scene.as_(ALICE)
    for number in range(110):
        registry.add_deployment("lab", f"job-{number:03}", model="churn", version=1, workload="job")
    with reader(shop, "alice") as alice:
        pages = [alice.get(f"/deployments?environment=lab&page={number}").text for number in (1, 2)]
    assert [len(re.findall(r'<tr id="job-', page)) for page in pages] == [100, 10]
    assert 'rel="next"' in pages[0]


def test_the_command_that_an_empty_page_proposes_works(tmp_path: Path) -> None:
    registry = registry_git.init(tmp_path / "models.git", actor=ALICE)
    registry.register("fraud", "s3://acme/fraud/1")
    with site(tmp_path / "models.git") as found, reader(found, "alice") as alice:
        page = alice.get("/deployments").text
        command = re.search(r"<code>(registry-git deployment add [^<]+)</code>", page)
        assert command is not None
        Cli(registry=found.place)(*shlex.split(unescape(command[1]))[1:])
        assert "scorer" in text_of(alice.get("/deployments"))
