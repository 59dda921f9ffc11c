"""`import mlflow`: a whole registry out of MLflow's stores, once, with its numbers, times and people."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.errors import Invalid, NotFound, PermissionDenied
from registry_git.gitstore import growing, repacking
from registry_git.gitstore.repacking import merge_now
from registry_git.migration.carry import Wanted, carry, read_mlflow
from registry_git.migration.people import People, parse_people
from registry_git.registry import importing
from registry_git.registry.facade import Registry
from registry_git.registry.importing import Brought
from tests.cli_program import BIN, Cli, run
from tests.conftest import Git
from tests.mlflow_scene import LONG, fill, new_mlflow, sqlite_uri
from tests.registry_scene import ALICE, BOB, LEADS, healthy, new_registry

CREATED = 1_700_000_000_123


@pytest.fixture(scope="module")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A filled MLflow registry in SQLite; nobody changes it."""
    uri = sqlite_uri(tmp_path_factory.mktemp("mlflow"))
    fill(new_mlflow(uri))
    return uri


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    return new_registry(place)(ALICE)


def imported(registry: Registry, uri: str, **wanted: Any) -> Brought:
    return carry(registry, read_mlflow(uri, Wanted(**wanted), unnamed=registry.actor))


def left(brought: Brought) -> dict[tuple[str, int | None, str], str]:
    return {(one.model, one.version, one.what): one.why for one in brought.not_carried}


def test_everything_that_mlflow_holds_is_here_after_an_import(
    registry: Registry, place: Path, mlflow_uri: str, git: Git
) -> None:
    brought = imported(registry, mlflow_uri)
    assert (brought.models, brought.versions, brought.stages, brought.aliases) == (6, 7, 3, 2)
    model = registry.model("fraud")
    assert model.description == "finds fraud\n\nü"
    assert model.tags == {"mlflow.note": "ü", "team": "risk"}
    assert model.aliases == {"challenger": 4, "champion": 3}
    assert [one.version for one in registry.versions("fraud")] == [4, 3, 1]
    first = registry.version("fraud", 1)
    assert (first.source, first.description, first.stage) == ("s3://acme/fraud/1", "number 1", "Archived")
    assert first.tags == {"a b/c.d-e:f": "x", "auc": "0.91"}
    assert first.manifest.lineage.run_id == "run1"
    assert first.manifest.lineage.run_link == "https://mlflow.acme.io/#/runs/1"
    assert registry.version("fraud", 3).stage == "Production"
    assert registry.version("churn by month", 1).tags == {"note": LONG}
    assert registry.version("предсказание", 1).source == registry.version("日本 @#", 1).source
    assert registry.model("greeting").tags["mlflow.prompt.is_prompt"] == "true"
    assert registry.version("greeting", 1).tags["mlflow.prompt.text"] == "Hello {{name}}"
    healthy(git, place, registry)


def test_a_number_that_was_given_is_not_given_again_after_an_import(registry: Registry, mlflow_uri: str) -> None:
    imported(registry, mlflow_uri)
    assert registry.register("fraud", "s3://acme/next", read=False).version == 6


def test_times_are_those_of_mlflow(registry: Registry, mlflow_uri: str) -> None:
    imported(registry, mlflow_uri)
    client = new_mlflow(mlflow_uri)
    assert registry.version("fraud", 3).created == client.get_model_version("fraud", "3").creation_timestamp
    assert registry.model("empty").created == client.get_registered_model("empty").creation_timestamp


