"""Every error is one sentence, a hint and a code; what users wrote cannot steer a terminal."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.cli.failures import EXIT_CODES, failure_of, report
from registry_git.cli.output import as_json, as_yaml
from registry_git.cli.plain import plain
from registry_git.cli.safe import exact, visible, visible_lines
from registry_git.core import errors
from registry_git.core.times import Timestamp
from tests.cli_program import Cli, new_registry, run

TABLE = {"Invalid": 2, "NotFound": 3, "AlreadyExists": 4, "Conflict": 5, "PermissionDenied": 6, "Corrupt": 7}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return new_registry(tmp_path / "models.git")


@pytest.mark.parametrize(("name", "code"), [*TABLE.items(), ("Unavailable", 8)])
def test_every_class_of_error_has_its_code(name: str, code: int) -> None:
    error = getattr(errors, name)("It is so.", hint="Do that.")
    failure = failure_of(error)
    assert (failure.code, failure.exit_code, failure.message, failure.hint) == (name, code, "It is so.", "Do that.")


def test_no_class_of_error_is_without_a_code() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.RegistryError) and value is not errors.RegistryError
    }
    assert classes == set(EXIT_CODES)


def test_a_subclass_has_the_code_of_its_class() -> None:
    class Stale(errors.Conflict):
        pass

    assert failure_of(Stale("Old.")).exit_code == 5


def test_a_corrupt_manifest_is_named_with_file_line_and_path() -> None:
    error = errors.Corrupt("No.", path="models/a/model.yaml", json_path="$.tags", line=3)
    assert failure_of(error).message == "models/a/model.yaml:3 $.tags: No."


def test_an_error_is_a_sentence_and_a_hint_on_standard_error(cli: Cli) -> None:
    answer = cli("show", "fraud/13", code=3)
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") <= 2


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_error_is_an_object_where_a_program_reads(cli: Cli, form: str) -> None:
    answer = cli("show", "fraud/13", "-o", form, code=3)
    assert answer.out == ""
    assert set(answer.error) == {"code", "message", "hint"}
    assert answer.error["code"] == "NotFound"


@pytest.mark.parametrize("words", [("shwo", "-o", "json"), ("show", "--output=json"), ("-ojson", "show")])
def test_a_line_that_cannot_be_parsed_is_an_object_too(words: tuple[str, ...]) -> None:
    assert run(*words, code=2).error["code"] == "Invalid"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("shwo",), "Did you mean show?"),
        (("request", "aprove", "x"), "Did you mean approve?"),
        (("xyzzy",), "List the commands with: registry-git --help"),
        (("show",), "See how it is used with: registry-git show --help"),
        (("show", "a", "b"), "registry-git show --help"),
        (("show", "a", "--manifst"), "registry-git show --help"),
        (("list", "-o", "xml"), "registry-git list --help"),
    ],
)
def test_a_wrong_use_gives_a_hint(words: tuple[str, ...], hint: str) -> None:
    answer = run(*words, code=2)
    assert answer.err.startswith("error: ")
    assert f"hint: {hint}" in answer.err or hint in answer.err


def test_a_registry_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    assert "registry-git init" in run("-R", str(tmp_path / "nothing"), "list", code=3).err


@pytest.mark.parametrize("words", [("-R", "", "list"), ("list", "--as", ""), ("list", "--at", "")])
def test_an_empty_global_option_is_refused(words: tuple[str, ...]) -> None:
    assert "is empty" in run(*words, code=2).err


def test_a_bad_actor_is_refused(cli: Cli) -> None:
    assert "Name <email>" in cli("tag", "set", "fraud", "a", "b", actor="alice", code=2).err


def test_reading_needs_nobody_and_writing_needs_a_name(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".gitconfig").unlink()
    run("-R", str(cli.registry), "list")
    assert "--as" in run("-R", str(cli.registry), "register", "fraud", "s3://acme/1", code=2).err


def test_global_options_go_before_and_after_the_command_and_the_last_wins(cli: Cli, tmp_path: Path) -> None:
    here = str(cli.registry)
    assert run("-R", here, "-o", "json", "list").json == []
    assert run("list", "-R", here, "-o", "json").json == []
    assert run("-o", "yaml", "-R", str(tmp_path), "list", "-R", here, "-o", "json").json == []
    assert run("-R", here, "request", "-o", "json", "list").json == []


def test_the_environment_names_registry_and_actor(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_GIT_URI", str(cli.registry))
    monkeypatch.setenv("REGISTRY_GIT_ACTOR", "Eve <eve@acme.io>")
    assert run("register", "fraud", "s3://acme/1", "-o", "json").json["created_by"] == "Eve <eve@acme.io>"
    alice = run("--as", "Al <al@acme.io>", "register", "fraud", "s3://acme/2", "-o", "json").json
    assert alice["created_by"] == "Al <al@acme.io>"


def test_an_unexpected_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(ZeroDivisionError("by zero"), machine=False) == 70
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "REGISTRY_GIT_DEBUG=1" in printed
    monkeypatch.setenv("REGISTRY_GIT_DEBUG", "1")
    assert report(ZeroDivisionError("by zero"), machine=True) == 70
    assert capsys.readouterr().err.startswith("ZeroDivisionError: by zero\n")


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("List them with: registry-git list fraud", "List them with: registry-git -R 'a b.git' list fraud"),
        ("Create one with: registry-git init PATH", "Create one with: registry-git init PATH"),
        ("All forms: registry-git request create --help", "All forms: registry-git request create --help"),
    ],
)
def test_a_command_in_a_hint_names_the_registry_that_was_named(
    hint: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(errors.NotFound("No.", hint=hint), machine=False, registry="a b.git")
    assert capsys.readouterr().err == f"error: No.\nhint: {told}\n"


def test_an_interruption_is_130_and_says_nothing_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(click.Abort(), machine=False) == 130
    assert capsys.readouterr().err == ""


def test_escapes_and_direction_marks_in_comments_are_shown_not_obeyed(cli: Cli) -> None:
    text = "red \x1b[31m\x07 \u202egnirts\u2066 \x9b2J\r\nApproved-by: Eve"
    cli("register", "fraud", "s3://acme/1", "--description", text)
    cli("comment", "add", "fraud/1", text)
    for words in (("comment", "list", "fraud/1"), ("show", "fraud/1"), ("activity",), ("list", "fraud")):
        printed = cli(*words).out
        assert not {"\x1b", "\x07", "\u202e", "\u2066", "\x9b", "\r"} & set(printed)
    assert "\\e[31m\\x07 \\u202egnirts\\u2066 \\x9b2J\\r\\nApproved-by" in cli("comment", "list", "fraud/1").out
    [comment] = cli.json("comment", "list", "fraud/1")
    assert comment["text"] == text
    assert not {"\x1b", "\u202e", "\x9b"} & set(cli("comment", "list", "fraud/1", "-o", "json").out)


def test_an_error_about_a_strange_name_is_harmless(cli: Cli) -> None:
    assert "\x1b" not in cli("show", "a\x1b[2Jb", code=2).err


@given(st.text())
def test_visible_text_is_one_line_without_anything_invisible(text: str) -> None:
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")
    assert visible_lines(text).count("\n") == text.count("\n")


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
def test_json_stays_exact_and_becomes_harmless(text: str) -> None:
    encoded = exact(json.dumps(text, ensure_ascii=False))
    assert json.loads(encoded) == text
    assert visible(encoded) == encoded


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3)))
def test_json_and_yaml_give_the_same_values_back(value: Any) -> None:
    import yaml

    assert json.loads(as_json({"value": value})) == {"value": value}
    assert yaml.safe_load(as_yaml({"value": value})) == {"value": value}


class Colour(str, Enum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    created: int
    at: Timestamp
    seen_timestamp: Timestamp
    colour: Colour
    numbers: tuple[int, ...]
    names: frozenset[str]
    tags: dict[str, str]
    nothing: None = None
    share: float = 0.5


def test_plain_turns_any_value_into_what_json_can_write() -> None:
    sample = Sample(
        created=0,
        at=Timestamp(1),
        seen_timestamp=Timestamp(2),
        colour=Colour.RED,
        numbers=(1, 2),
        names=frozenset({"b", "a"}),
        tags={"created": "1"},
    )
    assert plain([sample]) == [
        {
            "created": "1970-01-01T00:00:00.000Z",
            "at": "1970-01-01T00:00:00.001Z",
            "seen_timestamp": 2,
            "colour": "red",
            "numbers": [1, 2],
            "names": ["a", "b"],
            "tags": {"created": "1"},
            "nothing": None,
            "share": 0.5,
        }
    ]
