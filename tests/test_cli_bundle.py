"""`bundle` on the command line: what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli_program import Cli, new_registry, run


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = new_registry(tmp_path / "here.git")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("w")
    cli("register", "fraud", str(tmp_path / "model"))
    cli("request", "create", "fraud", "1", "Staging", "--id", "20261123-7k3m9q")
    return cli


def test_a_registry_crosses_and_is_kept_up_to_date(cli: Cli, tmp_path: Path) -> None:
    there = Cli(registry=tmp_path / "there.git")
    file, state = str(tmp_path / "b.tar"), tmp_path / "state.json"
    made = cli("bundle", "create", file, "--artifacts", "fraud/1").out
    assert "1 open request." in made
    assert made.endswith("-R PATH bundle apply b.tar --new\n")
    assert "With the files of fraud v1: sha256:" in made
    applied = there("bundle", "apply", file, "--new", "--artifacts-to", str(tmp_path / "store")).out
    assert "request/fraud/20261123-7k3m9q: new → " in applied
    assert "  Register fraud v1" in applied
    assert "Stored " in applied
    (tmp_path / "model" / "weights").unlink()
    there("download", "fraud/1", str(tmp_path / "got"))
    state.write_text(there("bundle", "state").out)
    cli("request", "approve", "20261123-7k3m9q")
    cli("bundle", "create", file, "--for", str(state))
    found = there("bundle", "verify", file).out
    assert found.startswith("It is whole, and can be applied.")
    assert there("list", "fraud").out.count("Staging") == 0
    there("bundle", "apply", file)
    assert "Staging" in there("list", "fraud").out
    assert there("bundle", "apply", file).out.startswith("All of it is here already.")
    assert there("bundle", "verify", file).out.startswith("It is whole, and all of it is here already.")


def test_files_that_were_not_stored_are_told_of(cli: Cli, tmp_path: Path) -> None:
    there = Cli(registry=tmp_path / "there.git")
    file = str(tmp_path / "b.tar")
    cli("bundle", "create", file, "--artifacts", "fraud/1")
    assert "apply it again with --artifacts-to" in there("bundle", "apply", file, "--new").out
    assert "Stored" in there("bundle", "apply", file, "--artifacts-to", str(tmp_path / "store")).out
    assert "apply it again" not in there("bundle", "apply", file).out


def test_a_new_repository_stays_only_where_the_bundle_is_taken(cli: Cli, tmp_path: Path) -> None:
    there = Cli(registry=tmp_path / "there.git")
    (tmp_path / "junk").write_text("junk")
    assert "on the other side" in there("bundle", "apply", str(tmp_path / "nosuch"), "--new", code=3).err
    there("bundle", "apply", str(tmp_path / "junk"), "--new", code=7)
    assert not there.registry.exists()
    there.registry.mkdir()
    there("bundle", "apply", str(tmp_path / "junk"), "--new", code=7)
    assert there.registry.is_dir()
    cli("bundle", "create", str(tmp_path / "b.tar"))
    assert "main is at" in there("bundle", "apply", str(tmp_path / "b.tar"), "--new").out


def test_what_cannot_be_is_refused_with_its_exit_code(cli: Cli, tmp_path: Path) -> None:
    file = str(tmp_path / "b.tar")
    (tmp_path / "junk").write_text("junk")
    cli("bundle", "create", file, "--for", str(tmp_path / "junk"), code=2)
    cli("bundle", "create", file, "--for", str(tmp_path / "nosuch"), code=3)
    cli("bundle", "create", file, "--artifacts", "fraud/9", code=3)
    cli("bundle", "create", str(tmp_path / "no" / "dir" / "b.tar"), code=3)
    cli("bundle", "verify", str(tmp_path / "junk"), code=7)
    cli("bundle", "verify", str(tmp_path / "nosuch"), code=3)
    cli("bundle", "apply", file, "--new", code=4)
    run("--as", "Alice <alice@acme.io>", "bundle", "apply", file, "--new", code=2)
    new_registry(tmp_path / "foreign.git")("bundle", "create", file)
    said = cli("bundle", "apply", file, code=5).err
    assert "would rewrite main" in said
    assert "another registry's" in said
    nowhere = Cli(registry=tmp_path / "nowhere.git")
    for command in ("verify", "apply"):
        said = nowhere("bundle", command, file, code=3).err
        assert said.endswith(f"registry-git -R {nowhere.registry} bundle apply {file} --new\n")


@pytest.mark.parametrize("text", ["", "[]", '{"refs": 5}', '{"refs": {"refs/heads/main": "x"}}', "[" * 100_000])
def test_a_file_that_is_no_state_is_called_by_its_name(cli: Cli, tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)
    said = cli("bundle", "create", str(tmp_path / "b.tar"), "--for", str(state), code=2).err
    assert f"{state} is no state of a registry." in said
    assert "bundle state" in said
