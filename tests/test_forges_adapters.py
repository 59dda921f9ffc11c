"""What holds on every forge: GitHub, GitLab and Gitea over real HTTP, merging in a real repository."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Conflict, NotFound, PermissionDenied, RegistryError, Unavailable
from registry_git.core.rules import ForgeKind, Policy
from registry_git.forges.base import (
    CommitStatus,
    MergeStyle,
    NewPullRequest,
    Person,
    PullState,
    ReviewVerdict,
    StatusState,
    approvals,
    standing,
)
from registry_git.forges.http import Patience
from registry_git.forges.settings import forge_of
from tests.conftest import Git
from tests.forge_server import USERS, Reply
from tests.forge_world import KINDS, QUICK, World, world

BOB = Person(login="bob", name="Bob Berg", email="bob@acme.io", mapped=True)


@pytest.fixture(params=KINDS, ids=[kind.value for kind in KINDS])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A forge of each kind in turn."""
    with world(request.param, tmp_path) as made:
        yield made


def test_a_pull_request_is_opened_with_labels_and_reviewers(here: World) -> None:
    new = NewPullRequest(
        title="Move fraud v2 to Production",
        body="| a | b |\n",
        branch=here.request.branch,
        labels=("model registry", "stage: Production"),
        reviewers=("bob@acme.io", "nobody@acme.io"),
    )
    opened = here.adapter().open(new)
    assert (opened.number, opened.state, opened.head) == (1, PullState.OPEN, here.request.head)
    assert (opened.branch, opened.title, opened.remarks) == (new.branch, new.title, ())
    assert opened.author is not None
    assert opened.author.login == "alice"
    assert opened.url.startswith(here.forge.url)
    assert (opened.merged_by, opened.merge_commit, opened.closed_by) == (None, "", None)
    stored = here.forge.pulls[1]
    assert (stored.title, stored.body, stored.author) == (new.title, new.body, "alice")
    assert stored.labels == list(new.labels)
    assert stored.reviewers == ["bob"]
    assert here.adapter().get(1) == opened


def test_opening_twice_brings_the_open_one_up_to_date(here: World) -> None:
    first = here.opened()
    again = here.adapter().open(NewPullRequest(title="Other title", body="other", branch=here.request.branch))
    assert again.number == first.number
    assert (here.forge.pulls[1].title, here.forge.pulls[1].body, len(here.forge.pulls)) == ("Other title", "other", 1)


def test_an_answer_that_is_lost_while_opening_opens_no_second_one(here: World) -> None:
    here.forge.faults = [Reply([]), "answer is lost"]  # nothing is open yet; then it is opened, and nobody hears
    opened = here.opened()
    assert opened.number == 1
    assert len(here.forge.pulls) == 1


def test_who_cannot_be_asked_for_a_review_is_remarked_and_the_others_are_asked(here: World) -> None:
    here.forge.may_not_review = {"bob"}
    new = NewPullRequest(title="t", body="b", branch=here.request.branch, reviewers=("bob@acme.io", "carol@acme.io"))
    opened = here.adapter().open(new)
    assert [remark.partition(":")[0] for remark in opened.remarks] == ["Reviewer bob"]
    assert here.forge.pulls[1].reviewers == ["carol"]


def test_a_branch_that_is_not_pushed_cannot_be_opened(here: World) -> None:
    with pytest.raises(RegistryError) as found:
        here.adapter().open(NewPullRequest(title="t", body="b", branch="request/fraud/none"))
    assert "refuses" in str(found.value)


def test_a_pull_request_is_found_by_its_branch_newest_first(here: World) -> None:
    first = here.opened()
    here.forge.close(first.number, "bob")
    second = here.opened()
    assert [one.number for one in here.adapter().find_by_branch(here.request.branch)] == [2, 1]
    assert here.adapter().find_by_branch(here.request.branch)[0] == second
    assert here.adapter().find_by_branch("request/fraud/none") == ()


def test_a_fork_s_branch_of_the_same_name_is_not_the_request_s(here: World) -> None:
    here.forge.open(here.request.branch, "Not theirs to ask", "", "dave", fork=True)
    assert here.adapter().find_by_branch(here.request.branch) == ()
    assert here.opened().number == 2


def test_a_long_list_is_read_to_its_end(here: World) -> None:
    here.forge.page_size = 2
    opened = here.opened()
    for word in ("one", "two", "three", "four", "five"):
        here.forge.say(opened.number, "bob", word)
    assert [comment.text for comment in here.adapter().comments(opened.number)] == [
        "one",
        "two",
        "three",
        "four",
        "five",
    ]
    for _ in range(4):
        here.forge.close(opened.number, "bob")
        opened = here.opened()
    assert [one.number for one in here.adapter().find_by_branch(here.request.branch)] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("style", [MergeStyle.MERGE, MergeStyle.SQUASH])
