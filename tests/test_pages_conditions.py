"""Pages on slow and lost connections, on paper, with the reader's own colours, and for those whom movement disturbs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Request, Route, expect

import registry_git
from tests.pages_scene import Site, site, window
from tests.registry_scene import ALICE, new_registry


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("pages") / "models.git"
    new_registry(place, versions=2)
    with site(place) as found:
        yield found


def test_a_form_is_sent_once_however_often_its_button_is_pressed(browser: Browser, shop: Site) -> None:
    held: list[Route] = []
    with window(browser, shop) as anybody:
        page = anybody.go("/sign-in")
        page.route(
            "**/sign-in", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
        )
        page.get_by_label("Token").fill(shop.tokens["bob"])
        button = page.get_by_role("button", name="Sign in")
        button.dblclick()
        expect(button).to_be_disabled()
        page.get_by_label("Token").press("Enter")
        page.evaluate("1")
        assert len(held) == 1
        held[0].continue_()
        expect(page.get_by_role("heading", name="Models")).to_be_visible()
        assert len(held) == 1


def test_a_lost_connection_is_said_and_nothing_typed_is_lost(browser: Browser, shop: Site) -> None:
    with window(browser, shop, "alice") as alice:
        page = alice.go("/me")
        at = page.get_by_label("or at the commit")
        at.fill("main")
        alice.page.context.set_offline(True)
        page.get_by_role("link", name="Models").click()
        lost = page.get_by_role("alert")
        expect(lost).to_have_text("The server cannot be reached. Try again when it is back.")
        page.get_by_role("button", name="Sign out").click()
        expect(lost).to_contain_text("whether it did this is not known")
        expect(page.get_by_role("button", name="Sign out")).to_be_enabled()
        expect(at).to_have_value("main")
        alice.page.context.set_offline(False)
        page.get_by_role("link", name="Models").click()
        expect(page.get_by_role("heading", name="Models")).to_be_visible()
        expect(lost).not_to_be_visible()
        alice.complaints.clear()  # of what could not be reached


def test_deleting_asks_first(browser: Browser, shop: Site) -> None:
    registry = registry_git.open(shop.place, actor=ALICE, durable=False)
    comment = registry.add_comment("fraud", 1, "Not for long.")
    asked: list[str] = []
    with window(browser, shop, "alice") as alice:
        page = alice.go("/models/fraud/versions/1")
        for answer in ("dismiss", "accept"):
            assert [one.id for one in registry.comments("fraud", 1)] == [comment.id]
            page.once("dialog", lambda dialog, answer=answer: (asked.append(dialog.message), getattr(dialog, answer)()))
            page.locator(f"#comment-{comment.id}").get_by_role("button", name="Delete").click()
        expect(page.locator(f"#comment-{comment.id}")).to_have_count(0)
    assert registry.comments("fraud", 1) == []
    assert len(asked) == 2
    assert asked[0].startswith("Delete your comment of ")


def test_a_page_asks_no_other_server_for_anything(browser: Browser, shop: Site) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    with window(browser, shop) as anybody:
        anybody.page.on("request", note)
        anybody.sign_in(shop.tokens["alice"])
        anybody.go("/")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((shop.url + "/", "data:"))] == []


def test_on_paper_there_is_what_is_to_be_read(browser: Browser, shop: Site) -> None:
    with window(browser, shop, "alice", scheme="dark") as alice:
        page = alice.go("/")
        page.emulate_media(media="print")
        expect(page.get_by_role("heading", name="Models")).to_be_visible()
        expect(page.locator("header.top")).not_to_be_visible()
        expect(page.locator("footer")).not_to_be_visible()
        colours = page.evaluate(
            "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
        )
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], "dark pages are not printed dark"


def test_with_the_readers_own_colours_the_page_that_one_is_on_is_still_marked(browser: Browser, shop: Site) -> None:
    with window(browser, shop, "alice") as alice:
        page = alice.go("/")
        page.emulate_media(forced_colors="active")
        here = page.locator(".top nav a[aria-current]")
        assert "underline" in here.evaluate("one => getComputedStyle(one).textDecorationLine")
        other = page.get_by_role("link", name="Requests")
        assert "underline" not in other.evaluate("one => getComputedStyle(one).textDecorationLine")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_whom_movement_disturbs(browser: Browser, shop: Site, motion: str) -> None:
    with window(browser, shop) as anybody:
        anybody.page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        page = anybody.go("/sign-in")
        page.get_by_label("Token").fill("rgt_wrong_wrong")
        page.get_by_role("button", name="Sign in").click()
        page.locator("main .notice.bad").wait_for()
        page.evaluate("document.body.classList.add('htmx-request')")
        moving = page.evaluate(
            """() => [...document.querySelectorAll("*")].flatMap((one) => ["", "::before", "::after"].map((part) => {
            const {animationName, transitionDuration} = getComputedStyle(one, part || null);
            const slow = transitionDuration.split(",").some((time) => parseFloat(time) > 0);
            return animationName !== "none" || slow ? [one.tagName + part, animationName] : null; }))
            .filter(Boolean)"""
        )
        assert bool(moving) == (motion == "no-preference"), moving
