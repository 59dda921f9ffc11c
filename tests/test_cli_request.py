"""Requests at the command line, and policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli_program import ALICE, BOB, Cli, new_registry


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = new_registry(tmp_path / "models.git", "--protect", "Production", "--approver", "bob@acme.io")
    for number in (1, 2):
        cli("register", "fraud", f"s3://acme/{number}")
    return cli


def ask(cli: Cli, *words: str) -> str:
    request = cli.json("request", "create", *words)["request"]
    assert isinstance(request, str)
    return request


def test_a_protected_stage_names_the_command_that_asks_for_it(cli: Cli) -> None:
    refusal = cli("stage", "fraud", "2", "Production", code=6)
    command = f"registry-git -R {cli.registry} request create fraud 2 Production"
    assert f"hint: Ask for it with: {command}\n" in refusal.err
    assert cli(*command.split()[3:]).code == 0


def test_a_request_says_who_may_approve_and_how(cli: Cli) -> None:
    answer = cli("request", "create", "fraud", "2", "Production")
    request = answer.out.split()[1]
    assert "bob@acme.io" in answer.out
    assert f"registry-git -R {cli.registry} request approve {request}" in answer.out


def test_a_request_is_one_json_object_with_the_fields_of_an_activity(cli: Cli) -> None:
    made = cli.json("request", "create", "fraud", "2", "Production", "--comment", "AUC 0.92")
    expected = {
        "activity_type": "REQUESTED_TRANSITION",
        "model": "fraud",
        "version": 2,
        "from_stage": "None",
        "to_stage": "Production",
        "user_id": ALICE,
        "comment": "AUC 0.92",
        "id": made["request"],
        "state": "open",
    }
    assert {key: made[key] for key in expected} == expected
    assert isinstance(made["creation_timestamp"], int)
    assert made["decision"]["may_approve"] == ["bob@acme.io"]
    assert made["decision"]["allowed"] is False


def test_a_request_with_the_same_id_is_made_once(cli: Cli) -> None:
    ids = {ask(cli, "fraud", "2", "Production", "--id", "mine-1") for _ in range(2)}
    assert ids == {"mine-1"}
    assert len(cli.json("request", "list")) == 1


def test_approval_by_another_moves_the_version(cli: Cli) -> None:
    request = ask(cli, "fraud", "2", "Production")
    assert "needs 1 approval more by: bob@acme.io" in cli("request", "approve", request).out
    assert "fraud v2 is in Production now" in cli.bob("request", "approve", request, "-m", "Go.").out
    shown = cli.json("request", "show", request)
    assert shown["state"] == "approved"
    assert [(one["by"], one["comment"]) for one in shown["reviews"]] == [(ALICE, ""), (BOB, "Go.")]
    assert "Go." in cli("request", "show", request).out


def test_an_approval_that_does_not_count_says_why(cli: Cli, tmp_path: Path) -> None:
    request = ask(cli, "fraud", "2", "Production")
    assert "It does not count, since you asked for the change." in cli("request", "approve", request).out
    policy = tmp_path / "registry.yaml"
    rule = "{on: stage, to: [Production], approvals: 2, signed: true, by: [approvers]}"
    policy.write_text(f"{cli('policy', 'show').out.partition('rules:')[0]}rules: [{rule}]\n")
    cli.bob("request", "approve", ask(cli, "--policy", str(policy)))
    assert "It does not count yet, since it is not signed" in cli.bob("request", "approve", request).out
    policy.write_text(policy.read_text().replace("signed: true, by: [approvers]", "signed: false"))
    cli("policy", "set", str(policy))
    counted = cli("request", "approve", ask(cli, "fraud", "1", "Production")).out
    assert "It needs 1 approval more, by anybody else." in counted
    assert "not count" not in counted


def test_a_gate_that_is_not_passed_is_told_beside_the_approvals(cli: Cli, tmp_path: Path) -> None:
    policy = tmp_path / "registry.yaml"
    strict = "  require: {tags: [validated]}\n  four_eyes"
    policy.write_text(cli("policy", "show").out.replace("  four_eyes", strict, 1))
    change = ask(cli, "--policy", str(policy))
    cli.bob("request", "approve", change)
    missing = "It cannot be merged yet: fraud v2 lacks the tag 'validated'."
    asking = cli("request", "create", "fraud", "2", "Production")
    assert missing in asking.out
    request = asking.out.split()[1]
    recorded = cli.bob("request", "approve", request)
    assert "It has the approvals that it needs." in recorded.out
    assert missing in recorded.out
    cli("tag", "set", "fraud/2", "validated", "true")
    assert "whoever gave one merges it by approving again" in cli("request", "show", request).out
    assert "fraud v2 is in Production now" in cli.bob("request", "approve", request).out


def test_rejected_and_cancelled_requests_change_nothing(cli: Cli) -> None:
    first, second = ask(cli, "fraud", "1", "Production"), ask(cli, "fraud", "2", "Production")
    assert "Rejected" in cli.bob("request", "reject", first, "--comment", "Too low.").out
    assert cli.json("request", "cancel", second)["state"] == "cancelled"
    cli("resolve", "fraud/Production", code=3)
    assert {one["state"] for one in cli.json("request", "list", "--state", "all")} == {"rejected", "cancelled"}
    assert cli.json("request", "list") == []


def test_a_stale_request_is_refused_and_can_be_refreshed(cli: Cli) -> None:
    first, second = ask(cli, "fraud", "1", "Production"), ask(cli, "fraud", "2", "Production")
    cli.bob("request", "approve", first)
    refusal = cli.bob("request", "approve", second, code=5)
    assert "refresh" in refusal.err
    assert "request refresh" in cli("request", "show", second).out
    assert "on today's registry" in cli("request", "refresh", second).out
    assert cli.bob("request", "approve", second).code == 0


def test_requests_are_listed_shown_and_compared(cli: Cli) -> None:
    request = ask(cli, "fraud", "2", "Production", "-m", "AUC 0.92")
    assert request in cli("request", "list", "fraud").out
    shown = cli("request", "show", request).out
    for words in ("move fraud v2 to Production", "AUC 0.92", "stages/Production/pointer.yaml", "request approve"):
        assert words in shown
    assert "+stage: Production" in cli("request", "diff", request).out
    assert "+stage: Production" in cli.json("request", "diff", request)["diff"]


def test_an_alias_a_deletion_and_a_policy_can_be_asked_for(cli: Cli, tmp_path: Path) -> None:
    alias = ask(cli, "fraud", "2", "--alias", "champion")
    cli.bob("request", "approve", alias)
    assert cli("resolve", "fraud@champion").out == "s3://acme/2\n"
    gone = ask(cli, "fraud", "--alias", "champion", "--delete")
    cli.bob("request", "approve", gone)
    cli("resolve", "fraud@champion", code=3)
    version = ask(cli, "fraud", "1", "--delete")
    cli.bob("request", "approve", version)
    assert [one["version"] for one in cli.json("list", "fraud")] == [2]
    text = cli("policy", "show").out.replace("name: models", "name: acme")
    (tmp_path / "new.yaml").write_text(text)
    policy = ask(cli, "--policy", str(tmp_path / "new.yaml"))
    cli.bob("request", "approve", policy)
    assert cli.json("policy", "show")["name"] == "acme"
    model = ask(cli, "fraud", "--delete")
    assert "and all its versions" in cli("request", "show", model).out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fraud",),
        ("fraud", "2"),
        ("fraud", "2", "Production", "--alias", "champion"),
        ("fraud", "2", "Production", "--delete"),
        ("fraud", "2", "--alias", "champion", "--delete"),
        ("fraud", "2", "--policy", "-"),
        ("fraud", "2", "--alias", "champion", "--add"),
    ],
)
def test_a_request_for_nothing_or_for_two_things_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    refusal = cli("request", "create", *words, code=2)
    assert "request create --help" in refusal.err
    assert cli.json("request", "list") == []


@pytest.mark.parametrize("verb", ["show", "diff", "approve", "reject", "cancel", "refresh"])
def test_a_request_that_does_not_exist_is_refused(cli: Cli, verb: str) -> None:
    assert "request list" in cli("request", verb, "20200101-aaaaaa", code=3).err


def test_a_state_that_does_not_exist_is_refused(cli: Cli) -> None:
    cli("request", "list", "--state", "done", code=2)


def test_the_policy_is_shown_as_the_yaml_that_can_be_set(tmp_path: Path) -> None:
    cli = new_registry(tmp_path / "free.git")
    text = cli("policy", "show").out
    assert cli("policy", "set", "-", stdin=text).out == "The policy was so already.\n"
    (tmp_path / "new.yaml").write_text(text.replace("name: free", "name: acme"))
    assert cli.json("policy", "set", str(tmp_path / "new.yaml"))["changed"] is True
    assert cli.json("policy", "show")["name"] == "acme"


def test_a_bad_and_a_protected_policy_are_refused(cli: Cli, tmp_path: Path) -> None:
    cli("policy", "set", "-", code=2, stdin="stages: 1\n")
    cli("policy", "set", str(tmp_path / "nothing.yaml"), code=3)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff\n")
    assert "UTF-8" in cli("policy", "set", str(tmp_path / "latin.yaml"), code=2).err
    text = cli("policy", "show").out.replace("name: models", "name: mine")
    assert "--policy" in cli("policy", "set", "-", stdin=text, code=6).err
