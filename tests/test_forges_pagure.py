"""The story of two requests on a real Pagure: asked, checked, refused, reviewed, merged, in conflict, closed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Conflict, NotFound, PermissionDenied
from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.base import CommitStatus, Forge, Person, PullState, ReviewVerdict, StatusState, approvals
from registry_git.forges.description import describe
from registry_git.forges.looking import look
from registry_git.forges.reconcile import reconcile
from registry_git.forges.settings import speak_to
from registry_git.forges.token import Token
from registry_git.forges.webhooks import EventKind, receive
from tests.cli_program import run
from tests.conftest import Git
from tests.forge_world import direct
from tests.pagure_server import Pagure, pagure, receiver
from tests.registry_scene import hand_commit, policy_text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PROJECT = "models"
PEOPLE = {"alice": "alice@example.com", "bob": "bob@example.com", "carol": "carol@example.com"}
ALICE = "Alice <alice@example.com>"
BOB = Person(login="bob", name="Bob Example", email="bob@example.com", mapped=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, outside_environment: Mapping[str, str]) -> Iterator[Pagure]:
    """The Pagure of this module."""
    with pagure(tmp_path_factory, outside_environment) as running, direct():
        yield running


def test_two_requests_for_one_slot_live_their_lives_on_a_real_pagure(
    server: Pagure, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ForgeSettings(kind=ForgeKind.PAGURE, url=server.url, repository=PROJECT, people=PEOPLE)

    def forge(login: str) -> Forge:
        return speak_to(settings, Token(server.tokens[login]))

    def landings(request: str) -> list[str]:
        """The commits that brought the record to main, found as docs and design say."""
        found = git(
            bare,
            "log",
            "--first-parent",
            "--diff-merges=first-parent",
            "--diff-filter=A",
            "-s",
            "--format=%H",
            "main",
            "--",
            f"models/fraud/requests/{request}.yaml",
        )
        return found.split()

    with receiver() as hook:
        # A project in which Bob may push too, one vote is needed to merge, and a webhook is called.
        server.call("alice", "POST", "/new", name=PROJECT, description="Models", default_branch="main", wait="1")
        server.call("alice", "POST", f"/{PROJECT}/git/modifyacls", user_type="user", name="bob", acl="commit")
        options = {"Minimum_score_to_merge_pull-request": "1", "Web-hooks": hook.url, "pull_requests": "true"}
        server.call("alice", "POST", f"/{PROJECT}/options/update", **options)
        secret = server.call("alice", "GET", f"/{PROJECT}/webhook/token")["webhook"]["token"]

        # The registry goes there with plain git; from then on a clone speaks to it.
        bare = tmp_path / "first.git"
        first = registry_git.init(bare, protect=["Production"], roles={"ml-leads": ["bob@example.com"]}, actor=ALICE)
        for number, auc in ((1, "0.90"), (2, "0.91"), (3, "0.92")):
            first.register("fraud", f"s3://acme/fraud/{number}", tags={"auc": auc})
        named = f"forge: {{kind: pagure, url: {server.url}, repository: {PROJECT}, people: {json.dumps(PEOPLE)}}}\n"
        hand_commit(git, bare, "main", {"registry.yaml": policy_text(first) + named}, author=ALICE)
        git(bare, "push", "--quiet", server.git_url("alice", PROJECT), "refs/heads/main:refs/heads/main")
        registry = registry_git.clone(server.git_url("alice", PROJECT), tmp_path / "clone.git", actor=ALICE)
        wanted = registry.request_stage("fraud", 2, "Production", comment="better\n| forged | row |\n@carol +1")
        rival = registry.request_stage("fraud", 3, "Production")

        # Opened with what it is about; nothing that Pagure does not know is asked of it twice.
        opened = forge("alice").open(describe(registry, wanted.id))
        assert (opened.number, opened.state, opened.head) == (1, PullState.OPEN, wanted.head)
        assert (opened.branch, opened.title) == (wanted.branch, "Move fraud v2 to Production")
        stored = server.call("alice", "GET", f"/{PROJECT}/pull-request/1")
        assert "| fraud | v2 | None | Production |  |" in stored["initial_comment"]
        assert "\n| forged" not in stored["initial_comment"]
        assert wanted.id in stored["initial_comment"]
        assert forge("alice").open(describe(registry, wanted.id)).number == 1
        second = forge("alice").open(describe(registry, rival.id))

        # The outcome of `check` is a flag on the commit; a second one of the same name takes its place.
        status = CommitStatus(state=StatusState.PENDING, context="registry-git/check", description="running")
        forge("alice").status(wanted.head, status)
        monkeypatch.setenv("PAGURE_TOKEN", server.tokens["carol"])  # who may flag and no more
        judge = ("check", "--base", "origin/main", "--head", f"origin/{wanted.branch}", "--status")
        assert "Nothing forbids the merge." in run("-R", str(tmp_path / "clone.git"), *judge).out
        flags = server.call("alice", "GET", f"/{PROJECT}/pull-request/1/flag")["flags"]
        assert [(flag["status"], flag["comment"]) for flag in flags] == [
            ("success", "registry-git/check: Nothing forbids the merge.")
        ]
        sight = look(forge("alice"), wanted.branch, wanted.head)
        assert sight is not None
        assert (sight.pull.number, sight.pull.state, sight.approved) == (1, PullState.OPEN, ())
        assert [(one.context, one.state, one.description) for one in sight.checks] == [
            ("registry-git", StatusState.SUCCESS, "registry-git/check: Nothing forbids the merge.")
        ]

        # No merge without the vote, none by whoever may not, none of another head.
        with pytest.raises(Conflict, match=r"(?i)score|review"):
            forge("bob").merge(1, expected_head=wanted.head)
        with pytest.raises(PermissionDenied):
            forge("carol").merge(1, expected_head=wanted.head)
        with pytest.raises(Conflict, match="its head is"):
            forge("bob").merge(1, expected_head=rival.head)
        forge("bob").comment(1, "+1 the numbers hold")
        forge("carol").comment(1, "and what of latency?")
        said = forge("alice").reviews(1)
        assert [review.verdict for review in said] == [ReviewVerdict.APPROVED, ReviewVerdict.COMMENTED]
        (approval,) = approvals(said, head=wanted.head)
        assert (approval.by, approval.commit, approval.comment) == (BOB, wanted.head, "+1 the numbers hold")
        forge("bob").comment(second.number, "+1")
        assert len(approvals(forge("alice").reviews(second.number), head=rival.head)) == 1

        # Merged by fast-forward: main is the request's own commit, and only Pagure knows who did it.
        merged = forge("bob").merge(1, expected_head=wanted.head)
        assert (merged.state, merged.merged_by, merged.head) == (PullState.MERGED, BOB, wanted.head)
        assert forge("alice").find_by_commit(wanted.head) == (merged,)
        assert forge("alice").find_by_branch(wanted.branch) == (merged,)
        git(bare, "fetch", "--quiet", server.git_url("alice", PROJECT), "+refs/heads/main:refs/heads/main")
        assert git(bare, "rev-parse", "main") == wanted.head
        assert landings(wanted.id) == [wanted.head]
        assert landings(rival.id) == []
        with pytest.raises(Conflict, match="merged already"):
            forge("bob").merge(1, expected_head=wanted.head)

        # The rival aims at the slot that is taken now.
        with pytest.raises(Conflict):
            forge("bob").merge(second.number, expected_head=rival.head)
        refreshed = registry.refresh(rival.id)
        moved = forge("alice").get(second.number)
        for _ in range(60):
            if moved.head == refreshed.head:
                break
            time.sleep(1)
            moved = forge("alice").get(second.number)
        assert moved.head == refreshed.head
        (vote,) = [one for one in forge("alice").reviews(second.number) if one.by == BOB]
        assert (vote.stale, vote.commit) == (True, "")
        assert approvals(forge("alice").reviews(second.number), head=refreshed.head) == ()
        forge("bob").comment(second.number, "not this quarter")
        closed = forge("bob").close(second.number)
        assert (closed.state, closed.closed_by, closed.merged_by) == (PullState.CLOSED, BOB, None)
        assert [comment.text for comment in forge("alice").comments(second.number)] == ["+1", "not this quarter"]
        with pytest.raises(NotFound):
            forge("alice").get(99)

        # What the forge knows goes into the records, and the activities tell it.
        (landed,) = registry.landed()
        assert (landed.record.id, landed.commit) == (wanted.id, wanted.head)
        written = {one.request: one for one in reconcile(registry, forge("alice"))}
        assert (written[wanted.id].verdict, written[wanted.id].policy) == ("approved", "met")
        assert (written[rival.id].verdict, written[rival.id].by) == ("rejected", (str(BOB.actor),))
        assert registry.request(wanted.id).state == "approved"
        assert registry.request(rival.id).state == "rejected"
        assert registry.resolve("models:/fraud/Production").version == 2
        assert reconcile(registry, forge("alice")) == []
        told = {(one.activity_type, one.version, one.user_id, one.comment) for one in registry.activity("fraud")}
        assert ("APPROVED_REQUEST", 2, str(BOB.actor), "+1 the numbers hold") in told
        assert ("REJECTED_REQUEST", 3, str(BOB.actor), "not this quarter") in told

        # Webhooks are believed with their signature only, and say where to look.
        headers, body = hook.wait_for("pull-request.closed")
        event = receive(settings, headers=headers, body=body, secret=secret)
        assert event is not None
        assert (event.kind, event.number, event.commit) == (EventKind.MERGED, 1, wanted.head)
        assert (event.branch, event.repository) == (wanted.branch, PROJECT)
        pushed = receive(settings, secret=secret, **_delivery(hook.wait_for("git.receive")))
        assert pushed is not None
        assert pushed.kind is EventKind.PUSHED
        reviewed = receive(settings, secret=secret, **_delivery(hook.wait_for("pull-request.comment.added")))
        assert reviewed is not None
        assert reviewed.kind is EventKind.REVIEWED
        forged = json.dumps({**json.loads(body), "i": 0}).encode()
        for bad in ({"body": forged}, {"secret": "another"}, {"headers": {}}):
            with pytest.raises(PermissionDenied):
                receive(settings, **{"headers": headers, "body": body, "secret": secret, **bad})  # type: ignore[arg-type]


def _delivery(found: tuple[dict[str, str], bytes]) -> dict[str, object]:
    return {"headers": found[0], "body": found[1]}
