"""The reader takes the part of YAML that nobody can misunderstand, and says where the rest is."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.core.errors import Corrupt
from registry_git.manifests.yaml_reader import DEPTH_MAX, NODES_MAX, SIZE_MAX, lines, read

MILLISECONDS = 50


def refused(data: bytes) -> Corrupt:
    """The error for `data`; it names the file."""
    with pytest.raises(Corrupt) as found:
        read(data, path="models/fraud/model.yaml")
    assert found.value.path == "models/fraud/model.yaml"
    assert "models/fraud/model.yaml" in str(found.value)
    return found.value


@pytest.mark.parametrize(
    "text",
    ["no", "on", "yes", "off", "y", "n", "22:22", "2026-11-23", "2026-11-23T06:14:11Z", "1_000", "0b1", "=", "nan"],
)
def test_what_another_reader_would_turn_into_something_is_a_string(text: str) -> None:
    assert read(f"a: {text}\n{text}: b\n".encode(), path="x") == {"a": text, text: "b"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("+7", 7),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = read(f"a: {text}\n".encode(), path="x")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (b"a: &x 1\nb: *x\n", 1, "anchor"),
        (b"a: 1\nb: *x\n", 2, "alias"),
        (b"&x a: 1\n", 1, "anchor"),
        (b"a: 1\nb: !!str 1\n", 2, "tag"),
        (b"a: !python/object/apply:os.system [ls]\n", 1, "tag"),
        (b"!!map {a: 1}\n", 1, "tag"),
        (b"a: ! x\n", 1, "tag"),
        (b"a: 1\n<<: {b: 2}\n", 2, "merge"),
        (b"a: 1\nb: 2\na: 3\n", 3, "twice"),
        (b'a: 1\n"a": 3\n', 2, "twice"),
        (b"t: {a: 1, a: 2}\n", 1, "twice"),
        (b"12: x\n", 1, "not a string"),
        (b"true: x\n", 1, "not a string"),
        (b"~: x\n", 1, "not a string"),
        (b"? [a]\n: x\n", 1, "not a string"),
        (b"? {a: 1}\n: x\n", 1, "not a string"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"---\n---\n", 2, "not a mapping"),
        (b"%YAML 1.1\n---\na: 1\n", 1, "directive"),
        (b"# x\n%TAG !e! tag:e,2000:\n---\na: 1\n", 2, "directive"),
        (b"", 1, "empty"),
        (b"\n# only a comment\n", 1, "empty"),
        (b"- a\n- b\n", 1, "not a mapping"),
        (b"[]\n", 1, "not a mapping"),
        (b"just text\n", 1, "not a mapping"),
        (b"a: 1\nb: [\n", 3, "no YAML"),
        (b"a: 1\n\tb: 2\n", 2, "no YAML"),
        (b'a: "\\q"\n', 1, "no YAML"),
        (b"a: 1\nb: \x01\n", 2, "U+0001"),
        (b"a: 1\nb: \xff\n", 2, "UTF-8"),
        (b"a: \xed\xa0\x80\n", 1, "UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "byte order mark"),
        ("a: 1\n".encode("utf-16-be"), 1, "forbids"),
        (b"\xef\xbb\xbfa: 1\n", 1, "byte order mark"),
        (b"a: " + b"1" * 5_000 + b"\n", 1, "digits"),
        (b"a: 0x" + b"f" * 5_000 + b"\n", 1, "digits"),
        (b"a: 1e999\n", 1, "too large"),
        ("a: 1\ntext: x\u2028approved: true\n".encode(), 2, "U+2028"),
        ("text: x\u2029approved: true\n".encode(), 1, "U+2029"),
        ("text: x\u0085approved: true\n".encode(), 1, "U+0085"),
        (b"text: x\rapproved: true\n", 1, "U+000D"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused_with_its_line(data: bytes, line: int, word: str) -> None:
    problem = refused(data)
    assert word in str(problem)
    assert problem.line == line


def test_a_file_over_256_kib_is_refused() -> None:
    assert read(b"a: " + b"x" * (SIZE_MAX - 3), path="x")
    assert "262,145" in str(refused(b"a: " + b"x" * (SIZE_MAX - 2)))


def test_nesting_stops_at_the_limit() -> None:
    def nested(depth: int) -> bytes:
        return b"a: " + b"[" * (depth - 1) + b"]" * (depth - 1)

    assert read(nested(DEPTH_MAX), path="x")
    assert "12 levels" in str(refused(nested(DEPTH_MAX + 1)))


def test_the_number_of_values_is_limited() -> None:
    assert "10,000" in str(refused(b"a: [" + b"1," * NODES_MAX + b"]"))


def test_windows_line_ends_are_read() -> None:
    assert read(b"a: 1\r\nb: x\r\n", path="x") == {"a": 1, "b": "x"}


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    bomb = b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 30))
    assert refused(bomb).line == 1
    merge = b"a: &a {b: 1}\n" + b"c: {<<: [" + b"*a," * 100 + b"]}\n"
    assert refused(merge).line == 1


BOMBS = {
    "brackets": b"[" * 100_000,
    "brackets below a key": b"a: " + b"[" * 100_000,
    "braces": b"{" * 100_000,
    "braces with keys": b"a: " + b"{a: " * 60_000,
    "dashes": b"a:\n" + b"- " * 100_000,
    "question marks": b"? " * 100_000,
    "indented": b"".join(b" " * depth + b"a:\n" for depth in range(700)),
    "many keys": b"".join(b"k%d:\n" % number for number in range(28_000)),
    "many items": b"a: [" + b"[]," * 87_000 + b"]",
    "tag directives": b"".join(b"%%TAG !%x! t\n" % number for number in range(17_000)),
    "late tag directives": b"a: 1\n" + b"".join(b"%%TAG !%x! t\n" % number for number in range(17_000)),
    "half numbers": b"a: [" + (b"1" * 5_000 + b"x,") * 50 + b"]",
    "escapes": b'a: "' + b"\\x41" * 65_000 + b'"',
    "line breaks": b'a: "' + b"\n" * 262_000 + b'"',
    "folded": b"a: >\n" + b" x\n" * 87_000,
    "colons": b":" * SIZE_MAX,
    "anchors": b"&" * SIZE_MAX,
    "comments": b"#\n" * (SIZE_MAX // 2),
}


def cpu_milliseconds(data: bytes) -> float:
    """The least of three measurements in this process alone, so that a busy machine does not count."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with suppress(Corrupt):
            read(data, path="x")
        best = min(best, (time.process_time() - start) * 1000)
        if best < MILLISECONDS:
            break
    return best


