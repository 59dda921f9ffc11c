"""The whole story by hand: two people, two browsers, from a form to a merge commit; with JavaScript and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import registry_git
from tests.conftest import Git
from tests.pages_scene import Site, Window, site, window
from tests.registry_scene import ALICE, true_merges

VERSION = "/models/fraud/versions/1"
pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    """A registry whose Production is Bob's to approve."""
    place = tmp_path / "models.git"
    roles = {"approver": ["bob@acme.io"]}
    registry_git.init(place, protect=["Production"], roles=roles, actor=ALICE, durable=False)
    with site(place) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a browser."""

    window: Window
    scripts: bool

    def sees(self, path: str) -> Page:
        """The page at an address, up to date: with scripts it is by itself, once it is shown."""
        page = self.window.page
        if not self.scripts or not page.url.endswith(path):
            self.window.go(path)
        return page

    def registers(self, source: str) -> None:
        page = self.window.go("/")
        page.get_by_role("link", name="Register").first.click()
        page.get_by_label("Model", exact=True).fill("fraud")
        page.get_by_label("Source", exact=True).fill(source)
        page.get_by_label("Tags", exact=True).fill("auc=0.93")
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.get_by_role("heading", name="fraud v1", level=1)).to_be_visible()

    def requests_production(self, comment: str) -> None:
        page = self.sees(VERSION)
        page.get_by_text("Stage: None").click()
        page.get_by_role("link", name="Request transition to Production").click()
        page.locator("#move").get_by_label("Comment").fill(comment)
        page.get_by_role("button", name="Request transition to Production").click()
        expect(page.get_by_role("heading", name="Alice asks to move fraud v1")).to_be_visible()

    def comments(self, text: str) -> None:
        page = self.sees(VERSION)
        page.get_by_label("Comment (Markdown)").fill(text)
        page.get_by_role("button", name="Add the comment").click()
        expect(page.locator("article.comment")).to_contain_text(text)

    def decides(self, button: str, comment: str) -> str:
        """Finds the request that waits, and decides it; gives its id."""
        page = self.window.go("/")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Requests").click()
        page.get_by_role("link", name="fraud v1").first.click()
        page.get_by_label("Comment", exact=True).fill(comment)
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("heading", name="How it ended")).to_be_visible()
        return page.url.partition("/requests/")[2]


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_two_people_bring_a_version_into_production_by_hand(
    shop: Site, browser: Browser, git: Git, scripts: bool
) -> None:
    with (
        window(browser, shop, "alice", javascript=scripts) as one,
        window(browser, shop, "bob", javascript=scripts) as two,
    ):
        alice, bob = Person(one, scripts), Person(two, scripts)
        alice.registers("s3://acme-models/fraud/1")
        alice.requests_production("ready for the world")
        alice.comments("Trained on March.")
        first = bob.decides("Reject", "not before April")

        page = alice.sees(VERSION)
        expect(page.locator("ol.activity")).to_contain_text("Bob rejected")
        expect(page.locator("ol.activity")).to_contain_text("not before April")
        alice.requests_production("it is April")
        second = bob.decides("Approve", "now it is fine")
        assert first != second

        for person in (alice, bob):
            page = person.sees(VERSION)
            expect(page.locator("main .badge").first).to_have_text("Production")
            stays(person.window.go("/models/fraud"))
            happened(person.window.go("/activity"))
    in_git(git, shop.place, first, second)


def stays(page: Page) -> None:
    """The timeline, as a chart and as a table."""
    expect(page.get_by_role("img", name="Which version of fraud was in which stage")).to_be_visible()
    expect(page.locator("svg.timeline rect")).to_have_count(1)
    page.get_by_text("As a table").click()
    row = page.get_by_role("row", name="v1").filter(has_text="still there")
    expect(row).to_contain_text("Production")
    expect(row).to_contain_text("Bob")


def happened(page: Page) -> None:
    """Every step by name, the newest first."""
    steps = [
        ("Bob", "approved", "now it is fine"),
        ("Alice", "asked", "it is April"),
        ("Bob", "rejected", "not before April"),
        ("Alice", "commented", "Trained on March."),
        ("Alice", "asked", "ready for the world"),
        ("Alice", "registered", ""),
        ("Alice", "created the model", ""),
        ("Alice", "made the registry", ""),
    ]
    expect(page.locator("ol.activity > li")).to_have_count(len(steps))
    told = [" ".join(item.inner_text().split()) for item in page.locator("ol.activity > li").all()]
    for who, did, said in steps:
        assert any(text.startswith(f"{who} {did}") and said in text for text in told), (who, did, told)
    assert told[0].startswith("Bob approved")  # what one second saw stands in the order of `main`
    assert told[-1].startswith("Alice made the registry")


def in_git(git: Git, place: Path, first: str, second: str) -> None:
    """What plain git says afterwards."""
    assert git(place, "log", "-1", "--format=%an <%ae> %cn", "main") == "Bob <bob@acme.io> Bob"
    assert len(git(place, "rev-list", "--parents", "-1", "main").split()) == 3, "it is a merge"
    assert true_merges(git, place) == 2
    assert git(place, "for-each-ref", "refs/heads/request") == ""
    for request, verdict, comments in (
        (first, "rejected", ("ready for the world", "not before April")),
        (second, "approved", ("it is April", "now it is fine")),
    ):
        record = git(place, "show", f"main:models/fraud/requests/{request}.yaml")
        assert "alice@acme.io" in record
        assert "by: Bob <bob@acme.io>" in record
        assert f"verdict: {verdict}" in record
        assert all(comment in record for comment in comments)
    assert "version: '1'" in git(place, "show", "main:models/fraud/stages/Production/pointer.yaml")
    registry = registry_git.open(place, actor=ALICE)
    assert registry.resolve("models:/fraud/Production").version == 1
    assert registry.check() == []
