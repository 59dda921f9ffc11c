"""Time travel: every page as it was at a moment, marked as the past, and nothing on it can be changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.core.times import Timestamp
from registry_git.server.pages.moments import kept
from registry_git.server.permissions import PAGES, Permission
from tests.asked_scene import AskedFor, asked_for
from tests.pages_scene import Site, proof, reader, site
from tests.registry_scene import ALICE

# Neither shows the registry: a stream, and files. What is public shows nothing of its past either.
NO_PAGES = ("/events", "/static/{version}/{name}")
ONLY_NOW = ("/register",)  # a form and nothing else, of which there is no past: one is led to it as it is
BANNER = "<strong>This is the past.</strong>"
SHOWN = [path for (method, path) in PAGES if method == "GET" and path not in NO_PAGES]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> AskedFor:
    place = tmp_path_factory.mktemp("past") / "models.git"
    asked = asked_for(place)
    asked.as_(ALICE).add_comment("fraud", 1, "a comment")
    return asked


@pytest.fixture(scope="module")
def shop(scene: AskedFor) -> Iterator[Site]:
    place = scene.as_(ALICE)._store.repository.git_dir
    with site(Path(place)) as found:
        yield found


def filled(path: str, scene: AskedFor) -> str:
    """A page's address in the scene."""
    comment = scene.as_(ALICE).comments("fraud", 1)[0].id
    names = {"name": "fraud", "version": "1", "request": scene.approved, "comment": comment, "alias": "challenger"}
    if path.startswith("/deployments/"):
        names |= {"environment": "production", "name": "scorer"}
    return path.format(**names)


def unwritable(answer: httpx.Response) -> bool:
    """Whether a page has no form that changes anything."""
    return re.findall(r'<form method="post" action="([^"]*)"', answer.text) in ([], ["/sign-out"])


@pytest.mark.parametrize("path", SHOWN)
def test_every_page_at_a_moment_is_marked_as_the_past_and_can_change_nothing(
    path: str, scene: AskedFor, shop: Site
) -> None:
    registry = registry_git.open(shop.place, actor=ALICE)
    early = registry.activity()[0].commit
    today = Timestamp.of(registry.committed).text()[:10]
    with reader(shop, "bob") as bob:
        for at in ("main", registry.commit, registry.commit[:9], early, today):
            answer = bob.get(filled(path, scene), params={"at": at})
            if PAGES[("GET", path)] is Permission.PUBLIC:
                assert answer.status_code == 200
                assert BANNER not in answer.text
                continue
            if path in ONLY_NOW:
                assert (answer.status_code, answer.headers["location"]) == (303, path)
                continue
            if answer.is_redirect:
                assert f"at={at}" in answer.headers["location"]
                answer = bob.get(answer.headers["location"])
            assert answer.status_code in ((200, 404) if at == early else (200,)), answer.text[-3000:]
            assert BANNER in answer.text
            assert "Nothing can be changed here." in answer.text
            assert "Back to the present" in answer.text
            assert unwritable(answer), answer.text
            assert 'id="main" tabindex="-1" data-tag=""' in answer.text  # which is what live update goes by


def test_links_keep_to_the_moment_and_the_way_back_does_not(scene: AskedFor, shop: Site) -> None:
    with reader(shop, "bob") as bob:
        answer = bob.get("/activity?kind=moves&at=main")
    links = re.findall(r'<a [^>]*href="(/[^"]*)"', answer.text.partition("<main")[2].partition("</main>")[0])
    assert links
    assert all("at=" in link for link in links), links
    assert '<a href="/activity?kind=moves">Back to the present</a>' in answer.text
    nav = answer.text.partition('<nav aria-label="Main">')[2].partition("</nav>")[0]
    assert nav.count("?at=main") == 5


