"""The keyboard, and what readers of the screen are told, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages_scene import Site, Window, barriers, site, window
from tests.registry_scene import new_registry

PAGES = {"m": "/", "r": "/requests", "a": "/activity", "d": "/deployments"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    new_registry(place, versions=2)
    with site(place) as found:
        yield found


@pytest.fixture(scope="module")
def opened(browser: Browser, shop: Site) -> Iterator[Window]:
    with window(browser, shop, "alice") as found:
        yield found


@pytest.fixture
def page(opened: Window) -> Page:
    found = opened.go("/me")
    found.evaluate("localStorage.clear()")
    return found


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def test_two_keys_go_to_each_of_the_four_pages(page: Page, shop: Site) -> None:
    page.evaluate("window.kept = true")
    for key, path in PAGES.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(shop.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert page.evaluate("window.kept"), "no page was loaded anew"


def test_the_keys_keep_to_the_past_that_is_looked_at(opened: Window, shop: Site) -> None:
    page = opened.go("/?at=main")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(shop.url + "/requests?at=main")


def test_a_slash_goes_to_the_search_from_everywhere(page: Page, shop: Site) -> None:
    page.keyboard.press("/")
    page.wait_for_url(shop.url + "/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("fr/?gm")
    expect(search).to_have_value("fr/?gm")
    expect(page.locator("#keys")).not_to_be_visible()


@pytest.mark.parametrize(
    "keys", [["Control+/"], ["Control+g", "r"], ["Alt+g", "r"], ["Meta+g", "r"], ["r"], ["g", "x"]]
)
def test_keys_with_others_held_and_keys_of_nothing_do_nothing(page: Page, keys: list[str]) -> None:
    before = page.url
    for key in keys:
        page.keyboard.press(key)
    page.keyboard.press("?")  # what comes after them is on the page that they left alone
    expect(page.locator("#keys")).to_be_visible()
    assert page.url == before


def test_keys_do_nothing_while_somebody_types(page: Page) -> None:
    field = page.get_by_label("or at the commit")
    field.focus()
    page.keyboard.type("?gr/")
    expect(field).to_have_value("?gr/")
    assert page.url.endswith("/me")
    expect(page.locator("#keys")).not_to_be_visible()


def test_the_list_of_keys_opens_closes_and_has_no_barrier(page: Page) -> None:
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    assert barriers(page) == []
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    expect(keys).not_to_be_visible()
    assert page.url.endswith("/me")
    opener = page.get_by_role("button", name="Keys")
    opener.click()
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(keys).not_to_be_visible()
    expect(opener).to_be_focused()
    opener.click()
    page.mouse.click(3, 3)
    expect(keys).not_to_be_visible()


def test_the_keys_can_be_turned_off(page: Page, opened: Window) -> None:
    page.keyboard.press("?")
    page.get_by_label("Keys of one character do something").uncheck()
    page.keyboard.press("Escape")
    page = opened.go("/me")
    for key in ("?", "g", "r", "/"):
        page.keyboard.press(key)
    expect(page.locator("#keys")).not_to_be_visible()
    assert page.url.endswith("/me")
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys of one character do something").check()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def test_the_first_key_leads_past_the_navigation(page: Page) -> None:
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert focused(page) == "main"


def test_a_page_that_came_has_the_focus_and_its_title_is_said(page: Page) -> None:
    page.get_by_role("link", name="Requests").first.click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_focused()
    expect(page.locator("#announced")).to_have_text(page.title())
    assert page.title().startswith("Requests")
    assert page.locator("#announced").get_attribute("role") == "status"


def test_a_refusal_has_the_focus(browser: Browser, shop: Site) -> None:
    with window(browser, shop) as anybody:
        page = anybody.go("/sign-in")
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.type("rgt_wrong_wrong")
        page.keyboard.press("Enter")
        expect(page.locator("main [role=alert]")).to_be_focused()
        page.get_by_label("Token").fill(shop.tokens["bob"])
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_accessible_description("You are signed in as Bob.")


@pytest.mark.parametrize("close", ["Escape", "elsewhere"])
def test_menus_close(page: Page, close: str) -> None:
    page.evaluate(
        """() => document.getElementById("main").insertAdjacentHTML("beforeend",
        "<details class=menu><summary>More</summary><div class=panel><a href='/me'>Inside</a></div></details>")"""
    )
    menu = page.locator("details.menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("link")).to_be_visible()
    if close == "Escape":
        menu.get_by_role("link").focus()
        page.keyboard.press("Escape")
        expect(menu.locator("summary")).to_be_focused()
    else:
        page.get_by_role("heading", level=1).click()
    expect(menu.get_by_role("link")).not_to_be_visible()
