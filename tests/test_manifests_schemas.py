"""The schemas are valid, say what every property means, and are what is enforced."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from registry_git.core.errors import Corrupt
from registry_git.manifests.codec import encode
from registry_git.manifests.predicates import predicate
from registry_git.manifests.schemas import KINDS, schema_of, validate
from registry_git.manifests.yaml_reader import read
from tests.manifest_strategies import entities


def described(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a value inside `schema`, with its place."""
    yield place, schema
    for name, inner in schema.get("properties", {}).items():
        yield from described(inner, f"{place}.{name}")
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(keyword), dict):
            yield from described(schema[keyword], f"{place}.<{keyword}>")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_schema_is_valid_and_describes_every_property(kind: str) -> None:
    schema = schema_of(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    assert [place for place, inner in described(schema, "$") if not inner.get("description")] == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_schema_refuses_unknown_keys_except_annotations(kind: str) -> None:
    for place, inner in described(schema_of(kind), "$"):
        if "properties" in inner:
            assert inner["additionalProperties"] is False or place.endswith(".annotations"), place


def test_there_is_one_schema_for_each_kind_and_no_other() -> None:
    found = sorted(path.name for path in (Path(__file__).parents[1] / "schemas").iterdir())
    assert found == sorted(schema_of(kind)["$id"].rpartition("/")[2] for kind in KINDS)


def test_a_schema_given_out_is_a_copy() -> None:
    schema_of("Comment").clear()
    assert schema_of("Comment")["title"] == "Comment"


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})


def damaged(value: Any, draw: Any) -> Any:
    """`value` with one member replaced, taken away or added, somewhere in it."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: damaged(value[key], draw)}
    if isinstance(value, dict):
        if value and draw(st.booleans()):
            gone = draw(st.sampled_from(sorted(value)))
            return {key: inner for key, inner in value.items() if key != gone}
        return {**value, draw(st.text(max_size=3)): draw(anything)}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [damaged(value[0], draw), *value[1:]]
    return draw(anything)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_fast_way_never_accepts_what_jsonschema_refuses(kind: str) -> None:
    plain = Draft202012Validator(schema_of(kind))
    schema = schema_of(kind)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(entities[kind], st.data())
    def agree(entity: Any, data: st.DataObject) -> None:
        text = encode(entity)
        good = read(text, path="x")
        validate(kind, good, path="x", data=text)
        assert plain.is_valid(good)
        bad = damaged(copy.deepcopy(good), data.draw)
        if not plain.is_valid(bad):
            with pytest.raises(Corrupt) as found:
                validate(kind, bad, path="x", data=b"")
            assert found.value.json_path.startswith("$")
        if predicate(schema)(bad):
            assert plain.is_valid(bad)

    agree()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_fast_way_understands_every_keyword_that_the_schemas_use(kind: str) -> None:
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(entities[kind])
    def proved(entity: Any) -> None:
        assert predicate(schema_of(kind))(read(encode(entity), path="x"))

    proved()


def test_a_misspelt_key_is_named_before_the_key_that_it_leaves_missing() -> None:
    value = {"apiVersion": "registry-git.dev/v1", "kind": "Comment", "txet": "x"}
    with pytest.raises(Corrupt, match=r"'txet' is not known. Did you mean 'text'\?"):
        validate("Comment", value, path="x", data=b"")


def test_the_wrong_kind_is_named_before_all_else() -> None:
    with pytest.raises(Corrupt, match="'Policy' is not 'Comment'"):
        validate("Comment", {"apiVersion": "registry-git.dev/v1", "kind": "Policy", "stages": 1}, path="x", data=b"")
