"""What is read without libyaml is what libyaml reads, to the last type; and that is what the registry writes."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry_git.core.errors import Corrupt
from registry_git.core.model import Entity, Lineage, ModelVersion, RegisteredModel, StagePointer
from registry_git.core.names import Actor, Id, ModelName, StageName
from registry_git.core.rules import Action, Policy, Rule, Stage
from registry_git.core.times import Timestamp
from registry_git.manifests.codec import encode
from registry_git.manifests.yaml_events import Reading
from registry_git.manifests.yaml_plain import read_plain
from tests import manifest_strategies as any_

ALICE = Actor.parse("Alice <alice@acme.io>")
AT = Timestamp.of(1_700_000_000_000)
USUAL: list[Entity] = [
    RegisteredModel(name=ModelName("fraud"), id=Id("abcd"), created=AT, created_by=ALICE, tags={"owner": "risk"}),
    ModelVersion(
        model=ModelName("fraud"),
        version=12,
        id=Id("abcd"),
        source="s3://acme/fraud/12",
        digest="sha256:0123456789abcdef",
        created=AT,
        created_by=ALICE,
        description="better",
        tags={"auc": "0.91", "data set": "x"} | {"team": "risk"},
        lineage=Lineage(run_id="0123", git_commit="abc"),
    ),
    StagePointer(
        model=ModelName("fraud"), stage=StageName("Production"), versions=(11, 12), source="s3://x", request=Id("abcd")
    ),
]
POLICY = Policy(
    name="acme",
    stages=(
        Stage(name=StageName("Staging")),
        Stage(name=StageName("Production"), exclusive=True, after=(StageName("Staging"),)),
        Stage(name=StageName("Archived"), serving=False),
    ),
    roles={"leads": ("bob@acme.io", "carol@acme.io"), "ops": ("dave@acme.io",)},
    rules=(
        Rule(on=Action.STAGE, to=("Production",), models=("fraud",), approvals=2, by=("leads",), tags=("auc",)),
        Rule(on=Action.POLICY, models=("fraud",), approvals=1, by=("leads", "ops"), four_eyes=True),
    ),
)
# what lines of YAML are made of, and what makes them something else
PIECES = [
    "a",
    "b-c",
    "true",
    "null",
    "x: y",
    "k:",
    ": ",
    ":",
    " ",
    "  ",
    "'",
    "''",
    "'q'",
    "'q':",
    '"',
    "1",
    "007",
    "1.5",
    "12",
]
PIECES += [
    "-",
    "- ",
    "#",
    " #",
    "[1, 2]",
    "[",
    "]",
    "{}",
    "&a",
    "*a",
    "!t",
    "|",
    ">",
    "%",
    "@",
    "~",
    "<<",
    "...",
    "---",
]
PIECES += [
    "\n",
    "\n- ",
    "\n  - ",
    "\n ",
    "\n  ",
    "\n    ",
    "\t",
    "\r",
    "é",
    "\x85",
    "\0",
    "?",
    ",",
    "/",
    "$",
    ".",
    "s3://a/b",
    "=",
    "2026-01-01",
]


def same(data: bytes) -> bool:
    """Whether it was read; asserts that libyaml then reads the same."""
    found = read_plain(data)
    if found is not None:
        assert repr(found) == repr(Reading("x", None).read(data))
    return found is not None


@pytest.mark.parametrize("entity", [*USUAL, POLICY], ids=lambda entity: type(entity).__name__)
def test_what_the_registry_usually_writes_is_plain(entity: Entity) -> None:
    assert same(encode(entity).replace(b"  data set: x\n", b""))


@given(
    st.one_of(
        any_.model_versions,
        any_.registered_models,
        any_.stage_pointers,
        any_.alias_pointers,
        any_.requests,
        any_.policies(),
    )
)
def test_whatever_the_registry_writes_is_read_alike(entity: Entity) -> None:
    same(encode(entity))


@given(st.lists(st.sampled_from(PIECES), max_size=25))
@settings(max_examples=1500)
@example(["a", ": ", "x: y", "\n"])
@example(["k:", "\n", "a", ": ", "1", "\n"])
@example(["k:", "\n  ", "k:", "\n"])
@example(["a", ": ", "b-c", "\n  ", "x: y", "\n"])
@example(["k:", "\n- ", "a", "\n  ", "x: y", "\n"])
@example(["k:", "\n- ", "k:", "\n  - ", "a", "\n", "k:", "\n- ", "1", "\n"])
def test_any_text_is_read_alike_or_left_to_libyaml(pieces: list[str]) -> None:
    same("".join(pieces).encode())


@given(
    st.sampled_from([*USUAL, POLICY]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.sampled_from(PIECES))),
)
@settings(max_examples=1500)
def test_a_damaged_manifest_is_read_alike_or_left_to_libyaml(
    entity: Entity, damages: list[tuple[int, int, str]]
) -> None:
    text = encode(entity).decode()
    for place, length, piece in damages:
        text = text[:place] + piece + text[place + length :]
    same(text.encode())


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8))
@settings(max_examples=1500)
def test_a_value_of_anything_printable_is_read_alike_or_left_to_libyaml(text: str) -> None:
    same(f"a: x{text}\n".encode())
    same(f"a: {text}\n".encode())


@pytest.mark.parametrize(
    "text",
    [
        "a: b\na: c\n",
        "a:\n",
        "a:\nb: c\n",
        "a: b\n  c: d\n",
        "a:\n    b: c\n",
        "a:\n  b: c\n c: d\n",
        "a: b: c\n",
        "a: b #c\n",
        "a: b \n",
        "a: 'b''c'\n",
        "a: b",
        "a: 1.5\n",
        "a: -1\n",
        "true: b\n",
        "a: \n",
        "a: é\n",
        "a: b\r\n",
        "a: b\x0bc\n",
        "- a\n",
        "a: b\n- c\n",
        "a:\n- \n",
        "a:\n- - b\n",
        "a:\n  - b\n",
        "a:\n- b\n c: d\n",
        "a:\n- b\n  c: d\n",
        "a:\n - b\n",
        "a:\n- b:\n- c\n",
        "a:\n- b\nc: d\n- e\n",
        "a:\n  b:\n- c\n",
        "a:\n  b: c\n- d\n",
        "a:\n- b: c\n  b: d\n",
        "a:\n- b\na:\n- b\n",
        "a:\n- true: b\n",
        "a:\n- 1.5\n",
        "a:\n- 'on': b\n  on: c\n",
        "k:\n- k:\n  - k:\n    - k:\n      - v\n",
        "a:\n" + "- b: c\n" * 2_400,
        "",
        "\n",
        "".join(f"{'  ' * depth}k:\n" for depth in range(9)) + f"{'  ' * 9}k: v\n",
        "a: b\n" * 10_000,
    ],
)
def test_what_is_not_plain_is_left_to_libyaml(text: str) -> None:
    assert read_plain(text.encode()) is None


@pytest.mark.parametrize(
    "text", ["a: " + "b " * 16_000, "- " + "b " * 16_000, "a: " + ":" * 32_000, "a" * 32_000, "a: '" + "b" * 32_000]
)
def test_no_text_takes_long(text: str) -> None:
    begun = time.process_time()
    assert read_plain(text.encode() + b"\n") is None
    assert time.process_time() - begun < 0.05


def test_numbers_are_numbers_and_digits_in_quotes_are_text() -> None:
    text = b"a: 12\nb: '12'\nc: [1, 12]\nd: 007\ne: true\nf: null\ng: s3://x/y:z\nh: ''\n"
    assert same(text)
    assert read_plain(text) == {
        "a": 12,
        "b": "12",
        "c": [1, 12],
        "d": 7,
        "e": True,
        "f": None,
        "g": "s3://x/y:z",
        "h": "",
    }


def test_lists_hold_values_and_mappings_and_both_hold_lists() -> None:
    text = b"a:\n- b\n- 'c'\n- 12\n"
    text += b"d:\n- 'on': f\n  g:\n  - h\n  - i\n  j:\n    k: l\n- e: true\nm:\n  n:\n  - o: [1, 2]\np: q\n"
    assert same(text)
    assert read_plain(text) == {
        "a": ["b", "c", 12],
        "d": [{"on": "f", "g": ["h", "i"], "j": {"k": "l"}}, {"e": True}],
        "m": {"n": [{"o": [1, 2]}]},
        "p": "q",
    }


def test_as_much_as_is_read_here_libyaml_reads_too() -> None:
    assert same(b"a:\n" + b"- b: c\n" * 2_300)


def test_what_is_left_to_libyaml_is_still_refused() -> None:
    with pytest.raises(Corrupt, match="twice"):
        Reading("x", None).read(b"a: b\na: c\n")
