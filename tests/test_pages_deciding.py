"""Requests, activity, deployments and the past in a real browser: readable by everybody, and decided by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import registry_git
from tests.asked_scene import AskedFor, asked_for
from tests.pages_scene import NARROW, WIDE, Site, barriers, site, too_wide, window
from tests.registry_scene import ALICE


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> AskedFor:
    asked = asked_for(tmp_path_factory.mktemp("deciding") / "models.git")
    registry = asked.as_(ALICE)
    registry.resolve("models:/fraud/2", consumer="production/scorer")
    registry.resolve("models:/fraud/3", consumer="laptop/alice")
    return asked


@pytest.fixture(scope="module")
def shop(scene: AskedFor) -> Iterator[Site]:
    with site(Path(scene.as_(ALICE)._store.repository.git_dir)) as found:
        yield found


@pytest.mark.parametrize(("scheme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_every_page_is_accessible_and_fits(
    shop: Site, scene: AskedFor, browser: Browser, scheme: str, width: int
) -> None:
    pages = {
        "requests": "/requests",
        "request": f"/requests/{scene.stage}",
        "request-stale": f"/requests/{scene.stale}",
        "request-approved": f"/requests/{scene.approved}",
        "activity": "/activity",
        "deployments": "/deployments",
        "past": "/deployments?at=main",
        "no-moment": "/requests?at=2001-01-01",
        "not-then": "/requests/nothing?at=main",
    }
    with window(browser, shop, "bob", width=width, scheme=scheme) as bob:
        bob.page.emulate_media(reduced_motion="reduce")  # what is fading in has not its colours yet
        for name, address in pages.items():
            page = bob.go(address)
            page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
            assert barriers(page) == [], name
            assert not too_wide(page), name


def test_a_request_is_approved_by_hand_and_the_number_follows(tmp_path: Path, browser: Browser) -> None:
    asked = asked_for(tmp_path / "models.git")
    with site(tmp_path / "models.git") as found, window(browser, found, "bob") as bob:
        page = bob.go("/requests")
        number = page.get_by_role("link", name="Requests").locator(".count")
        expect(number).to_contain_text("6")
        page.get_by_role("link", name="fraud v4: None → Production").click()
        page.get_by_label("Comment").fill("go")
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(page.get_by_text("Approved, and done: move fraud v4 to Production.")).to_be_visible()
        expect(number).to_contain_text("5")
        asked.as_(ALICE).cancel(asked.pin)  # by somebody else: the page that is looked at follows
        expect(number).to_contain_text("4")
    assert registry_git.open(found.place, actor=ALICE).resolve("models:/fraud/Production").version == 4


def test_a_day_is_chosen_at_the_foot_and_one_gets_back(shop: Site, browser: Browser) -> None:
    with window(browser, shop, "alice", javascript=False) as alice:
        page = alice.go("/activity?kind=moves")
        page.get_by_label("or at the commit").fill("main")
        page.get_by_role("button", name="Show that commit").click()
        expect(page.get_by_text("This is the past.")).to_be_visible()
        assert page.url.endswith("/activity?kind=moves&at=main")
        page.get_by_label("This page as it was on").fill("2001-01-01")
        page.get_by_role("button", name="Show that day").click()
        expect(page.get_by_role("alert")).to_contain_text("The registry did not exist yet on 2001-01-01.")
        page.get_by_role("link", name="back to the present").click()
        assert page.url.endswith("/activity?kind=moves")
        expect(page.get_by_text("This is the past.")).to_be_hidden()


def test_the_past_does_not_follow_the_registry_and_the_present_does_again(tmp_path: Path, browser: Browser) -> None:
    asked = asked_for(tmp_path / "models.git")
    with site(tmp_path / "models.git") as found, window(browser, found, "alice") as alice:
        page = alice.go("/activity?at=main")
        page.get_by_role("link", name="Back to the present").click()
        expect(page.get_by_text("This is the past.")).to_be_hidden()
        asked.as_(ALICE).create_model("brand-new")
        expect(page.get_by_role("link", name="brand-new")).to_be_visible()
        page.go_back()
        expect(page.get_by_text("This is the past.")).to_be_visible()
        assert page.locator("#main").get_attribute("data-tag") == ""
