"""The search language: what it accepts, what it means, what it refuses."""

from __future__ import annotations

import base64
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Invalid
from registry_git.core.search import (
    PROMPT_TAG,
    Attribute,
    Condition,
    Field,
    ModelRow,
    Operator,
    Order,
    OrderField,
    Target,
    VersionRow,
    check_max_results,
    decode_token,
    encode_token,
    fold,
    like,
    matches,
    parse_filter,
    parse_order,
    without_prompts,
)

MODELS, VERSIONS = Target.MODELS, Target.VERSIONS


def condition(attribute: Attribute, operator: str, value: object, key: str = "") -> Condition:
    return Condition(field=Field(attribute=attribute, key=key), operator=Operator(operator), value=value)  # type: ignore[arg-type]


def found(text: str, row: ModelRow | VersionRow) -> bool:
    return matches(parse_filter(text, MODELS if isinstance(row, ModelRow) else VERSIONS), row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n", []),
        ("name = 'a'", [(Attribute.NAME, "=", "a")]),
        ('name="a"', [(Attribute.NAME, "=", "a")]),
        ("`name` = 'a'", [(Attribute.NAME, "=", "a")]),
        ("\"name\" != 'a'", [(Attribute.NAME, "!=", "a")]),
        ("attribute.name = ''", [(Attribute.NAME, "=", "")]),
        ("name = 'it''s'", [(Attribute.NAME, "=", "it's")]),
        ('name = "say ""hi"""', [(Attribute.NAME, "=", 'say "hi"')]),
        ("name = 'a \\'", [(Attribute.NAME, "=", "a \\")]),
        ("name like 'a%' aNd name ILIKE 'B_'", [(Attribute.NAME, "LIKE", "a%"), (Attribute.NAME, "ILIKE", "B_")]),
        ("name = 'a'AND\nname != 'b'", [(Attribute.NAME, "=", "a"), (Attribute.NAME, "!=", "b")]),
        ("name IN ('a', \"b\")", [(Attribute.NAME, "IN", ("a", "b"))]),
        ("name not\tin ('a',)", [(Attribute.NAME, "NOT IN", ("a",))]),
        ("name = 'x AND y'", [(Attribute.NAME, "=", "x AND y")]),
        ("name = 'a\nb'", [(Attribute.NAME, "=", "a\nb")]),
        ("stage IN ('Production', 'None')", [(Attribute.STAGE, "IN", ("Production", "None"))]),
        ("alias = 'champion'", [(Attribute.ALIAS, "=", "champion")]),
    ],
)
def test_a_filter_of_models_is_read(text: str, expected: list[tuple[Attribute, str, object]]) -> None:
    assert parse_filter(text, MODELS) == tuple(condition(*one) for one in expected)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tag.x = 'v'", "x"),
        ("tags.x = 'v'", "x"),
        ("tags.my.key = 'v'", "my.key"),
        ("tags.1x = 'v'", "1x"),
        ("tags.a.2 = 'v'", "a.2"),
        ("tags.and = 'v'", "and"),
        ("tags.`my key` = 'v'", "my key"),
        ("tags.\"my key\" = 'v'", "my key"),
        ("tags.'my key' = 'v'", "my key"),
        ("tags.`a/b-c:d.e` = 'v'", "a/b-c:d.e"),
        ("tags.prüfung = 'v'", "prüfung"),
    ],
)
@pytest.mark.parametrize("target", list(Target))
def test_tags_are_named_bare_or_in_quotes(text: str, key: str, target: Target) -> None:
    assert parse_filter(text, target) == (condition(Attribute.TAG, "=", "v", key),)


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize(("written", "number"), [("3", 3), ("'3'", 3), ("-1", -1), ("9223372036854775807", 2**63 - 1)])
def test_version_numbers_are_whole_numbers(operator: str, written: str, number: int) -> None:
    parsed = parse_filter(f"version_number {operator} {written}", VERSIONS)
    assert parsed == (condition(Attribute.VERSION_NUMBER, operator, number),)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("name", MODELS),
        ("name =", MODELS),
        ("name = a", MODELS),
        ("name = `a`", MODELS),
        ("name = 1", MODELS),
        ("name = 'a", MODELS),
        ("name = 'a' OR name = 'b'", MODELS),
        ("name = 'a' name = 'b'", MODELS),
        ("name = 'a' AND", MODELS),
        ("AND name = 'a'", MODELS),
        ("(name = 'a')", MODELS),
        ("name = 'a';", MODELS),
        ("name = 'a' -- c", MODELS),
        ("'a' = name", MODELS),
        ("NAME = 'a'", MODELS),
        ("Tags.x = 'a'", MODELS),
        ("param.x = 'a'", MODELS),
        ("`tags.x` = 'a'", MODELS),
        ("tags = 'a'", MODELS),
        ("tags. = 'a'", MODELS),
        ("tags.`` = 'a'", MODELS),
        ("tags.a-b = 'a'", MODELS),
        ("tags.a-1 = 'a'", MODELS),
        ("tags.x IN ('a')", MODELS),
        ("tags.x > '3'", MODELS),
        ("tags.x NOT LIKE 'a'", MODELS),
        ("name == 'a'", MODELS),
        ("name <> 'a'", MODELS),
        ("name > 'a'", MODELS),
        ("name NOT 'a'", MODELS),
        ("name IN ()", MODELS),
        ("name IN 'a'", MODELS),
        ("name IN ('a'", MODELS),
        ("name IN ('a' 'b')", MODELS),
        ("name IN (1)", MODELS),
        ("run_id = 'a'", MODELS),
        ("version_number = 1", MODELS),
        ("stage LIKE 'P%'", MODELS),
        ("alias != 'a'", MODELS),
        ("version = 1", VERSIONS),
        ("version_number = 1.5", VERSIONS),
        ("version_number = '1_0'", VERSIONS),
        ("version_number = ' 7'", VERSIONS),
        ("version_number = ７", VERSIONS),
        ("version_number = 0x10", VERSIONS),
        ("version_number = 9223372036854775808", VERSIONS),
        ("version_number = " + "9" * 5000, VERSIONS),
        ("version_number IN (1)", VERSIONS),
        ("version_number LIKE '1'", VERSIONS),
        ("source_path IN ('a')", VERSIONS),
        ("status = 'DONE'", VERSIONS),
        ("name LIKE '" + "a" * 2001 + "'", MODELS),
        ("name = '" + "a" * 20_000 + "'", MODELS),
        ("name = 'a' AND " * 100 + "name = 'a'", MODELS),
        ("name = '\0'", MODELS),
        ("name = '\ud800'", MODELS),
    ],
)
def test_anything_else_is_refused_with_a_hint(text: str, target: Target) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_filter(text, target)
    assert refusal.value.hint
    assert len(str(refusal.value)) < 800


