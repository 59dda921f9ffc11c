"""`reconcile` with a forge: who reviewed and merged goes into the record, and nobody who did not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_git.core.rules import ForgeKind
from registry_git.forges.base import MergeStyle, PullState
from registry_git.forges.reconcile import reconcile
from tests.forge_world import KINDS, World, world

BOB, CAROL = "Bob Berg <bob@acme.io>", "Carol Cox <carol@acme.io>"


@pytest.fixture(params=KINDS, ids=[kind.value for kind in KINDS])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A forge of each kind in turn."""
    with world(request.param, tmp_path) as made:
        yield made


# GitLab takes it from the project's settings whether it rebases, so nobody asks for that when they merge
STYLES = [(k, style) for k in KINDS for style in MergeStyle if (k, style) != (ForgeKind.GITLAB, MergeStyle.REBASE)]


@pytest.mark.parametrize(("here", "style"), STYLES, indirect=["here"], ids=lambda one: one.value)
def test_who_reviewed_and_who_merged_is_written_into_the_record(here: World, style: MergeStyle) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "APPROVED", "the numbers hold")
    here.adapter("carol").merge(opened.number, expected_head=opened.head, style=style)
    (done,) = reconcile(here.registry, here.adapter())
    assert (done.request, done.verdict, done.pull) == (here.request.id, "approved", opened.url)
    assert (done.by, done.sources) == ((BOB, CAROL), ("review", "merge"))
    record = here.registry.request(here.request.id).record
    assert [(review.by, review.source) for review in record.reviews] == [(BOB, "review"), (CAROL, "merge")]
    assert reconcile(here.registry, here.adapter()) == []


def test_a_review_that_came_after_the_merge_is_no_approval_of_it(here: World) -> None:
    opened = here.opened()
    here.adapter("carol").merge(opened.number, expected_head=opened.head, style=MergeStyle.SQUASH)
    moved = here.push(here.request.branch)
    for commit in (opened.head, moved):
        here.forge.review(opened.number, "bob", "APPROVED", "that further commit is fine", commit=commit)
    (done,) = reconcile(here.registry, here.adapter())
    assert (done.by, done.sources) == ((CAROL,), ("merge",))


def test_a_review_of_an_earlier_head_and_a_dismissed_one_are_left_out(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "APPROVED")
    head = here.push(here.request.branch)
    here.forge.review(opened.number, "dave", "APPROVED").dismissed = True
    here.adapter("carol").merge(opened.number, expected_head=head)
    (done,) = reconcile(here.registry, here.adapter())
    assert (done.by, done.sources) == ((CAROL,), ("merge",))


def test_the_requesters_own_review_is_no_approval(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "alice", "APPROVED", "mine is the best")
    here.forge.review(opened.number, "bob", "APPROVED", "it is")
    here.adapter("carol").merge(opened.number, expected_head=opened.head)
    (done,) = reconcile(here.registry, here.adapter())
    assert (done.by, done.sources) == ((BOB, CAROL), ("review", "merge"))


def test_a_pull_request_that_is_closed_is_a_rejection_with_its_last_words(here: World) -> None:
    opened = here.opened()
    here.adapter("bob").comment(opened.number, "not this quarter")
    here.adapter("bob").close(opened.number)
    (done,) = reconcile(here.registry, here.adapter())
    assert (done.request, done.verdict, done.by) == (here.request.id, "rejected", (BOB,))
    view = here.registry.request(here.request.id)
    assert (view.state, view.record.reviews[-1].comment) == ("rejected", "not this quarter")
    assert here.registry.resolve("models:/fraud/Production").version == 1


def test_a_merged_promotion_opens_the_pull_requests_of_what_follows_on_request(here: World) -> None:
    here.registry.add_deployment("eu", "nightly", model="fraud", stage="Production", follow="request")
    here.registry.refresh(here.request.id)
    opened = here.opened()
    here.adapter("carol").merge(opened.number, expected_head=opened.head)
    reconcile(here.registry, here.adapter())
    (roll,) = here.registry.requests()
    (pull,) = here.adapter().find_by_branch(roll.branch)
    assert (pull.state, pull.title) == (PullState.OPEN, "Roll the deployment eu/nightly to fraud v2")
    assert reconcile(here.registry, here.adapter()) == []
    assert len(here.adapter().find_by_branch(roll.branch)) == 1
    here.adapter("bob").close(pull.number)
    (done,) = reconcile(here.registry, here.adapter())
    assert (done.request, done.verdict) == (roll.id, "rejected")
    assert here.registry.requests() == []


def test_a_person_whose_address_is_not_known_stays_unknown(here: World) -> None:
    opened = here.opened()
    here.adapter("dave").merge(opened.number, expected_head=opened.head)
    (done,) = reconcile(here.registry, here.adapter())
    assert done.by == ("unknown",)
    assert "dave" in here.registry.request(here.request.id).record.reviews[-1].comment
