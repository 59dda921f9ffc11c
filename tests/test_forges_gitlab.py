"""What is GitLab's own way: https://docs.gitlab.com/api/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_git.core.errors import Conflict, PermissionDenied
from registry_git.core.rules import ForgeKind
from registry_git.forges.base import NewPullRequest, PullState, ReviewVerdict, approvals
from tests.forge_world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A GitLab."""
    with world(ForgeKind.GITLAB, tmp_path) as made:
        yield made


def test_a_project_is_addressed_by_its_encoded_path(here: World) -> None:
    here.opened()
    assert all(call.path.startswith(("/api/v4/projects/acme%2Fmodels/", "/api/v4/users")) for call in here.forge.calls)


def test_a_reviewer_whom_gitlab_leaves_out_without_a_word_is_remarked(here: World) -> None:
    here.forge.may_not_review = {"bob"}
    new = NewPullRequest(title="t", body="b", branch=here.request.branch, reviewers=("bob@acme.io",))
    assert "Reviewer bob" in here.adapter().open(new).remarks[0]


def test_an_approval_is_for_the_head_that_there_was_when_it_was_given(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "APPROVED")
    moved = here.push(here.request.branch)
    (found,) = here.adapter().reviews(opened.number)
    assert (found.commit, found.stale) == (opened.head, True)
    assert approvals((found,), head=moved) == ()
    assert approvals((found,), head=opened.head) == ()


def test_a_server_that_tells_no_time_of_an_approval_tells_it_in_its_own_notes(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "carol", "APPROVED")
    (found,) = here.adapter().reviews(opened.number)
    assert (found.commit, found.at is not None) == (opened.head, True)


def test_a_note_that_only_looks_like_gitlab_s_own_moves_no_approval(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "carol", "APPROVED")
    moved = here.push(here.request.branch)
    here.forge.say(opened.number, "carol", "approved this merge request")
    (found,) = here.adapter().reviews(opened.number)
    assert found.commit == opened.head
    assert approvals((found,), head=moved) == ()


def test_notes_of_gitlab_itself_are_no_comments(here: World) -> None:
    opened = here.opened()
    here.forge.say(opened.number, "alice", "requested review from @bob", system=True)
    here.forge.say(opened.number, "bob", "I look at it")
    assert [comment.text for comment in here.adapter().comments(opened.number)] == ["I look at it"]


def test_a_reviewer_who_asks_for_changes_is_told(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "CHANGES_REQUESTED")
    (found,) = here.adapter().reviews(opened.number)
    assert (found.by.login, found.verdict) == ("bob", ReviewVerdict.CHANGES_REQUESTED)


def test_a_merge_waits_while_gitlab_still_checks(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    adapter = here.adapter("bob")
    monkeypatch.setattr(adapter, "_sleep", slept.append)
    opened = here.opened()
    here.forge.thinking = 3
    assert adapter.merge(opened.number, expected_head=opened.head).state is PullState.MERGED
    assert slept == [1.0, 1.0]  # the first answer was the look before


def test_a_merge_does_not_wait_for_ever(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = here.adapter("bob")
    monkeypatch.setattr(adapter, "_sleep", lambda _: None)
    opened = here.opened()
    here.forge.thinking = 1000
    with pytest.raises(Conflict, match="checking"):
        adapter.merge(opened.number, expected_head=opened.head)


def test_a_refusal_that_says_nothing_is_explained_by_the_state(here: World) -> None:
    here.forge.required_approvals = 1
    opened = here.opened()
    with pytest.raises(Conflict, match="It is not approved"):
        here.adapter("bob").merge(opened.number, expected_head=opened.head)


def test_a_fast_forward_is_its_own_landing(here: World) -> None:
    opened = here.opened()
    here.forge.git("update-ref", "refs/heads/main", opened.head)
    stored = here.forge.pulls[opened.number]
    stored.state, stored.merged_by, stored.ended, stored.merge_commit = "merged", "bob", 1_795_000_000, opened.head
    assert here.adapter().get(opened.number).merge_commit == opened.head == here.landing()


def test_the_token_of_a_job_that_may_not_look_at_users_still_opens_and_reads(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = here.adapter()
    api = adapter._api  # type: ignore[attr-defined]
    call = api._call

    def shut(method: str, path: str, **more: object) -> object:
        if path.startswith("/users"):
            raise PermissionDenied("403 Forbidden")
        return call(method, path, **more)

    monkeypatch.setattr(api, "_call", shut)
    new = NewPullRequest(title="t", body="b", branch=here.request.branch, reviewers=("bob@acme.io",))
    opened = adapter.open(new)
    assert "Reviewer bob" in opened.remarks[0]
    here.forge.review(opened.number, "alice", "APPROVED")
    (found,) = adapter.reviews(opened.number)
    assert (found.by.name, found.by.email) == ("Alice Ames", "")
