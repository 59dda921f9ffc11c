"""What is GitHub's own way: https://docs.github.com/rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.base import MergeStyle, PullState
from registry_git.forges.settings import _github_api, speak_to
from tests.forge_world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A GitHub."""
    with world(ForgeKind.GITHUB, tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.acme.io", "https://git.acme.io/api/v3"),
        ("https://github.com.evil.io", "https://github.com.evil.io/api/v3"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v3"),
    ],
)
def test_the_api_of_a_github_is_where_it_says(url: str, api: str) -> None:
    assert _github_api(url) == api
    assert speak_to(ForgeSettings(kind=ForgeKind.GITHUB, url=url, repository="a/b"), None).kind is ForgeKind.GITHUB


def test_calls_say_which_interface_they_expect(here: World) -> None:
    here.opened()
    assert {call.headers["accept"] for call in here.forge.calls} == {"application/vnd.github+json"}
    assert {call.headers["authorization"] for call in here.forge.calls} == {"Bearer alice-s3cr3t-t0ken"}


def test_the_commit_that_github_tries_a_merge_with_is_not_taken_for_the_landing(here: World) -> None:
    opened = here.opened()
    assert opened.merge_commit == ""
    here.forge.close(opened.number, "bob")
    assert here.adapter().get(opened.number).merge_commit == ""


@pytest.mark.parametrize("style", list(MergeStyle))
def test_every_style_of_merge_lands_the_record_where_the_adapter_says(here: World, style: MergeStyle) -> None:
    opened = here.opened()
    merged = here.adapter("bob").merge(opened.number, expected_head=opened.head, style=style)
    assert merged.merge_commit == here.landing()
    assert merged.head == opened.head
    author = here.forge.git("log", "-1", "--format=%an/%cn", "main")
    assert (
        author
        == {
            MergeStyle.MERGE: "Bob Berg/GitHub",
            MergeStyle.SQUASH: "Alice/GitHub",
            MergeStyle.REBASE: "Alice/Bob Berg",
        }[style]
    )


def test_a_commit_that_a_rebase_made_leads_to_the_pull_request_and_its_merger(here: World) -> None:
    opened = here.opened()
    here.adapter("bob").merge(opened.number, expected_head=opened.head, style=MergeStyle.REBASE)
    (found,) = here.adapter().find_by_commit(here.landing())
    assert found.merged_by is not None
    assert (found.number, found.merged_by.login, found.state) == (opened.number, "bob", PullState.MERGED)


def test_a_head_that_was_merged_stays_what_it_was_when_the_branch_moves_on(here: World) -> None:
    opened = here.opened()
    here.adapter("bob").merge(opened.number, expected_head=opened.head)
    here.push(here.request.branch)
    assert here.adapter().get(opened.number).head == opened.head


def test_a_review_that_is_not_handed_in_and_one_of_a_deleted_user_are_no_approval(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "PENDING")
    here.forge.review(opened.number, "", "APPROVED")
    (ghost,) = here.adapter().reviews(opened.number)
    assert (ghost.by.login, ghost.by.email) == ("ghost", "")


def test_a_person_is_looked_up_once(here: World) -> None:
    opened = here.opened()
    adapter = here.adapter()
    for _ in range(3):
        here.forge.review(opened.number, "alice", "COMMENTED")
    adapter.reviews(opened.number)
    adapter.reviews(opened.number)
    asked = [call.path for call in here.forge.calls if call.path.endswith("/users/alice")]
    assert len(asked) == 2  # one for the adapter that opened it, one for this one
