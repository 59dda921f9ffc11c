"""A real Chromium without a window: what people see of a page, and pictures of it for the documentation."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FloatRect, Locator, Page

PICTURES = Path(__file__).resolve().parent.parent / "build" / "pictures"
WIDTH = 980  # pixels
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@contextmanager
def chromium(profile: Path, outside: Mapping[str, str]) -> Iterator[Page]:
    """A page of a browser whose files are in `profile`; without a Chromium it fails in CI and is skipped elsewhere."""
    program = _program(outside)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            headless=True,
            args=[*_QUIET],
            viewport={"width": WIDTH, "height": 800},
            locale="en-GB",
            timezone_id="UTC",
        )
        try:
            yield context.pages[0]
        finally:
            context.close()


@contextmanager
def browsing(outside: Mapping[str, str]) -> Iterator[Browser]:
    """A browser for any number of people (`browser.new_context()`); without a Chromium as `chromium`.

    Only one may be open at a time in a process: make it for one file of tests (`scope="module"`).
    """
    program = _program(outside)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=[*_QUIET])
        try:
            yield browser
        finally:
            browser.close()


def _program(outside: Mapping[str, str]) -> str:
    program = shutil.which("chromium", path=outside.get("PATH"))
    if program is None:
        missing = "There is no chromium; install it (Debian: apt-get install chromium fonts-dejavu-core)."
        if outside.get("CI", "").lower() in ("true", "1"):
            pytest.fail(missing)
        warnings.warn(missing, stacklevel=2)
        pytest.skip(missing)
    return program


def picture(page: Page, name: str, *, last: Locator, first: Locator | None = None) -> Path:
    """A picture of a page, from the top of `first` (default: of the page) to the bottom of `last`."""
    top = _box(first)["y"] - 8 if first is not None else 0.0
    end = _box(last)
    PICTURES.mkdir(parents=True, exist_ok=True)
    file = PICTURES / f"{name}.png"
    height = end["y"] + end["height"] + 8 - top
    page.screenshot(path=file, full_page=True, clip={"x": 0, "y": top, "width": WIDTH, "height": height})
    return file


def whole_picture(page: Page, name: str) -> None:
    """A picture of the whole page, kept in build/pictures/."""
    file = PICTURES / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file, full_page=True)


def _box(place: Locator) -> FloatRect:
    found = place.bounding_box()
    assert found is not None, f"{place} is not on the page"
    return found