def test_the_hints_name_the_fields_and_their_operators() -> None:
    with pytest.raises(Invalid, match=re.escape("name (= != LIKE ILIKE IN NOT IN), stage (= != IN), alias (= IN)")):
        parse_filter("nam = 'a'", MODELS)
    with pytest.raises(Invalid, match="version_number takes = != < <= > >="):
        parse_filter("version_number LIKE '1'", VERSIONS)
    with pytest.raises(Invalid, match="PENDING_REGISTRATION or FAILED_REGISTRATION or READY"):
        parse_filter("status = 'DONE'", VERSIONS)


@given(st.text(alphabet="name =!'\"`tags.runidIN()LKEAD%_<>-,019\n\\é", max_size=60), st.sampled_from(Target))
def test_any_text_is_a_filter_or_refused(text: str, target: Target) -> None:
    try:
        hint = str(len(parse_filter(text, target)))
    except Invalid as refusal:
        hint = refusal.hint
    assert hint


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50))
def test_every_text_can_be_quoted(text: str) -> None:
    for quote in "'\"":
        written = quote + text.replace(quote, quote * 2) + quote
        assert parse_filter(f"name = {written}", MODELS) == (condition(Attribute.NAME, "=", text),)


@pytest.mark.parametrize("text", ["'" * 19_999, "(" * 20_000, "tags" + ".a" * 9_998, "name IN (" + "'a'," * 4_990])
def test_long_nonsense_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(Invalid):
        parse_filter(text, MODELS)
    assert time.perf_counter() - start < 1


