"""Names as people choose them, in addresses and on screens: long ones, and those of which a letter means something."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Browser

from registry_git.server.pages.links import here
from tests.pages_scene import NARROW, WIDE, Site, proof, reader, site, too_wide, window
from tests.registry_scene import ALICE, new_registry

LONG = "L" * 255
ARABIC = "مودل الاحتيال"
NAMES = ["50%20off? #1", "🚀 a&b=c+d;e", "<i>\"q'`$(x)", ARABIC, LONG]
RULES = "rules:\n- {on: stage, to: [Production], approvals: 1, four_eyes: true}\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("names") / "models.git"
    alice = new_registry(place, rules=RULES)(ALICE)
    for name in NAMES:
        alice.register(name, "s3://acme/1")
        alice.register(name, "s3://acme/2")
        alice.transition(name, 1, "Staging")
        alice.set_alias(name, "champion", 2)
    alice.add_deployment("production", "d" * 200, model=LONG, stage="Staging")
    with site(place) as found:
        yield found


def pages_of(name: str) -> list[str]:
    model = f"/models/{quote(name, safe='')}"
    return [model, f"{model}/versions/2", f"{model}/versions/1?to=Production", f"{model}?at=main"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_page_says_of_its_own_address_leads_back_to_it(shop: Site, name: str) -> None:
    with reader(shop, "alice") as client:
        for address in pages_of(name):
            page = client.get(address)
            assert page.status_code == 200
            own = address.partition("?")[0]
            found = {html.unescape(one).partition("?")[0] for one in re.findall(r'action="([^"]*)"', page.text)}
            assert own in found  # the forms of time travel
            for link in re.findall(r'href="(/models/[^"]*)"', page.text):
                assert client.get(html.unescape(link)).status_code == 200, link
        assert f'href="{html.escape(pages_of(name)[0])}">Back to the present' in client.get(address).text


@pytest.mark.parametrize("name", NAMES)
def test_who_signs_in_for_a_page_is_led_back_to_it(shop: Site, name: str) -> None:
    for address in pages_of(name)[:3]:
        with reader(shop) as client:
            away = client.get(address)
            form = client.get(away.headers["location"])
            kept = re.search(r'name="next" value="([^"]*)"', form.text)
            assert kept is not None
            typed = {"csrf": proof(form), "token": shop.tokens["alice"], "next": html.unescape(kept[1])}
            back = client.post("/sign-in", data=typed)
            assert (back.status_code, back.headers["location"]) == (303, address)


def test_an_address_with_letters_that_no_header_carries_is_escaped() -> None:
    assert unquote(here("/models/مودل x")) == "/models/مودل x"
    assert here("/models/50%25%20off?to=A+B") == "/models/50%25%20off?to=A+B"
    assert here("/models/ü").isascii()


def test_a_stage_is_asked_for_whatever_the_name_is(shop: Site) -> None:
    with reader(shop, "alice") as client:
        for name in NAMES:
            address = pages_of(name)[1]
            form = {"csrf": proof(client.get(address)), "stage": "Production", "how": "ask", "comment": "please"}
            answer = client.post(f"{address}/stage", data=form)
            assert (answer.status_code, answer.headers.get("location")) == (303, address), name
            assert "asks to move" in client.get(address).text


def test_commands_on_a_page_can_be_typed_as_they_are(shop: Site, tmp_path: Path) -> None:
    with reader(shop, "alice") as client:
        page = html.unescape(client.get(pages_of(NAMES[2])[1]).text)
    quoted_name = "'<i>\"q'\"'\"'`$(x)'"
    assert f"registry-git register {quoted_name} SOURCE" in page
    assert f"--model {quoted_name} --stage Production" in page


def test_no_name_makes_a_page_wider_than_the_screen(shop: Site, browser: Browser) -> None:
    addresses = ["/", "/requests?show=all", "/activity", "/deployments", *pages_of(LONG)[:3]]
    for width in (WIDE, NARROW):
        with window(browser, shop, "alice", width=width) as looking:
            for address in addresses:
                looking.go(address)
                assert not too_wide(looking.page), (width, address[:40], address[-40:])


def test_a_name_that_is_read_from_the_right_moves_nothing_beside_it(shop: Site, browser: Browser) -> None:
    with window(browser, shop, "alice") as looking:
        page = looking.go(pages_of(ARABIC)[0])
        item = page.locator("ol.activity > li", has_text="created the model").first
        link, time = item.get_by_role("link", name=ARABIC).bounding_box(), item.locator("time").bounding_box()
        assert link is not None
        assert time is not None
        assert link["x"] + link["width"] <= time["x"]
