"""Runs the code blocks of a Markdown document and compares what they print with what the document says.

- ```console: lines after `$ ` are commands (`> ` or a closing backslash continues one); the lines below a command are
  what it prints, standard error included. A line `...` stands for any lines.
- ```sh and ```python must exit with 0.
- ```yaml, ```text, ```json, ```diff and ```mermaid are only shown. Any other language, or none, is an error.

All blocks of a document run in order in one directory; the current directory and variables carry over from block to
block. Two comments on the line before a block change that:

    <!-- not executed: the reason, which a reader of the source should know -->
    <!-- the last command exits with 6 -->

Ids, digests, dates and the like differ from run to run, so only their form is compared. What a document calls
`20261123-7k3m9q` is remembered when a command prints another id in its place, and later commands get the real one.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SHOWN = frozenset({"yaml", "text", "json", "diff", "mermaid"})
RUN = frozenset({"console", "sh", "python"})
TIMEOUT = 120  # seconds for one command

# What a document writes for the directory in which its blocks run.
HOME_IN_DOCUMENTS = "/home/alice"

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}|~{3,}) *(?P<language>[^\s`]*)[^`]*")
_SKIP = re.compile(r"<!-- *not executed(?:: *(?P<reason>.*?))? *-->")
_EXIT = re.compile(r"<!-- *the last command exits with (?P<status>\d+) *-->")

# In this order: what is longer, or more particular, comes first.
_VARYING = (
    ("time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"),
    ("date", r"\d{4}-\d\d-\d\d(?!\d)"),
    ("clock", r"\b\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?\b"),
    ("ago", r"\b(?:\d+|an?) (?:second|minute|hour|day|week|month|year)s? ago\b|\bjust now\b"),
    ("digest", r"\bsha256:[0-9a-f]+(?:…|\.\.\.)?"),
    ("request", r"\b\d{8}-[0-9a-z]{6}\b"),
    ("id", r"\b0[0-9a-z]{25}\b"),
    ("milliseconds", r"\b1\d{12}\b"),
    ("commit", r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b(?:…)?"),
    ("duration", r"\b\d+(?:\.\d+)? (?:ms|s)\b"),
)
_TOKEN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _VARYING))
_NAMED = frozenset({"request", "id", "commit", "digest"})  # what a later command may name again

_SAVE = r"""trap '{ export -p; printf "cd %q\n" "$PWD"; } >"$BLOCK_STATE"' EXIT"""


class Wrong(AssertionError):
    """The document is not true: the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `line` is that of its first line of text, counted from 1."""

    language: str
    text: str
    line: int
    skipped: str = ""
    status: int = 0


def blocks(markdown: str) -> list[Block]:
    """The fenced code blocks of a document, in order.

    Raises:
        Wrong: a block without end, of a language that is neither run nor shown, or skipped without a reason.
    """
    found = []
    lines = markdown.splitlines()
    at = 0
    comment = ""
    while at < len(lines):
        fence = _FENCE.fullmatch(lines[at])
        if fence is None:
            if lines[at].strip():
                comment = lines[at].strip()
            at += 1
            continue
        close = re.compile(rf" *{re.escape(fence['ticks'])}{re.escape(fence['ticks'][0])}* *")
        end = next((here for here in range(at + 1, len(lines)) if close.fullmatch(lines[here])), None)
        if end is None:
            raise Wrong(f"line {at + 1}: the block never ends.")
        found.append(_block(fence, lines[at + 1 : end], at + 2, comment))
        comment = ""
        at = end + 1
    return found


def _block(fence: re.Match[str], lines: list[str], line: int, comment: str) -> Block:
    language = fence["language"]
    if language not in SHOWN | RUN:
        allowed = ", ".join(sorted(SHOWN | RUN))
        raise Wrong(f"line {line - 1}: a block of {language or 'no language'!r}; allowed are {allowed}.")
    skip = _SKIP.fullmatch(comment)
    if skip is not None and not skip["reason"]:
        raise Wrong(f"line {line - 1}: the block is not executed, and no reason is given.")
    status = _EXIT.fullmatch(comment)
    width = len(fence["indent"])
    text = "".join(f"{row[width:] if row[:width].isspace() else row}\n" for row in lines)
    return Block(
        language=language,
        text=text,
        line=line,
        skipped=skip["reason"] if skip is not None else "",
        status=int(status["status"]) if status is not None else 0,
    )


@dataclass(slots=True, kw_only=True)
class Command:
    """One command of a console block and the lines that it should print."""

    text: str
    line: int
    expected: list[str] = field(default_factory=list)


def commands(block: Block) -> list[Command]:
    """The commands of a console block.

    Raises:
        Wrong: the block begins with something else than a command.
    """
    found: list[Command] = []
    continued = False
    for number, row in enumerate(block.text.splitlines(), start=block.line):
        last = found[-1] if found else None
        if row == "$" or row.startswith("$ "):
            found.append(Command(text=row[2:], line=number))
            continued = True
        elif last is None:
            raise Wrong(f"line {number}: a console block begins with a command: '$ …'.")
        elif continued and (row == ">" or row.startswith("> ")):
            last.text += f"\n{row[2:]}"
        elif continued and last.text.endswith("\\"):
            last.text += f"\n{row}"
        else:
            continued = False
            last.expected.append(row)
    return found


@dataclass(slots=True, kw_only=True)
class Session:
    """A shell whose variables and current directory outlive each command.

    Args:
        directory: where the first command runs; made when it does not exist.
        path: directories that come first in PATH.
        environment: what the shell starts with.
    """

    directory: Path
    path: tuple[Path, ...]
    environment: Mapping[str, str]
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state.write_text(f"cd {shlex.quote(str(self.directory))}\n")

    @property
    def state(self) -> Path:
        """The file that carries variables and the current directory from command to command."""
        return self.directory.parent / f"{self.directory.name}.state"

    def document(self, markdown: str) -> int:
        """Run every block of a document; the number of those that ran. Raises: Wrong."""
        ran = 0
        for block in blocks(markdown):
            if block.language in RUN and not block.skipped:
                self.block(block)
                ran += 1
        return ran

    def block(self, block: Block) -> None:
        """Run one block. Raises: Wrong."""
        if block.language == "console":
            todo = commands(block)
            for command in todo:
                printed = self._run(command.text, command.line, block.status if command is todo[-1] else 0)
                self._compare(command, printed)
        elif block.language == "sh":
            self._run(f"set -e\n{block.text}", block.line, block.status)
        else:
            script = self.directory.parent / f"{self.directory.name}.block.py"
            script.write_text(self._named(block.text))
            # From a file and not from stdin, so that a traceback shows the lines; '' keeps the directory importable.
            runner = "import runpy, sys; sys.path.insert(0, ''); runpy.run_path(sys.argv[1], run_name='__main__')"
            self._run(f"python -c {shlex.quote(runner)} {shlex.quote(str(script))}", block.line, block.status)

    def _named(self, text: str) -> str:
        """`text` with the ids of the document replaced by those of this run."""
        home = text.replace(HOME_IN_DOCUMENTS, str(self.directory))
        return _TOKEN.sub(lambda token: self.names.get(token[0], token[0]), home)

    def _run(self, command: str, line: int, status: int) -> str:
        state = shlex.quote(str(self.state))
        # -a: every variable that the document sets is exported, and so saved.
        script = f"BLOCK_STATE={state}; . {state}\n{_SAVE}\nset -a\n{self._named(command)}"
        environment = {**self.environment, "PATH": os.pathsep.join([*map(str, self.path), self.environment["PATH"]])}
        process = subprocess.Popen(
            ["bash", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
            raise Wrong(f"line {line}: still running after {TIMEOUT} s:\n$ {command}\n{printed}") from None
        if process.returncode != status:
            raise Wrong(f"line {line}: exits with {process.returncode}, not {status}:\n$ {command}\n{printed}")
        return printed

    def _compare(self, command: Command, printed: str) -> None:
        expected = _rows("\n".join(command.expected))
        actual = _rows(printed.replace(str(self.directory), HOME_IN_DOCUMENTS))
        pairs = match([plain(row) for row in expected], [plain(row) for row in actual])
        if pairs is None:
            raise Wrong(
                f"line {command.line}: $ {command.text}\n--- the document says\n"
                + "\n".join(expected)
                + "\n--- the command prints\n"
                + "\n".join(actual)
            )
        for here, there in pairs:
            for said, real in zip(_TOKEN.finditer(expected[here]), _TOKEN.finditer(actual[there]), strict=False):
                if said.lastgroup in _NAMED:
                    self.names[said[0]] = real[0]


def _rows(text: str) -> list[str]:
    return [row.rstrip() for row in text.strip("\n").splitlines()]


def plain(row: str) -> str:
    """A line without what differs from run to run: ids, dates, the width of columns and rules."""
    varying = _TOKEN.sub(lambda token: f"<{token.lastgroup}>", row)
    ruled = re.sub(r"([─━═=-])\1{2,}", r"\1\1\1", varying)
    return re.sub(r"\s+", " ", ruled).strip()


def match(expected: list[str], actual: list[str]) -> list[tuple[int, int]] | None:
    """Which expected line is which actual one, `...` being any lines; None when the two do not agree."""
    if not expected:
        return [] if not actual else None
    if expected[0] == "...":
        for skipped in range(len(actual) + 1):
            rest = match(expected[1:], actual[skipped:])
            if rest is not None:
                return [(here + 1, there + skipped) for here, there in rest]
        return None
    if not actual or expected[0] != actual[0]:
        return None
    rest = match(expected[1:], actual[1:])
    return None if rest is None else [(0, 0), *((here + 1, there + 1) for here, there in rest)]
