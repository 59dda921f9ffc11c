"""A real server with two people's accounts, and the windows in which they look at its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.permissions import SCOPES, Permission
from tests.registry_scene import ALICE, BOB
from tests.server_scene import NO_TLS, serving, settings_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PEOPLE = {"alice": ALICE, "bob": BOB}
WIDE, NARROW = 1280, 390  # pixels
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# Only what is wrong comes back: what axe tells of all that is right is megabytes, which took longer than the rules.
_FOUND = """async (rules) => (await axe.run(document, rules)).violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${one.help}: ${node.html.slice(0, 200)}`))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running server: its address, the registry, and everybody's token by first name."""

    url: str
    place: Path
    tokens: Mapping[str, str]


@contextmanager
def site(place: Path, **settings: Any) -> Iterator[Site]:
    """A server of the registry at `place` with accounts for Alice and Bob."""
    accounts = AccountFile(settings_of(place).accounts)
    tokens = {}
    for name, actor in PEOPLE.items():
        accounts.add(Actor.parse(actor))
        tokens[name] = new_token(place, name)
    with serving(settings_of(place, **settings)) as client:
        yield Site(url=str(client.base_url).rstrip("/"), place=place, tokens=tokens)


def new_token(place: Path, name: str, *scopes: Permission, expires: int | None = None) -> str:
    """Another token of somebody, for all scopes or these."""
    email = Actor.parse(PEOPLE[name]).email
    wanted = frozenset(scopes or SCOPES)
    return AccountFile(settings_of(place).accounts).add_token(email, scopes=wanted, created=0, expires=expires)[0]


@dataclass(slots=True)
class Window:
    """A browser's window on a site. `complaints` is what the browser found wrong with the pages."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Goes to an address on the site."""
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, token: str) -> None:
        """Signs in, on the page that is shown or the one for it."""
        if "/sign-in" not in self.page.url:
            self.go("/sign-in")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_text("You are signed in as").wait_for()


@contextmanager
def window(
    browser: Browser, site: Site, who: str = "", *, width: int = WIDE, javascript: bool = True, scheme: Any = "light"
) -> Iterator[Window]:
    """A window of its own, signed in as `who` (a first name). What the browser complains of is a failure."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        java_script_enabled=javascript,
        color_scheme=scheme,
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(15_000)
    try:
        opened = Window(context.new_page(), site.url)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("console", lambda said: opened.complaints.append(said.text) if said.type == "error" else None)
        if who:
            opened.sign_in(site.tokens[who])
        yield opened
        assert [one for one in opened.complaints if "the server responded with a status of" not in one] == []
    finally:
        context.close()


def barriers(page: Page, only: str = "") -> list[str]:
    """What axe-core finds that keeps people from reading or using the page, by all rules or one; should be empty."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    # what still moves in is half transparent, and its contrast is not the one that people read
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => null)")
    rules = {"runOnly": [only]} if only else _RULES
    found: list[str] = page.evaluate(_FOUND, {**rules, "resultTypes": ["violations"]})
    return found


def too_wide(page: Page) -> bool:
    """Whether the page has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def proof(answer: httpx.Response) -> str:
    """What the forms of a page send along."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text)
    assert found is not None, answer.text[:2000]
    return found[1]


@contextmanager
def reader(site: Site, who: str = "") -> Iterator[httpx.Client]:
    """A client that keeps cookies and follows nothing, signed in as `who`: as a browser without scripts."""
    with httpx.Client(base_url=site.url, timeout=30, verify=NO_TLS, headers={"origin": site.url}) as client:
        if who:
            form = {"csrf": proof(client.get("/sign-in")), "token": site.tokens[who], "next": "/"}
            assert client.post("/sign-in", data=form).status_code == 303
        yield client


def led(client: httpx.Client, answer: httpx.Response) -> tuple[str, str]:
    """Where a form led that did its work, and what was said there (on whatever page comes next); "" for nothing."""
    assert answer.status_code == 303, answer.text
    found = re.search(r'<p id="said"[^>]*>(.*?)</p>', client.get("/me").text)
    return answer.headers["location"], unescape(found[1]) if found else ""
