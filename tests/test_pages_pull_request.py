"""The pull request on a request's page: how it stands on the forge, and that no page waits for a forge that is away."""

from __future__ import annotations

import hmac
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import registry_git
from registry_git.core.rules import ForgeKind
from registry_git.forges.base import CommitStatus, StatusState
from registry_git.registry.facade import Registry
from tests.asked_scene import text_of
from tests.forge_server import Reply
from tests.forge_world import World, direct, world
from tests.pages_scene import Site, barriers, reader, site, too_wide, window
from tests.registry_scene import ALICE, new_registry, policy_text
from tests.waiting import until

KINDS = (ForgeKind.GITHUB, ForgeKind.GITLAB, ForgeKind.GITEA)
TOKEN = "alice-s3cr3t-t0ken"


def name_forge(registry: Registry, kind: ForgeKind, url: str) -> None:
    """Writes into the policy where the forge is."""
    registry.set_policy(
        f"{policy_text(registry)}forge: {{kind: {kind.value}, url: '{url}', repository: acme/models}}\n"
    )


@contextmanager
def quiet(place: Path, **settings: Any) -> Iterator[Site]:
    """A server that has looked at remote and forge once, before there is a forge, and does not again by itself."""
    with site(place, fetch_seconds=3600.0, **settings) as found:
        until(lambda: httpx.get(f"{found.url}/ready").status_code == 200)
        yield found


@contextmanager
def shop(kind: ForgeKind, root: Path, token: str = TOKEN) -> Iterator[tuple[World, Site]]:
    """A forge with a registry and its request, and a server of that registry."""
    with world(kind, root) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGISTRY_GIT_FORGE_TOKEN", token)
        with quiet(made.forge.bare, hook_secret="word") as found:
            name_forge(made.registry, kind, made.forge.url)
            yield made, found


