"""What people see of a request on a real Pagure, in a real browser; docs/pull-requests.md shows these pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import registry_git
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.base import Forge
from registry_git.forges.description import describe
from registry_git.forges.settings import speak_to
from registry_git.forges.token import Token
from tests.browser import chromium, picture
from tests.cli_program import run
from tests.conftest import Git
from tests.forge_world import direct
from tests.pagure_server import Pagure, pagure
from tests.registry_scene import hand_commit, policy_text

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PROJECT = "acme-models"
PEOPLE = {"alice": "alice@example.com", "bob": "bob@example.com"}
ALICE, BOB = "Alice <alice@example.com>", "Bob <bob@example.com>"
LARGEST = 120_000  # bytes of a picture


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, outside_environment: Mapping[str, str]) -> Iterator[Pagure]:
    """The Pagure of this module."""
    with pagure(tmp_path_factory, outside_environment) as running, direct():
        yield running


def test_the_pages_show_what_is_asked_who_reviewed_and_what_became_of_it(
    server: Pagure, git: Git, tmp_path: Path, outside_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ForgeSettings(kind=ForgeKind.PAGURE, url=server.url, repository=PROJECT, people=PEOPLE)

    def forge(login: str) -> Forge:
        return speak_to(settings, Token(server.tokens[login]))

    monkeypatch.setenv("PAGURE_TOKEN", server.tokens["alice"])
    server.call("alice", "POST", "/new", name=PROJECT, description="Models", default_branch="main", wait="1")
    server.call("alice", "POST", f"/{PROJECT}/git/modifyacls", user_type="user", name="bob", acl="commit")
    first = tmp_path / "first.git"
    registry = registry_git.init(
        first, name=PROJECT, protect=["Production"], roles={"ml-leads": ["bob@example.com"]}, actor=ALICE
    )
    for number, auc in ((1, "0.902"), (2, "0.914"), (3, "0.871")):
        tags = {"auc": auc, "latency_ms": f"{10 + number}"}
        registry.register("fraud", f"s3://acme-models/fraud/{number}", tags=tags)
    begun = registry.request_stage("fraud", 1, "Production")
    registry_git.open(first, actor=BOB).approve(begun.request)
    named = f"forge: {{kind: pagure, url: {server.url}, repository: {PROJECT}, people: {json.dumps(PEOPLE)}}}\n"
    hand_commit(git, first, "main", {"registry.yaml": policy_text(registry) + named}, author=ALICE)
    git(first, "push", "--quiet", server.git_url("alice", PROJECT), "refs/heads/main:refs/heads/main")
    registry = registry_git.clone(server.git_url("alice", PROJECT), tmp_path / "clone.git", actor=ALICE)
    wanted = registry.request_stage("fraud", 2, "Production", comment="Better on the last four weeks.")
    rival = registry.request_stage("fraud", 3, "Production", comment="Cheaper to run.")
    opened = forge("alice").open(describe(registry, wanted.id))
    other = forge("alice").open(describe(registry, rival.id))

    with chromium(tmp_path / "profile", outside_environment) as page:
        server.shown_in(page)
        pictures = []

        page.goto(opened.url)
        body = page.locator(".card").filter(has_text="Merging approves it").first
        said = body.inner_text()
        assert page.title() == f"PR#1: Move fraud v2 to Production - {PROJECT} - Pagure"
        rows = [" ".join(row.inner_text().split()) for row in body.locator("tr").all()]
        assert rows[:2] == ["model version from to in its place now", "fraud v2 None Production v1"]
        assert "v1 (now) v2 difference" in rows
        assert "auc 0.902 0.914 +0.012" in rows
        assert "latency_ms 11 12 +1" in rows
        assert "may approve bob@\u2060example.com" in rows
        for words in ("Better on the last four weeks.", wanted.id, "Merging approves it, closing rejects it"):
            assert words in said
        pictures.append(picture(page, "pagure-request", first=_title(page), last=body))

        judge = ("check", "--base", "origin/main", "--head", f"origin/{wanted.branch}", "--status")
        run("-R", str(tmp_path / "clone.git"), *judge)
        forge("bob").comment(1, "+1 the numbers hold")
        page.reload()
        review = page.locator(".card").filter(has_text="+1 the numbers hold").last
        assert review.inner_text().split()[0] == "bob"
        flag = page.get_by_text("registry-git/check: Nothing forbids the merge.")
        flag.wait_for()  # a script of the page fetches it
        assert re.search(
            r"registry-git\s+success\s+registry-git/check: Nothing forbids the merge.", page.inner_text("body")
        )
        pictures.append(picture(page, "pagure-review", first=review, last=flag))

        forge("bob").merge(1, expected_head=wanted.head)
        page.reload()
        assert re.search(r"#1\s+Move fraud v2 to Production\s+Merged .* by bob\.", _title(page).inner_text())
        merged = page.get_by_text("Pull-Request has been merged by bob")
        pictures.append(picture(page, "pagure-merged", first=_title(page), last=page.locator("#pr-tabs")))
        assert merged.count() == 1

        forge("bob").comment(other.number, "Slower where it counts.")
        forge("bob").close(other.number)
        page.goto(other.url)
        assert re.search(r"#2\s+Move fraud v3 to Production\s+Closed .* by bob\.", _title(page).inner_text())
        last = page.locator(".card").filter(has_text="Slower where it counts.").last
        pictures.append(
            picture(page, "pagure-closed", first=last, last=page.get_by_text("has been closed by bob").last)
        )

    for file in pictures:
        assert 4_000 < file.stat().st_size < LARGEST, file


def _title(page: Page) -> Locator:
    """The heading: number, title, and how the pull request stands."""
    return page.locator(".repo-body-container h4").first