def test_the_banner_tells_the_commit_and_its_time(shop: Site) -> None:
    registry = registry_git.open(shop.place, actor=ALICE)
    day = Timestamp.of(registry.committed).text()[:10]
    with reader(shop, "bob") as bob:
        banner = bob.get(f"/requests?at={day}").text.partition('<div class="past"')[2].partition("</div>")[0]
        assert f"when {day} was over in UTC" in banner
        assert registry.commit[:12] in banner
        assert f"of {day} " in banner
        assert "at that commit" in bob.get(f"/requests?at={registry.commit[:10]}").text


@pytest.mark.parametrize(
    ("at", "status", "sentence"),
    [
        ("2001-01-01", 404, "The registry did not exist yet on 2001-01-01."),
        ("0123456789", 404, "0123456789 is not a commit of this registry."),
        ("2026-13-45", 400, "is no date"),
        ("HEAD~1", 400, "is neither a date, a commit, nor an open request."),
        ("x" * 200, 400, "is neither a date, a commit, nor an open request."),
        ("<b>", 400, "is neither a date, a commit, nor an open request."),
        ("é\x00", 400, ""),
    ],
)
def test_a_moment_that_is_none_is_a_page_from_which_one_gets_back(
    shop: Site, at: str, status: int, sentence: str
) -> None:
    with reader(shop, "bob") as bob:
        answer = bob.get("/requests", params={"show": "open", "at": at})
        assert answer.status_code == status
        assert sentence in answer.text
        assert '<a href="/requests?show=open">back to the present</a>' in answer.text
        assert '<input id="at-day" name="at" type="date"' in answer.text
        assert "<b>" not in answer.text.partition("<main")[2]
        assert bob.get("/requests?show=open").status_code == 200


def test_what_was_not_there_yet_is_said_with_the_banner(shop: Site) -> None:
    first = registry_git.open(shop.place, actor=ALICE).activity()[0].commit
    with reader(shop, "bob") as bob:
        answer = bob.get(f"/requests/nothing?at={first}")
    assert answer.status_code == 404
    assert BANNER in answer.text
    assert "Perhaps it is there <a" in answer.text


def test_what_cannot_be_known_of_the_past_is_said(scene: AskedFor, shop: Site) -> None:
    with reader(shop, "bob") as bob:
        requests = bob.get("/requests?at=main")
        assert "Which requests were open then is not known" in requests.text
        assert scene.approved in requests.text
        assert scene.stage not in requests.text
        assert "still open is not known" in bob.get("/activity?at=main").text
        assert "What was seen to run then is not shown" in bob.get("/deployments?at=main").text


def test_a_form_of_the_past_is_refused_and_changes_nothing(scene: AskedFor, shop: Site) -> None:
    before = registry_git.open(shop.place, actor=ALICE).commit
    forms = [path for (method, path) in PAGES if method == "POST" and not path.startswith("/sign-")]
    assert forms
    with reader(shop, "bob") as bob:
        csrf = proof(bob.get(f"/requests/{scene.stage}"))
        for path in forms:
            answer = bob.post(filled(path, scene), params={"at": "main"}, data={"csrf": csrf, "comment": "x"})
            assert (answer.status_code, "The past cannot be changed." in answer.text) == (403, True), path
    assert registry_git.open(shop.place, actor=ALICE).commit == before


def test_what_an_open_request_would_make_is_shown_as_a_preview(scene: AskedFor, shop: Site) -> None:
    with reader(shop, "bob") as bob:
        answer = bob.get(f"/models/fraud/versions/4?at={scene.stage}")
    assert "<strong>This is a preview.</strong>" in answer.text
    assert f'href="/requests/{scene.stage}"' in answer.text
    assert unwritable(answer)


def test_another_moment_keeps_what_was_asked_and_begins_lists_anew() -> None:
    asked = [("show", "all"), ("model", "a&b")]
    assert kept("/requests?show=all&model=a%26b&page=3&at=main&before=1.2.") == asked
    assert kept("/requests") == []
