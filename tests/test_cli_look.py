"""Commands that read: list, show, search, activity, diff, resolve, download; and all of them in the past."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli_program import ALICE, Cli, new_registry
from tests.conftest import Git

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ACTIVITY = {
    "id",
    "activity_type",
    "model",
    "version",
    "from_stage",
    "to_stage",
    "user_id",
    "comment",
    "system_comment",
    "creation_timestamp",
    "last_updated_timestamp",
    "request",
    "commit",
}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = new_registry(tmp_path / "models.git")
    for number, auc in enumerate(("0.90", "0.92"), start=1):
        folder = tmp_path / f"model{number}"
        folder.mkdir()
        (folder / "weights").write_text(auc)
        cli("register", "fraud", str(folder), "--tag", f"auc={auc}", "--run-id", f"run{number}")
    cli("stage", "fraud", "1", "Production", "--comment", "first")
    cli("alias", "set", "fraud", "champion", "2")
    return cli


def test_list_shows_models_and_versions(cli: Cli) -> None:
    cli("register", "churn", "s3://acme/c")
    assert [one["name"] for one in cli.json("list")] == ["churn", "fraud"]
    assert [one["version"] for one in cli.json("list", "fraud")] == [2, 1]
    assert [one["version"] for one in cli.json("list", "fraud", "--limit", "1")] == [2]
    assert [one["name"] for one in cli.json("list", "--limit", "1")] == ["churn"]
    assert "Production v1" in cli("list").out
    assert "fraud v2" in cli("list", "fraud").out


def test_an_empty_registry_says_so(tmp_path: Path) -> None:
    empty = new_registry(tmp_path / "empty.git")
    assert empty("list").out == "No models.\n"
    assert empty.json("list") == []
    assert empty("request", "list").out == "No requests.\n"


def test_list_of_what_is_not_there_is_refused(cli: Cli) -> None:
    cli("list", "nobody", code=3)
    cli("list", "--limit", "0", code=2)


def test_show_gives_a_model_with_versions_and_requests(cli: Cli) -> None:
    cli("request", "create", "fraud", "2", "Staging")
    shown = cli.json("show", "fraud")
    assert (shown["version_count"], shown["open_request_count"]) == (2, 1)
    assert [one["version"] for one in shown["versions"]] == [2, 1]
    assert [one["to_stage"] for one in shown["open_requests"]] == ["Staging"]
    assert shown["stages"] == {"Production": [1]}
    text = cli("show", "fraud").out
    assert "Open requests" in text
    assert "@champion v2" in text


@pytest.mark.parametrize(
    ("reference", "version"),
    [("fraud/1", 1), ("fraud/Production", 1), ("fraud@champion", 2), ("fraud/latest", 2), ("models:/fraud/2", 2)],
)
def test_show_finds_a_version_by_any_name(cli: Cli, reference: str, version: int) -> None:
    assert cli.json("show", reference)["version"] == version
    assert f"fraud v{version}" in cli("show", reference).out


def test_show_of_a_version_carries_activities_and_open_requests(cli: Cli) -> None:
    request = cli.json("request", "create", "fraud", "1", "Staging", "--comment", "back")["request"]
    shown = cli.json("show", "fraud/1")
    assert all(set(one) == ACTIVITY for one in shown["activities"])
    activities = {one["activity_type"]: one for one in shown["activities"]}
    assert set(activities) == {"CREATED_VERSION", "APPLIED_TRANSITION", "REQUESTED_TRANSITION"}
    applied = activities["APPLIED_TRANSITION"]
    assert (applied["from_stage"], applied["to_stage"], applied["comment"]) == ("None", "Production", "first")
    assert applied["user_id"] == ALICE
    [asked] = shown["open_requests"]
    assert set(asked) >= ACTIVITY
    assert (asked["request"], asked["from_stage"], asked["to_stage"]) == (request, "Production", "Staging")


def test_times_are_iso_but_timestamps_are_milliseconds(cli: Cli) -> None:
    shown = cli.json("show", "fraud/1")
    assert TIME.fullmatch(shown["created"])
    assert TIME.fullmatch(shown["last_updated"])
    assert all(one["creation_timestamp"] > 1_600_000_000_000 for one in shown["activities"])


def test_show_prints_the_stored_yaml(cli: Cli, git: Any) -> None:
    stored = git(cli.registry, "show", "main:models/fraud/versions/1.yaml")
    assert cli("show", "fraud/1", "--manifest").out == stored + "\n"
    assert cli("show", "fraud", "--manifest").out.startswith("apiVersion: registry-git.dev/v1\nkind: RegisteredModel\n")
    assert "kind: StagePointer" in cli("show", "fraud/Production", "--manifest").out
    assert cli.json("show", "fraud/1", "--manifest") == {"manifest": stored + "\n"}


@pytest.mark.parametrize(("reference", "code"), [("nobody", 3), ("fraud/9", 3), ("fraud/a/b", 2), ("fraud@x", 3)])
def test_show_of_what_is_not_there_is_refused(cli: Cli, reference: str, code: int) -> None:
    cli("show", reference, code=code)


def test_search_finds_versions_and_models(cli: Cli) -> None:
    cli("register", "churn", "s3://acme/c")
    assert [one["version"] for one in cli.json("search", "tags.auc = '0.92'")] == [2]
    assert [one["version"] for one in cli.json("search", "run_id = 'run1'")] == [1]
    order = ["--order-by", "version_number ASC"]
    assert [one["version"] for one in cli.json("search", "name = 'fraud'", *order)] == [1, 2]
    assert [one["name"] for one in cli.json("search", "--models", "name LIKE 'chu%'")] == ["churn"]
    assert "fraud v2" in cli("search", "name = 'fraud'").out


def test_a_filter_that_makes_no_sense_is_refused(cli: Cli) -> None:
    cli("search", "name ==", code=2)
    cli("search", "--models", "colour = 'red'", code=2)


def test_activity_of_everything_a_model_and_a_version(cli: Cli) -> None:
    cli("register", "churn", "s3://acme/c")
    assert {one["model"] for one in cli.json("activity")} == {"", "fraud", "churn"}
    assert {one["model"] for one in cli.json("activity", "fraud")} == {"fraud"}
    assert {one["version"] for one in cli.json("activity", "fraud/2")} == {2}
    assert all(set(one) == ACTIVITY for one in cli.json("activity"))
    assert len(cli.json("activity", "--limit", "2")) == 2
    assert "moved None → Production" in cli("activity", "fraud/1").out


def test_activity_of_what_is_not_there_is_refused(cli: Cli) -> None:
    cli("activity", "nobody", code=3)
    cli("activity", "fraud/Production", code=2)


def test_diff_shows_the_fields_that_differ(cli: Cli) -> None:
    fields = {one["field"]: (one["left"], one["right"]) for one in cli.json("diff", "fraud/1", "fraud/2")}
    assert fields["tags.auc"] == ("0.90", "0.92")
    assert "tags.auc" in cli("diff", "fraud/1", "fraud@champion").out
    assert cli("diff", "fraud/1", "fraud/1").out == "fraud/1 and fraud/1 do not differ.\n"


def test_diff_with_what_is_not_there_is_refused(cli: Cli) -> None:
    cli("diff", "fraud/1", "fraud/9", code=3)


def test_resolve_prints_the_source_alone(cli: Cli, tmp_path: Path) -> None:
    for words in (("models:/fraud/Production",), ("fraud/1", "--output", "uri"), ("-o", "uri", "fraud/production")):
        assert cli("resolve", *words).out == f"{tmp_path}/model1\n"
    assert cli("resolve", "models:/fraud/latest").out == f"{tmp_path}/model2\n"


def test_resolve_prints_variables_that_a_shell_can_read(cli: Cli) -> None:
    cli("register", "odd name", "s3://acme/it's; $HOME")
    lines = cli("resolve", "models:/odd name/1", "--output", "env").out.splitlines()
    values = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    assert values["MODEL_SOURCE"] == "s3://acme/it's; $HOME"
    assert values["MODEL_NAME"] == "odd name"
    assert values["MODEL_VERSION"] == "1"


def test_resolve_as_json_names_version_digest_and_commit(cli: Cli, git: Any) -> None:
    found = cli.json("resolve", "models:/fraud/Production")
    assert (found["uri"], found["version"], found["stage"]) == ("models:/fraud/1", 1, "Production")
    assert found["digest"].startswith("sha256:")
    assert found["commit"] == git(cli.registry, "rev-parse", "main")
    assert cli.json("-o", "json", "resolve", "fraud@champion")["alias"] == "champion"
    assert "sha256:" in cli("resolve", "fraud/1", "-o", "table").out


@pytest.mark.parametrize(
    ("uri", "code"), [("models:/fraud/Staging", 3), ("models:/nobody/1", 3), ("models:/a/b/c", 2), ("", 2)]
)
def test_resolve_of_nothing_is_refused(cli: Cli, uri: str, code: int) -> None:
    assert cli("resolve", uri, code=code).out == ""


def test_download_copies_and_verifies(cli: Cli, tmp_path: Path) -> None:
    answer = cli("download", "models:/fraud/Production", str(tmp_path / "out"))
    assert (tmp_path / "out" / "weights").read_text() == "0.90"
    assert "Verified: sha256:" in answer.out
    cli("download", "fraud/1", str(tmp_path / "out"), code=4)


def test_a_changed_artifact_is_not_downloaded(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model1" / "weights").write_text("0.99")
    cli("download", "fraud/1", str(tmp_path / "out"), code=7)
    assert not (tmp_path / "out").exists()


def test_every_reading_command_answers_about_the_past(cli: Cli, git: Any, tmp_path: Path) -> None:
    then = git(cli.registry, "rev-parse", "main")
    cli("stage", "fraud", "2", "Production", "--archive-existing")
    cli("register", "fraud", "s3://acme/3")
    cli("comment", "add", "fraud/1", "late")
    for at in (then, then[:10]):
        assert cli.json("resolve", "fraud/Production", "--at", at)["version"] == 1
    assert cli.json("resolve", "fraud/Production")["version"] == 2
    assert [one["version"] for one in cli.json("list", "fraud", "--at", then)] == [2, 1]
    assert cli.json("list", "--at", then)[0]["latest_version"] == 2
    assert cli.json("show", "fraud/1", "--at", then)["stage"] == "Production"
    assert cli.json("--at", then, "show", "fraud")["version_count"] == 2
    # the one that changed last comes first: v1, which was moved after v2 came
    assert [one["version"] for one in cli.json("search", "name = 'fraud'", "--at", then)] == [1, 2]
    assert cli.json("comment", "list", "fraud/1", "--at", then) == []
    assert "APPLIED_TRANSITION" not in {one["activity_type"] for one in cli.json("activity", "fraud/2", "--at", then)}
    assert cli.json("diff", "fraud/1", "fraud/2", "--at", then)
    assert cli.json("policy", "show", "--at", then)["name"] == "models"
    assert cli.json("request", "list", "--at", then) == []
    cli("diff", "fraud/1", "fraud/3", "--at", then, code=3)
    cli("download", "fraud/Production", str(tmp_path / "then"), "--at", then)
    assert (tmp_path / "then" / "weights").read_text() == "0.90"


def test_a_request_branch_and_its_id_are_previews(cli: Cli) -> None:
    made = cli.json("request", "create", "fraud", "2", "Production", "--archive-existing")
    for at in (made["request"], made["branch"]):
        assert cli.json("resolve", "fraud/Production", "--at", at)["version"] == 2
    assert cli.json("resolve", "fraud/Production")["version"] == 1


def test_a_date_is_the_end_of_its_day(cli: Cli) -> None:
    assert cli.json("resolve", "fraud/Production", "--at", "2999-12-31")["version"] == 1
    assert "did not exist yet" in cli("resolve", "fraud/Production", "--at", "2020-03-01", code=3).err


@pytest.mark.parametrize("at", [":/first", "@{-1}", "HEAD~1", "2026-13-01", "--output=x", "main\n"])
def test_a_revision_expression_is_refused(cli: Cli, at: str) -> None:
    cli("list", f"--at={at}", code=2)


@pytest.mark.parametrize(
    "words",
    [
        ("register", "fraud", "s3://acme/9"),
        ("tag", "set", "fraud", "a", "b"),
        ("request", "create", "fraud", "2", "Staging"),
        ("delete", "fraud/1", "--yes"),
        ("doctor", "--fix"),
    ],
)
def test_the_past_cannot_be_changed(cli: Cli, words: tuple[str, ...], git: Any) -> None:
    before = git(cli.registry, "for-each-ref")
    for line in (("--at", "2026-03-01", *words), (*words, "--at", "2026-03-01")):
        assert "--at shows the past" in cli(*line, code=2).err
    assert git(cli.registry, "for-each-ref") == before


def test_following_the_past_is_refused(cli: Cli) -> None:
    cli("activity", "--follow", "--at", "2026-03-01", code=2)


def test_a_list_says_what_it_leaves_out(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models"
    cli = new_registry(place)
    cli("register", "fraud", "s3://acme/1")
    (place / "models" / "fraud" / "model.yaml").write_text("kind: [")
    git(place, "commit", "-qam", "a mistake")
    listed = cli("list")
    assert "models/fraud/model.yaml" in listed.err
    assert "registry-git check" in listed.err


def test_a_broken_version_does_not_hide_the_others(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "models"
    cli = new_registry(place)
    cli("register", "fraud", "s3://acme/1")
    cli("register", "fraud", "s3://acme/2")
    (place / "models" / "fraud" / "versions" / "1.yaml").write_text("kind: [")
    git(place, "commit", "-qam", "a mistake")
    for command in (("show", "fraud"), ("list", "fraud")):
        shown = cli(*command)
        assert "fraud v2" in shown.out
        assert "models/fraud/versions/1.yaml" in shown.err
    cli("show", "fraud/1", code=7)
