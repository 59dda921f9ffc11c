"""The pages of requests: what waits for whom, all that one has to know of a request, and the forms to decide it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import registry_git
from registry_git.forges.reconcile import reconcile
from registry_git.server.permissions import Permission
from tests.asked_scene import RULES, AskedFor, asked_for, text_of
from tests.conftest import Git
from tests.pages_scene import Site, new_token, proof, reader, site
from tests.registry_scene import ALICE, BOB, DAVE, person, policy_text


@dataclass(frozen=True, slots=True)
class Shop:
    """The site and what was asked in its registry."""

    site: Site
    asked: AskedFor


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    asked = asked_for(tmp_path / "models.git")
    with site(tmp_path / "models.git") as found:
        yield Shop(found, asked)


def listed(client: httpx.Client, query: str) -> list[str]:
    """The ids of the requests in a list."""
    answer = client.get(f"/requests?{query}")
    assert answer.status_code == 200, text_of(answer)
    return re.findall(r'<th scope="row"><a href="/requests/([^"?]+)', answer.text)


def send(client: httpx.Client, request: str, act: str, comment: str = "") -> httpx.Response:
    form = {"csrf": proof(client.get(f"/requests/{request}")), "comment": comment}
    return client.post(f"/requests/{request}/{act}", data=form)


def test_the_inbox_shows_what_waits_for_me_and_the_other_lists_the_rest(shop: Shop) -> None:
    it = shop.asked
    waits = {it.stage, it.alias, it.delete, it.pin, it.stale}
    unruled = {it.rename, it.policy}
    with reader(shop.site, "bob") as bob, reader(shop.site, "alice") as alice:
        assert set(listed(bob, "")) == set(listed(bob, "show=mine-to-decide")) == waits | {it.policy}
        assert set(listed(alice, "show=mine-to-decide")) == {it.rename}
        assert set(listed(bob, "show=asked-by-me")) == {it.rename}
        assert set(listed(alice, "show=asked-by-me")) == (waits | {it.policy, it.approved, it.rejected})
        assert set(listed(alice, "show=open")) == waits | unruled
        assert set(listed(alice, "show=decided")) == {it.approved, it.rejected}
        assert len(listed(alice, "show=all")) == 9
        assert listed(alice, "show=open&model=spam") == [it.delete]
        assert "No such request is about a model called nothing." in text_of(alice.get("/requests?model=nothing"))
        assert alice.get("/requests?show=nonsense").status_code == 400


def test_a_row_says_what_is_asked_by_whom_with_which_approvals_and_whether_it_is_stale(shop: Shop) -> None:
    with reader(shop.site, "bob") as bob:
        page = text_of(bob.get("/requests?show=all"))
    for sentence in (
        "fraud v4: None → Production",
        "fraud: alias champion → v4",
        "spam: delete the model and all its versions",
        "old-model: rename to new-model",
        "Registry: change the policy",
        "Pin the deployment production/scorer to fraud v1",
        "0 of 1",
        "stale",
        "approved",
        "rejected",
        "9 requests, newest first",
    ):
        assert sentence in page


def test_long_lists_come_in_pages(tmp_path: Path) -> None:
    from tests.registry_scene import new_registry

    as_ = new_registry(tmp_path / "models.git", versions=1)
    made = [as_(ALICE).request_alias("fraud", f"alias-{number}", 1).id for number in range(60)]
    with site(tmp_path / "models.git") as found, reader(found, "alice") as client:
        pages = [listed(client, f"show=all&model=fraud&page={number}") for number in (1, 2, 3, 4)]
        assert [len(page) for page in pages] == [25, 25, 10, 0]
        assert sorted(one for page in pages for one in page) == sorted(made)
        second = client.get("/requests?show=all&model=fraud&page=2").text
        assert 'href="/requests?show=all&amp;model=fraud&amp;page=1" rel="prev"' in second
        assert 'href="/requests?show=all&amp;model=fraud&amp;page=3" rel="next"' in second
        assert client.get("/requests?page=0").status_code == 400


def test_a_page_has_what_one_must_know_to_decide(shop: Shop) -> None:
    it = shop.asked
    with reader(shop.site, "bob") as bob:
        answer = bob.get(f"/requests/{it.stage}")
    page = text_of(answer)
    assert "**better** by 0.05" in page
    assert re.search(r'class="added">\+version: 4\s', answer.text)
    assert re.search(r'class="removed">-source: s3://acme/fraud/1\s', answer.text)
    assert "Beside what is in Production now" in page
    assert "Metrics auc 0.91 0.96 +0.05" in page
    assert "data week 1 week 4" in page
    assert "production/scorer : v1 → v4" in page
    assert "It needs 1 approval more by: bob@acme.io, carol@acme.io." in page
    assert "1 approval by ml-leads (bob@acme.io, carol@acme.io) needed, 0 given" in page
    assert "Yours is the last approval that is missing: the change is made at once." in page
    assert 'href="/compare?left=fraud%2F1&amp;right=fraud%2F4"' in answer.text


def test_who_can_decide_gets_there_at_once_where_it_is_far_below(shop: Shop) -> None:
    for who, can in (("bob", True), ("alice", False)):
        with reader(shop.site, who) as client:
            page = client.get(f"/requests/{shop.asked.stage}").text
        assert ('<a class="button" href="#decide">To the decision</a>' in page) is can
        assert 'id="decide"' in page


def test_requests_of_every_kind_have_a_page_with_a_diff(shop: Shop) -> None:
    it = shop.asked
    with reader(shop.site, "bob") as bob:
        for request, path in (
            (it.alias, "models/fraud/aliases/champion/pointer.yaml"),
            (it.delete, "models/spam/model.yaml"),
            (it.rename, "models/new-model/model.yaml"),
            (it.policy, "registry.yaml"),
            (it.pin, "deployments/production/scorer.yaml"),
            (it.approved, "models/fraud/stages/Production/pointer.yaml"),
        ):
            answer = bob.get(f"/requests/{request}")
            assert answer.status_code == 200
            assert f"<code>{path}</code>" in answer.text
        assert bob.get("/requests/no-such-request").status_code == 404


def test_an_approval_by_form_makes_the_change_and_says_so(shop: Shop) -> None:
    it = shop.asked
    with reader(shop.site, "bob") as bob:
        answer = send(bob, it.stage, "approve", "go")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/requests/{it.stage}")
        page = text_of(bob.get(f"/requests/{it.stage}"))
    assert "Approved, and done: move fraud v4 to Production. Rolled: production/scorer v1 → v4." in page
    assert "Approved by Bob" in page
    registry = registry_git.open(shop.site.place, actor=ALICE)
    assert registry.resolve("models:/fraud/Production").version == 4
    view = registry.request(it.stage)
    assert (view.record.reviews[0].by, view.record.reviews[0].comment) == (BOB, "go")


def test_rejecting_and_cancelling_by_form(shop: Shop) -> None:
    it = shop.asked
    with reader(shop.site, "bob") as bob, reader(shop.site, "alice") as alice:
        assert send(bob, it.alias, "reject", "not yet").status_code == 303
        assert "Rejected. It asked to point the alias champion" in text_of(bob.get(f"/requests/{it.alias}"))
        assert send(alice, it.stage, "cancel", "changed my mind").status_code == 303
        page = text_of(alice.get(f"/requests/{it.stage}"))
    assert "How it ended Cancelled by Alice" in page
    assert "changed my mind" in page
    registry = registry_git.open(shop.site.place, actor=ALICE)
    assert [registry.request(one).state for one in (it.alias, it.stage)] == ["rejected", "cancelled"]


def test_a_refusal_is_shown_on_the_page_with_what_was_typed(shop: Shop) -> None:
    it = shop.asked
    with reader(shop.site, "alice") as alice:
        late = send(alice, it.rejected, "approve", "too late <b>")
        assert late.status_code == 409
        assert "is rejected already by Bob" in text_of(late)
    with reader(shop.site, "bob") as bob:
        long = send(bob, it.stage, "approve", "x" * 70_000)
        assert long.status_code == 400
        assert f">{'x' * 70_000}</textarea>" in long.text


def test_what_is_stale_says_why_and_is_refreshed_by_a_button(shop: Shop) -> None:
    it = shop.asked
    with reader(shop.site, "bob") as bob:
        page = bob.get(f"/requests/{it.stale}")
        assert "models/fraud/aliases/challenger/pointer.yaml has changed on main" in text_of(page)
        assert f'action="/requests/{it.stale}/refresh"' in page.text
        assert ">Approve</button>" not in page.text
        refused = send(bob, it.stale, "approve", "please <keep> this")
        assert refused.status_code == 409
        assert "is stale" in text_of(refused)
        assert "please &lt;keep&gt; this</textarea>" in refused.text
        assert send(bob, it.stale, "refresh").status_code == 303
        page = bob.get(f"/requests/{it.stale}")
        assert ">Approve</button>" in page.text
        assert f'action="/requests/{it.stale}/refresh"' not in page.text


def test_buttons_follow_policy_and_token(shop: Shop) -> None:
    it = shop.asked

    def buttons(client: httpx.Client, request: str) -> set[str]:
        found = re.findall(r"<button[^>]*>([^<]+)</button>", client.get(f"/requests/{request}").text)
        return set(found) & {"Approve", "Reject", "Cancel the request", "Refresh"}

    tokens = {
        "reads": new_token(shop.site.place, "bob", Permission.READ),
        "writes": new_token(shop.site.place, "bob", Permission.READ, Permission.WRITE),
    }
    limited = Site(url=shop.site.url, place=shop.site.place, tokens=tokens)
    with reader(shop.site, "bob") as bob, reader(shop.site, "alice") as alice:
        assert buttons(bob, it.stage) == {"Approve", "Reject", "Cancel the request"}
        assert buttons(alice, it.stage) == {"Cancel the request"}
        assert buttons(bob, it.approved) == set()
        assert buttons(alice, it.stale) == {"Cancel the request", "Refresh"}
        assert "the requester's own (alice@acme.io) does not count" in text_of(alice.get(f"/requests/{it.stage}"))
        assert send(alice, it.stage, "reject").status_code == 303  # the policy lets who asked close it either way
    with reader(limited, "reads") as reads, reader(limited, "writes") as writes:
        assert buttons(reads, it.alias) == buttons(writes, it.alias) == set()
        assert "Your token is not for decisions: it lacks the scope approve." in text_of(
            reads.get(f"/requests/{it.alias}")
        )
        assert send(reads, it.alias, "cancel").status_code == 403
        assert send(writes, it.alias, "approve").status_code == 403


def test_a_decided_request_says_how_by_whom_and_leads_to_what_happened(shop: Shop) -> None:
    it = shop.asked
    story = registry_git.open(shop.site.place, actor=ALICE).activity("fraud", 1)
    commit = next(one.commit for one in story if one.activity_type == "APPROVED_REQUEST")
    with reader(shop.site, "alice") as alice:
        answer = alice.get(f"/requests/{it.approved}")
        page = text_of(answer)
        assert "Approved by Bob" in page
        assert "checked the data" in page
        assert f'href="/models/fraud/versions/1?at={commit}"' in answer.text
        assert f'href="/activity?request={it.approved}"' in answer.text
        assert 'method="post"' not in answer.text.partition("<main")[2]
        happened = text_of(alice.get(f"/activity?request={it.approved}"))
    assert "Bob approved the request" in happened
    assert "Alice asked to move fraud v1" in happened


def test_what_was_merged_against_the_policy_says_so(shop: Shop, git: Git) -> None:
    it, place = shop.asked, shop.site.place
    branch = f"request/fraud/{it.stage}"
    tree = git(place, "merge-tree", "--write-tree", "main", branch).split()[0]
    env = {**person(DAVE, "AUTHOR"), **person(DAVE, "COMMITTER")}
    merge = git(place, "commit-tree", tree, "-p", "main", "-p", branch, "-m", "Merge", env=env)
    git(place, "update-ref", "refs/heads/main", merge)
    reconcile(it.as_(ALICE), None)
    with reader(shop.site, "alice") as alice:
        page = text_of(alice.get(f"/requests/{it.stage}"))
        assert "When it was merged, the policy was not met: rule on stage to Production" in page
        assert "When it was merged" not in text_of(alice.get(f"/requests/{it.approved}"))


def test_a_pull_request_is_linked_where_the_policy_names_a_forge(shop: Shop) -> None:
    it = shop.asked
    forge = "forge: {kind: github, url: 'https://forge.example', repository: acme/models}\n"
    with reader(shop.site, "bob") as bob:
        assert "pull request" not in bob.get(f"/requests/{it.stage}").text
        it.as_(ALICE).set_policy(policy_text(it.as_(ALICE)) + forge)
        answer = bob.get(f"/requests/{it.stage}")
    assert f"https://forge.example/acme/models/pulls?q=is%3Apr+head%3Arequest%2Ffraud%2F{it.stage}" in answer.text


def test_an_approval_of_what_it_asked_before_is_said_not_to_count(shop: Shop) -> None:
    it = shop.asked
    rules = RULES.replace("to: [Production], approvals: 1", "to: [Production], approvals: 2")
    alice = it.as_(ALICE)
    alice.set_policy(policy_text(alice).partition("rules:")[0] + rules)
    asked = alice.request_stage("fraud", 3, "Production").id
    it.as_(BOB).approve(asked)
    alice.transition("fraud", 3, "Staging")
    alice.refresh(asked)
    with reader(shop.site, "bob") as bob:
        answer = bob.get(f"/requests/{asked}")
    assert "1 approval was given to what it asked before it was refreshed, and does not count." in text_of(answer)
    assert ">Approve</button>" in answer.text
