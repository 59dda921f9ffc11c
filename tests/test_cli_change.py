"""Commands that write: a registry, its models, versions, tags, aliases, stages and comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli_program import ALICE, Cli, new_registry, run


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return new_registry(tmp_path / "models.git")


@pytest.fixture
def fraud(cli: Cli) -> Cli:
    for auc in ("0.90", "0.92"):
        cli("register", "fraud", f"s3://acme/{auc}", "--tag", f"auc={auc}")
    return cli


def test_init_makes_a_bare_repository_where_the_path_ends_in_git(tmp_path: Path) -> None:
    run("--as", ALICE, "init", str(tmp_path / "a.git"))
    assert (tmp_path / "a.git" / "HEAD").is_file()


def test_init_makes_a_work_tree_elsewhere_and_a_bare_one_on_demand(tmp_path: Path) -> None:
    run("--as", ALICE, "init", str(tmp_path / "tree"))
    run("--as", ALICE, "init", str(tmp_path / "plain"), "--bare")
    assert (tmp_path / "tree" / "registry.yaml").is_file()
    assert (tmp_path / "plain" / "HEAD").is_file()


def test_init_answers_with_the_registry_as_json(tmp_path: Path) -> None:
    answer = run("--as", ALICE, "init", str(tmp_path / "a.git"), "--name", "acme", "--layout", "fanout", "-o", "json")
    assert {key: answer.json[key] for key in ("name", "layout", "stages")} == {
        "name": "acme",
        "layout": "fanout",
        "stages": ["Staging", "Production", "Archived"],
    }


def test_init_protects_a_stage_and_names_who_approves(tmp_path: Path) -> None:
    cli = new_registry(tmp_path / "a.git", "--protect", "Production", "--approver", "bob@acme.io")
    policy = cli.json("policy", "show")
    assert policy["rules"][0]["to"] == ["Production"]
    assert [email for emails in policy["roles"].values() for email in emails] == ["bob@acme.io"]


def test_init_says_what_it_protects_as_the_registry_spells_it(tmp_path: Path) -> None:
    said = run("--as", ALICE, "init", str(tmp_path / "a.git"), "--protect", "production", "--protect", "Staging").out
    assert "Production, Staging need an approval by: anybody but the requester.\n" in said


def test_init_twice_is_refused(cli: Cli) -> None:
    assert "error:" in run("--as", ALICE, "init", str(cli.registry), code=4).err


def test_init_with_approvers_and_nothing_to_approve_is_refused(tmp_path: Path) -> None:
    assert "--protect" in run("init", str(tmp_path / "a.git"), "--approver", "bob@acme.io", code=2).err
    assert not (tmp_path / "a.git").exists()


def test_register_says_number_digest_and_where_to_look(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("1")
    answer = cli("register", "fraud", str(tmp_path / "model"))
    assert "Registered v1 of fraud" in answer.out
    assert "digest sha256:" in answer.out
    assert f"registry-git -R {cli.registry} show fraud/1" in answer.out


def test_register_keeps_tags_description_and_lineage(cli: Cli) -> None:
    words = [
        "--tag",
        "auc=0.9",
        "--tag",
        "note=a=b",
        "--description",
        "Forest",
        "--run-id",
        "r1",
        "--experiment",
        "w46",
    ]
    words += ["--run-link", "https://mlflow.acme.io/r1", "--git-commit", "7c0ffee", "--dataset", "tx=5be3"]
    version = cli.json("register", "fraud", "s3://acme/1", *words)
    assert version["tags"] == {"auc": "0.9", "note": "a=b"}
    assert version["description"] == "Forest"
    lineage = version["lineage"]
    assert (lineage["run_id"], lineage["experiment_name"], lineage["git_commit"]) == ("r1", "w46", "7c0ffee")
    assert lineage["datasets"] == [{"name": "tx", "digest": "5be3"}]


def test_register_with_the_same_id_registers_once(cli: Cli) -> None:
    numbers = [cli.json("register", "fraud", "s3://acme/1", "--id", "abcd1234")["version"] for _ in range(2)]
    assert numbers == [1, 1]


def test_register_uploads_by_digest(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("1")
    version = cli.json("register", "fraud", str(tmp_path / "model"), "--upload", str(tmp_path / "store"))
    assert version["source"].startswith(str(tmp_path / "store"))


def test_an_upload_to_nowhere_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    refusal = cli("register", "fraud", str(tmp_path / "model"), "--upload", "", code=2)
    assert "The upload location is empty." in refusal.err
    assert cli.json("list") == []


@pytest.mark.parametrize("tag", ["auc", "=1"])
def test_a_tag_without_key_or_value_is_refused(cli: Cli, tag: str) -> None:
    assert "KEY=VALUE" in cli("register", "fraud", "s3://acme/1", "--tag", tag, code=2).err


def test_a_local_source_that_is_not_there_is_refused(cli: Cli, tmp_path: Path) -> None:
    cli("register", "fraud", str(tmp_path / "nothing"), code=3)
    assert cli.json("list") == []


def test_describe_sets_the_text_of_a_model_and_of_a_version(fraud: Cli) -> None:
    assert fraud.json("describe", "fraud", "Card fraud.")["description"] == "Card fraud."
    assert fraud("describe", "fraud/1", "-", stdin="From a pipe\n").out == "Described fraud v1.\n"
    assert fraud.json("show", "fraud/1")["description"] == "From a pipe"


def test_describe_of_a_stage_is_refused(fraud: Cli) -> None:
    assert "NAME/VERSION" in fraud("describe", "fraud/Production", "text", code=2).err


def test_tags_are_set_and_deleted(fraud: Cli) -> None:
    assert fraud.json("tag", "set", "fraud/2", "validated", "true")["tags"]["validated"] == "true"
    assert fraud.json("tag", "set", "fraud", "team", "risk")["tags"] == {"team": "risk"}
    assert "validated" not in fraud.json("tag", "delete", "fraud/2", "validated")["tags"]


def test_a_tag_of_what_does_not_exist_is_refused(fraud: Cli) -> None:
    assert "Its versions are" in fraud("tag", "set", "fraud/9", "a", "b", code=3).err
    fraud("tag", "delete", "nobody", "a", code=3)


def test_aliases_are_set_and_deleted(fraud: Cli) -> None:
    assert fraud.json("alias", "set", "fraud", "champion", "2")["aliases"] == {"champion": 2}
    assert fraud("resolve", "models:/fraud@champion").out == "s3://acme/0.92\n"
    assert fraud.json("alias", "delete", "fraud", "champion")["aliases"] == {}


@pytest.mark.parametrize(("alias", "version", "code"), [("latest", "1", 2), ("champion", "9", 3), ("champion", "x", 2)])
def test_a_bad_alias_is_refused(fraud: Cli, alias: str, version: str, code: int) -> None:
    fraud("alias", "set", "fraud", alias, version, code=code)


def test_stage_moves_adds_and_archives(fraud: Cli) -> None:
    assert fraud("stage", "fraud", "1", "staging").out == "fraud v1 is in Staging now.\n"
    assert fraud.json("stage", "fraud", "1", "Production", "--add")["stages"] == ["Staging", "Production"]
    fraud("stage", "fraud", "2", "Production", "--archive-existing", "-m", "better")
    assert "Production" not in fraud.json("show", "fraud/1")["stages"]
    assert fraud.json("stage", "fraud", "2", "None")["stage"] == "None"


@pytest.mark.parametrize(
    ("version", "stage", "code"), [("9", "Staging", 3), ("1", "Nowhere", 2), ("1_0", "Staging", 2)]
)
def test_stage_refuses_what_is_not_there(fraud: Cli, version: str, stage: str, code: int) -> None:
    assert "hint:" in fraud("stage", "fraud", version, stage, code=code).err


def test_rollback_puts_back_what_was_there(fraud: Cli) -> None:
    fraud("stage", "fraud", "1", "Production")
    fraud("stage", "fraud", "2", "Production", "--archive-existing")
    assert fraud.json("rollback", "fraud", "Production")["version"] == 1
    assert fraud("resolve", "fraud/Production").out == "s3://acme/0.90\n"


def test_rollback_of_an_empty_stage_is_refused(fraud: Cli) -> None:
    assert fraud("rollback", "fraud", "Production", code=3).err.startswith("error:")


def test_rename_moves_the_model(fraud: Cli) -> None:
    assert fraud.json("rename", "fraud", "card fraud")["name"] == "card fraud"
    fraud("show", "fraud", code=3)
    assert [one["version"] for one in fraud.json("list", "card fraud")] == [2, 1]


def test_rename_to_a_bad_or_taken_name_is_refused(fraud: Cli) -> None:
    fraud("register", "churn", "s3://acme/c")
    fraud("rename", "fraud", "churn", code=4)
    fraud("rename", "fraud", "a/b", code=2)


def test_delete_without_yes_is_refused_where_nobody_can_be_asked(fraud: Cli) -> None:
    assert "--yes" in fraud("delete", "fraud/1", code=2).err
    assert len(fraud.json("list", "fraud")) == 2


def test_delete_takes_a_version_and_then_the_model(fraud: Cli) -> None:
    assert fraud.json("delete", "fraud/1", "--yes")["changed"] is True
    assert [one["version"] for one in fraud.json("list", "fraud")] == [2]
    assert "all its versions" in fraud("delete", "fraud", "--yes").out
    assert fraud.json("list") == []


def test_delete_of_what_is_not_there_is_refused(fraud: Cli) -> None:
    fraud("delete", "fraud/9", "--yes", code=3)


def test_comments_are_added_edited_listed_and_deleted(fraud: Cli) -> None:
    made = fraud.json("comment", "add", "fraud/2", "Drifts on weekends.")
    fraud("comment", "edit", "fraud/2", made["id"], "Drifts on Sundays.")
    [listed] = fraud.json("comment", "list", "fraud/2")
    assert (listed["id"], listed["text"], listed["author"]) == (made["id"], "Drifts on Sundays.", ALICE)
    assert "Drifts on Sundays." in fraud("comment", "list", "fraud/2").out
    fraud("comment", "delete", "fraud/2", made["id"])
    assert fraud.json("comment", "list", "fraud/2") == []


def test_a_comment_on_a_model_an_empty_one_and_somebody_elses_are_refused(fraud: Cli) -> None:
    assert "a version is needed" in fraud("comment", "add", "fraud", "text", code=2).err
    fraud("comment", "add", "fraud/2", "  ", code=2)
    made = fraud.json("comment", "add", "fraud/2", "Mine.")
    fraud.bob("comment", "edit", "fraud/2", made["id"], "Yours.", code=6)
    fraud.bob("comment", "delete", "fraud/2", made["id"], code=6)


def test_the_files_of_another_machine_are_not_looked_for(cli: Cli) -> None:
    cli("register", "far", "/dbfs/models/far", code=3)
    assert cli.json("register", "far", "/dbfs/models/far", "--no-read")["source"] == "/dbfs/models/far"
