"""README.md, docs/gitops.md and the worked examples do what they say; so does the harness that says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.markdown_blocks import Block, Command, Session, Wrong, blocks, commands, match, plain
from tests.warm_program import warm_program

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "gitops.md", *sorted((ROOT / "examples").glob("**/*.md"))]


# These run the program as it is installed; the others, for speed, as forks of one that is loaded already.
INSTALLED = ("README.md", "following.md", "guarded-repository.md", "rest.md")


@pytest.fixture(scope="module")
def warm() -> Iterator[Path]:
    with warm_program() as programs:
        yield programs


@pytest.fixture
def session(tmp_path: Path) -> Session:
    environment = {**os.environ, "COLUMNS": "100"}
    # Not resolved: a virtual environment's python is a link, and what is installed with it lies beside the link.
    return Session(directory=tmp_path / "alice", path=(Path(sys.executable).parent,), environment=environment)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_the_document_does_what_it_says(document: Path, session: Session, warm: Path) -> None:
    if document.name not in INSTALLED:
        session.path = (warm, *session.path)
    session.document(document.read_text(encoding="utf-8"))


def run(session: Session, *lines: str) -> int:
    return session.document("\n".join(lines) + "\n")


def test_a_console_block_whose_output_is_true_passes(session: Session) -> None:
    assert run(session, "```console", "$ printf 'a\\nb\\n'", "a", "b", "$ true", "$ echo c", "c", "```") == 1


@pytest.mark.parametrize("said", [["b"], ["a", "b"], [], ["...", "b"]])
def test_a_wrong_output_fails(session: Session, said: list[str]) -> None:
    with pytest.raises(Wrong, match=r"line 2: .*echo a"):
        run(session, "```console", "$ echo a", *said, "```")


@pytest.mark.parametrize("language", ["console", "sh", "python"])
def test_a_failing_command_fails(session: Session, language: str) -> None:
    command = {"console": "$ exit 3", "sh": "exit 3", "python": "raise SystemExit(3)"}[language]
    with pytest.raises(Wrong, match="line 2: exits with 3, not 0"):
        run(session, f"```{language}", command, "```")


def test_a_failing_line_in_the_middle_of_a_sh_block_fails(session: Session) -> None:
    with pytest.raises(Wrong, match="exits with 1"):
        run(session, "```sh", "false", "true", "```")


def test_a_refusal_can_be_shown_and_must_happen(session: Session) -> None:
    shown = ["<!-- the last command exits with 6 -->", "```console", "$ true", "$ echo no >&2; exit 6", "no", "```"]
    assert run(session, *shown) == 1
    with pytest.raises(Wrong, match="exits with 0, not 6"):
        run(session, "<!-- the last command exits with 6 -->", "```sh", "true", "```")


def test_directory_variables_and_files_carry_over_between_blocks(session: Session) -> None:
    shell = ["```sh", "mkdir sub; cd sub", "answer='4 2'", "export OTHER=x", "```"]
    python = ["```python", "import os, pathlib", "pathlib.Path('seen').write_text(os.environ['answer'])", "```"]
    console = ["```console", '$ cat seen; echo " $answer $OTHER"; pwd', "4 2 4 2 x", "/home/alice/sub", "```"]
    assert run(session, *shell, *python, *console) == 3


def test_ids_dates_and_widths_are_compared_by_form_only(session: Session) -> None:
    said = ["request  20261123-7k3m9q at 2026-11-23T06:14:11.412Z", "sha256:9f2c…  7c0ffee  2 minutes ago", "─────"]
    real = "request 20250101-aaaaaa at 2025-01-01T00:00:00.000Z\\nsha256:00aa11… deadb3ef 59 seconds ago\\n───\\n"
    assert run(session, "```console", f"$ printf '{real}'", *said, "```") == 1
    assert plain("3 versions") != plain("4 versions")


def test_an_id_of_the_document_stands_for_the_real_one_in_later_commands(session: Session) -> None:
    first = ["```console", "$ printf '2025010%d-aaaaaa\\n' 1", "20261123-7k3m9q", "```"]
    later = ["```console", "$ echo 20261123-7k3m9q | tr 0-9 x", "xxxxxxxx-aaaaaa", "```"]
    assert run(session, *first, *later) == 2


def test_three_dots_on_a_line_are_any_lines() -> None:
    assert match(["a", "...", "d"], ["a", "b", "c", "d"]) == [(0, 0), (2, 3)]
    assert match(["a", "..."], ["a"]) == [(0, 0)]
    assert match(["...", "d"], ["d", "e"]) is None


def test_a_block_is_skipped_only_with_a_reason(session: Session) -> None:
    assert run(session, "<!-- not executed: it needs a remote -->", "", "```sh", "exit 1", "```") == 0
    with pytest.raises(Wrong, match="no reason"):
        run(session, "<!-- not executed -->", "```sh", "exit 1", "```")


def test_a_reason_skips_only_the_block_right_after_it(session: Session) -> None:
    with pytest.raises(Wrong, match="exits with 1"):
        run(session, "<!-- not executed: no -->", "```sh", "false", "```", "```sh", "false", "```")


@pytest.mark.parametrize("language", ["", "bash", "shell", "py"])
def test_a_block_that_would_silently_not_run_is_refused(language: str) -> None:
    with pytest.raises(Wrong, match="allowed are"):
        blocks(f"```{language}\ntrue\n```\n")


def test_blocks_in_lists_and_longer_fences_are_read() -> None:
    document = "1. text\n   ```yaml\n   a:\n     b\n   ```\n````text\n```sh\n````\n"
    assert blocks(document) == [
        Block(language="yaml", text="a:\n  b\n", line=3),
        Block(language="text", text="```sh\n", line=7),
    ]


def test_a_command_may_go_over_several_lines() -> None:
    block = Block(language="console", text="$ cat <<E\n> a\n> E\na\n$ echo \\\n  b\n> b\n", line=1)
    assert commands(block)[0] == Command(text="cat <<E\na\nE", line=1, expected=["a"])
    assert commands(block)[1].text == "echo \\\n  b\nb"
