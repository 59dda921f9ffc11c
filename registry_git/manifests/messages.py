"""Commit messages: a sentence, what the actor said, and trailers for machines.

Trailers are hints for people who read `git log`; the registry itself believes only the files. What an actor said is
quoted line by line and escaped, so that no text can pass for a trailer or forge a line.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Invalid
from registry_git.core.names import Id
from registry_git.core.times import Timestamp

_QUOTE = "> "
_ESCAPE = re.compile(r"\\(\\|u[0-9a-f]{4}|U[0-9a-f]{8})")
_TIME = re.compile(r"^Registry-Time: (\S+)\nRegistry-Operation: \S+\n?\Z", re.MULTILINE)
_ONE_LINE = re.compile(r"[!-\[\]-~]+(?: [!-\[\]-~]+)*")  # what nearly every text is: nothing to escape, single spaces
_LINE_BREAKING = ("Cc", "Cf", "Zl", "Zp")


def write_message(headline: Headline, comment: str, operation: Id, at: Timestamp | None = None) -> str:
    """The commit message of one activity. `operation` is the id that marks the write, for retries.

    `at` says to the millisecond when it was: git itself writes whole seconds.
    """
    parts = [_one_line(headline.sentence)]
    if comment:
        parts.append("\n".join(_QUOTE + _escaped(line) for line in comment.split("\n")))
    trailers = {
        "Registry-Action": headline.action,
        "Registry-Model": headline.model or "",
        "Registry-Version": str(headline.version or ""),
        "Registry-From": headline.from_stage,
        "Registry-To": headline.to_stage,
        "Registry-Request": headline.request or "",
        "Registry-Forced": headline.forced,
        "Registry-Time": "" if at is None else at.text(),
        "Registry-Operation": operation,
    }
    parts.append("\n".join(f"{key}: {_one_line(value)}" for key, value in trailers.items() if value))
    return "\n\n".join(parts) + "\n"


def read_comment(message: str) -> str:
    """What the actor said, out of a message that `write_message` wrote; empty for any other message."""
    paragraphs = message.split("\n\n")
    if len(paragraphs) < 3:
        return ""
    lines = paragraphs[1].split("\n")
    if not all(line.startswith(_QUOTE) for line in lines):
        return ""
    return "\n".join(_unescaped(line[len(_QUOTE) :]) for line in lines)


def read_operation(message: str) -> str:
    """The id that marks the write, or an empty string."""
    last = message.rstrip("\n").rpartition("\n")[2]
    key, _, value = last.partition(": ")
    return value if key == "Registry-Operation" else ""


def read_time(message: str, seconds: int) -> Timestamp:
    """When the activity was: the message's milliseconds, as far as they are within the second that git wrote."""
    found = _TIME.search(message)
    if found is not None:
        with suppress(Invalid):
            said = Timestamp.parse(found[1])
            if said // 1000 == seconds:
                return said
    return Timestamp(seconds * 1000)


def read_forced(message: str) -> bool:
    """Whether a message says that its change was forced, and why."""
    forced = "\nRegistry-Forced: " in f"\n{message.rstrip().rpartition(chr(10) * 2)[2]}"
    return forced and bool(read_comment(message).strip())


def _escaped(line: str) -> str:
    r"""`line` with everything that some reader may take for a line end or a direction change as `\uXXXX`."""
    if line.isascii() and line.isprintable() and "\\" not in line:
        return line
    out = []
    for char in line:
        if char == "\\":
            out.append("\\\\")
        elif char != "\t" and unicodedata.category(char) in _LINE_BREAKING:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
        else:
            out.append(char)
    return "".join(out)


def _unescaped(line: str) -> str:
    return _ESCAPE.sub(lambda found: "\\" if found[1] == "\\" else chr(int(found[1][1:], 16)), line)


def _one_line(text: str) -> str:
    if _ONE_LINE.fullmatch(text):
        return text
    return " ".join(_escaped(text.replace("\n", " ")).split())
