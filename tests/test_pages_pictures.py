"""The pictures of docs/ui.md, from a real server in a real browser; `make screenshots` puts them there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PICTURES
from tests.demo_scene import Demo, demo, fixed
from tests.every_page import shown_paths
from tests.pages_scene import NARROW, WIDE, Site, site, window

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "ui.md"
WIDTH = 1120  # pixels
LARGEST, ALL = 120_000, 1_500_000  # bytes of a picture, and of all together

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Demo]]:
    place = tmp_path_factory.mktemp("demo") / "models.git"
    with pytest.MonkeyPatch.context() as patch:
        made = demo(place, fixed(patch))
        with site(place) as found:
            yield found, made


def kept(page: Page, name: str, height: int) -> Path:
    """A picture of the top of a page, of at most this height."""
    file = PICTURES / f"ui-{name}.png"
    PICTURES.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    assert size is not None
    page.locator("h1").first.wait_for()
    end = min(height, int(page.evaluate("document.documentElement.scrollHeight")))
    page.mouse.move(0, 0)
    page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": size["width"], "height": end})
    return file


def test_the_pictures_of_the_document_are_taken(browser: Browser, told: tuple[Site, Demo]) -> None:
    shop, made = told
    pictures = []
    with window(browser, shop, "bob", width=WIDTH) as bob:
        for name, address, height in (
            ("models", "/", 520),
            ("register", "/register?model=fraud", 960),
            ("model", "/models/fraud", 660),
            ("version", "/models/fraud/versions/5", 800),
            ("compare", "/compare?left=fraud/4&right=fraud/5", 720),
            ("requests", "/requests", 480),
            ("request", f"/requests/{made.open}", 620),
            ("activity", "/activity", 600),
            ("deployments", "/deployments", 620),
            ("past", "/models/fraud?at=2026-08-01", 560),
        ):
            pictures.append(kept(bob.go(address), name, height))
        file = PICTURES / "ui-timeline.png"
        bob.page.set_viewport_size({"width": WIDE, "height": 900})
        bob.go("/models/fraud").locator("section[aria-labelledby=timeline]").screenshot(path=file)
        pictures.append(file)
        bob.page.set_viewport_size({"width": WIDTH, "height": 900})
        page = bob.go("/")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        pictures.append(kept(page, "keys", 760))
    with window(browser, shop, "alice", width=WIDTH) as alice:
        pictures.append(kept(alice.go("/models/fraud/versions/3?to=Production"), "transition", 620))
    with window(browser, shop, "bob", width=NARROW, scheme="dark") as phone:
        pictures.append(kept(phone.go("/models/fraud/versions/5"), "phone", 844))
    assert {f"ui/{file.name.removeprefix('ui-')}" for file in pictures} == named()
    for file in pictures:
        assert 4_000 < file.stat().st_size < LARGEST, file
    assert sum(file.stat().st_size for file in pictures) < ALL


def named() -> set[str]:
    """The pictures that the document shows, by their place below docs/images."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return {part.partition(")")[0] for part in text.split("](images/")[1:]}


def test_the_document_speaks_of_every_page() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [path for path in sorted(shown_paths()) if f"`{path}`" not in text] == []
