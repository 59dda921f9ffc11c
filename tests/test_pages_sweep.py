"""Every page, light and dark, wide and narrow: nothing keeps people from reading or using it. `--pictures` keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.demo_scene import Demo, demo, fixed
from tests.every_page import Things, every_page, picture_name, shown_paths
from tests.pages_scene import NARROW, WIDE, Site, Window, barriers, site, too_wide, window

UNKNOWN = Things(model="fraud", version=5, other=4, requests=[], environment="production", moment="2026-10-10")
# A request's page is looked at for each of these, whose ids are known when the registry is made.
REQUESTS = ("open", "stale", "approved", "rejected")
ADDRESSES = [
    *(address for addresses in every_page(UNKNOWN).values() for address in addresses),
    *(f"/requests/{{{name}}}" for name in REQUESTS),
    "/requests/{open}/pull-request",
    "/models/ltv/versions/1",
    "/nowhere",
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Demo]]:
    place = tmp_path_factory.mktemp("demo") / "models.git"
    with pytest.MonkeyPatch.context() as patch:
        made = demo(place, fixed(patch))
        with site(place) as found:
            yield found, made


@pytest.fixture(scope="module")
def bob(browser: Browser, told: tuple[Site, Demo]) -> Iterator[Window]:
    with window(browser, told[0], "bob") as found:
        yield found


def test_every_page_of_the_route_table_is_looked_at() -> None:
    assert set(every_page(UNKNOWN)) == shown_paths()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_no_barriers_and_is_not_too_wide(
    bob: Window, told: tuple[Site, Demo], keep_picture: Callable[[Page, str], None], address: str
) -> None:
    page = bob.page
    page.set_viewport_size({"width": WIDE, "height": 900})
    page.emulate_media(color_scheme="light")
    bob.go(address.format(**{name: getattr(told[1], name) for name in REQUESTS}))
    name = picture_name(address)
    assert not too_wide(page)
    assert barriers(page) == []
    keep_picture(page, f"{name}-{WIDE}")
    page.emulate_media(color_scheme="dark")
    assert barriers(page, only="color-contrast") == [], "in the dark"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": NARROW, "height": 844})
    assert not too_wide(page)
    keep_picture(page, f"{name}-{NARROW}")
    opened(page)
    assert not too_wide(page), "with all that can be opened"
    assert barriers(page) == [], "with all that can be opened"


def test_on_a_narrow_screen_the_timeline_shows_today_first(bob: Window) -> None:
    bob.page.set_viewport_size({"width": NARROW, "height": 844})
    chart = bob.go("/models/fraud").locator("div.scroll:has(svg.timeline)")
    left, seen, width = chart.evaluate("one => [one.scrollLeft, one.clientWidth, one.scrollWidth]")
    assert width > seen, "it is wider than the screen"
    assert left + seen >= width - 1


def opened(page: Page) -> None:
    """Opens whatever can be opened on the page."""
    page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
