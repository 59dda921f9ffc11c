"""What the writer writes, every reader reads as it was meant."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.core.errors import Invalid
from registry_git.manifests.yaml_reader import read
from registry_git.manifests.yaml_writer import write

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")

text = (
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(alphabet=" \nab#-:.\t'\"|>%\r\x85\u2028\ufeff\0", max_size=12)
    | st.sampled_from(
        ["on", "No", "1e3", "-.5", "0o7", "22:22", "<<", "=", "~", "null", "2026-11-23", "---", "...", "!x"]
    )
)
leaf = text | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
values = st.dictionaries(
    text,
    st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
    ),
    max_size=4,
)


def depth(value: Any) -> int:
    """How deep `value` nests."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@settings(max_examples=400)
@given(values.filter(lambda value: depth(value) <= 12))
def test_what_was_written_is_read_back(value: dict[str, Any]) -> None:
    data = write(value)
    assert data.endswith(b"\n")
    assert not any(unicodedata.category(char) in HIDDEN for char in data.decode().replace("\n", ""))
    assert repr(read(data, path="x")) == repr(value)


@settings(max_examples=200)
@given(values.filter(lambda value: depth(value) <= 12))
def test_a_reader_of_yaml_1_1_reads_the_same(value: dict[str, Any]) -> None:
    assert repr(yaml.load(write(value), yaml.SafeLoader)) == repr(value)


def test_keys_keep_their_order_and_each_value_its_line() -> None:
    value = {"kind": "x", "a": 1, "tags": {"z": "0.91", "b": "c"}, "versions": [3, 12], "names": ["x", "w"], "e": {}}
    assert write(value) == (b"kind: x\na: 1\ntags:\n  z: '0.91'\n  b: c\nversions: [3, 12]\nnames:\n- x\n- w\ne: {}\n")


@pytest.mark.parametrize(
    "word",
    [
        "no",
        "on",
        "Y",
        "12",
        "0.91",
        "1e3",
        "22:22",
        "010",
        "2026-11-23T06:14:11.412Z",
        "",
        "~",
        "null",
        "True",
        ".5",
        "+1",
    ],
)
def test_a_word_that_a_reader_could_take_for_something_else_is_quoted(word: str) -> None:
    assert write({"a": word, word: 1}) == f"a: '{word}'\n'{word}': 1\n".encode()


@pytest.mark.parametrize(
    "description",
    [
        "one\n\ntwo\n",
        "one\n  indented\nback",
        "ends without\na break",
        "trailing \nspace",
        "\nfirst",
        " lead\nx",
        "a\n\n\n",
        "- list\n- of\n",
        "# not\na comment\n",
        "---\nnot a document\n...\n",
        "tab\there\nx",
        "é\nà\n",
        "a\r\nb",
        "\n",
        "x\n ",
    ],
)
def test_a_text_of_several_lines_comes_back_exactly(description: str) -> None:
    value = {"a": {"description": description}, "list": [description], "z": 1}
    assert read(write(value), path="x") == value


def test_ordinary_lines_are_written_as_lines() -> None:
    assert write({"d": "one\n\n  two\n"}) == b"d: |\n  one\n\n    two\n"


def test_long_text_is_never_folded_and_equal_values_are_never_aliases() -> None:
    shared = ["word " * 200 + "end"]
    data = write({"a": shared, "b": shared, "c": {"d": shared}})
    assert data.count(b"\n") == 7
    assert b"&" not in data
    assert b"*" not in data


@pytest.mark.parametrize(
    "value",
    [object(), b"x", float("nan"), float("inf"), "\ud800", 1 << 20_000, {1: "x"}, {"a": {None: 1}}],
    ids=lambda value: type(value).__name__,
)
def test_what_no_manifest_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(Invalid):
        write({"a": value})


def test_what_nests_too_deep_is_refused_before_it_is_written() -> None:
    value: Any = "x"
    for _ in range(13):
        value = {"a": value}
    with pytest.raises(Invalid, match="12 levels"):
        write(value)


@pytest.mark.parametrize(
    "text", ["Betrugserkennung für Zürich", "不正検知モデル", "обнаружение", "كشف الاحتيال", "ñ — “quoted” …"]
)
def test_letters_of_every_script_can_be_read_in_a_review(text: str) -> None:
    written = write({"description": text})
    assert text in written.decode()
    assert read(written, path="model.yaml") == {"description": text}


@pytest.mark.parametrize("hidden", ["\u0085", "\u2028", "\u202e", "\u200b", "\ufeff", "\u00ad", "\u2066"])
def test_what_cannot_be_seen_is_written_as_an_escape(hidden: str) -> None:
    text = f"für{hidden}alle"
    written = write({"description": text})
    assert hidden not in written.decode()
    assert read(written, path="model.yaml") == {"description": text}
