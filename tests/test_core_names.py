"""Names at the door: what can never be a path, a branch or a line on a terminal is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Invalid
from registry_git.core.names import (
    NAME_MAX,
    Actor,
    AliasName,
    Id,
    ModelName,
    StageName,
    decode,
    dns_label,
    encode,
    parse_line,
    parse_name,
    parse_tag_key,
    parse_text,
    parse_version,
)

any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
tricky = st.text(alphabet=".-%/\\ alock~^:?*[@{LOCKéK\u202e\n", min_size=1, max_size=12)

INVISIBLE = ["\n", "\r", "\x0b", "\x1c", "\x85", "\u2028", "\u2029", "\x1b", "\u202e", "\u200f", "\u2066", "\0", "\x7f"]
PATHS = ["../x", "a/b", "/etc/passwd", "a\\b", "..", ".", ".git", ".GIT", "%2e%2e", "%2E%2E", "%252e", "%2fetc", "c:x"]
EMPTY = ["", " ", "\t", "\u00a0"]


@given(any_text | tricky)
def test_an_encoded_name_decodes_to_itself(name: str) -> None:
    assert decode(encode(name)) == name


@given(any_text | tricky)
def test_an_encoded_name_is_one_plain_path_component(name: str) -> None:
    component = encode(name)
    assert component
    assert component.isascii()
    assert "/" not in component
    assert "\\" not in component
    assert ".." not in component
    assert not component.lower().endswith((".lock", "."))
    assert not component.startswith((".", "-"))
    assert "+" not in component


@given(any_text, any_text)
def test_two_names_never_share_a_component(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@given(st.text(alphabet="%2eEfF5cC.aA-", max_size=8))
def test_decoding_accepts_only_what_encoding_writes(component: str) -> None:
    try:
        name = decode(component)
    except Invalid:
        return
    assert encode(name) == component


@pytest.mark.parametrize(
    "component",
    ["%2e%2e", "%252e", "%2E", "%41", "..", ".", "", "a/b", "%", "%4", "%GG", "%FF", "%C0%AE", "a.lock", "é"],
)
def test_a_foreign_or_second_encoding_is_refused(component: str) -> None:
    if component == "%2E":  # how a name that is one dot is written; no name is one dot, see below
        assert decode(component) == "."
        return
    if component == "%252e":
        assert decode(component) == "%2e"
        return
    with pytest.raises(Invalid):
        decode(component)


@pytest.mark.parametrize("name", PATHS)
def test_a_model_name_that_is_a_path_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        ModelName.parse(name)
    assert refused.value.hint


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("kind", [ModelName, StageName, AliasName, Id, Actor])
def test_an_empty_name_is_refused(kind: type[ModelName], name: str) -> None:
    with pytest.raises(Invalid):
        kind.parse(name)


@pytest.mark.parametrize("char", INVISIBLE)
@pytest.mark.parametrize("kind", [ModelName, StageName, AliasName, Id])
def test_an_invisible_character_in_a_name_is_refused(kind: type[ModelName], char: str) -> None:
    for name in (f"fraud{char}x", f"fraud{char}", f"{char}fraud"):
        with pytest.raises(Invalid):
            kind.parse(name)


@pytest.mark.parametrize("char", INVISIBLE)
def test_an_actor_with_an_invisible_character_is_refused(char: str) -> None:
    with pytest.raises(Invalid):
        Actor.parse(f"Al{char}ice <alice@acme.io>")


@pytest.mark.parametrize("name", ["x" * (NAME_MAX + 1), "é" * 43, "🦊" * 22])
def test_a_name_that_no_file_system_holds_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="255"):
        ModelName.parse(name)


def test_a_lone_surrogate_in_a_name_is_refused() -> None:
    with pytest.raises(Invalid):
        ModelName.parse("fraud\ud800")


@pytest.mark.parametrize(
    "name", ["fraud", "Fraud Detection", "été", "模型", "a+b", "100%", "x.lock", ".hidden", "-x", "@{-1}"]
)
def test_an_ordinary_or_merely_odd_name_is_accepted(name: str) -> None:
    assert ModelName.parse(name) == name
    assert decode(encode(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        "７",
        "²",
        "१",
        "1_0",
        " 7\n",
        "7\n",
        " 7",
        "+7",
        "-7",
        "0",
        "01",
        "",
        "1.0",
        "1e3",
        "0x1",
        "1234567890",
        "v7",
        None,
        7.0,
        True,
        -1,
        0,
        10**9,
    ],
)
def test_a_version_in_another_spelling_is_refused(text: object) -> None:
    with pytest.raises(Invalid):
        parse_version(text)


@given(st.integers(min_value=1, max_value=999_999_999))
def test_a_version_is_read_from_its_digits(number: int) -> None:
    assert parse_version(str(number)) == parse_version(number) == number


@pytest.mark.parametrize("alias", ["champion\n", "latest", "Latest", "v1", "V12", "a b", "a/b", "a.b", "x" * 256])
def test_an_alias_that_reads_like_something_else_is_refused(alias: str) -> None:
    with pytest.raises(Invalid):
        AliasName.parse(alias)


@pytest.mark.parametrize("stage", ["None", "none", "NONE", "a/b", "x" * 65, " Production", "Production\n"])
def test_a_stage_that_is_none_or_no_word_is_refused(stage: str) -> None:
    with pytest.raises(Invalid):
        StageName.parse(stage)


@pytest.mark.parametrize("text", ["abc", "-abcd", "_abcd", "ab/cd", "abcd\n", "a" * 65, "abc.d", "+registry"])
def test_an_id_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Id.parse(text)


@pytest.mark.parametrize(
    "text", ["alice", "<alice@acme.io>", "Alice <>", "Alice <a b>", "A <a@b> <c@d>", "Alice <a@b>\n<x>"]
)
def test_an_actor_that_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Actor.parse(text)


def test_an_actor_is_compared_by_the_address_in_lower_case() -> None:
    actor = Actor.parse("Alice  B. <Alice@ACME.io>")
    assert (actor, actor.name, actor.email) == ("Alice B. <Alice@ACME.io>", "Alice B.", "alice@acme.io")


@pytest.mark.parametrize("key", ["", "a\n", "a" * 251, "a?b", "a\0"])
def test_a_tag_key_in_another_form_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        parse_tag_key(key)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_text("comment", text, at_most=100)


def test_of_all_characters_those_that_cannot_be_stored_or_end_a_line_are_refused_and_no_others() -> None:
    kinds = {chr(number): unicodedata.category(chr(number)) for number in range(0x110000)}
    unfit = {char for char, kind in kinds.items() if kind in ("Cc", "Cs", "Zl", "Zp")}
    fit = "".join(kinds.keys() - unfit)
    assert parse_line("source", fit, at_most=len(fit)) == fit
    for char in unfit:
        stored = char != "\0" and kinds[char] != "Cs"
        if stored:
            assert parse_text("comment", char, at_most=1) == char
        with pytest.raises(Invalid):
            (parse_line if stored else parse_text)("source", f"s3://{char}x", at_most=99)


@pytest.mark.parametrize("name", ["", "a/b", "..\\x", "x" * 251, " x", "a\n", "\u202ex"])
def test_an_environment_that_is_no_path_component_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        parse_name("environment", name)


@given(any_text, any_text)
def test_a_label_is_one_that_kubernetes_accepts(model: str, stage: str) -> None:
    label = dns_label(model, stage.lower())
    assert 1 <= len(label) <= 63
    assert label.strip("-") == label
    assert all(char in "abcdefghijklmnopqrstuvwxyz0123456789-" for char in label)


def test_the_forms_of_a_name_in_unicode_are_two_names() -> None:
    composed, apart = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    assert encode(composed) != encode(apart)
