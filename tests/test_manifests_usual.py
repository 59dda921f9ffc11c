"""What one expression reads of a manifest is what YAML and schema make of it; all else is left to them."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry_git.core.model import AliasPointer, Entity, Lineage, ModelVersion, RegisteredModel, StagePointer, Status
from registry_git.core.names import Actor, AliasName, Id, ModelName, StageName
from registry_git.core.times import Timestamp
from registry_git.manifests.codec import encode
from registry_git.manifests.schemas import validate
from registry_git.manifests.usual import read_usual
from registry_git.manifests.yaml_reader import read
from tests import manifest_strategies as any_
from tests.test_manifests_yaml_plain import PIECES

AT = Timestamp.of(1_700_000_000_000)
ALICE = Actor.parse("Alice <alice@acme.io>")
FRAUD = ModelName("fraud")
ALIAS = AliasPointer(model=FRAUD, alias=AliasName("champion"), version=2, source="s3://x", request=Id("i123"))
STAGE = StagePointer(
    model=FRAUD, stage=StageName("Production"), versions=(9, 12), source="s3://x/y", previous=3, request=Id("0123")
)
MODEL = RegisteredModel(name=FRAUD, id=Id("abcd"), created=AT, created_by=ALICE, tags={"a": "0.5"}, last_deleted=7)
VERSION = ModelVersion(
    model=FRAUD,
    version=12,
    id=Id("abcd"),
    source="s3://acme/fraud/12",
    origin="models:/other/3",
    digest="sha256:0123456789abcdef",
    format="mlflow",
    flavors=("python_function", "sklearn", "on"),
    signature='{"inputs": "[{\\"type\\": \\"double\\"}]", "outputs": null}',
    status=Status.PENDING,
    created=AT,
    created_by=ALICE,
    description="better than true",
    tags={"auc": "0.91", "empty": "", "team": "risk"},
    lineage=Lineage(run_id="0123", git_commit="abc"),
)
USUAL = (MODEL, VERSION, STAGE, ALIAS)


def same(kind: str, data: bytes) -> bool:
    """Whether it was read; asserts that YAML and schema then give the same."""
    found = read_usual(kind, data)
    if found is not None:
        slow = read(data, path="x")
        validate(kind, slow, path="x", data=data)
        assert (found, {key: type(value) for key, value in found.items()}) == (
            slow,
            {key: type(slow[key]) for key in found},
        )
    return found is not None


@pytest.mark.parametrize("entity", USUAL, ids=lambda entity: type(entity).__name__)
def test_what_the_registry_usually_writes_is_read_at_once(entity: Entity) -> None:
    assert same(type(entity).__name__, encode(entity))


@given(st.one_of(any_.model_versions, any_.registered_models, any_.stage_pointers, any_.alias_pointers))
def test_whatever_the_registry_writes_is_read_alike(entity: Entity) -> None:
    same(type(entity).__name__, encode(entity))


@given(st.sampled_from(USUAL), st.lists(st.tuples(st.integers(0, 500), st.integers(0, 12), st.sampled_from(PIECES))))
@settings(max_examples=2500)
@example(VERSION, [(0, 0, "\n")])
def test_a_damaged_manifest_is_read_alike_or_left(entity: Entity, damages: list[tuple[int, int, str]]) -> None:
    text = encode(entity).decode()
    for place, length, piece in damages:
        text = text[:place] + piece + text[place + length :]
    same(type(entity).__name__, text.encode())


_values = st.sampled_from(
    ["", "true", "null", "False", "on", "~", "1", "012", "0x1", "1.5", "a", "a b", "a: b", "a:b", "a #b", "'", "''"]
    + ["'a'", "'1'", "'a''b'", '"a"', "[1]", "[1, 1]", "[2, 1]", "[a]", "{}", "/a", "%a", "true:a", " a", "a ", "é"]
    + ["x" * 64, "x" * 65, "x" * 250, "x" * 251, "x" * 255, "x" * 256, "x <y@z>", "<y@z>", "x <y z>", "sha256:0a", "a:"]
    + ["'" + "x" * length + "'" for length in (64, 65, 250, 251, 255, 256, 1000, 1001)]
    + ["READY", "ready", "2026-01-01T00:00:00.000Z", "'2026-01-01T00:00:00.000Z'", "999999999", "'1000000000'"]
)


@given(st.sampled_from(USUAL), st.integers(0, 40), _values)
@settings(max_examples=2500)
def test_any_value_in_any_place_is_read_alike_or_left(entity: Entity, place: int, value: str) -> None:
    lines = encode(entity).decode().split("\n")[:-1]
    key = lines[place % len(lines)].partition(":")[0]
    lines[place % len(lines)] = f"{key}: {value}"
    same(type(entity).__name__, "\n".join([*lines, ""]).encode())


@pytest.mark.parametrize(
    ("entity", "before", "after"),
    [
        (MODEL, "  a: '0.5'\n", "  a: '0.5'\n  a: '0.6'\n"),  # a key twice
        (VERSION, "  run_id: ", "  run: "),
        (VERSION, "  git_commit: abc\n", "  git_commit: abc\n  git_commit: abc\n"),
        (STAGE, "[9, 12]", "[9, 9]"),
        (VERSION, "- sklearn\n", "- ''\n"),
        (VERSION, "- sklearn\n", "- null\n"),
        (VERSION, "- sklearn\n", f"- {'x' * 251}\n"),
        (STAGE, "kind: StagePointer", "kind: AliasPointer"),
        (STAGE, "  annotations:\n", "  annotations:\n    mine: x\n"),
        (STAGE, "previous: '3'\n", "previous: 3\n"),
        (STAGE, "request: '0123'", "request: '0123"),
        (ALIAS, "request: i123", "request: true"),
        (ALIAS, "source: s3://x", "source: ''"),
        (MODEL, "created_by: Alice <alice@acme.io>", "created_by: Alice"),
    ],
)
def test_what_no_schema_allows_or_is_written_otherwise_is_left(entity: Entity, before: str, after: str) -> None:
    text = encode(entity).decode()
    assert before in text
    assert read_usual(type(entity).__name__, text.replace(before, after).encode()) is None


def test_what_is_long_takes_no_longer() -> None:
    text = encode(VERSION).decode()
    for much in ("x " * 3_500, ":x" * 3_500, "  k: v\n" * 1_000, "'" * 7_000):
        begun = time.process_time()
        for place in ("description: better than true", "  team: risk", "git_commit: abc"):
            read_usual("ModelVersion", text.replace(place, f"{place} {much}").encode())
        assert time.process_time() - begun < 0.05
