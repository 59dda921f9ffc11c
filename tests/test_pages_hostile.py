"""What people write is text wherever it is shown: nothing of it is markup, runs, or leads where it should not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from playwright.sync_api import Browser, expect

from registry_git.core.model import Dataset, Lineage
from tests.every_page import Things, every_page, shown_paths
from tests.pages_scene import Site, Window, proof, reader, site, window
from tests.registry_scene import BOB, new_registry

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
AREA = "</textarea></title></style></pre><script>alert(3)</script>"
QUOTES = "' onmouseover='alert(4)' x=\" onfocus=\"alert(5)\" autofocus {{ 7777777 * 3 }} ${7777777*3}"
LINKS = (
    "[a link](javascript:alert(6)) [two](JaVaScRiPt:alert(7)) <javascript:alert(8)> [data](data:text/html,<script>) "
    "![picture](https://evil.example/x.png) [vb](vbscript:x) <b onclick=alert(9)>bold</b> <iframe src=//evil.example>"
)
EVERYTHING = "\n\n".join((SCRIPT, IMAGE, AREA, QUOTES, LINKS))
LINE = f"{SCRIPT} {IMAGE} {AREA} {QUOTES}"
MODEL = '"><img src=x onerror=alert(2)> ' + "{{ 7777777 * 3 }} '&lt;b&gt;"
EVE = "Eve \"onmouseover=alert(1) 'x' &lt;b&gt; <eve@acme.io>"


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Things]:
    """A registry of somebody who writes such things wherever something can be written."""
    place = tmp_path_factory.mktemp("hostile") / "models.git"
    as_ = new_registry(place)
    eve, bob = as_(EVE), as_(BOB)
    lineage = Lineage(
        run_id=SCRIPT,
        run_name=IMAGE,
        run_link="javascript:alert(1)",
        run_user=SCRIPT,
        experiment_id=IMAGE,
        experiment_name=SCRIPT,
        model_id=IMAGE,
        git_commit=SCRIPT,
        datasets=(Dataset(name=SCRIPT, digest=IMAGE), Dataset(name=QUOTES, digest="javascript:alert(1)")),
    )
    tags = {"note": LINE, "owner": f"{SCRIPT} <x@y>", "link": "javascript:alert(1)", "auc": "0.9"}
    for source in (f"s3://acme/{SCRIPT}{IMAGE}", "javascript:alert(1)"):
        eve.register(MODEL, source, description=EVERYTHING, tags=tags, lineage=lineage, comment=LINE, read=False)
    eve.describe(MODEL, EVERYTHING)
    eve.set_tags(MODEL, tags)
    eve.set_alias(MODEL, "champion", 1, comment=LINE)
    eve.transition(MODEL, 1, "Staging", comment=LINE)
    eve.add_comment(MODEL, 2, EVERYTHING)
    bob.add_comment(MODEL, 2, EVERYTHING)
    eve.add_deployment("production", "scorer", model=MODEL, stage="Staging", owner=EVE, comment=LINE)
    eve.add_deployment("production", "nightly", model=MODEL, version=1, workload="job", comment=LINE)
    rejected = eve.request_stage(MODEL, 2, "Production", comment=EVERYTHING)
    bob.reject(rejected.id, comment=EVERYTHING)
    approved = eve.request_alias(MODEL, "challenger", 2, comment=EVERYTHING)
    bob.approve(approved.id, comment=EVERYTHING)
    opened = eve.request_stage(MODEL, 2, "Production", comment=EVERYTHING)
    requests = [rejected.id, approved.id, opened.id]
    return place, Things(model=MODEL, version=2, other=1, requests=requests, environment="production", moment="main")


@pytest.fixture(scope="module")
def shop(things: tuple[Path, Things]) -> Iterator[Site]:
    with site(things[0]) as found:
        yield found


@pytest.fixture(scope="module")
def client(shop: Site) -> Iterator[httpx.Client]:
    with reader(shop, "bob") as found:
        yield found


@pytest.fixture(scope="module")
def bob(browser: Browser, shop: Site) -> Iterator[Window]:
    with window(browser, shop, "bob") as found:
        found.page.on("dialog", lambda dialog: found.complaints.append(f"a dialog: {dialog.message}"))
        yield found


class Dangers(HTMLParser):
    """What of a page would run, or leads to something that would."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        bad = [name for name in given if name.startswith("on") or name == "style" or name == "srcdoc"]
        bad += [
            f"{name}={value}"
            for name, value in given.items()
            if name in ("href", "src", "action", "formaction")
            and not re.match(r"(https?://|mailto:|/(?!/)|#|\?|$)", value)
        ]
        if tag in ("script", "img") and not given.get("src", "").startswith("/static/"):
            bad.append("its source")
        if tag in ("iframe", "object", "embed", "base", "b"):
            bad.append("itself")
        if bad:
            self.found.append(f"{self.get_starttag_text()}: {bad}")
        if tag == "form" and given.get("method") == "post":
            self.forms.append((given.get("action", ""), []))
        elif self.forms and given.get("name") and tag in ("input", "textarea", "select", "button"):
            self.forms[-1][1].append((given["name"], given.get("type", tag)))


