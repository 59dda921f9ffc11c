"""How the pull request of a request is found on each forge, and what is told of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_git.core.errors import Unavailable
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.base import CommitStatus, PullState, StatusState
from registry_git.forges.http import Patience
from registry_git.forges.looking import Sight, linkable, look
from registry_git.forges.settings import speak_to
from tests.forge_server import Reply
from tests.forge_world import KINDS, World, direct, world


@pytest.fixture(params=KINDS, ids=[kind.value for kind in KINDS])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(request.param, tmp_path) as made:
        yield made


def seen(here: World) -> Sight:
    found = look(here.adapter(), here.request.branch, here.request.head)
    assert found is not None
    return found


def test_there_is_none_yet(here: World) -> None:
    assert look(here.adapter(), here.request.branch, here.request.head) is None


def test_it_is_open_and_tells_who_said_what_of_which_state(here: World) -> None:
    opened = here.opened()
    found = seen(here)
    assert (found.pull.number, found.pull.state, found.pull.head) == (opened.number, PullState.OPEN, here.request.head)
    assert (found.approved, found.objected, found.outdated, found.checks) == ((), (), (), ())
    here.forge.review(opened.number, "bob", "APPROVED")
    here.forge.review(opened.number, "dave", "CHANGES_REQUESTED")
    found = seen(here)
    assert (found.approved, found.objected) == (("Bob Berg",), ("Dave Dunn",))
    here.push(here.request.branch)
    found = seen(here)
    assert (found.approved, found.outdated) == ((), ("Bob Berg",))
    assert found.pull.head != here.request.head


def test_merged_and_closed_ones_are_found_when_the_branch_is_gone(here: World) -> None:
    first = here.opened()
    here.adapter("bob").merge(first.number, expected_head=here.request.head)
    other = here.ask(2, "Staging")
    second = here.opened(other)
    here.forge.close(second.number, "bob")
    for request in (here.request, other):
        here.forge.git("update-ref", "-d", f"refs/heads/{request.branch}")
    merged, closed = (look(here.adapter(), one.branch, "") for one in (here.request, other))
    assert merged is not None
    assert closed is not None
    assert (merged.pull.number, merged.pull.state) == (first.number, PullState.MERGED)
    assert (closed.pull.number, closed.pull.state) == (second.number, PullState.CLOSED)


def test_of_several_it_is_the_open_one(here: World) -> None:
    first = here.opened()
    here.forge.close(first.number, "bob")
    assert seen(here).pull.state is PullState.CLOSED
    second = here.opened()
    found = seen(here)
    assert (found.pull.number, found.pull.state, found.others) == (second.number, PullState.OPEN, 1)


def test_of_a_fork_s_branch_of_the_same_name_nothing_is_told(here: World) -> None:
    here.forge.open(here.request.branch, "not ours", "", "dave", fork=True)
    assert look(here.adapter(), here.request.branch, here.request.head) is None


def test_the_newest_outcome_of_each_check_is_told(here: World) -> None:
    here.opened()
    said = [
        ("registry", StatusState.PENDING, "running"),
        ("registry", StatusState.SUCCESS, "no findings"),
        ("lint", StatusState.FAILURE, "a finding"),
        ("slow", StatusState.PENDING, "running"),
    ]
    for context, state, text in said:
        status = CommitStatus(state=state, context=context, description=text, url="https://ci.acme.io/1")
        here.adapter().status(here.request.head, status)
    assert {(one.context, one.state, one.description, one.url) for one in seen(here).checks} == {
        (context, state, text, "https://ci.acme.io/1") for context, state, text in said[1:]
    }


def test_check_runs_of_github_count_as_checks_and_a_token_that_may_not_see_them_hides_them_alone(
    tmp_path: Path,
) -> None:
    with world(ForgeKind.GITHUB, tmp_path) as here:
        here.opened()
        runs = {"build": "success", "skip": "skipped", "test": "timed_out", "deploy": None}
        here.forge.statuses[here.request.head] = [
            {"context": name, "conclusion": conclusion} for name, conclusion in runs.items()
        ]
        checks = here.adapter().checks(here.request.head)
        assert {(one.context, one.state) for one in checks} == {
            ("build", StatusState.SUCCESS),
            ("skip", StatusState.SUCCESS),
            ("test", StatusState.FAILURE),
            ("deploy", StatusState.PENDING),
        }
        here.forge.statuses[here.request.head].append({"context": "old", "state": "error", "target_url": None})
        here.forge.faults = [None, Reply({"message": "Resource not accessible"}, 403)]  # type: ignore[list-item]
        assert [(one.context, one.state) for one in here.adapter().checks(here.request.head)] == [
            ("old", StatusState.FAILURE)
        ]


def test_all_calls_together_take_no_longer_than_they_may() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, direct():
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = ForgeSettings(kind=ForgeKind.GITEA, url=f"http://{name}", repository="acme/models")
        forge = speak_to(settings, None, patience=Patience(back_off=(0.01,) * 50, in_all=0.3))
        began = time.monotonic()
        with pytest.raises(Unavailable, match=rf"The forge {name} did not answer within 0\.3 s\."):
            look(forge, "request/fraud/x", "")
        assert time.monotonic() - began < 10, "one answer alone may take 30 s otherwise"


def test_a_link_leads_to_the_web_alone() -> None:
    for url in ("https://forge.example/a/b", "http://127.0.0.1:3000/x"):
        assert linkable(url) == url
    for url in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "",
        "ftp://x.example/",
        "http://[",
        "https:",
    ):
        assert linkable(url) == ""
