"""A diff taken apart shows just the lines that changed, whatever they look like, and not more than a page can hold."""

from __future__ import annotations

from registry_git.registry.comparison import unified
from registry_git.server.pages.diffs import taken_apart


def lines(before: bytes | None, after: bytes | None) -> list[tuple[str, str]]:
    (file,) = taken_apart(unified([("a.yaml", before, after)])).files
    return [(line.kind, line.text) for line in file.lines if line.kind != "place"]


def test_each_file_says_what_becomes_of_it() -> None:
    text = unified([("a.yaml", None, b"x: 1\n"), ("b/c.yaml", b"x: 1\n", b"x: 2\n"), ("d.yaml", b"x: 1\n", None)])
    files = taken_apart(text).files
    assert [(file.path, file.change) for file in files] == [
        ("a.yaml", "added"),
        ("b/c.yaml", "changed"),
        ("d.yaml", "removed"),
    ]
    assert [(file.count("added"), file.count("removed")) for file in files] == [(1, 0), (1, 1), (0, 1)]


def test_lines_that_look_like_headings_are_lines() -> None:
    before = b"one\n-- a/x\n++ b/x\n@@ -1 +1 @@\nlast\n"
    assert lines(before, before.replace(b"last", b"end")) == [
        ("", " -- a/x"),
        ("", " ++ b/x"),
        ("", " @@ -1 +1 @@"),
        ("removed", "-last"),
        ("added", "+end"),
    ]
    assert lines(b"-- a/x\n", b"++ b/x\n") == [("removed", "--- a/x"), ("added", "+++ b/x")]


def test_a_file_without_a_line_end_does_not_swallow_the_next() -> None:
    text = unified([("a.yaml", None, b"x: 1"), ("b.yaml", b"y: 1", b"y: 2\n")])
    assert "\\ No newline at end of file" in text
    files = taken_apart(text).files
    assert [file.path for file in files] == ["a.yaml", "b.yaml"]
    assert [line.text for line in files[1].lines if line.kind in ("added", "removed")] == ["-y: 1", "+y: 2"]


def test_what_is_too_long_is_cut_and_counted() -> None:
    long = b"".join(b"line %d\n" % number for number in range(30))
    diff = taken_apart(unified([("a.yaml", None, long), ("b.yaml", None, long), ("c.yaml", None, long)]), at_most=40)
    assert [len(file.lines) for file in diff.files] == [31, 9]
    assert (diff.more_files, diff.more_lines) == (1, 22 + 31)
    assert taken_apart("").files == ()