def dangers(html: str) -> list[str]:
    parser = Dangers()
    parser.feed(html)
    return parser.found


def addresses(things: Things) -> list[str]:
    hostile = urlencode({"text": LINE, "tag": "a=" + IMAGE, "alias": SCRIPT, "stage": SCRIPT, "model": MODEL + LINE})
    more = [f"{path}?{hostile}" for path in ("/", "/requests", "/activity", "/deployments", "/register")]
    more += [f"/{quote(SCRIPT, safe='')}", f"/models/{quote(IMAGE, safe='')}", f"/requests/{quote(SCRIPT, safe='')}"]
    more += [f"/?at={quote(LINE)}", f"/compare?left={quote(LINE)}&right={quote(IMAGE)}", f"/sign-in?next={quote(LINE)}"]
    more += [f"/activity?person={quote(LINE)}&kind={quote(LINE)}&since={quote(SCRIPT)}&version={quote(IMAGE)}"]
    more += [f"/deployments?environment={quote(LINE)}", "/sign-in?next=javascript:alert(1)"]
    return [*(one for found in every_page(things).values() for one in found), *more]


def test_the_scene_has_something_for_every_page(things: tuple[Path, Things]) -> None:
    assert shown_paths() <= set(every_page(things[1]))


def test_nothing_that_was_written_is_markup_on_any_page(client: httpx.Client, things: tuple[Path, Things]) -> None:
    for address in addresses(things[1]):
        answer = client.get(address, headers={"accept": "text/html"}, follow_redirects=True)
        assert answer.status_code in (200, 400, 404), (address, answer.text[-2000:])
        assert answer.headers["content-type"].startswith("text/html")
        assert dangers(answer.text) == [], address
        assert "23333331" not in answer.text, f"{address}: a template was filled in"


def test_nothing_that_was_written_runs_in_a_browser(bob: Window, things: tuple[Path, Things]) -> None:
    for address in addresses(things[1]):
        page = bob.go(address)
        page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
        page.locator("h1").first.wait_for()
        assert [one for one in bob.complaints if "the server responded with a status of" not in one] == [], address
        assert (
            page.evaluate(
                "document.querySelectorAll('img:not([src^=\"/static/\"]), #main script, #main b, iframe').length"
            )
            == 0
        )


def test_what_was_written_is_there_to_be_read(bob: Window, things: tuple[Path, Things]) -> None:
    version = every_page(things[1])["/models/{name}/versions/{version}"][0]
    request = f"/requests/{things[1].requests[-1]}"
    for address, least in ((version, 8), (request, 1), ("/activity", 3), ("/", 1)):
        page = bob.go(address)
        said = page.locator("body").inner_text()
        assert said.count(SCRIPT) >= least, address
        expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_link_in_what_was_written_leads_only_to_the_web(bob: Window, things: tuple[Path, Things]) -> None:
    page = bob.go(every_page(things[1])["/models/{name}/versions/{version}"][0])
    links = page.evaluate("[...document.querySelectorAll('#main a')].map((one) => one.href)")
    assert links
    assert [one for one in links if not one.startswith((bob.url + "/", "https://", "http://"))] == []
    expect(page.get_by_text("a link", exact=False).first).to_be_visible()


def test_what_is_typed_into_any_form_comes_back_as_text(shop: Site, things: tuple[Path, Things]) -> None:
    tried = set()
    with reader(shop, "alice") as client:
        for address in addresses(things[1]):
            shown = client.get(address, headers={"accept": "text/html"}, follow_redirects=True)
            parser = Dangers()
            parser.feed(shown.text)
            for action, fields in parser.forms:
                path = action.partition("?")[0]
                if path in tried or path == "/sign-out":
                    continue
                tried.add(path)
                values = {
                    name: LINE
                    for name, kind in fields
                    if kind in ("text", "input", "textarea", "search", "hidden", "password", "select")
                }
                values["csrf"] = proof(shown)
                answer = client.post(action, data=values, headers={"accept": "text/html"}, follow_redirects=True)
                assert answer.status_code < 500, (action, answer.text[-1500:])
                assert dangers(answer.text) == [], action
    assert len(tried) > 8, tried
