"""A unified diff taken apart: its files, and what each line of them is."""

from __future__ import annotations

from dataclasses import dataclass

_KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a diff with its sign. `kind` is `added`, `removed`, `place` (where it is), or empty."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A file that changes: its path, what becomes of it (`added`, `removed`, `changed`), and how."""

    path: str
    change: str
    lines: tuple[Line, ...]

    def count(self, kind: str) -> int:
        """How many lines of a kind there are."""
        return sum(line.kind == kind for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The files, and how many more there are that are not shown, with the lines that they have together."""

    files: tuple[ChangedFile, ...]
    more_files: int = 0
    more_lines: int = 0


def taken_apart(text: str, *, at_most: int = 1500) -> Diff:
    """The files of a unified diff; as many of them as have `at_most` lines together; the last is cut short."""
    files: list[ChangedFile] = []
    shown = more_files = more_lines = 0
    for path, change, lines in _files(text):
        if shown >= at_most:
            more_files += 1
            more_lines += len(lines)
            continue
        kept = lines[: at_most - shown]
        more_lines += len(lines) - len(kept)
        shown += len(kept)
        files.append(ChangedFile(path=path, change=change, lines=tuple(kept)))
    return Diff(files=tuple(files), more_files=more_files, more_lines=more_lines)


def _files(text: str) -> list[tuple[str, str, list[Line]]]:
    found: list[tuple[str, str, list[Line]]] = []
    left = right = 0  # lines that the present piece still has on each side: text may look like a heading
    before = ""
    for line in text.split("\n"):
        if left <= 0 and right <= 0:
            if line.startswith("--- "):
                before = line[4:]
                continue
            if line.startswith("+++ "):
                found.append((*_named(before, line[4:]), []))
                continue
            if line.startswith("@@ ") and found:
                left, right = _lengths(line)
                found[-1][2].append(Line("place", line))
            continue
        left -= line[:1] not in ("+", "\\")  # git says of a missing line end in a line of its own
        right -= line[:1] not in ("-", "\\")
        found[-1][2].append(Line(_KINDS.get(line[:1], "") if line[:1] != "@" else "", line))
    return found


def _named(before: str, after: str) -> tuple[str, str]:
    if before == "/dev/null":
        return after[2:], "added"
    return before[2:], "removed" if after == "/dev/null" else "changed"


def _lengths(line: str) -> tuple[int, int]:
    """How many lines a piece has on each side: `@@ -1,4 +1,5 @@`."""
    sides = line.split(" ")[1:3]
    first, second = (int(side.partition(",")[2] or 1) for side in sides)
    return first, second