@pytest.fixture(params=KINDS, ids=[kind.value for kind in KINDS])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, Site]]:
    with shop(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def plain(tmp_path: Path) -> tuple[Registry, str, Path]:
    """A registry without a forge, an open request in it, and where it is."""
    place = tmp_path / "models.git"
    registry = new_registry(place, versions=1)(ALICE)
    return registry, registry.request_stage("fraud", 1, "Production").id, place


def address(here: World) -> str:
    return f"/requests/{here.request.id}/pull-request"


def event(here: World, number: int) -> tuple[bytes, dict[str, str]]:
    """The webhook by which the forge says that a pull request was reviewed; its body and its headers."""
    if here.kind is ForgeKind.GITLAB:
        about = {"action": "approved", "iid": number, "source_branch": here.request.branch}
        said = {
            "object_kind": "merge_request",
            "project": {"path_with_namespace": "acme/models"},
            "object_attributes": about,
        }
        return json.dumps(said).encode(), {"x-gitlab-token": "word"}
    action = "submitted" if here.kind is ForgeKind.GITHUB else "reviewed"
    pull = {"number": number, "head": {"ref": here.request.branch, "sha": here.request.head}}
    body = json.dumps({"action": action, "repository": {"full_name": "acme/models"}, "pull_request": pull}).encode()
    signature = hmac.new(b"word", body, sha256).hexdigest()
    if here.kind is ForgeKind.GITHUB:
        return body, {"x-hub-signature-256": f"sha256={signature}", "x-github-event": "pull_request_review"}
    return body, {"x-gitea-signature": signature, "x-gitea-event": "pull_request_review"}


def tell(here: World, found: Site, number: int) -> None:
    body, headers = event(here, number)
    answer = httpx.post(f"{found.url}/api/v1/forge-events", content=body, headers=headers, timeout=30)
    assert answer.json() == {"event": "reviewed"}


def test_it_says_how_the_pull_request_stands_and_looks_anew_when_the_forge_calls(both: tuple[World, Site]) -> None:
    here, found = both
    with reader(found, "bob") as bob:
        bob.get("/")  # which says once that he is signed in
        page = text_of(bob.get(address(here)))
        assert (
            f"The forge knows no {'merge' if here.kind is ForgeKind.GITLAB else 'pull'} request of its branch yet."
            in page
        )
        assert "Open it on 127.0.0.1:" in page
        opened = here.opened()
        assert text_of(bob.get(address(here))) == page, "it is known for a while"
        tell(here, found, opened.number)
        answer = bob.get(address(here))
        page = text_of(answer)
        name = "Merge request !1" if here.kind is ForgeKind.GITLAB else "Pull request #1"
        assert f"{name} open Move fraud Nobody has reviewed it there. No check has said anything of it." in page
        assert f'<a href="{opened.url}" rel="noopener noreferrer">{name}</a>' in answer.text
        here.forge.review(opened.number, "bob", "APPROVED")
        here.forge.review(opened.number, "dave", "CHANGES_REQUESTED")
        here.adapter().status(
            here.request.head,
            CommitStatus(state=StatusState.FAILURE, context="registry", description="stale", url="javascript:x()"),
        )
        tell(here, found, opened.number)
        answer = bob.get(address(here))
        assert "approved by Bob Berg changes requested by Dave Dunn failed registry stale" in text_of(answer)
        assert "javascript:" not in answer.text
        assert TOKEN not in answer.text


def test_merged_and_closed_ones_say_so(both: tuple[World, Site]) -> None:
    here, found = both
    merged = here.opened()
    here.adapter("bob").merge(merged.number, expected_head=here.request.head)
    other = here.ask(2, "Staging")
    closed = here.opened(other)
    here.forge.close(closed.number, "bob")
    with reader(found, "alice") as alice:
        assert re.search(r"[#!]1 merged", text_of(alice.get(address(here))))
        assert re.search(r"[#!]2 closed", text_of(alice.get(f"/requests/{other.id}/pull-request")))


def test_the_page_of_a_request_asks_the_forge_for_nothing(both: tuple[World, Site]) -> None:
    here, found = both
    here.opened()
    with reader(found, "alice") as alice:
        here.forge.calls.clear()
        answer = alice.get(f"/requests/{here.request.id}")
        assert here.forge.calls == []
        assert f'hx-get="{address(here)}"' in answer.text
        assert f'<a href="{address(here)}">How it stands</a>' in answer.text
        past = alice.get(f"/requests/{here.request.id}?at=main")
        assert "pull-request" not in past.text, "the forge tells nothing of the past"


def test_of_another_head_than_the_one_here_it_says_so(tmp_path: Path) -> None:
    with shop(ForgeKind.GITHUB, tmp_path) as (here, found), reader(found, "alice") as alice:
        here.opened()
        here.forge.pulls[1].heads.append((0, "e" * 40))
        here.forge.pulls[1].branch, here.forge.pulls[1].head = here.request.branch, "e" * 40
        here.forge.follow = lambda: None  # type: ignore[method-assign]  # the forge knows of a push before we do
        page = text_of(alice.get(address(here)))
        assert "On the forge its branch is at commit eeeeeeeeeeee , which is not the one that is shown here." in page


def test_whoever_is_not_signed_in_sees_nothing_and_the_forge_is_not_asked(tmp_path: Path) -> None:
    with shop(ForgeKind.GITHUB, tmp_path) as (here, found), reader(found) as nobody, reader(found, "bob") as bob:
        here.forge.calls.clear()
        assert nobody.get(address(here)).headers["location"].startswith("/sign-in?next=")
        assert bob.get("/requests/20200101-aaaaaa/pull-request").status_code == 404
        assert bob.get(f"{address(here)}?at=main").headers["location"] == f"/requests/{here.request.id}?at=main"
        assert here.forge.calls == []


@pytest.mark.parametrize(
    ("token", "fault", "said"),
    [
        ("", Reply({"message": "Requires authentication"}, 401), "wants a token: Requires authentication."),
        ("nobody-knows-this", None, "does not take this token: Bad credentials."),
        (
            TOKEN,
            Reply({"message": f"{TOKEN} may not"}, 403),
            "does not allow it to the owner of this token: … may not.",
        ),
        (TOKEN, Reply({"message": "slow down"}, 429, {"Retry-After": "60"}), "takes no further call for 61 seconds."),
        (TOKEN, Reply({"message": "Not Found"}, 404), "has nothing at /repos/acme/models/pulls: Not Found."),
        (TOKEN, Reply({"pulls": []}), "The forge answered something else than its interface says"),
        (TOKEN, Reply(b"<html>sign in</html>"), "answered with something that is not JSON."),
    ],
)
def test_a_forge_that_refuses_is_a_sentence_with_the_plain_link(
    tmp_path: Path, token: str, fault: Reply | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with shop(ForgeKind.GITHUB, tmp_path, token) as (here, found), reader(found, "bob") as bob:
        here.forge.faults = [fault] if fault else []
        answer = bob.get(address(here))
        assert answer.status_code == 200
        assert said in text_of(answer)
        assert f'<a href="{here.forge.url}/acme/models/pulls?q=' in answer.text
        assert "s3cr3t" not in answer.text + caplog.text
        assert "nobody-knows-this" not in answer.text + caplog.text


def test_a_forge_that_is_away_is_a_sentence(plain: tuple[Registry, str, Path]) -> None:
    registry, request, place = plain
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with direct(), quiet(place) as found, reader(found, "bob") as bob:
        name_forge(registry, ForgeKind.GITHUB, f"http://127.0.0.1:{port}")
        answer = bob.get(f"/requests/{request}/pull-request")
        assert answer.status_code == 200
        assert f"127.0.0.1:{port} does not answer" in text_of(answer)
        assert f'<a href="http://127.0.0.1:{port}/acme/models/pulls?q=' in answer.text


def test_for_a_forge_that_does_not_answer_nobody_else_waits(plain: tuple[Registry, str, Path]) -> None:
    registry, request, place = plain
    with socket.create_server(("127.0.0.1", 0)) as silent, direct():
        port = silent.getsockname()[1]
        with quiet(place, forge_seconds=0.5) as found, reader(found, "bob") as bob:
            name_forge(registry, ForgeKind.GITLAB, f"http://127.0.0.1:{port}")
            began = time.monotonic()
            answer = bob.get(f"/requests/{request}/pull-request")
            assert time.monotonic() - began < 15
            assert answer.status_code == 200
            assert f"The forge 127.0.0.1:{port} did not answer within 0.5 s." in text_of(answer)
            assert "Look at it on" in text_of(answer)
            assert bob.get(f"/requests/{request}").status_code == 200


def test_without_a_forge_there_is_no_pull_request(plain: tuple[Registry, str, Path]) -> None:
    _, request, place = plain
    with site(place) as found, reader(found, "bob") as bob:
        assert "pull-request" not in bob.get(f"/requests/{request}").text
        assert "The policy names no forge" in text_of(bob.get(f"/requests/{request}/pull-request"))


def test_in_a_browser_it_comes_by_itself_and_again_when_the_registry_moves(
    browser: Browser, tmp_path: Path, keep_picture: Callable[[Page, str], None]
) -> None:
    with shop(ForgeKind.GITHUB, tmp_path) as (here, found):
        opened = here.opened()
        here.forge.review(opened.number, "bob", "APPROVED")
        status = CommitStatus(state=StatusState.SUCCESS, context="registry", description="no findings")
        here.adapter().status(here.request.head, status)
        with window(browser, found, "alice") as shown:
            page = shown.go(f"/requests/{here.request.id}")
            region = page.get_by_role("region", name="Pull request")
            expect(region.get_by_role("link", name="Pull request #1")).to_have_attribute("href", opened.url)
            expect(region).to_contain_text("approved by Bob Berg")
            expect(page).to_have_title(re.compile("^fraud v2"))
            assert barriers(page) == []
            page.emulate_media(color_scheme="dark")
            assert barriers(page, only="color-contrast") == []
            page.emulate_media(color_scheme="light")
            keep_picture(page, "request-with-pull-request")
            page.set_viewport_size({"width": 390, "height": 844})
            assert not too_wide(page)
            keep_picture(page, "request-with-pull-request-390")
            page.set_viewport_size({"width": 1280, "height": 900})
            here.forge.close(opened.number, "bob")
            tell(here, found, opened.number)
            expect(region).to_contain_text("open")
            registry_git.open(found.place, actor=ALICE).create_model("another")
            expect(region.get_by_text("closed", exact=True)).to_be_visible()
            page.context.clear_cookies()
            with page.expect_response(lambda answer: "/sign-in" in answer.url):
                page.evaluate("document.dispatchEvent(new Event('registry:refreshed'))")
            expect(page.locator("#pull-request")).not_to_have_class(re.compile("htmx-request"))  # it was handled
            expect(region.get_by_text("closed", exact=True)).to_be_visible()
        with window(browser, found, "alice", javascript=False) as still:
            page = still.go(f"/requests/{here.request.id}")
            page.get_by_role("link", name="How it stands").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Pull request: fraud v2")
            expect(page.get_by_role("link", name="Pull request #1")).to_be_visible()
            keep_picture(page, "pull-request")
