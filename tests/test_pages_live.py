"""Pages follow the registry: a stream says that it moved, and pages that are looked at are brought up to date."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

import registry_git
from tests.pages_scene import Site, barriers, proof, reader, site, window
from tests.registry_scene import ALICE, new_registry


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    new_registry(tmp_path / "models.git", versions=1)
    with site(tmp_path / "models.git") as found:
        yield found


def test_the_stream_tells_each_state_of_the_registry(shop: Site) -> None:
    registry = registry_git.open(shop.place, actor=ALICE)
    with reader(shop, "alice") as client, client.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = (line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: "))
        assert next(told) == registry.commit
        for number in range(3):
            registry.create_model(f"new-{number}")
            assert next(told) == registry.commit


def test_the_stream_is_for_those_who_may_read(shop: Site) -> None:
    with reader(shop) as client:
        assert client.get("/events").status_code == 401


def test_a_server_that_stops_ends_the_streams(tmp_path: Path) -> None:
    new_registry(tmp_path / "models.git", versions=1)
    ended = threading.Event()
    with site(tmp_path / "models.git") as found:
        begun = threading.Event()

        def listen() -> None:
            with reader(found, "alice") as client, client.stream("GET", "/events") as stream:
                for _ in stream.iter_lines():
                    begun.set()
            ended.set()

        threading.Thread(target=listen, daemon=True).start()
        assert begun.wait(20)
    assert ended.wait(20)


def test_a_page_shows_what_somebody_else_did_without_being_loaded_again(shop: Site, browser: Browser) -> None:
    with window(browser, shop, "alice") as alice:
        page = alice.go("/")
        page.evaluate("window.kept = true")
        registry_git.open(shop.place, actor=ALICE).create_model("brand-new")
        expect(page.get_by_role("link", name="brand-new")).to_be_visible()
        assert page.evaluate("window.kept")


def test_signing_in_works_in_a_browser_with_scripts_and_without(shop: Site, browser: Browser) -> None:
    for javascript in (True, False):
        with window(browser, shop, javascript=javascript) as anybody:
            page = anybody.go("/")
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            if javascript:
                assert barriers(page) == []
            anybody.sign_in(shop.tokens["bob"])
            expect(page.get_by_role("heading", name="Models")).to_be_visible()
            page.get_by_role("link", name="Bob").click()
            expect(page.get_by_role("heading", name="Bob")).to_be_visible()
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_refused_token_is_said_where_it_was_given(shop: Site, browser: Browser) -> None:
    with window(browser, shop) as anybody:
        page = anybody.go("/sign-in")
        page.get_by_label("Token").fill("rgt_wrong_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("This token is not known here.")
        assert page.url.endswith("/sign-in")


def test_a_client_that_keeps_no_cookies_cannot_send_forms(shop: Site) -> None:
    with httpx.Client(base_url=shop.url, headers={"origin": shop.url}) as client:
        form = {"csrf": proof(client.get("/sign-in")), "token": shop.tokens["alice"]}
        client.cookies.clear()
        assert client.post("/sign-in", data=form).status_code == 403