@pytest.mark.parametrize("name", BOMBS)
def test_no_text_takes_long(name: str) -> None:
    assert cpu_milliseconds(BOMBS[name]) < MILLISECONDS


yaml_like = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            ": ",
            "- ",
            "\n",
            "\n  ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "? ",
            "&x ",
            "*x",
            "!t ",
            "<<",
            "|",
            ">",
            '"',
            "'",
            "#",
            "%",
            "---\n",
            "...\n",
            "1",
            "0x",
            "\\",
            "~",
            "\t",
            "\r",
            "\u2028",
            "\x85",
            "\ufeff",
            "\0",
            "é",
            "🦊",
        ]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=400)
@given(
    st.binary(max_size=200)
    | (yaml_like | st.text(max_size=100)).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_text_gives_a_mapping_or_one_kind_of_error_quickly(data: bytes) -> None:
    with suppress(Corrupt):  # and no other error
        value = read(data, path="x")
        assert isinstance(value, dict)
        assert lines(data)["$"] >= 1
    assert cpu_milliseconds(data) < MILLISECONDS


def test_lines_are_known_by_their_json_path() -> None:
    data = b"a: 1\nlineage:\n  datasets:\n  - name: x\n  - name: y\ntags:\n  'a b': c\n"
    assert lines(data) == {
        "$": 1,
        "$.a": 1,
        "$.lineage": 2,
        "$.lineage.datasets": 3,
        "$.lineage.datasets[0]": 4,
        "$.lineage.datasets[0].name": 4,
        "$.lineage.datasets[1]": 5,
        "$.lineage.datasets[1].name": 5,
        "$.tags": 6,
        '$.tags["a b"]': 7,
    }


def test_the_lines_of_a_broken_file_are_known_up_to_the_fault() -> None:
    assert lines(b"a: 1\nb: [\n")["$.a"] == 1
