"""A model's page: what it shows of a model, today and in the past."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

import registry_git
from registry_git.server.pages.wording import exact
from registry_git.server.permissions import Permission
from tests.pages_scene import NARROW, Site, barriers, new_token, reader, too_wide, window
from tests.registry_scene import ALICE, BOB, LEADS, new_registry

RULES = """rules:
- on: stage
  to: [Production]
  approvals: 1
  by: [ml-leads]
- on: edit
  models: ["locked"]
  by: [ml-leads]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fraud` with 30 versions, some in stages; `empty` without any; `locked`, which Alice may not edit."""
    place = tmp_path_factory.mktemp("pages") / "models.git"
    as_ = new_registry(place, versions=29, roles=LEADS, rules=RULES)
    alice, bob = as_(ALICE), as_(BOB)
    alice.register("fraud", "s3://acme/fraud/30", tags={"auc": "0.93", "f1": "0.8"})
    alice.describe("fraud", "Scores **payments** <script>alert(1)</script>")
    alice.set_tags("fraud", {"team": "risk", "owner": "Risk team"})
    for number in range(1, 14):
        alice.transition("fraud", number, "Archived")
    alice.transition("fraud", 29, "Staging")
    bob.transition("fraud", 30, "Production")
    alice.set_alias("fraud", "champion", 30)
    alice.request_stage("fraud", 29, "Production", comment="please")
    bob.create_model("empty")
    bob.create_model("locked", description="Fixed")
    alice.register("greeting", "s3://acme/p/1", tags={"mlflow.prompt.is_prompt": "true"})
    for number in range(13):
        alice.set_alias("greeting", f"alias-{number:02}", 1)
    alice.create_model("tagged", description="long " * 400, tags={f"key-{number:02}": "x" for number in range(25)})
    alice.describe("tagged", "long " * 300)
    alice.register("odd name ü+1", "s3://acme/odd/1")
    return place


def shown(client: httpx.Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.text


def part(page: str, name: str) -> str:
    """The section of a page that is headed by this id."""
    found = re.search(rf'<section[^>]*aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    assert found is not None, name
    return found[0]


def test_every_stage_is_there_in_the_order_of_the_policy_with_its_versions(client: httpx.Client) -> None:
    stages = part(shown(client, "/models/fraud"), "stages")
    assert re.findall(r'<th scope="rowgroup"[^>]*>([^<]*)</th>', stages) == ["Staging", "Production", "Archived"]
    assert re.findall(r">v(\d+)</a>", stages) == ["29", "30", "13", "12", "11", "10", "9"]
    assert '<a href="/models/fraud?stage=Archived#versions">and 8 more</a>' in stages
    assert '<a href="/models/fraud/versions/30">v30</a>' in stages
    empty = part(shown(client, "/models/empty"), "stages")
    assert empty.count("no version") == 3


def test_a_version_in_a_stage_is_there_since_when_and_by_whom(client: httpx.Client, place: Path) -> None:
    stages = part(shown(client, "/models/fraud"), "stages")
    held = registry_git.open(place, actor=ALICE).stays("fraud").held
    since = next(one.since for one in held if one.version == 30)
    row = stages[stages.index(">v30</a>") : stages.index(">v13</a>")]
    assert exact(since) in row
    assert 'title="bob@acme.io">Bob</span>' in row


def test_the_timeline_is_a_picture_with_a_table_behind_it(client: httpx.Client) -> None:
    timeline = part(shown(client, "/models/fraud"), "timeline")
    assert '<svg class="timeline" role="img" aria-labelledby="timeline-title"' in timeline
    assert "style=" not in timeline
    assert re.search(r'<title id="timeline-title">Which version of fraud was in which stage, from ', timeline)
    assert re.findall(r'<text class="stage"[^>]*>([^<]*)<', timeline) == ["Staging", "Production", "Archived"]
    rows = re.findall(r'<th scope="row">v(\d+)</th><td data-label="Stage">(\w+)</td>', timeline)
    assert rows[:2] == [("30", "Production"), ("29", "Staging")]
    assert len(rows) == 15
    assert "5 of them stand only in the table" in timeline  # eight rows are drawn of thirteen in one stage
    assert "No version has been in a stage yet." in part(shown(client, "/models/empty"), "timeline")


def test_versions_are_paged_with_what_they_are_and_where(client: httpx.Client) -> None:
    first = part(shown(client, "/models/fraud"), "versions")
    numbers = re.findall(r'<th scope="row"><a href="[^"]*">v(\d+)</a>', first)
    assert numbers == [str(number) for number in range(30, 5, -1)]
    row = first[first.index(">v30</a>") : first.index(">v29</a>")]
    assert "<li>Production</li>" in row
    assert "<li>@champion</li>" in row
    assert "<li>auc <strong>0.93</strong></li>" in row
    assert 'title="alice@acme.io">Alice</span>' in row
    assert '<a href="/models/fraud?page=2#versions" rel="next">' in first
    second = part(shown(client, "/models/fraud?page=2"), "versions")
    assert re.findall(r'<th scope="row"><a href="[^"]*">v(\d+)</a>', second) == ["5", "4", "3", "2", "1"]
    assert '<a href="/models/fraud#versions" rel="prev">' in second
    archived = part(shown(client, "/models/fraud?stage=Archived"), "versions")
    assert len(re.findall(r'<th scope="row"><a', archived)) == 13
    assert "There is no page 9." in shown(client, "/models/fraud?page=9")


def test_any_two_versions_can_be_compared(client: httpx.Client) -> None:
    form = part(shown(client, "/models/fraud"), "versions")
    assert 'action="/compare"' in form
    assert '<option value="fraud/29" selected>v29</option>' in form


def test_what_people_load_it_by_is_there_to_copy(client: httpx.Client) -> None:
    about = part(shown(client, "/models/fraud"), "about")
    for uri in ("models:/fraud/Staging", "models:/fraud/Production", "models:/fraud@champion", "models:/fraud/latest"):
        assert f'data-copy="{uri}"' in about
    assert "Risk team" in about


def test_a_prompt_kept_as_a_model_lists_its_versions(client: httpx.Client) -> None:
    page = shown(client, "/models/greeting")
    assert '<a href="/models/greeting/versions/1">v1</a>' in page.partition('id="versions"')[2]
    assert "This model has no version yet." not in page


def test_of_many_addresses_the_rest_is_there_too_behind_how_many_it_is(client: httpx.Client) -> None:
    page = shown(client, "/models/greeting")
    first, more, rest = page.partition("<summary>2 more</summary>")
    assert "<code>models:/greeting@alias-11</code>" in first
    assert more
    assert "<code>models:/greeting@alias-12</code>" in rest
    assert "<code>models:/greeting/latest</code>" in rest


def test_of_many_tags_the_rest_is_there_too_behind_how_many_it_is(client: httpx.Client) -> None:
    page = shown(client, "/models/tagged")
    first, more, rest = page.partition("<summary>5 more</summary>")
    assert ("<dt>key-19</dt>" in first, bool(more), "<dt>key-20</dt>" in rest) == (True, True, True)
    fields = re.findall(r' id="(value-[0-9]+)"', page)
    assert len(fields) == len(set(fields)) == 25


def test_a_long_text_in_the_activity_is_shown_by_its_beginning(client: httpx.Client) -> None:
    page = shown(client, "/models/tagged")
    assert re.search(r"<summary[^>]*>long (long )+[^<]*… <span[^>]*>All of it</span></summary>", page)


def test_the_description_is_markdown_and_nothing_that_runs(client: httpx.Client) -> None:
    page = shown(client, "/models/fraud")
    assert "Scores <strong>payments</strong>" in page
    assert "<script>alert" not in page


def test_open_requests_of_the_model_are_links(client: httpx.Client) -> None:
    requests = part(shown(client, "/models/fraud"), "requests")
    assert re.search(r'<a href="/requests/[^"]+">move fraud v29 from Staging to Production</a>', requests)
    assert "0 of 1 approval" in requests
    assert "None." in part(shown(client, "/models/empty"), "requests")


def test_what_happened_last_is_told_newest_first_with_the_way_to_all_of_it(client: httpx.Client) -> None:
    activity = part(shown(client, "/models/fraud"), "activity")
    assert len(re.findall(r'<li id="activity-', activity)) == 20
    assert activity.index("asked to") < activity.index("champion")
    assert '<a href="/activity?model=fraud">' in activity


def test_a_model_without_versions_says_what_comes_next(client: httpx.Client) -> None:
    page = shown(client, "/models/empty")
    assert "This model has no version yet." in page
    assert "registry-git register empty s3://bucket/path" in page
    assert '<a class="button" href="/register?model=empty">Register the first version</a>' in page
    assert "No alias yet: it needs a version to name." in page
    assert "No tags." in page


def test_a_name_of_any_letters_has_a_page(client: httpx.Client) -> None:
    page = shown(client, "/models/odd%20name%20%C3%BC%2B1")
    assert 'action="/models/odd%20name%20%C3%BC%2B1/description"' in page
    assert '<a href="/models/odd%20name%20%C3%BC%2B1/versions/1">v1</a>' in page


def test_a_model_that_is_not_there_is_a_sentence(client: httpx.Client) -> None:
    answer = client.get("/models/nobody")
    assert answer.status_code == 404
    assert "nobody" in answer.text


def test_who_may_not_edit_reads_why_and_finds_no_form(client: httpx.Client) -> None:
    page = shown(client, "/models/locked")
    assert "You cannot edit it. The rule on edit for locked: alice@acme.io is not in ml-leads." in page
    assert 'action="/models/locked/description"' not in page
    assert 'action="/models/locked/tags"' not in page


def test_a_token_that_only_reads_shows_nothing_to_change(shop: Site) -> None:
    limited = Site(url=shop.url, place=shop.place, tokens={"alice": new_token(shop.place, "alice", Permission.READ)})
    with reader(limited, "alice") as client:
        page = shown(client, "/models/fraud")
        assert re.findall(r'<form method="post" action="(/models[^"]*)"', page) == []
        assert "Danger" not in page


def test_in_the_past_it_is_as_it_was_and_nothing_can_be_changed(client: httpx.Client, place: Path) -> None:
    story = registry_git.open(place, actor=ALICE).activity("fraud")
    commit = next(one.commit for one in story if one.activity_type == "APPLIED_TRANSITION" and one.version == 2)
    page = shown(client, f"/models/fraud?at={commit}")
    assert part(page, "stages").count("/versions/") == 2
    timeline = part(page, "timeline")
    assert timeline.count('<rect class="still"') == 2
    assert "Up to " in timeline
    assert f"/models/fraud/versions/1?at={commit}" in page
    assert "Which requests were open then is not kept" in page
    assert "No alias was set then." in page
    assert re.findall(r'<form method="post" action="(/models[^"]*)"', page) == []


def test_everybody_can_read_and_use_the_page(shop: Site, browser: Browser) -> None:
    for scheme, width in (("light", 1280), ("dark", NARROW)):
        with window(browser, shop, "bob", width=width, scheme=scheme) as bob:
            page = bob.go("/models/fraud")
            for details in page.locator("main details").all():
                details.evaluate("one => one.open = true")
            assert barriers(page) == []
            assert not too_wide(page)
    with window(browser, shop, "bob") as bob:
        page = bob.go("/models/empty")
        page.get_by_text("Add a tag").click()
        page.get_by_role("textbox", name="Key").fill("team")
        page.get_by_role("textbox", name="Value").fill("growth")
        page.get_by_role("button", name="Add it").click()
        expect(page.get_by_text("The tag team is set.")).to_be_visible()
        expect(page.locator("dl.tags")).to_contain_text("growth")