def test_a_second_import_brings_only_what_is_new_and_leaves_what_was_decided_here(
    registry: Registry, place: Path, tmp_path: Path, git: Git
) -> None:
    client = new_mlflow(sqlite_uri(tmp_path))
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://acme/1")
    client.create_model_version("fraud", "s3://acme/2", tags={"auc": "0.9"})
    client.set_registered_model_alias("fraud", "champion", "1")
    uri = sqlite_uri(tmp_path)
    imported(registry, uri)
    commits = git(place, "rev-list", "--count", "main")
    again = imported(registry, uri)
    assert (again.versions, again.already) == (0, 4)
    assert git(place, "rev-list", "--count", "main") == commits

    registry.set_alias("fraud", "champion", 2)
    registry.describe("fraud", "ours", version=1)
    client.create_model_version("fraud", "s3://acme/3")
    client.set_model_version_tag("fraud", "2", "auc", "0.95")
    third = imported(registry, uri)
    assert (third.versions, third.updates, third.aliases) == (1, 1, 0)
    assert registry.version("fraud", 2).tags == {"auc": "0.95"}
    assert registry.model("fraud").aliases == {"champion": 2}
    told = left(third)
    assert told["fraud", 1, "alias champion"] == "the alias names v2 here"
    assert told["fraud", 1, "version"] == "its description or tags are others here"
    healthy(git, place, registry)


def test_a_version_of_this_registry_is_never_overwritten(registry: Registry, mlflow_uri: str) -> None:
    mine = registry.register("fraud", "s3://mine/1", read=False)
    told = left(imported(registry, mlflow_uri))
    assert "another version here" in told["fraud", 1, "version"]
    assert registry.version("fraud", 1).source == mine.source


def test_commits_are_by_the_users_of_mlflow_and_bear_their_times(
    place: Path, tmp_path: Path, git: Git, registry: Registry
) -> None:
    uri = dated(tmp_path)
    people = parse_people("# who is who\nbob = Bob <bob@acme.io>\n")
    brought = imported(registry, uri, users=people)
    assert registry.version("fraud", 1).created_by == "Bob <bob@acme.io>"
    assert registry.version("fraud", 2).created_by == "carol <carol@acme.io>"
    assert registry.version("fraud", 3).created_by == "dave.smith <dave.smith@mlflow.invalid>"
    assert registry.version("fraud", 4).created_by == ALICE
    assert "does not say who registered 1 of the versions" in left(brought)["", None, "users"]
    log = git(place, "log", "--reverse", "--format=%an %at | %cn", "main").split("\n")
    seconds = CREATED // 1000
    assert log[1:4] == [f"Alice {seconds} | Alice", f"Bob {seconds + 60} | Alice", f"carol {seconds + 120} | Alice"]


def test_a_registry_that_is_made_for_the_import_can_be_asked_about_the_years_before(
    place: Path, tmp_path: Path, git: Git
) -> None:
    cli = Cli(registry=place)
    cli("import", "mlflow", dated(tmp_path), "--init")
    then = [one["version"] for one in cli.json("list", "fraud", "--at", "2023-11-14T22:15:50Z")]
    assert then == [2, 1]
    log = git(place, "log", "--format=%at %ct", "main").split("\n")
    assert all(len(set(line.split())) == 1 for line in log)
    assert log == sorted(log, reverse=True)
    assert cli.json("activity", "fraud/1")[0]["user_id"] == "bob <bob@mlflow.invalid>"
    assert cli.json("import", "mlflow", dated(tmp_path), "--init")["already"] == 5


def dated(place: Path) -> str:
    """A registry with versions of the year 2023, by users that MLflow itself no longer records."""
    fresh = not (place / "mlflow.db").exists()
    uri = sqlite_uri(place)
    if fresh:
        client = new_mlflow(uri)
        client.create_registered_model("fraud")
        for number in range(1, 5):
            client.create_model_version("fraud", f"s3://acme/{number}")
    with sqlite3.connect(place / "mlflow.db") as db:
        db.execute("UPDATE registered_models SET creation_time = ?, last_updated_time = ?", (CREATED, CREATED))
        for number, user in enumerate(("bob", "carol@acme.io", "dave.smith", None), 1):
            at = CREATED + number * 60_000
            db.execute(
                "UPDATE model_versions SET user_id = ?, creation_time = ?, last_updated_time = ? WHERE version = ?",
                (user, at, at, number),
            )
    db.close()
    return uri


