"""A version's page and the comparison in a real browser: readable by everybody, at any width, by a click or a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import registry_git
from tests.pages_scene import NARROW, WIDE, Site, barriers, site, too_wide, window
from tests.registry_scene import ALICE
from tests.version_scene import fill_shop

V4 = "/models/fraud/versions/4"
PAGES = (V4, f"{V4}?to=Production", "/compare?left=fraud/Production&right=fraud/4")


@pytest.fixture
def fraud(tmp_path: Path) -> Iterator[Site]:
    fill_shop(tmp_path / "models.git")
    with site(tmp_path / "models.git") as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_everybody_can_read_and_use_the_pages(fraud: Site, browser: Browser, width: int, scheme: str) -> None:
    with window(browser, fraud, "bob", width=width, scheme=scheme) as bob:
        for path in PAGES:
            page = bob.go(path)
            for details in page.locator("main details").all():
                details.evaluate("one => one.open = true")
            assert barriers(page) == []
            assert not too_wide(page)


@pytest.mark.slow
@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
def test_a_version_goes_where_the_menu_leads_and_a_request_is_approved(
    fraud: Site, browser: Browser, javascript: bool
) -> None:
    with window(browser, fraud, "alice", javascript=javascript) as alice:
        page = alice.go("/models/fraud/versions/2")
        page.get_by_text("Stage: None").click()
        page.get_by_role("link", name="Transition to Archived").click()
        page.get_by_label("Comment", exact=True).fill("try it")
        page.get_by_role("button", name="Transition to Archived").click()
        expect(page.get_by_role("status").get_by_text("fraud v2 is in Archived now.")).to_be_visible()
        expect(page.get_by_text("Stage: Archived")).to_be_visible()
    with window(browser, fraud, "bob", javascript=javascript) as bob:
        page = bob.go(V4)
        page.get_by_label("Comment on the decision").fill("go")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("Approved, and done: move fraud v4 from Staging to Production.")).to_be_visible()
    registry = registry_git.open(fraud.place, actor=ALICE)
    assert registry.version("fraud", 4).stages == ("Production",)
    assert registry.version("fraud", 2).stages == ("Archived",)
    assert registry.activity("fraud", 2)[-1].comment == "try it"


@pytest.mark.slow
def test_the_menu_opens_and_closes_by_keyboard(fraud: Site, browser: Browser) -> None:
    with window(browser, fraud, "alice") as alice:
        page = alice.go(V4)
        page.locator("details.stage > summary").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Request transition to Production")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Request transition to Production")).to_be_hidden()
        assert page.evaluate("document.activeElement.textContent").strip() == "Stage: Staging"


@pytest.mark.slow
def test_what_one_says_another_sees_at_once(fraud: Site, browser: Browser) -> None:
    with window(browser, fraud, "alice") as alice:
        page = alice.go(V4)
        registry_git.open(fraud.place, actor=ALICE).add_comment("fraud", 4, "Said *meanwhile*.")
        expect(page.locator("article.comment", has_text="Said meanwhile.")).to_be_visible()
