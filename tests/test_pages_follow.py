"""A page follows the registry by one stream, and never throws away what somebody types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

import registry_git
from registry_git.registry.facade import Registry
from tests.pages_scene import Site, Window, site, window
from tests.registry_scene import ALICE, new_registry
from tests.server_scene import serving, settings_of
from tests.waiting import until

COUNTED = """
const Real = EventSource;
window.streams = [];
window.EventSource = class extends Real {
  constructor(address) { super(address); window.streams.push(this); }
};
window.EventSource.CLOSED = Real.CLOSED;
"""
OPEN = "window.streams.filter((one) => one.readyState !== EventSource.CLOSED).length"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    new_registry(place, versions=2)
    with site(place) as found:
        yield found


@pytest.fixture(scope="module")
def registry(shop: Site) -> Registry:
    return registry_git.open(shop.place, actor=ALICE, durable=False)


@pytest.fixture
def alice(browser: Browser, shop: Site) -> Iterator[Window]:
    with window(browser, shop) as found:
        found.page.add_init_script(COUNTED)
        found.go("/sign-in")
        found.sign_in(shop.tokens["alice"])
        yield found


def reveal(field: Locator) -> None:
    """Opens what a field is in."""
    field.evaluate(
        "one => { for (let at = one; at; at = at.parentElement) if (at.matches('details')) at.open = true; }"
    )


def shown(page: Page, commit: str) -> None:
    """Waits until the page shows this state of the registry."""
    expect(page.locator("#main")).to_have_attribute("data-tag", commit)


def test_the_stream_starts_with_signing_in_stays_one_and_ends_with_signing_out(alice: Window) -> None:
    page = alice.page
    assert page.evaluate(OPEN) == 1
    for name in ("Alice", "Models"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · registry-git")
    assert page.evaluate("window.streams.length") == 1
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    until(lambda: page.evaluate(OPEN) == 0)


def test_only_the_tab_that_is_looked_at_listens(alice: Window, registry: Registry) -> None:
    page = alice.page

    def looked_at(state: str) -> None:
        page.evaluate(
            """(state) => { Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
            document.dispatchEvent(new Event("visibilitychange")); }""",
            state,
        )

    looked_at("hidden")
    assert page.evaluate(OPEN) == 0
    registry.set_tag("fraud", "hidden", "1")
    looked_at("visible")
    assert page.evaluate(OPEN) == 1
    shown(page, registry.commit)


def test_a_page_of_the_past_does_not_listen(alice: Window) -> None:
    page = alice.go("/?at=main")
    assert page.evaluate("window.streams.length") == 0
    page.get_by_role("link", name="Back to the present").click()
    until(lambda: page.evaluate(OPEN) == 1)


def test_what_is_typed_stays_and_a_notice_says_that_the_registry_moved(alice: Window, registry: Registry) -> None:
    page = alice.go("/models/fraud/versions/1")
    field = page.locator("main textarea").first
    reveal(field)
    field.fill("What I think of it")
    before = page.locator("#main").get_attribute("data-tag")
    registry.set_tag("fraud", "typed", "1")
    notice = page.get_by_text("The registry has moved since this page was made.")
    expect(notice).to_be_visible()
    assert notice.locator("xpath=..").get_attribute("role") == "status"
    expect(field).to_have_value("What I think of it")
    assert page.locator("#main").get_attribute("data-tag") == before
    notice.get_by_role("link").click()
    shown(page, registry.commit)
    expect(notice).not_to_be_visible()


def test_what_is_typed_while_the_new_page_is_on_its_way_stays(alice: Window, registry: Registry) -> None:
    page = alice.go("/models/fraud/versions/1")
    field = page.locator("main textarea").first
    reveal(field)

    def slow(route: Route) -> None:
        field.evaluate("one => { one.value = 'in between'; }")
        route.continue_()

    page.route("**/models/fraud/versions/1", slow)
    registry.set_tag("fraud", "typed", "2")
    expect(page.get_by_text("The registry has moved since this page was made.")).to_be_visible()
    expect(field).to_have_value("in between")


def test_what_is_open_where_one_reads_and_the_focus_stay_when_the_page_is_brought_up_to_date(
    alice: Window, registry: Registry
) -> None:
    page = alice.go("/models/fraud/versions/1")
    page.evaluate(
        """() => { const main = document.getElementById("main");
        const all = [...main.querySelectorAll("details:not(.menu)")];
        for (const one of all) one.open = true;
        window.opened = all.length;
        document.querySelector("#main a").focus();
        scrollTo(0, 150); }"""
    )
    focus = page.evaluate("document.activeElement.textContent")
    registry.set_tag("fraud", "read", "1")
    shown(page, registry.commit)
    assert page.evaluate("[...document.querySelectorAll('#main details:not(.menu)[open]')].length === window.opened")
    assert page.evaluate("document.activeElement.textContent") == focus
    assert page.evaluate("scrollY") == 150


def test_a_link_that_came_with_an_update_goes_without_loading(alice: Window, registry: Registry) -> None:
    page = alice.go("/")
    page.evaluate("window.kept = true")
    registry.create_model("came-later")
    page.get_by_role("link", name="came-later").click()
    page.wait_for_url("**/models/came-later")
    assert page.evaluate("window.kept")


def test_a_server_that_comes_back_is_followed_again(browser: Browser, tmp_path: Path) -> None:
    place = tmp_path / "models.git"
    new_registry(place, versions=1)
    registry = registry_git.open(place, actor=ALICE, durable=False)
    settings = settings_of(place)
    with serving(settings) as client:
        url = client.base_url
    with window(browser, Site(url=str(url).rstrip("/"), place=place, tokens={})) as owner:
        for name in ("before", "after"):
            with serving(replace(settings, port=url.port)):
                page = owner.go("/") if name == "before" else owner.page
                shown(page, registry.commit)
                registry.create_model(name)
                expect(page.get_by_role("link", name=name)).to_be_visible(timeout=30_000)
        owner.complaints.clear()  # of the time when there was no server
