"""The list of models: searched, sorted, filtered and paged by its address, with what each model is at."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

import registry_git
from tests.pages_scene import NARROW, Site, barriers, reader, site, too_wide, window
from tests.registry_scene import ALICE, BOB, new_registry

MANY = 120


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fraud` with two versions in stages, two more models of Bob's, and many others."""
    place = tmp_path_factory.mktemp("pages") / "models.git"
    as_ = new_registry(place, versions=3)
    alice, bob = as_(ALICE), as_(BOB)
    for number in range(MANY):
        alice.create_model(f"experiment-{number:03}")
    bob.create_model("Churn's end", description="Who leaves us", tags={"team": "growth = all", "owner": "Growth team"})
    bob.create_model("ltv", tags={"team": "growth"})
    alice.transition("fraud", 2, "Staging")
    alice.transition("fraud", 3, "Production")
    alice.set_alias("fraud", "champion", 3)
    alice.request_stage("fraud", 1, "Staging")
    return place


def names(answer: httpx.Response) -> list[str]:
    """The models on the page, in order."""
    assert answer.status_code == 200
    return [unescape(one) for one in re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', answer.text)]


def row(answer: httpx.Response, name: str) -> str:
    """What the list says of a model."""
    found = re.search(rf'<tr>\s*<th scope="row"><a [^>]*>{re.escape(name)}</a>.*?</tr>', answer.text, re.DOTALL)
    assert found is not None
    return found[0]


def link(answer: httpx.Response, text: str) -> str:
    """Where a link leads."""
    found = re.search(rf'href="([^"]*)"[^>]*>{text}</a>', answer.text)
    assert found is not None, text
    return unescape(found[1])


def test_a_row_says_what_a_model_is_at(client: httpx.Client) -> None:
    said = row(client.get("/?text=fraud"), "fraud")
    assert '<td data-label="Latest"><a href="/models/fraud/versions/3">v3</a></td>' in said
    assert '<li>Staging <a href="/models/fraud/versions/2">v2</a></li>' in said
    assert '<li>Production <a href="/models/fraud/versions/3">v3</a></li>' in said
    assert '<li>@champion <a href="/models/fraud/versions/3">v3</a></li>' in said
    assert '<a href="/requests?model=fraud">1 open</a>' in said
    assert 'title="alice@acme.io">Alice</span>' in said
    assert re.search(
        r'Last activity"><time datetime="[^"]*" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC">just now<', said
    )


def test_the_owner_is_who_the_tag_names_else_the_creator(client: httpx.Client) -> None:
    answer = client.get("/?tag=team")
    assert "Growth team" in row(answer, "Churn&#39;s end")
    assert 'title="bob@acme.io">Bob</span>' in row(answer, "ltv")


def test_what_was_active_last_comes_first_and_fifty_make_a_page(client: httpx.Client) -> None:
    answer = client.get("/")
    assert names(answer)[0] == "fraud"
    assert len(names(answer)) == 50
    assert f"1–50 of {MANY + 3} models" in answer.text
    assert 'rel="prev"' not in answer.text
    second = client.get(link(answer, "Next →"))
    third = client.get(link(second, "Next →"))
    assert [*names(answer), *names(second), *names(third)] == names(client.get("/")) + names(
        client.get("/?page=2")
    ) + names(client.get("/?page=3"))
    assert len({*names(answer), *names(second), *names(third)}) == MANY + 3
    assert 'rel="next"' not in third.text
    assert link(third, "← Previous") == "/?page=2"
    assert link(second, "← Previous") == "/"


def test_a_page_behind_the_last_one_leads_back(client: httpx.Client) -> None:
    answer = client.get("/?page=9")
    assert "There is no page 9" in answer.text
    assert link(answer, "To the last page") == "/?page=3"


def test_every_column_that_sorts_is_a_link_that_keeps_the_search_and_turns_round(client: httpx.Client) -> None:
    answer = client.get("/?text=experiment&page=2")
    assert re.search(
        r'<th scope="col" aria-sort="descending"><a class="sort descending"[^>]*>Last activity', answer.text
    )
    assert answer.text.count("aria-sort") == 1
    assert link(answer, "Model") == "/?text=experiment&sort=name"
    by_name = client.get(link(answer, "Model"))
    assert names(by_name)[:2] == ["experiment-000", "experiment-001"]
    assert 'aria-sort="ascending"' in by_name.text
    backwards = client.get(link(by_name, "Model"))
    assert names(backwards)[0] == f"experiment-{MANY - 1}"
    assert names(client.get("/?sort=created"))[0] == "fraud"
    assert link(client.get("/"), "Created") == "/?sort=-created"


def test_filters_are_in_the_address(client: httpx.Client) -> None:
    assert names(client.get("/?stage=Production")) == ["fraud"]
    assert names(client.get("/?alias=champion")) == ["fraud"]
    assert names(client.get("/?tag=team%3Dgrowth")) == ["ltv"]
    assert names(client.get("/?tag=team%3Dgrowth+%3D+all")) == ["Churn's end"]
    assert names(client.get("/?text=LEAVES+bob")) == ["Churn's end"]
    assert names(client.get("/?text=bob&tag=team&sort=name")) == ["Churn's end", "ltv"]
    answer = client.get("/?stage=Production&tag=team")
    assert "<option selected>Production</option>" in answer.text
    assert 'name="tag" value="team"' in answer.text


def test_no_match_is_said_with_the_way_back(client: httpx.Client) -> None:
    answer = client.get("/?text=zzz&stage=O'Reilly")
    assert "No model matches “zzz” and stage “O&#39;Reilly”." in answer.text
    assert link(answer, "Show all") == "/"


@pytest.mark.parametrize("query", ["tag=%60x", "text=" + "x" * 300, "tag=%3Dx"])
def test_a_search_that_makes_no_sense_is_a_sentence_on_the_page(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'id="results"' in answer.text
    assert 'id="text"' in answer.text


@pytest.mark.parametrize("query", ["sort=color", "page=0", "page=x"])
def test_an_address_that_nobody_gave_out_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_models_is_another_name_of_the_first_page(client: httpx.Client) -> None:
    answer = client.get("/models?text=fraud&page=2&at=main")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?text=fraud&page=2&at=main")


def test_in_the_past_the_list_is_that_of_then_and_its_links_stay_there(client: httpx.Client, place: Path) -> None:
    commits = [one.commit for one in registry_git.open(place, actor=ALICE).activity("fraud") if one.version == 1]
    answer = client.get(f"/?at={commits[0]}")
    assert names(answer) == ["fraud"]
    assert f"/models/fraud/versions/1?at={commits[0]}" in answer.text
    assert "Register a version" not in answer.text


def test_an_empty_registry_says_what_comes_next(tmp_path: Path) -> None:
    new_registry(tmp_path / "empty.git")
    with site(tmp_path / "empty.git") as shop, reader(shop, "alice") as client:
        answer = client.get("/")
        assert "No model is registered yet." in answer.text
        assert "<code>registry-git register fraud s3://acme/fraud/1</code>" in answer.text
        assert link(answer, "Register the first version") == "/register"
        assert "<search>" not in answer.text


def test_typing_finds_and_everybody_can_use_the_page(shop: Site, browser: Browser) -> None:
    for scheme in ("light", "dark"):
        with window(browser, shop, "alice", width=NARROW if scheme == "dark" else 1280, scheme=scheme) as alice:
            page = alice.go("/")
            assert barriers(page) == []
            assert not too_wide(page)
            page.keyboard.press("/")
            page.keyboard.type("ltv", delay=20)
            expect(page.locator("table.models tbody tr")).to_have_count(1)
            expect(page.get_by_label("Search")).to_be_focused()
            expect(page).to_have_url(re.compile(r"text=ltv"))
            page.get_by_label("Search").fill("nothing like it")
            expect(page.get_by_text("No model matches")).to_be_visible()
            page.get_by_label("Search").fill("")
            page.get_by_label("Version in stage").select_option("Production")
            expect(page.get_by_role("link", name="fraud")).to_be_visible()
            expect(page.locator("table.models tbody tr")).to_have_count(1)


def test_without_scripts_the_search_is_a_form(shop: Site, browser: Browser) -> None:
    with window(browser, shop, "alice", javascript=False) as alice:
        page = alice.go("/")
        page.get_by_label("Search").fill("ltv")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("table.models tbody tr")).to_have_count(1)