def test_the_policy_judges_who_imports_and_a_stage_that_takes_approval_is_left_for_a_request(
    place: Path, mlflow_uri: str
) -> None:
    registry = new_registry(place, protect=["Production"], roles=LEADS)(ALICE)
    told = left(imported(registry, mlflow_uri))
    assert "1 approval by ml-leads" in told["fraud", 3, "stage Production"]
    assert "registry-git request create fraud 3 Production" in told["fraud", 3, "stage Production"]
    assert registry.version("fraud", 3).stage == "None"
    assert registry.version("fraud", 4).stage == "Staging"


def test_who_may_not_register_may_not_import(place: Path, mlflow_uri: str, git: Git) -> None:
    rules = "rules:\n- on: register\n  by: [ml-leads]\n"
    as_ = new_registry(place, roles=LEADS, rules=rules)
    before = git(place, "rev-parse", "main")
    with pytest.raises(PermissionDenied, match=r"alice@acme.io is not in ml-leads"):
        imported(as_(ALICE), mlflow_uri)
    assert git(place, "rev-parse", "main") == before
    assert imported(as_(BOB), mlflow_uri).versions == 7


def test_a_stage_can_have_another_name_here_and_one_that_is_unknown_is_told(place: Path, mlflow_uri: str) -> None:
    registry = new_registry(place)(ALICE)
    registry.set_policy(
        "apiVersion: registry-git.dev/v1\nkind: Registry\nname: acme\nlayout: flat\nstages:\n- {name: UAT}\n"
        "- {name: Live, exclusive: true, after: [UAT]}\n- {name: Archived, serving: false}\n"
    )
    told = left(imported(registry, mlflow_uri, stages={"Production": "Live"}))
    assert registry.version("fraud", 3).stage == "Live"
    assert "This registry has no stage 'Staging'" in told["fraud", 4, "stage Staging"]


def test_what_no_manifest_can_hold_is_told_and_the_rest_is_carried(registry: Registry, tmp_path: Path) -> None:
    client = new_mlflow(sqlite_uri(tmp_path))
    client.create_registered_model("ж" * 60)
    client.create_model_version("ж" * 60, "s3://acme/1")
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://acme/1", tags={f"long{n}": chr(97 + n) * 90_000 for n in range(4)})
    brought = imported(registry, sqlite_uri(tmp_path))
    told = left(brought)
    assert "bytes as a path" in told["ж" * 60, None, "the model and its 1 versions"]
    assert sum(what.startswith("tag long") for _, _, what in told) == 2
    assert len(registry.version("fraud", 1).tags) == 2


