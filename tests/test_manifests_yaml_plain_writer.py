"""What is written without libyaml is what libyaml writes, byte for byte; and that is what the registry writes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.core.names import ModelName
from registry_git.manifests.yaml_emitter import write_any
from registry_git.manifests.yaml_plain_writer import write_plain
from registry_git.manifests.yaml_reader import read
from tests import manifest_strategies as any_
from tests.test_manifests_yaml_plain import PIECES, USUAL

keys = st.sampled_from(
    ["a", "b_c", "x.y", "z/1", "kind", "tags", "yes", "n", "1", "", "a b", "a: b", "-", "é", "k" * 125]
)
texts = st.lists(st.sampled_from([*PIECES, "//", "é", "y", "1e3", ".5", "-.inf", "\\", '"']), max_size=5).map("".join)
leaves = (
    texts
    | st.text(max_size=5)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(st.integers(-2, 10**16) | texts | st.booleans(), max_size=3)
)
values = st.dictionaries(
    keys, st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6), max_size=4
)


def same(value: dict[str, Any]) -> bool:
    """Whether it was written; asserts that libyaml then writes the same."""
    written = write_plain(value)
    if written is not None:
        assert written == write_any(value)
    return written is not None


@settings(max_examples=1500)
@given(values)
def test_any_value_is_written_alike_or_left_to_libyaml(value: dict[str, Any]) -> None:
    same(value)


@given(st.one_of(any_.model_versions, any_.registered_models, any_.stage_pointers, any_.alias_pointers, any_.requests))
def test_whatever_a_manifest_holds_is_written_alike(entity: Any) -> None:
    from registry_git.manifests.codec import encode

    same(read(encode(entity), path="x"))


@pytest.mark.parametrize("entity", [one for one in USUAL if not hasattr(one, "tags") or "data set" not in one.tags])
def test_what_the_registry_usually_writes_is_plain(entity: Any) -> None:
    from registry_git.manifests.codec import encode

    assert same(read(encode(entity), path="x"))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": {}},
        {"a": []},
        {"a": ["b", 1]},
        {"a": ["b", "c: d"]},
        {"a": "['b"},
        {"a": '{"b": 1} '},
        {"a": [True]},
        {"a": -1},
        {"a": 1.5},
        {"a": True},
        {"a": None},
        {"a": "b\n"},
        {"a": "b: c"},
        {"a": "b #c"},
        {"a": "b "},
        {"a": " b"},
        {"a": "- b"},
        {"a": "é"},
        {"a": "1'"},
        {"yes": "b"},
        {"a b": "c"},
        {"k" * 125: "b"},
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": "j"}}}}}}}}},
    ],
)
def test_what_is_not_plain_is_left_to_libyaml(value: dict[str, Any]) -> None:
    assert write_plain(value) is None


def test_names_are_texts_and_digits_are_quoted() -> None:
    value = {"a": ModelName("fraud"), "b": "12", "c": 12, "d": [1, 2], "e": {"f": "", "g": "no"}, "h": "s3://x/y"}
    assert same(value)
    assert write_plain(value) == b"a: fraud\nb: '12'\nc: 12\nd: [1, 2]\ne:\n  f: ''\n  g: 'no'\nh: s3://x/y\n"


def test_lists_of_texts_and_json_are_written_as_libyaml_writes_them() -> None:
    value = {"a": ["x", "yes", '["'], "b": {"c": ["d"]}, "e": '{"f": [1], "g": null}', "h": '"i"'}
    assert same(value)
    assert write_plain(value) == (
        b"a:\n- x\n- 'yes'\n- '[\"'\nb:\n  c:\n  - d\ne: '{\"f\": [1], \"g\": null}'\nh: '\"i\"'\n"
    )


@settings(max_examples=500)
@given(st.lists(texts, max_size=3), st.sampled_from('{["'), texts)
def test_what_begins_as_json_is_written_alike_or_left_to_libyaml(items: list[str], begin: str, rest: str) -> None:
    same({"a": items, "b": begin + rest, "c": [begin + rest]})
    same({"b": begin + rest})


_printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)


@settings(max_examples=1500)
@given(_printable, _printable)
def test_a_text_of_anything_printable_is_written_alike_or_left_to_libyaml(text: str, more: str) -> None:
    same({"a": f"x{text}", "b": [f"y{more}"]})
    same({"a": more})


def test_a_sentence_is_plain_with_all_that_people_write_in_it() -> None:
    assert (
        same({"a": 'Better, by 3% (it\'s new): "x" & [y] {z} *a* !b? c|d ^e `f` g\\h'}) is False
    )  # a colon and a space
    assert same({"a": 'Better, by 3% (it\'s new), "x" & [y] {z} *a* !b? c|d ^e `f` g\\h'})


@pytest.mark.parametrize(
    "text", ["b " * 50_000, ":" * 100_000, "b:" * 50_000, "b" * 100_000 + "\n", "1" * 100_000 + "é"]
)
def test_no_text_takes_long(text: str) -> None:
    begun = time.process_time()
    assert write_plain({"a": text}) is None
    assert time.process_time() - begun < 0.05