def test_like_knows_two_wildcards_and_no_more() -> None:
    assert like("fraud", "fraud")
    assert like("fraud", "fr%")
    assert like("fraud", "%aud")
    assert like("fraud", "f%u_")
    assert like("", "%")
    assert like("a\nb", "a_b")
    assert like("a\nb\n", "a%")
    assert not like("a\n", "a")
    assert not like("fraud", "Fraud")
    assert like("fraud", "F_AUD", ignore_case=True)
    assert like("STRASSE ÄÖ", "strasse äö", ignore_case=True)
    assert like("Straße", "STRA_E", ignore_case=True)
    assert not like("abc", "a.c")
    assert not like("aaa", "a+")
    assert like("(a|b)*\\", "(a|b)*\\")
    assert not like("ab", "ab%b")
    assert not like("aba", "ab%ba")


@given(st.text(alphabet="aAbé\n.*", max_size=8), st.text(alphabet="aAbé\n.*%_", max_size=6), st.booleans())
def test_like_agrees_with_a_regular_expression(text: str, pattern: str, ignore_case: bool) -> None:
    expression = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    assert like(text, pattern, ignore_case=ignore_case) == (re.fullmatch(expression, text, flags) is not None)


@given(st.text(max_size=30))
def test_folding_keeps_the_length_and_is_done_once(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    "pattern", ["%a" * 999 + "%b", "%" + "a_" * 900 + "b%", "_%" * 1_000, "%" + "a" * 1_990 + "b%"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    start = time.perf_counter()
    like("a" * 100_000, pattern)
    assert time.perf_counter() - start < 5


def test_a_condition_on_a_tag_needs_the_tag() -> None:
    row = ModelRow(name="fraud", tags={"team": "risk"})
    assert found("tags.team = 'risk'", row)
    assert found("tags.team != 'ads'", row)
    assert not found("tags.owner != 'ads'", row)
    assert not found("tags.Team = 'risk'", row)
    assert not found("tags.owner LIKE '%'", row)


def test_stages_of_a_version_compare_without_case() -> None:
    row = VersionRow(name="fraud", version=3, stages=("Staging", "Production"))
    assert found("stage = 'production'", row)
    assert found("stage IN ('Archived', 'STAGING')", row)
    assert not found("stage != 'Production'", row)
    assert found("stage != 'None'", row)
    assert not found("stage = 'None'", row)
    assert found("stage = 'none'", VersionRow(name="fraud", version=4))


def test_stages_and_aliases_of_a_model_are_those_of_its_versions() -> None:
    row = ModelRow(name="fraud", stages=("Production", "None"), aliases=("champion",))
    assert found("stage = 'Production' AND stage = 'None' AND alias IN ('champion', 'x')", row)
    assert found("stage != 'Staging'", row)
    assert not found("alias = 'Champion'", row)
    assert not found("stage = 'None'", ModelRow(name="empty"))


def test_versions_are_found_by_what_made_them() -> None:
    row = VersionRow(
        name="fraud", version=12, run_id="e148", source="s3://m/12", status="READY", created_by="Alice <a@x.io>"
    )
    assert found("name = 'fraud' AND run_id IN ('e148') AND source_path LIKE 's3://%' AND status = 'READY'", row)
    assert found("created_by ILIKE '%<A@X.IO>' AND version_number >= 12 AND version_number < '13'", row)
    assert not found("run_id NOT IN ('e148', 'x')", row)
    assert not found("version_number != 12", row)
    assert found("run_id = ''", VersionRow(name="fraud", version=1))


def test_prompts_are_left_out_unless_asked_for() -> None:
    model, prompt = ModelRow(name="m"), ModelRow(name="p", tags={PROMPT_TAG: "true"})
    for text, expected in [
        ("", [model]),
        ("name LIKE '%'", [model]),
        (f"tags.`{PROMPT_TAG}` = 'true'", [prompt]),
        (f"tags.{PROMPT_TAG} != 'false'", [prompt]),
        (f"tags.{PROMPT_TAG} != 'true'", [model]),
        (f"tags.{PROMPT_TAG} = 'false'", [model]),
    ]:
        given_filter = without_prompts(parse_filter(text, MODELS))
        assert [row for row in (model, prompt) if matches(given_filter, row)] == expected, text


def test_the_default_orders_are_mlflows() -> None:
    name = Order(field=OrderField.NAME)
    newest = Order(field=OrderField.VERSION_NUMBER, descending=True)
    assert parse_order([], MODELS) == (name,)
    assert parse_order((), VERSIONS) == (Order(field=OrderField.UPDATED, descending=True), name, newest)


def test_an_order_is_completed_by_its_tie_breakers() -> None:
    name = Order(field=OrderField.NAME)
    newest = Order(field=OrderField.VERSION_NUMBER, descending=True)
    assert parse_order(["timestamp desc"], MODELS) == (Order(field=OrderField.UPDATED, descending=True), name)
    assert parse_order(["`creation_timestamp`"], MODELS) == (Order(field=OrderField.CREATED), name)
    assert parse_order(["name  DESC"], MODELS) == (Order(field=OrderField.NAME, descending=True),)
    assert parse_order(["attribute.version_number ASC"], VERSIONS) == (Order(field=OrderField.VERSION_NUMBER), name)
    assert parse_order(["creation_timestamp"], VERSIONS) == (Order(field=OrderField.CREATED), name, newest)


@pytest.mark.parametrize(
    ("items", "target"),
    [
        ("name", MODELS),
        ([""], MODELS),
        (["name, timestamp"], MODELS),
        (["name foo"], MODELS),
        (["NAME"], MODELS),
        (["name ASC ASC"], MODELS),
        (["name", "name DESC"], MODELS),
        (["timestamp", "last_updated_timestamp"], MODELS),
        (["version_number"], MODELS),
        (["timestamp"], VERSIONS),
        (["run_id"], VERSIONS),
        (["name; DROP TABLE models"], VERSIONS),
        (["name" + " " * 100_000 + "x"], VERSIONS),
        ([3], VERSIONS),
    ],
)
def test_an_order_that_is_none_is_refused(items: list[str], target: Target) -> None:
    with pytest.raises(Invalid, match=f"Order {target.value} by name"):
        parse_order(items, target)


@given(st.integers(min_value=0, max_value=10**15))
def test_page_tokens_come_back(offset: int) -> None:
    assert decode_token(encode_token(offset)) == offset


def test_page_tokens_are_written_as_mlflow_writes_them() -> None:
    assert encode_token(100) == base64.b64encode(b'{"offset": 100}').decode()
    assert decode_token("") == 0


@pytest.mark.parametrize(
    "raw", [b"", b"100", b'{"offset": -1}', b'{"offset": 1e3}', b'{"offset": true}', b'{"offset": 9999999999999999}',
            b'{"offset": "1"}', b'{"limit": 1}', b'{"offset": 1, "x": 2}', b"[" * 1000, b'{"offset": 01}']
)  # fmt: skip
def test_forged_page_tokens_are_refused(raw: bytes) -> None:
    with pytest.raises(Invalid, match="page token"):
        decode_token(base64.b64encode(raw).decode() or "=")


@pytest.mark.parametrize("text", ["x", "é", "!!!!", "eyJvZmZzZXQiOiAxfR==", "eyJvZmZzZXQiOiAxfQ==\n", "A" * 10**6])
def test_page_tokens_that_are_no_base64_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="page token"):
        decode_token(text)


def test_a_page_has_bounds() -> None:
    assert check_max_results(None, MODELS) == 100
    assert check_max_results(None, VERSIONS) == 10_000
    assert check_max_results(1_000, MODELS) == 1_000
    assert check_max_results(200_000, VERSIONS) == 200_000
    for number, target in [(0, MODELS), (-1, MODELS), (1_001, MODELS), (200_001, VERSIONS), (True, MODELS)]:
        with pytest.raises(Invalid, match="Ask for 1 to"):
            check_max_results(number, target)