def test_an_import_leaves_nothing_in_the_working_directory(
    place: Path, mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    Cli(registry=place)("import", "mlflow", mlflow_uri, "--init")
    assert list(here.iterdir()) == []


def test_a_dry_run_says_what_would_be_done_and_does_nothing(place: Path, mlflow_uri: str, git: Git) -> None:
    cli = Cli(registry=place)
    told = cli.json("import", "mlflow", mlflow_uri, "--init", "--dry-run")
    assert (told["models"], told["versions"], told["stages"], told["aliases"]) == (6, 7, 3, 2)
    assert not place.exists()
    cli("init", str(place))
    before = git(place, "rev-parse", "main")
    assert cli("import", "mlflow", mlflow_uri, "--dry-run").out.startswith(
        "Would import 6 models, 7 versions, 3 stages, 2 aliases.\n"
    )
    assert git(place, "rev-parse", "main") == before


def test_the_json_of_an_import_has_the_keys_that_the_document_says(place: Path, mlflow_uri: str) -> None:
    document = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    said = re.search(r"`import mlflow` prints\n`\{(.+?)\}`(?:.|\n)+?`\{(.+?)\}`", document)
    assert said
    told = Cli(registry=place).json("import", "mlflow", mlflow_uri, "--init")
    assert said[1].replace('"', "").split(", ") == list(told)
    assert said[2].replace('"', "").split(", ") == list(told["not_carried"][0])


def test_only_the_models_whose_names_match_are_imported(registry: Registry, mlflow_uri: str) -> None:
    imported(registry, mlflow_uri, names=["fra*", "empty"])
    assert [one.name for one in registry.models()] == ["empty", "fraud"]
    with pytest.raises(NotFound, match="No model there is called typo"):
        imported(registry, mlflow_uri, names=["typo"])


def test_the_runs_of_imported_versions_tell_their_lineage(registry: Registry, tmp_path: Path) -> None:
    uri = sqlite_uri(tmp_path)
    client = new_mlflow(uri)
    tags = {"mlflow.user": "alice", "mlflow.source.git.commit": "7c0ffee"}
    run = client.create_run(client.create_experiment("weekly"), run_name="nightly", tags=tags).info
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://acme/1", run_id=run.run_id)
    imported(registry, uri, tracking_uri=uri)
    made = registry.version("fraud", 1)
    lineage = made.manifest.lineage
    assert (lineage.run_name, lineage.experiment_name, lineage.git_commit) == ("nightly", "weekly", "7c0ffee")
    assert made.created_by == "alice <alice@mlflow.invalid>"


def test_a_file_store_is_imported_as_a_database_is(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)  # MLflow's file store notes something in the default tracking store
    uri = str(tmp_path / "mlruns")
    client = new_mlflow(uri)
    client.create_registered_model("fraud", tags={"team": "risk"})
    for number in (1, 2, 3):
        client.create_model_version("fraud", f"s3://acme/{number}", tags={"auc": f"0.{number}"})
    client.delete_model_version("fraud", "2")
    client.transition_model_version_stage("fraud", "3", "Production")
    client.set_registered_model_alias("fraud", "champion", "3")
    told = left(imported(registry, uri))
    assert [one.version for one in registry.versions("fraud")] == [3, 1]
    assert registry.version("fraud", 3).stage == "Production"
    assert registry.model("fraud").aliases == {"champion": 3}
    assert "does not say which were deleted" in told["", None, "deleted numbers"]


def test_a_version_that_is_a_copy_is_found_where_its_files_lie(registry: Registry, tmp_path: Path) -> None:
    client = new_mlflow(sqlite_uri(tmp_path))
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://acme/1")
    client.copy_model_version("models:/fraud/1", "fraud-live")
    imported(registry, sqlite_uri(tmp_path))
    copied = registry.version("fraud-live", 1)
    assert (copied.source, copied.manifest.origin) == ("s3://acme/1", "models:/fraud/1")


def test_a_user_without_an_entry_in_the_file_is_nobody_elses_address() -> None:
    people = People(unnamed=parse_people(f"x = {ALICE}")["x"])
    assert people.actor("bob@acme.io") == "bob <bob@acme.io>"
    assert people.actor("ACME\\bob smith <x>") == "ACME\\bob-smith-x <ACME\\bob-smith-x@mlflow.invalid>"
    assert people.actor("@") == "@ <@mlflow.invalid>"
    assert people.actor("  ") == people.actor(None) == ALICE


@pytest.mark.parametrize("line", ["alice", "alice = nobody", " = Alice <a@b.c>"])
def test_a_line_of_the_users_that_names_nobody_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(Invalid, match="Line 2 of the users"):
        parse_people(f"# users\n{line}\n")


def test_a_wrong_address_is_an_error_and_makes_nothing(place: Path, tmp_path: Path) -> None:
    run("--as", ALICE, "init", str(place))
    cli = Cli(registry=place)
    typo = tmp_path / "typo.db"
    assert "There is nothing at" in cli("import", "mlflow", f"sqlite:///{typo}", code=3).err
    assert not typo.exists()
    assert "-R PATH" in run("--as", ALICE, "import", "mlflow", f"sqlite:///{typo}", "--init", code=2).err


def test_a_server_that_is_not_there_is_told_after_two_more_tries(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FACTOR", "JITTER"):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_BACKOFF_{name}", "0")  # it sleeps five seconds between the tries
    run("--as", ALICE, "init", str(place))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    told = Cli(registry=place)("import", "mlflow", f"http://127.0.0.1:{port}", code=8).err
    assert f"http://127.0.0.1:{port} cannot be read" in told
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"  # MLflow by itself tries for two minutes


@pytest.mark.slow
def test_an_import_that_is_killed_and_run_again_ends_as_one_that_was_not(tmp_path: Path, git: Git) -> None:
    uri = many(tmp_path, models=60, versions=20)
    whole, broken = tmp_path / "whole.git", tmp_path / "broken.git"
    command = [str(BIN / "registry-git"), "--as", ALICE, "import", "mlflow", uri, "--init"]
    subprocess.run([*command, "-R", str(whole)], check=True, capture_output=True)
    stops = [signal.SIGKILL, signal.SIGINT]
    while stops:
        running = subprocess.Popen([*command, "-R", str(broken)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen = tip(broken)
        while running.poll() is None and tip(broken) == seen:
            time.sleep(0.002)
        running.send_signal(stops[0])
        if running.wait() == 0:
            shutil.rmtree(broken)  # it was quicker than we looked, so nothing is broken yet
            stops = [signal.SIGKILL, signal.SIGINT]
        else:
            assert running.returncode in (-signal.SIGKILL, 130)
            stops.pop(0)
    assert commits(git, broken) < commits(git, whole)
    subprocess.run([*command, "-R", str(broken)], check=True, capture_output=True)
    assert git(broken, "rev-parse", "main^{tree}") != ""
    assert commits(git, broken) == commits(git, whole)
    models = git(broken, "rev-parse", "main:models"), git(whole, "rev-parse", "main:models")
    assert models[0] == models[1]
    healthy(git, broken, new_opened(broken))


def new_opened(place: Path) -> Registry:
    import registry_git

    return registry_git.open(place, actor=ALICE)


def tip(place: Path) -> str:
    """What `main` is, read at once: on a busy machine git starts too slowly to see an import before it ends."""
    with suppress(OSError):
        return (place / "refs" / "heads" / "main").read_text()
    return ""


def commits(git: Git, place: Path) -> int:
    return int(git(place, "rev-list", "--count", "main", check=False) or 0) if (place / "HEAD").exists() else 0


def many(place: Path, *, models: int, versions: int) -> str:
    """A registry of many versions, written into MLflow's tables."""
    uri = sqlite_uri(place)
    with sqlite3.connect(place / "mlflow.db") as db:
        for number in range(models):
            name, at = f"model-{number:04d}", CREATED + number * 1000
            db.execute(
                "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time) VALUES (?, ?, ?, ?)",
                ("default", name, at, at),
            )
            rows = [
                ("default", name, each, at + each * 60_000, at + each * 60_000, "None", f"s3://acme/{name}/{each}")
                for each in range(1, versions + 1)
            ]
            db.executemany(
                "INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, "
                "current_stage, source, status) VALUES (?, ?, ?, ?, ?, ?, ?, 'READY')",
                rows,
            )
    db.close()
    return uri


def test_what_was_imported_is_in_few_packs(
    registry: Registry, place: Path, mlflow_uri: str, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[int] = []

    def merge(git_dir: Path) -> int:
        merged.append(merge_now(git_dir))
        return merged[-1]

    monkeypatch.setattr(repacking, "merge_now", merge)
    monkeypatch.setattr(importing, "BATCH", 2)
    monkeypatch.setattr(growing, "_OBJECTS_MAX", 16)  # so that little is many packs
    imported(registry, mlflow_uri)
    assert len(merged) == 1
    assert merged[0] > 1
    healthy(git, place, registry)
