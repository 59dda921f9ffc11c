"""deployment: what people see of it, and what they are told when it cannot be."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from registry_git.cli import complete
from registry_git.cli.invocation import Invocation
from registry_git.cli.main import program
from tests.cli_program import Cli, new_registry

ADD = ("deployment", "add", "production", "scorer", "--model", "fraud")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """v1 is in Production, v2 in Staging."""
    made = new_registry(tmp_path / "acme.git")
    for number in (1, 2):
        made("register", "fraud", f"s3://acme/fraud/{number}")
    made("stage", "fraud", "1", "Production")
    made("stage", "fraud", "2", "Staging")
    return made


def test_what_a_deployment_does_is_told_in_a_sentence(cli: Cli) -> None:
    assert cli(*ADD, "--stage", "production").out == "production/scorer follows fraud/Production and uses v1.\n"
    said = cli("deployment", "follow", "production", "scorer", "--stage", "Staging", "--by", "request").out
    assert said == (
        "production/scorer follows fraud/Staging on request and uses v1.\nIt is behind: fraud/Staging is v2.\n"
    )
    assert cli("deployment", "roll", "production", "scorer").out == (
        "production/scorer follows fraud/Staging on request and uses v2.\n"
    )
    assert cli("deployment", "pin", "production", "scorer").out == (
        "production/scorer is pinned to fraud/2 and uses v2.\n"
    )
    assert cli("deployment", "remove", "production", "scorer").out == "Removed production/scorer; history keeps it.\n"
    assert cli("deployment", "list").out == "No deployments.\n"


def test_a_deployment_and_a_version_are_named_as_lists_print_them(cli: Cli) -> None:
    cli("deployment", "add", "production/scorer", "--model", "fraud", "--stage", "Production")
    assert cli.json("deployment", "show", "production/scorer")["name"] == "scorer"
    assert "pinned to fraud/1" in cli("deployment", "pin", "production/scorer", "1").out
    cli("deployment", "follow", "production/scorer", "--stage", "Staging")
    cli("deployment", "show", "production", "a/b", code=2)
    cli("deployment", "show", "production/", code=2)
    cli("deployment", "remove", "production/scorer")
    assert cli("stage", "fraud/2", "Production").out == "fraud v2 is in Production now.\n"
    assert cli.json("request", "create", "fraud/1", "Staging")["version"] == 1


def test_what_moves_a_version_tells_which_deployments_rolled(cli: Cli) -> None:
    cli(*ADD, "--stage", "Production")
    cli("deployment", "add", "eu", "nightly", "--model", "fraud", "--stage", "Production", "--by", "request")
    cli("deployment", "add", "eu", "best", "--model", "fraud", "--alias", "champion")
    assert cli("stage", "fraud", "2", "Production").out == (
        "fraud v2 is in Production now.\nTo be asked for: eu/nightly v1 → v2\nRolled: production/scorer v1 → v2\n"
    )
    assert cli("stage", "fraud", "2", "Production").out == "fraud v2 is in Production now.\n"
    assert cli("rollback", "fraud", "Production").out == (
        "fraud v1 is in Production now.\nRolled: production/scorer v2 → v1\n"
    )
    assert cli("alias", "set", "fraud", "champion", "1").out == "fraud@champion is v1 now.\nRolled: eu/best v1\n"
    cli("request", "create", "fraud", "2", "--alias", "champion", "--id", "20261123-7k3m9q")
    said = cli("request", "approve", "20261123-7k3m9q").out
    assert said.endswith(".\nRolled: eu/best v1 → v2\n")


def test_one_that_waits_for_its_stage_says_so(cli: Cli) -> None:
    cli("alias", "set", "fraud", "other", "2")
    said = cli(*ADD, "--alias", "champion", "--job").out
    assert "follows fraud@champion and uses nothing yet" in said
    assert "dangling: fraud@champion holds nothing" in said
    assert "uses        nothing yet" in cli("deployment", "show", "production", "scorer").out
    assert cli.json("deployment", "show", "production", "scorer")["version"] is None


def test_a_request_for_a_deployment_is_told_and_shown_as_any_other(cli: Cli) -> None:
    said = cli(*ADD, "--stage", "Production", "--request", "--id", "asked-1").out
    assert "Request asked-1 asks to add the deployment production/scorer, following fraud/Production." in said
    assert "added    deployments/production/scorer.yaml" in cli("request", "show", "asked-1").out
    said = cli.bob("request", "approve", "asked-1").out
    assert said == "Approved asked-1: it did add the deployment production/scorer, following fraud/Production.\n"
    cli("request", "create", "fraud", "2", "--deployment", "production/scorer", "--id", "asked-2")
    cli("request", "create", "fraud", "--deployment", "production/scorer", "--delete", "--id", "asked-3")
    asked = [line for line in cli("request", "list").out.splitlines() if "asked-" in line]
    assert "pin the deployment production/scorer to fraud v2" in asked[0]
    assert "remove the deployment production/scorer" in asked[1]
    shape = cli.json("request", "show", "asked-2")
    assert shape["deployments"] == [
        {"environment": "production", "name": "scorer", "before": 1, "after": 2, "asked": False}
    ]
    assert shape["declaration"]["change"] == "pin"


def test_force_says_what_it_takes_and_why(cli: Cli) -> None:
    cli(*ADD, "--version", "1")
    said = cli("stage", "fraud", "1", "Archived", code=5).err
    assert "Deployment production/scorer uses v1 of fraud, which would be in no serving stage." in said
    assert "insist with --force and a --comment" in said
    assert "needs a comment" in cli("stage", "fraud", "1", "Archived", "--force", code=2).err
    cli("stage", "fraud", "1", "Archived", "--force", "-m", "It leaks.")
    assert "archived: v1 is in no stage that serves" in cli("deployment", "show", "production", "scorer").out
    said = cli("request", "create", "fraud", "2", "None", "--force", code=2).err
    assert "needs a comment" in said


def test_a_stage_that_is_followed_need_not_be_left_for_another(cli: Cli) -> None:
    cli("deployment", "add", "staging", "scorer", "--model", "fraud", "--stage", "Staging")
    said = cli("stage", "fraud", "2", "Production", code=5).err
    assert "follows fraud/Staging, which would hold nothing." in said
    assert "hint: Leave the version in that stage, too, with --add. Point" in said
    assert "--add" not in cli("stage", "fraud", "2", "None", code=5).err
    cli("stage", "fraud", "2", "Production", "--add")
    assert cli.json("deployment", "show", "staging", "scorer")["standing"] == "current"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "production", "scorer"), 2, "Missing option '--model'"),
        (("add", "production", "scorer", "--model", "fraud"), 2, "exactly one of --stage, --alias and --version"),
        (("add", "production", "scorer", "--model", "spam", "--stage", "Staging"), 3, "'spam' does not exist"),
        (("add", "a\\b", "scorer", "--model", "fraud", "--stage", "Staging"), 2, "is no environment"),
        (("add", "p", "scorer", "--model", "fraud", "--stage", "Stagign"), 2, "Its stages are"),
        (("add", "p", "scorer", "--model", "fraud", "--version", "9"), 3, "Its versions are 1 to 2"),
        (("add", "p", "s", "--model", "fraud", "--version", "1", "--follow", "auto"), 2, "follows nothing by 'auto'"),
        (("add", "p", "s", "--model", "fraud", "--stage", "Staging", "--owner", "Dave"), 2, "names nobody"),
        (("add", "p", "s", "--model", "fraud", "--stage", "Staging", "--id", "abcd"), 2, "Add --request."),
        (("show", "production", "scorer"), 3, "deployment list"),
        (("pin", "production", "scorer"), 3, "There is no deployment production/scorer"),
        (("list", "--version", "fraud"), 2, "a version is needed"),
        (("list", "--version", "fraud/1", "--model", "spam"), 2, "fraud/1 is no version of spam"),
        (("list", "--model", "spam"), 3, "'spam' does not exist"),
        (("list", "--version", "fraud/9"), 3, "v9 of fraud does not exist"),
    ],
)
def test_what_cannot_be_is_refused_with_what_helps(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in cli("deployment", *words, code=code).err


def test_the_past_is_shown_as_it_was(cli: Cli) -> None:
    cli(*ADD, "--stage", "Production")
    then = cli.json("deployment", "show", "production", "scorer")["commit"]
    cli("stage", "fraud", "2", "Production", "--archive-existing")
    assert cli.json("deployment", "list")[0]["version"] == 2
    assert cli.json("--at", then, "deployment", "list")[0]["version"] == 1


def test_deployments_complete(cli: Cli) -> None:
    cli(*ADD, "--stage", "Production")
    ctx = click.Context(program, obj=Invocation(registry=str(cli.registry)))
    assert complete.words("environments", ctx, "pro") == ["production"]
    ctx.params["environment"] = "production"
    assert complete.words("deployments", ctx, "") == ["scorer"]
