"""What the policy withstands when it is pushed: replayed and stale approvals, a policy that judges itself or is old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import PermissionDenied
from registry_git.core.model import Review, TransitionRequest, Verdict
from registry_git.core.names import Actor, encode
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, CAROL, DAVE, RECORD, Yard, make_guarded, review
from tests.hook_scene import ALICES, BOBS, TRANSPORTS, Yards, yards_in
from tests.registry_scene import hand_commit, policy_text
from tests.ssh_keys import Keys


@pytest.fixture(scope="module")
def yards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yards]:
    with yards_in(tmp_path_factory.mktemp("guarded")) as made:
        yield made


@pytest.fixture(params=TRANSPORTS)
def yard(request: pytest.FixtureRequest, yards: Yards, git: Git) -> Yard:
    return yards.new(request.param, git)


def proposal(text: str) -> str:
    return next(line for line in text.split("\n") if line.startswith("proposal: "))


def approved_by_carol(yard: Yard, branch: str = ALICES, *, of: str = "") -> Path:
    """Carol's clone, in which she has approved what a branch proposes; or, by mistake, what `of` proposes."""
    path = RECORD.format(branch.rpartition("/")[2])
    text = yard.text(path, branch)
    said = proposal(yard.text(RECORD.format(of.rpartition("/")[2]), of) if of else text)
    return yard.hand(CAROL, {path: text + review(CAROL, said)}, branch=branch)


def test_an_approval_counts_until_somebody_commits_after_it(yard: Yard) -> None:
    yard.push(approved_by_carol(yard), ALICES, actor=CAROL).taken()
    registry_git.open(yard.bare, actor=CAROL, durable=False).approve("bobs-1")
    assert yard.as_(ALICE).refresh("alices-1").decision.given == 0
    yard.push(yard.merge(DAVE, ALICES), "main", actor=DAVE).refused("1 approval by ml-leads", "0 given")


def test_the_requesters_own_approval_is_recorded_and_does_not_count(yard: Yard) -> None:
    path = RECORD.format("bobs-1")
    text = yard.text(path, BOBS)
    own = yard.hand(BOB, {path: text + review(BOB, proposal(text))}, branch=BOBS)
    yard.push(own, BOBS, actor=BOB).taken()
    assert [str(one.by) for one in yard.as_(ALICE).request("bobs-1").record.reviews] == [BOB]
    yard.push(yard.merge(DAVE, BOBS), "main", actor=DAVE).refused("own (bob@acme.io) does not count")


def test_an_approval_of_another_request_does_not_count(yard: Yard) -> None:
    yard.push(approved_by_carol(yard, BOBS, of=ALICES), BOBS, actor=CAROL).taken()
    yard.push(yard.merge(DAVE, BOBS), "main", actor=DAVE).refused("1 approval by ml-leads", "0 given")


def test_an_approval_is_not_carried_to_another_request_by_others(yard: Yard) -> None:
    yard.push(approved_by_carol(yard), ALICES, actor=CAROL).taken()
    for branch in (BOBS, yard.ask(2, "Staging"), yard.ask(1, "Production", model="spam")):
        path = f"models/{branch.split('/')[1]}/requests/{branch.split('/')[2]}.yaml"
        files = {path: yard.text(path, branch) + review(CAROL, proposal(yard.text(path, branch)))}
        yard.push(yard.hand(DAVE, files, branch=branch), branch, actor=DAVE).refused("Dave", "writes down what Carol")
        yard.push(yard.hand(DAVE, files, branch=branch, author=CAROL), branch, actor=DAVE).refused(
            "whose author is Carol"
        )


