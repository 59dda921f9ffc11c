"""The activity of the whole registry: sentences with links, filters in the address, pages by cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.core.times import Timestamp
from registry_git.index.told import ActivityWanted
from tests.asked_scene import AskedFor, asked_for, text_of
from tests.pages_scene import reader, site
from tests.registry_scene import ALICE, new_registry


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> AskedFor:
    return asked_for(tmp_path_factory.mktemp("activity") / "models.git")


@pytest.fixture(scope="module")
def client(scene: AskedFor) -> Iterator[httpx.Client]:
    with site(Path(scene.as_(ALICE)._store.repository.git_dir)) as found, reader(found, "alice") as client:
        yield client


def told(client: httpx.Client, **query: object) -> list[str]:
    """The ids of the activities on a page."""
    answer = client.get("/activity", params={key: str(value) for key, value in query.items()})
    assert answer.status_code == 200, answer.text
    return re.findall(r'<li id="activity-([^"]+)"', answer.text)


def test_it_tells_all_that_happened_newest_first(scene: AskedFor, client: httpx.Client) -> None:
    newest = scene.as_(ALICE).activity_page(ActivityWanted()).activities
    assert len(newest) > 20
    assert told(client) == [one.id for one in newest]
    page = text_of(client.get("/activity"))
    for sentence in (
        "Bob approved the request to move fraud v1 to Production",
        "Alice registered fraud v4",
        "Carol pointed the alias challenger",
        "Alice changed the policy",
    ):
        assert sentence in page


def test_each_filter_is_in_the_address_and_narrows(scene: AskedFor, client: httpx.Client) -> None:
    whole = scene.as_(ALICE).activity_page(ActivityWanted(), limit=1000).activities
    today = Timestamp.of(whole[0].creation_timestamp).text()[:10]

    def expected(**given: str | int) -> list[str]:
        return [one.id for one in whole if all(getattr(one, name) == value for name, value in given.items())]

    assert told(client, model="fraud") == expected(model="fraud")
    assert told(client, model="fraud", version="v2") == expected(model="fraud", version=2)
    assert told(client, person="CAROL") == expected(user_id="Carol <carol@acme.io>")
    assert told(client, kind="versions") == expected(activity_type="CREATED_VERSION")
    assert told(client, request=scene.rejected) == expected(request=scene.rejected)
    assert told(client, since=today, until=today) == told(client)
    assert told(client, until="2001-01-01") == told(client, since="2999-01-01") == []
    answer = client.get("/activity?model=fraud&kind=versions&since=2020-01-01")
    assert '<option value="versions" selected>' in answer.text
    assert 'name="model" type="search" value="fraud"' in answer.text
    assert 'type="date" value="2020-01-01"' in answer.text


def test_what_is_no_filter_is_said(client: httpx.Client) -> None:
    for query, sentence in (
        ({"kind": "nonsense"}, "is no kind of activity"),
        ({"since": "yesterday"}, "Since: 'yesterday' is no day."),
        ({"until": "2026-02-30"}, "is no day"),
        ({"version": "x"}, "is no version number"),
        ({"before": "x"}, "is no place in the history"),
        ({"model": "a/b"}, ""),
    ):
        answer = client.get("/activity", params=query)
        assert (answer.status_code, sentence in unescape(answer.text)) == (400, True), query


def test_what_finds_nothing_says_so_and_leads_back(client: httpx.Client) -> None:
    for query in ("model=no-such-model", "person=nobody", "before=0.0."):
        page = client.get(f"/activity?{query}")
        assert "that happened is like this." in page.text
        assert '<a href="/activity">All that happened</a>' in page.text


def test_pages_follow_each_other_by_cursor_and_keep_the_filters(tmp_path: Path) -> None:
    as_ = new_registry(tmp_path / "models.git", versions=120)
    as_(ALICE).request_stage("fraud", 1, "Staging")
    whole = [one.id for one in reversed(as_(ALICE).activity("fraud"))]
    with site(tmp_path / "models.git") as found, reader(found, "alice") as client:
        address, seen, pages = "/activity?model=fraud", [], 0
        while address:
            answer = client.get(address)
            seen += re.findall(r'<li id="activity-([^"]+)"', answer.text)
            pages += 1
            assert ("← Newest" in answer.text) == (pages > 1)
            on = re.search(r'<a href="([^"]+)" rel="next">', answer.text)
            address = unescape(on[1]) if on else ""
            assert not address or "model=fraud" in address
    assert seen == whole
    assert pages == 3


def test_an_empty_registry_says_what_comes_next(tmp_path: Path) -> None:
    registry_git.init(tmp_path / "models.git", actor=ALICE)
    with site(tmp_path / "models.git") as found, reader(found, "alice") as client:
        assert "Alice made the registry" in text_of(client.get("/activity"))
        assert "registry-git deployment add production scorer" in client.get("/deployments").text
        assert "Nothing waits for you." in client.get("/requests").text
        assert "registry-git request create fraud 1 Production" in client.get("/requests?show=open").text
