"""check, doctor, relayout, reindex, clone and sync."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli_program import ALICE, Cli, new_registry, run


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = new_registry(tmp_path / "models.git")
    cli("register", "fraud", "s3://acme/1")
    return cli


def test_check_of_a_good_registry_finds_nothing(cli: Cli) -> None:
    assert cli("check").out == "All manifests are well.\n"
    assert cli.json("check") == []


def test_check_of_a_broken_one_names_the_file_and_exits_with_7(tmp_path: Path, git: Any) -> None:
    tree = new_registry(tmp_path / "tree")
    tree("register", "fraud", "s3://acme/1")
    path = tmp_path / "tree" / "models" / "fraud" / "versions" / "1.yaml"
    path.write_text(path.read_text().replace("status: READY", "status: FINE"))
    git(tmp_path / "tree", "commit", "-qam", "by hand")
    findings = tree("check", "-o", "json", code=7).json
    assert findings[0]["path"] == "models/fraud/versions/1.yaml"
    assert set(findings[0]) == {"level", "path", "message", "fix", "line"}
    assert "models/fraud/versions/1.yaml" in tree("check", code=7).out


def test_doctor_answers_and_fixes(cli: Cli) -> None:
    assert isinstance(cli.json("doctor"), list)
    cli("doctor", "--fix")


def test_relayout_moves_once(cli: Cli, git: Any) -> None:
    assert cli.json("relayout", "fanout")["changed"] is True
    assert cli("relayout", "fanout").out == "The layout was fanout already.\n"
    assert cli("resolve", "fraud/1").out == "s3://acme/1\n"
    cli("relayout", "round", code=2)


def test_reindex_counts_manifests(cli: Cli) -> None:
    assert cli.json("reindex")["manifests"] >= 2
    assert "Indexed" in cli("reindex").out
    assert [one["name"] for one in cli.json("list")] == ["fraud"]


def test_a_clone_writes_to_where_it_came_from(cli: Cli, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert "Cloned the registry models" in run("--as", ALICE, "clone", str(cli.registry), str(copy)).out
    here = Cli(registry=copy)
    here("register", "fraud", "s3://acme/2")
    assert cli.json("show", "fraud")["latest_version"] == 2
    cli("register", "fraud", "s3://acme/3")
    done = here.json("sync")
    assert (done["brought"], done["sent"], done["kept"]) == (True, 0, [])
    assert done["message"].startswith("Brought main to ")
    assert here.json("show", "fraud")["latest_version"] == 3


def test_a_clone_of_nothing_and_over_something_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    run("--as", ALICE, "clone", str(cli.registry), str(tmp_path / "full"), code=4)
    run("--as", ALICE, "clone", "ext::sh -c true", str(tmp_path / "b"), code=2)


def test_sync_without_a_remote_is_refused(cli: Cli) -> None:
    cli("sync", code=2)