def test_a_pull_request_is_merged_with_the_head_that_is_expected(here: World, style: MergeStyle) -> None:
    opened = here.opened()
    merged = here.adapter("bob").merge(opened.number, expected_head=here.request.head, style=style)
    assert (merged.state, merged.head, merged.merged_by) == (PullState.MERGED, here.request.head, BOB)
    assert merged.merge_commit == here.forge.tip("main") == here.landing()
    assert merged.merged_at is not None
    assert merged.merged_at.text().startswith("2026-11-18T")
    assert here.adapter().find_by_commit(merged.merge_commit) == (merged,)
    parents = here.forge.git("log", "-1", "--format=%P", "main").split()
    assert len(parents) == (2 if style is MergeStyle.MERGE else 1)
    assert here.registry.resolve("models:/fraud/Production").version == 2


def test_a_moved_head_is_not_merged(here: World) -> None:
    opened = here.opened()
    main = here.forge.tip("main")
    moved = here.push(here.request.branch)
    with pytest.raises(Conflict, match=f"its head is {moved[:12]}, not {opened.head[:12]}"):
        here.adapter("bob").merge(opened.number, expected_head=opened.head)
    assert here.forge.tip("main") == main


def test_a_head_that_moves_between_the_look_and_the_merge_is_refused_by_the_forge(here: World) -> None:
    opened = here.opened()
    main = here.forge.tip("main")
    adapter = here.adapter("bob")
    get = adapter.get
    pushed: list[str] = []

    def look(number: int) -> object:
        found = get(number)
        if not pushed:
            pushed.append(here.push(here.request.branch))
        return found

    adapter.get = look  # type: ignore[method-assign, assignment]
    with pytest.raises(Conflict):
        adapter.merge(opened.number, expected_head=opened.head)
    assert here.forge.tip("main") == main
    sent = [call.body for call in here.forge.calls if call.path.endswith("/merge") and call.method != "GET"]
    assert opened.head in (sent[-1].get("sha"), sent[-1].get("head_commit_id"))


def test_the_forge_s_own_rules_refuse_a_merge_in_its_words(here: World) -> None:
    here.forge.required_approvals = 1
    opened = here.opened()
    with pytest.raises(Conflict, match=r"(?i)approv"):
        here.adapter("bob").merge(opened.number, expected_head=opened.head)
    here.forge.review(opened.number, "carol", "APPROVED")
    assert here.adapter("bob").merge(opened.number, expected_head=opened.head).state is PullState.MERGED


def test_a_second_request_for_the_slot_is_in_conflict(here: World) -> None:
    other = here.registry.request_stage("fraud", 2, "Production", archive_existing=True)
    first, second = here.opened(), here.opened(other)
    here.adapter("bob").merge(first.number, expected_head=first.head)
    main = here.forge.tip("main")
    with pytest.raises(Conflict):
        here.adapter("bob").merge(second.number, expected_head=second.head)
    assert here.forge.tip("main") == main


def test_what_is_merged_or_closed_is_not_merged_again(here: World) -> None:
    opened = here.opened()
    here.adapter("bob").merge(opened.number, expected_head=opened.head)
    with pytest.raises(Conflict, match="is merged already"):
        here.adapter("bob").merge(opened.number, expected_head=opened.head)
    with pytest.raises(Conflict, match="is merged"):
        here.adapter("bob").close(opened.number)


def test_a_merge_whose_answer_is_lost_is_known_to_have_happened(here: World) -> None:
    opened = here.opened()
    looks = 2 if here.kind is ForgeKind.GITLAB else 1  # GitLab is asked first whether it can be merged
    adapter = here.adapter("bob")
    here.forge.faults = [*[None] * looks, "answer is lost"]  # type: ignore[list-item]
    assert adapter.merge(opened.number, expected_head=opened.head).state is PullState.MERGED


def test_a_pull_request_is_closed_once_and_tells_who_closed_it_and_what_was_said(here: World) -> None:
    opened = here.opened()
    here.adapter("bob").comment(opened.number, "not before the audit")
    closed = here.adapter("bob").close(opened.number)
    assert (closed.state, closed.closed_by, closed.merged_by) == (PullState.CLOSED, BOB, None)
    assert closed.closed_at is not None
    assert here.adapter("carol").close(opened.number) == closed
    last = here.adapter().comments(opened.number)[-1]
    assert (last.by, last.text) == (BOB, "not before the audit")


