"""What is Gitea's and Forgejo's own way: https://docs.gitea.com/api."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_git.core.errors import Conflict
from registry_git.core.rules import ForgeKind
from registry_git.forges.base import MergeStyle, NewPullRequest, PullState, approvals
from registry_git.forges.settings import speak_to
from registry_git.forges.token import Token
from tests.forge_world import QUICK, World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A Gitea."""
    with world(ForgeKind.GITEA, tmp_path) as made:
        yield made


def test_labels_are_made_once_and_set_by_their_numbers(here: World) -> None:
    here.forge.labels = {"model registry": 7}
    new = NewPullRequest(
        title="t", body="b", branch=here.request.branch, labels=("model registry", "stage: Production")
    )
    here.adapter().open(new)
    assert here.forge.pulls[1].labels == ["model registry", "stage: Production"]
    made = [call.body["name"] for call in here.forge.calls if call.method == "POST" and call.path.endswith("s/labels")]
    assert [name for name in made if isinstance(name, str)] == ["stage: Production"]


def test_a_pull_request_that_has_nothing_to_do_with_the_commit_is_not_believed(here: World) -> None:
    opened = here.opened()
    first = here.forge.git("rev-list", "--max-parents=0", "main")
    assert here.adapter().find_by_commit(first) == ()
    assert here.adapter().find_by_commit(opened.head) == (opened,)


def test_a_deleted_branch_still_leads_to_its_pull_request(here: World) -> None:
    opened = here.opened()
    merged = here.adapter("bob").merge(opened.number, expected_head=opened.head)
    here.forge.git("update-ref", "-d", f"refs/heads/{here.request.branch}")
    assert here.adapter().find_by_branch(here.request.branch) == (merged,)


@pytest.mark.parametrize("style", list(MergeStyle))
def test_every_style_of_merge_lands_the_record_where_the_adapter_says(here: World, style: MergeStyle) -> None:
    opened = here.opened()
    merged = here.adapter("bob").merge(opened.number, expected_head=opened.head, style=style)
    assert merged.merge_commit == here.landing()


def test_a_merge_waits_while_gitea_looks_for_conflicts(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    adapter = here.adapter("bob")
    monkeypatch.setattr(adapter, "_sleep", slept.append)
    opened = here.opened()
    here.forge.thinking = 2
    assert adapter.merge(opened.number, expected_head=opened.head).state is PullState.MERGED
    assert slept == [1.0, 1.0]
    here.forge.thinking = 1000
    second = here.opened(here.ask(1, "Archived"))
    with pytest.raises(Conflict, match="try again later"):
        adapter.merge(second.number, expected_head=second.head)


def test_a_review_that_is_only_asked_for_is_none(here: World) -> None:
    new = NewPullRequest(title="t", body="b", branch=here.request.branch, reviewers=("bob@acme.io",))
    opened = here.adapter().open(new)
    assert here.adapter().reviews(opened.number) == ()


def test_what_gitea_calls_stale_does_not_count(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "APPROVED")
    here.push(here.request.branch)
    (found,) = here.adapter().reviews(opened.number)
    assert found.stale
    assert approvals((found,), head=opened.head) == ()


def test_a_password_of_a_credential_helper_is_sent_as_one(here: World) -> None:
    token = Token("alice-s3cr3t-t0ken", "alice")
    speak_to(here.settings(), token, patience=QUICK).find_by_branch("x")
    assert here.forge.calls[-1].headers["authorization"].startswith("Basic ")
    here.adapter().find_by_branch("x")
    assert here.forge.calls[-1].headers["authorization"] == "token alice-s3cr3t-t0ken"
