"""A version's page: everything that is known of it, on one page, at any moment."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.registry.facade import Registry
from registry_git.server.permissions import Permission
from tests.conftest import Git
from tests.pages_scene import Site, new_token, reader
from tests.registry_scene import ALICE
from tests.version_scene import RUN, fill_shop

V3, V4 = "/models/fraud/versions/3", "/models/fraud/versions/4"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop") / "models.git"
    fill_shop(place)
    return place


@pytest.fixture
def registry(place: Path) -> Registry:
    return registry_git.open(place, actor=ALICE, durable=False)


def text_of(answer: httpx.Response) -> str:
    """What a page says, without its markup, with single spaces."""
    assert answer.status_code == 200, answer.text
    body = re.sub(r"<(script|style|head).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def part_of(answer: httpx.Response, heading: str) -> str:
    """The HTML of the section with a heading of this id."""
    found = re.search(rf'<section aria-labelledby="{heading}">(.*?)</section>', answer.text, re.DOTALL)
    assert found is not None, f"no section {heading}"
    return found[1]


def test_the_head_says_where_it_is_and_who_registered_it(client: httpx.Client) -> None:
    said = text_of(client.get(V4))
    assert "fraud v4 Staging @challenger registered" in said
    assert "Stage: Staging" in said


def test_the_facts_are_there_with_buttons_that_copy(client: httpx.Client, registry: Registry) -> None:
    facts = part_of(client.get(V4), "facts")
    version = registry.version("fraud", 4)
    for text in (
        "models:/fraud/4",
        "models:/fraud/Staging",
        "models:/fraud@challenger",
        version.source,
        version.digest,
    ):
        assert f"<code>{text}</code>" in facts
        assert f'data-copy="{text}"' in facts
    for text in ("sklearn", "python_function, sklearn", "READY", "Last updated", "@challenger"):
        assert text in facts


def test_tags_that_are_numbers_are_metrics_beside_those_in_production(client: httpx.Client) -> None:
    answer = client.get(V4)
    metrics, tags = part_of(answer, "metrics"), part_of(answer, "tags")
    assert re.findall(r'<th scope="row">(\w+)</th>', metrics) == ["auc", "loss", "rows"]
    assert "which is in Production" in metrics
    assert 'data-label="Difference">+0.024</td>' in metrics
    assert re.findall(r'<th scope="row">(\w+)</th>', tags) == ["framework"]


def test_the_signature_is_a_table(client: httpx.Client) -> None:
    signature = part_of(client.get(V4), "signature")
    assert re.findall(r'<th scope="row">(.*?)</th><td data-label="Type"><code>(.*?)</code>', signature) == [
        ("amount", "double"),
        ("country", "string"),
        ("#1", "tensor float32 (-1, 2)"),
        ("threshold", "double"),
    ]
    assert "no (default 0.5)" in signature


def test_the_description_is_markdown(client: httpx.Client) -> None:
    assert "Trained on <strong>March</strong>." in part_of(client.get(V4), "description")
    assert "Nobody has described this version yet." in part_of(client.get(V3), "description")


def test_the_lineage_is_drawn_and_listed(client: httpx.Client) -> None:
    lineage = part_of(client.get(V4), "lineage")
    assert re.search(r'<svg class="lineage".* role="group" aria-labelledby="lineage-title lineage-words">', lineage)
    assert "run clever-shark-7 → logged model m-77aa; logged model m-77aa → version fraud v4" in lineage
    assert lineage.count(f'<a href="{RUN}"') == 2  # in the drawing, and in the list
    assert "data: transactions-2026-03 (9f86d081)" in lineage
    assert "<dt>Experiment</dt>" in lineage


def test_where_nothing_is_known_of_its_lineage_the_page_says_how_it_gets_there(client: httpx.Client) -> None:
    lineage = part_of(client.get(V3), "lineage")
    assert "<svg" not in lineage
    assert "registry-git register fraud SOURCE --run-id RUN" in lineage


def test_the_deployments_that_use_it_are_listed(client: httpx.Client) -> None:
    deployments = part_of(client.get(V3), "deployments")
    assert '<a href="/deployments?environment=production#scorer">production/scorer</a>' in deployments
    assert "<code>fraud/Production</code>" in deployments
    assert "current" in deployments
    assert "<time " in deployments
    assert "No deployment uses this version." in part_of(client.get("/models/fraud/versions/1"), "deployments")


def test_the_manifest_is_shown_as_it_is_stored(client: httpx.Client, registry: Registry, place: Path, git: Git) -> None:
    manifest = part_of(client.get(V4), "manifest")
    path = "models/fraud/versions/4.yaml"
    stored = git(place, "show", f"main:{path}")
    assert unescape(re.search(r"<pre[^>]*><code>(.*?)</code></pre>", manifest, re.DOTALL)[1]).strip() == stored  # type: ignore[index]
    assert f"<code>{path}</code>" in manifest
    assert registry.commit[:12] in manifest


def test_what_happened_is_told_newest_first(client: httpx.Client) -> None:
    told = part_of(client.get(V4), "activity")
    sentences = [
        " ".join(re.sub(r"<[^>]+>", "", one).split())
        for one in re.findall(r"<li .*?<p>(.*?)<span class=\"quiet", told, re.DOTALL)
    ]
    assert sentences[0] == "Alice asked to move fraud v4 from Staging to Production"
    assert sentences[-1] == "Alice registered fraud v4"
    assert "Bob commented on fraud v4" in sentences


def test_comments_are_markdown_and_only_ones_own_can_be_changed(client: httpx.Client, shop: Site) -> None:
    mine = part_of(client.get(V4), "comments")
    assert "The <em>loss</em> is <code>0.001</code>." in mine
    assert mine.count("Delete<span") == 1
    with reader(shop, "bob") as bob:
        assert part_of(bob.get(V4), "comments").count("Delete<span") == 1


def test_an_open_request_says_what_it_waits_for_and_who_may_decide(client: httpx.Client, shop: Site) -> None:
    mine = part_of(client.get(V4), "requests")
    for text in ("asks to move fraud v4 from Staging to Production", "0.02 better", "0 of 1 approval"):
        assert text in mine
    assert "It needs 1 approval more by: bob@acme.io, carol@acme.io." in mine
    assert "production/scorer</a> v3 → v4" in mine
    assert "/approve" not in mine  # four eyes
    assert "/cancel" in mine
    with reader(shop, "bob") as bob:
        theirs = part_of(bob.get(V4), "requests")
        assert "Approve<span" in theirs
        assert "Also archive the versions that are in Production now" in theirs


def test_it_can_be_compared_with_any_other_and_first_with_what_is_in_production(client: httpx.Client) -> None:
    compare = part_of(client.get(V4), "compare")
    assert '<option value="fraud/Production" selected>Production (v3)</option>' in compare
    assert re.findall(r'value="(fraud/\d)"', compare) == ["fraud/3", "fraud/2", "fraud/1", "fraud/4"]


def test_a_session_that_may_only_read_sees_everything_and_no_button(shop: Site, place: Path) -> None:
    tokens = {"bob": new_token(place, "bob", Permission.READ)}
    with reader(Site(url=shop.url, place=place, tokens=tokens), "bob") as bob:
        answer = bob.get(V4)
        assert "This session may only read." in answer.text
        main = answer.text.partition("<main")[2].partition("</main>")[0]
        assert 'method="post"' not in main
        assert "asks to move fraud v4" in main


def test_a_session_that_may_not_approve_is_told_so(shop: Site, place: Path) -> None:
    tokens = {"bob": new_token(place, "bob", Permission.READ, Permission.WRITE)}
    with reader(Site(url=shop.url, place=place, tokens=tokens), "bob") as bob:
        requests = part_of(bob.get(V4), "requests")
        assert "Approve<span" not in requests
        assert "Your token is not for decisions: it lacks the scope approve." in requests


def test_the_past_is_shown_and_cannot_be_changed(client: httpx.Client, registry: Registry) -> None:
    registered = next(one for one in registry.activity("fraud", 4) if one.activity_type == "CREATED_VERSION")
    answer = client.get(V4, params={"at": registered.commit})
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    assert "This is the past." in answer.text
    assert 'method="post"' not in main
    assert "in no stage" in main
    assert "Looks good" not in main
    assert "/compare" in main
    assert f'name="at" value="{registered.commit}"' in main
    assert f"/models/fraud?at={registered.commit}" in main


def test_a_request_shows_the_page_as_it_would_be(client: httpx.Client, registry: Registry) -> None:
    (request,) = registry.requests("fraud")
    said = text_of(client.get(V4, params={"at": request.id}))
    assert "This is a preview." in said
    assert "fraud v4 Production @challenger" in said


def test_a_version_that_is_not_there_is_said_with_those_that_are(client: httpx.Client) -> None:
    answer = client.get("/models/fraud/versions/99")
    assert answer.status_code == 404
    assert "v99 of fraud does not exist." in answer.text
    assert "Its versions are 1 to 4." in answer.text