def test_reviews_count_when_they_approve_this_very_commit_and_still_stand(here: World) -> None:
    opened = here.opened()
    number = opened.number
    here.forge.review(number, "bob", "APPROVED", "fine")
    here.forge.review(number, "carol", "COMMENTED", "hm")
    found = here.adapter().reviews(number)
    assert [review.by for review in approvals(found, head=opened.head)] == [BOB]
    head = here.push(here.request.branch)
    found = here.adapter().reviews(number)
    assert approvals(found, head=head) == ()
    mine = next(review for review in found if review.by == BOB)
    assert (mine.verdict, mine.commit) == (ReviewVerdict.APPROVED, opened.head)
    here.forge.review(number, "carol", "APPROVED", "now yes")
    found = here.adapter().reviews(number)
    assert [review.by.email for review in approvals(found, head=head)] == ["carol@acme.io"]


def test_a_dismissed_review_does_not_count(here: World) -> None:
    opened = here.opened()
    here.forge.review(opened.number, "bob", "APPROVED").dismissed = True
    found = here.adapter().reviews(opened.number)
    assert approvals(found, head=opened.head) == ()
    assert all(review.dismissed for review in found)


def test_who_approves_and_then_asks_for_changes_does_not_approve(here: World) -> None:
    opened = here.opened()
    if here.kind is not ForgeKind.GITLAB:  # GitLab takes the approval back itself
        here.forge.review(opened.number, "bob", "APPROVED")
    here.forge.review(opened.number, "bob", "CHANGES_REQUESTED", "no")
    found = here.adapter().reviews(opened.number)
    assert approvals(found, head=opened.head) == ()
    assert [review.verdict for review in standing(found)] == [ReviewVerdict.CHANGES_REQUESTED]


def test_an_address_is_mapped_or_published_and_never_guessed(here: World) -> None:
    opened = here.opened()
    for login in ("alice", "bob", "dave"):
        here.forge.review(opened.number, login, "APPROVED")
    people = {review.by.login: review.by for review in here.adapter().reviews(opened.number)}
    assert (people["alice"].email, people["alice"].mapped) == ("alice@acme.io", False)
    assert (people["bob"].email, people["bob"].mapped) == ("bob@acme.io", True)
    assert (people["dave"].email, people["dave"].actor) == ("", None)
    assert people["alice"].actor == "Alice Ames <alice@acme.io>"