def test_an_approval_given_in_another_registry_is_not_brought_here(yard: Yard, git: Git, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.git"
    make_guarded(elsewhere)
    registry_git.open(elsewhere, actor=ALICE, durable=False).request_stage("fraud", 2, "Production", id="theirs-1")
    other = Yard(bare=elsewhere, git=git)
    clone = approved_by_carol(other, "request/fraud/theirs-1")
    answer = yard.push(clone, "request/fraud/theirs-1", actor=DAVE)
    answer.refused("whose author is")
    answer = yard.push(clone, "request/fraud/theirs-1", actor=CAROL)
    answer.refused("whose author is Alice")


def test_one_person_with_two_keys_counts_once_and_no_configured_program_says_otherwise(
    yard: Yard, tmp_path: Path, home: Path
) -> None:
    trap, mark = tmp_path / "trap", tmp_path / "ran"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\n")
    trap.chmod(0o755)
    for setting in ("gpg.ssh.program", "core.fsmonitor", "gpg.program"):
        yard.git(yard.bare, "config", setting, trap)
    keys = Keys(tmp_path, home)
    known = [keys.make(name) for name in ("home", "work")]
    alice = registry_git.open(yard.bare, actor=ALICE, durable=False)
    rule = "{on: stage, to: [Production], approvals: 2, by: [ml-leads], signed: true}"
    keyring = "".join(f'\n  - "{key}"' for key in known)
    text = f"{policy_text(alice).partition('rules:')[0]}rules: [{rule}]\nkeys:\n  bob@acme.io:{keyring}\n"
    registry_git.open(yard.bare, actor=BOB, durable=False).approve(alice.request_policy(text).request)
    for key in ("home", "work"):
        keys.use(key)
        view = yard.as_(BOB).approve("alices-1", comment=f"with the key {key}")
        assert (view.state, view.decision.given) == ("open", 1)
    yard.push(yard.merge(BOB, ALICES), "main", actor=BOB).refused("2 signed approvals by ml-leads", "1 given")
    assert not mark.exists()


def test_a_policy_does_not_judge_the_request_that_brings_it(yard: Yard) -> None:
    alice = yard.as_(ALICE)
    text = policy_text(alice).replace("bob@acme.io", "dave@acme.io")
    assert "dave@acme.io" in text
    branch = alice.request_policy(text).branch
    yard.push(yard.merge(DAVE, branch), "main", actor=DAVE).refused("Rule on policy", "bob@acme.io")


def test_an_older_policy_does_not_come_back_by_itself(yard: Yard, tmp_path: Path, home: Path) -> None:
    alice, bob = (registry_git.open(yard.bare, actor=actor, durable=False) for actor in (ALICE, BOB))
    older = yard.text("registry.yaml")
    stricter = policy_text(alice).replace("approvals: 1", "approvals: 2", 1)
    bob.approve(alice.request_policy(stricter).request)
    landed = yard.git(yard.bare, "log", "-1", "--format=%H", "--first-parent", "main", "--", "registry.yaml")
    keys = Keys(tmp_path, home)
    keys.make("key")
    keys.use("key")
    signed = yard.clone(BOB)
    hand_commit(yard.git, signed, "main", {"registry.yaml": older}, author=BOB, config=("gpg.format=ssh",))
    yard.push(signed, "main", actor=BOB).refused("Rule on policy")
    clone = yard.hand(ALICE, {"registry.yaml": older})
    yard.push(clone, "main", actor=ALICE).refused("Rule on policy")
    # the very commits under which the older one stood, pushed again
    yard.push(clone, f"{landed}^1:main", actor=ALICE, force=True).refused("would rewrite main")


@pytest.mark.parametrize("name", ["Spam", "ｓpam"])
def test_names_that_differ_only_by_case_or_form_go_in_with_a_warning(yard: Yard, name: str) -> None:
    model = yard.text("models/spam/model.yaml").replace("name: spam", f"name: {name}").replace("id: '0", "id: 'x")
    answer = yard.push(yard.hand(ALICE, {f"models/{encode(name)}/model.yaml": model}), "main", actor=ALICE)
    answer.taken()
    assert "differ only by case or Unicode form" in answer.said


def test_a_request_that_touches_another_model_or_the_policy_does_not_land(yard: Yard) -> None:
    for path in ("models/spam/model.yaml", "registry.yaml"):
        text = yard.text(path) + "annotations: {a: b}\n"
        clone = yard.clone(ALICE)
        hand_commit(yard.git, clone, ALICES, {path: text}, author=ALICE)
        yard.push(clone, ALICES, actor=ALICE).refused("something else than request alices-1 asks for", path)


def review_of(record: TransitionRequest, by: str, verdict: Verdict = Verdict.APPROVED) -> Review:
    """What a forge tells."""
    return Review(
        by=Actor.parse(by),
        at=record.created,
        verdict=verdict,
        source="review",
        comment="Seen.",
        proposal=record.proposal,
    )


def test_what_a_forge_tells_is_written_down_by_a_server_that_pushes_for_others_alone(yard: Yard) -> None:
    yard.push(yard.merge(BOB, ALICES), "main", f":{ALICES}", actor=BOB).taken()
    robot = yard.as_(DAVE)
    robot.refresh_from_remote()
    (landed,) = robot.landed()
    told = [review_of(landed.record, CAROL), review_of(landed.record, BOB)]
    with pytest.raises(PermissionDenied, match="writes down what Carol"):
        robot.record_landing("alices-1", told)
    yard.git(yard.bare, "config", "--add", "registry-git.pushesForOthers", "dave@acme.io")
    view = robot.record_landing("alices-1", told)
    assert [(str(one.by), one.source) for one in view.record.reviews] == [(CAROL, "review"), (BOB, "review")]


def test_a_closed_pull_request_is_a_rejection_by_a_server_that_pushes_for_others_alone(yard: Yard) -> None:
    robot = yard.as_(DAVE)
    record = robot.request("alices-1").record
    with pytest.raises(PermissionDenied, match="nobody stands for it"):
        robot.record_closing("alices-1", review_of(record, BOB, Verdict.REJECTED))
    yard.git(yard.bare, "config", "--add", "registry-git.pushesForOthers", "dave@acme.io")
    with pytest.raises(PermissionDenied, match="may not reject"):
        robot.record_closing("alices-1", review_of(record, DAVE, Verdict.REJECTED))
    assert robot.record_closing("alices-1", review_of(record, BOB, Verdict.REJECTED)).state == "rejected"