def test_nobody_gets_the_address_of_another_by_publishing_it(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(USERS, "dave", (14, "Bob Berg", "Bob@acme.io"))
    opened = here.opened()
    here.forge.review(opened.number, "dave", "APPROVED")
    assert [review.by.email for review in here.adapter().reviews(opened.number)] == [""]


def test_the_outcome_of_a_check_is_shown_at_the_commit(here: World) -> None:
    adapter = here.adapter()
    status = CommitStatus(
        state=StatusState.PENDING, context="registry-git/check", description="x" * 300, url="https://ci.acme.io/1"
    )
    adapter.status(here.request.head, status)
    adapter.status(here.request.head, status)
    adapter.status(
        here.request.head, CommitStatus(state=StatusState.FAILURE, context="registry-git/check", description="stale")
    )
    shown = here.forge.statuses[here.request.head]
    assert shown[0]["state"] == "pending"
    assert shown[0]["target_url"] == "https://ci.acme.io/1"
    assert shown[-1]["state"] == ("failed" if here.kind is ForgeKind.GITLAB else "failure")
    assert shown[-1]["description"] == "stale"
    assert "registry-git/check" in (shown[-1].get("context"), shown[-1].get("name"))


def test_a_commit_that_nobody_knows_came_from_no_pull_request(here: World) -> None:
    here.opened()
    assert here.adapter().find_by_commit("0123456789abcdef0123456789abcdef01234567") == ()
    assert here.adapter().find_by_commit(here.forge.tip("main")) == ()


def test_what_is_not_there_is_not_found(here: World) -> None:
    with pytest.raises(NotFound):
        here.adapter().get(99)


def test_without_a_token_the_error_says_which_variable_to_set(here: World) -> None:
    with pytest.raises(PermissionDenied) as found:
        here.adapter(None).open(NewPullRequest(title="t", body="b", branch=here.request.branch))
    assert "wants a token" in found.value.message
    assert "REGISTRY_GIT_FORGE_TOKEN" in found.value.hint
    assert f"{here.kind.value.upper()}_TOKEN" in found.value.hint


def test_a_wrong_token_is_in_no_error_and_no_log(here: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    adapter = here.adapter("mallory")
    with pytest.raises(PermissionDenied) as found:
        adapter.get(1)
    shown = f"{found.getrepr(style='long', showlocals=True)}{found.value!r}{found.value.hint}{adapter!r}{caplog.text}"
    assert "mallory-s3cr3t-t0ken" not in shown
    assert "api" in caplog.text  # something was logged, so there was something to look at


def test_a_token_that_the_forge_repeats_is_taken_out_of_its_words(here: World) -> None:
    here.forge.faults = [Reply({"message": "token alice-s3cr3t-t0ken is no good"}, 400)]
    with pytest.raises(RegistryError) as found:
        here.adapter().get(1)
    assert "token … is no good" in str(found.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_busy_forge_is_asked_again(here: World, status: int) -> None:
    opened = here.opened()
    here.forge.faults = [Reply(b"<html>bad gateway</html>", status), "hang up"]
    assert here.adapter().get(opened.number) == opened


def test_a_forge_that_stays_busy_is_given_up(here: World) -> None:
    here.forge.faults = [Reply({"message": "down"}, 503)] * 3
    before = len(here.forge.calls)
    with pytest.raises(Unavailable, match="status 503: down"):
        here.adapter().get(1)
    assert len(here.forge.calls) - before == 3


def test_what_must_not_happen_twice_is_not_sent_twice(here: World) -> None:
    opened = here.opened()
    here.forge.faults = [Reply({"message": "down"}, 502)]
    before = len(here.forge.calls)
    with pytest.raises(Unavailable):
        here.adapter().comment(opened.number, "once")
    assert len(here.forge.calls) - before == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1"}, 1.0),
        ({"X-RateLimit-Remaining": "0", "RateLimit-Reset": "1"}, 1.0),
        ({"Retry-After": "0", "X-RateLimit-Reset": "99999999999"}, 0.0),
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_waited_for(here: World, status: int, headers: dict[str, str], seconds: float) -> None:
    waited: list[float] = []
    opened = here.opened()
    here.forge.faults = [Reply({"message": "API rate limit exceeded"}, status, headers)]
    assert here.adapter(sleep=waited.append).get(opened.number) == opened
    assert waited == [seconds]


@pytest.mark.parametrize("headers", [{"Retry-After": "600"}, {"X-RateLimit-Reset": "4000000000"}, {}])
def test_a_limit_that_is_not_lifted_soon_is_told(here: World, headers: dict[str, str]) -> None:
    here.forge.faults = [Reply({"message": "slow down"}, 429, headers)]
    with pytest.raises(Unavailable, match=r"takes no further call for [0-9]+ seconds"):
        here.adapter().get(1)


def test_a_redirect_is_not_followed_with_the_token(here: World) -> None:
    here.forge.faults = [Reply(None, 301, {"Location": f"{here.forge.url}/elsewhere"})]
    before = len(here.forge.calls)
    with pytest.raises(RegistryError, match="sends on to another address"):
        here.adapter().get(1)
    assert len(here.forge.calls) - before == 1


@pytest.mark.parametrize("body", [b"<html>log in</html>", [1, 2], {"number": "one", "iid": "one"}, b"[" * 100_000])
def test_a_strange_answer_is_an_error_of_ours(here: World, body: object) -> None:
    here.forge.faults = [Reply(body)]
    with pytest.raises(Unavailable, match=r"forge|JSON"):
        here.adapter().get(1)


def test_a_forge_that_is_not_there_is_unavailable(here: World) -> None:
    settings = here.settings()
    policy = Policy(name="x", stages=here.registry.policy().stages, forge=settings)
    gone = Policy(
        name="x", stages=policy.stages, forge=type(settings)(kind=here.kind, url="http://127.0.0.1:1", repository="a/b")
    )
    forge = forge_of(gone, environment={}, patience=QUICK)
    assert forge is not None
    with pytest.raises(Unavailable, match="does not answer"):
        forge.get(1)
    assert forge_of(Policy(name="x", stages=policy.stages), environment={}) is None


def test_an_answer_that_takes_too_long_is_given_up(here: World) -> None:
    with here.forge.lock, pytest.raises(Unavailable, match="does not answer"):
        here.adapter(patience=Patience(answer=0.2, back_off=())).get(1)


def test_the_registry_is_cloned_from_and_pushed_to_the_forge(here: World, git: Git, tmp_path: Path) -> None:
    url = here.forge.url.replace("://", "://bob:bob-s3cr3t-t0ken@") + "/acme/models.git"
    clone = registry_git.clone(url, tmp_path / "clone.git", actor="Bob <bob@acme.io>")
    request = clone.request_stage("fraud", 1, "Archived")
    assert here.forge.tip(request.branch) == request.head
    opened = here.opened(request)
    merged = here.adapter().merge(opened.number, expected_head=request.head)
    assert here.landing(request) == merged.merge_commit
