"""An entity that was written is read back as it was, and nothing else is read."""

from __future__ import annotations

import dataclasses
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.keys import RequestKey, StageKey, VersionKey
from registry_git.core.model import ModelVersion, RequestState, Review, StagePointer, TransitionRequest, Verdict
from registry_git.core.names import Actor, Id, ModelName, StageName
from registry_git.core.rules import Action
from registry_git.core.times import Timestamp
from registry_git.manifests.codec import decode, encode, files, files_as_read
from registry_git.manifests.layout import Layout, path_of
from tests.manifest_strategies import entities

ALICE = Actor.parse("Alice <alice@acme.io>")
THEN = Timestamp.parse("2026-11-23T06:14:11.412Z")
FRAUD = ModelName.parse("fraud")
VERSION = ModelVersion(
    model=FRAUD,
    version=12,
    id=Id.parse("01jd9x3k7m"),
    source="s3://acme-models/fraud/12/model",
    digest="sha256:9f2c",
    created=THEN,
    created_by=ALICE,
    tags={"auc": "0.91"},
)
POINTER = StagePointer(
    model=FRAUD,
    stage=StageName.parse("Production"),
    versions=(11, 12),
    source=VERSION.source,
    format="sklearn",
    previous=11,
    request=Id.parse("20261123-7k3m9q"),
)
REQUEST = TransitionRequest(
    id=Id.parse("20261123-7k3m9q"),
    action=Action.STAGE,
    model=FRAUD,
    version=12,
    from_stages=(StageName.parse("Staging"),),
    to="Production",
    requester=ALICE,
    created=THEN,
    comment="please\nApproved-by: nobody",
    state=RequestState.OPEN,
    proposal="sha256:77",
    reviews=(Review(by=None, at=THEN, verdict=Verdict.APPROVED, source="merge", proposal="sha256:77"),),
)


@pytest.mark.parametrize("kind", entities)
def test_an_entity_of_every_kind_is_read_back_as_it_was_written(kind: str) -> None:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @given(entities[kind], st.sampled_from(Layout))
    def there_and_back(entity: object, layout: Layout) -> None:
        data = encode(entity)  # type: ignore[arg-type]
        key = entity.key  # type: ignore[attr-defined]
        assert data.startswith(f"apiVersion: registry-git.dev/v1\nkind: {kind}\n".encode())
        assert decode(data, path=path_of(key, layout), key=key) == entity
        assert encode(decode(data, path="x", key=key)) == data
        if kind != "Observations":
            _, read_back = files_as_read(key, entity, layout)  # type: ignore[arg-type]
            assert repr(read_back) == repr(decode(data, path="x", key=key))

    there_and_back()


def test_a_version_is_written_with_its_keys_in_order_and_without_what_says_nothing() -> None:
    assert encode(VERSION).decode() == (
        "apiVersion: registry-git.dev/v1\n"
        "kind: ModelVersion\n"
        "model: fraud\n"
        "version: 12\n"
        "id: '01jd9x3k7m'\n"
        "source: s3://acme-models/fraud/12/model\n"
        "digest: sha256:9f2c\n"
        "status: READY\n"
        "created: '2026-11-23T06:14:11.412Z'\n"
        "created_by: Alice <alice@acme.io>\n"
        "description: ''\n"
        "tags:\n"
        "  auc: '0.91'\n"
    )


def test_a_pointer_is_written_as_gitops_tools_read_it() -> None:
    assert encode(POINTER).decode() == (
        "apiVersion: registry-git.dev/v1\n"
        "kind: StagePointer\n"
        "metadata:\n"
        "  name: fraud-production\n"
        "  annotations:\n"
        "    config.kubernetes.io/local-config: 'true'\n"
        "model: fraud\n"
        "stage: Production\n"
        "version: '12'\n"
        "source: s3://acme-models/fraud/12/model\n"
        "format: sklearn\n"
        "digest: ''\n"
        "versions: [11, 12]\n"
        "previous: '11'\n"
        "request: '20261123-7k3m9q'\n"
    )


def test_a_review_by_nobody_known_names_nobody() -> None:
    assert b"by:" not in encode(REQUEST).split(b"reviews:")[1]


def refused(data: bytes, entity: ModelVersion | StagePointer | TransitionRequest = VERSION) -> Corrupt:
    """The error for `data` at the path of `entity`."""
    path = path_of(entity.key, Layout.FLAT)
    with pytest.raises(Corrupt) as found:
        decode(data, path=path, key=entity.key)
    assert found.value.path == path
    return found.value


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        (b"model: fraud", b"model: iris", 3, "$.model"),
        (b"version: 12", b"version: 13", 4, "$.version"),
        (b"version: 12", b"version: '12'", 4, "$.version"),
        (b"version: 12", b"version: 12.0", 4, "$.version"),
        (b"version: 12", b"version: true", 4, "$.version"),
        (b"kind: ModelVersion", b"kind: Comment", 2, "$.kind"),
        (b"dev/v1", b"dev/v2", 1, "$.apiVersion"),
        (b"2026-11-23", b"2026-02-30", 9, "$.created"),
        (b"'2026-11-23T06:14:11.412Z'", b"2026-11-23", 9, "$.created"),
        (b"Alice <", b"Alice ", 10, "$.created_by"),
        (b"'0.91'", b"0.91", 13, "$.tags.auc"),
        (b"  auc:", b"  a?c:", 13, '$.tags["a?c"]'),
        (b"READY", b"Ready", 8, "$.status"),
        (b"digest: sha256:9f2c", b"digest: 'sha256:9f2c\n\n'", 7, "$.digest"),
        (b"description: ''", b'description: "\\0"', 11, "$.description"),
        (b"description: ''", b"stage: Production", 11, "$.stage"),
        (b"description: ''", b"lineage: {datasets: [{name: x}, {nam: y}]}", 11, "$.lineage.datasets[1].nam"),
        (b"source: ", b"#", 1, "$"),
    ],
)
def test_a_fault_is_named_by_file_line_and_json_path(old: bytes, new: bytes, line: int, place: str) -> None:
    data = encode(VERSION)
    assert old in data
    problem = refused(data.replace(old, new))
    assert (problem.line, problem.json_path) == (line, place)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"version: '12'", b"version: '11'", "$.version"),
        (b"version: '12'", b"version: 12", "$.version"),
        (b"version: '12'", b"version: '012'", "$.version"),
        (b"[11, 12]", b"[12, 11]", "$.versions"),
        (b"[11, 12]", b"[12, 12]", "$.versions"),
        (b"[11, 12]", b"[]", "$.versions"),
        (b"fraud-production", b"fraud-staging", "$.metadata.name"),
        (b"'true'", b"'false'", '$.metadata.annotations["config.kubernetes.io/local-config"]'),
        (b"stage: Production", b"stage: production", "$.stage"),
        (b"stage: Production", b"stage: None", "$.stage"),
        (b"stage: Production", b"stage: ../x", "$.stage"),
    ],
)
def test_a_pointer_that_contradicts_itself_is_refused(old: bytes, new: bytes, place: str) -> None:
    data = encode(POINTER)
    assert old in data
    assert refused(data.replace(old, new), POINTER).json_path == place


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"action: stage", b"action: register", "$.action"),
        (b"action: stage", b"action: alias", "$.action"),
        (b"to: Production\n", b"", "$.action"),
        (b"state: open", b"state: merged", "$.state"),
        (b"source: merge", b"source: guess", "$.reviews[0].source"),
        (b"at: '2026-11-23", b"at: '2026-13-23", "$.reviews[0].at"),
        (b"- Staging", b"- None", "$.from[0]"),
        (b"id: '20261123-7k3m9q'", b"id: '20261123-7k3m9z'", "$.id"),
    ],
)
def test_a_record_that_says_what_no_request_says_is_refused(old: bytes, new: bytes, place: str) -> None:
    data = encode(REQUEST)
    assert old in data
    assert refused(data.replace(old, new), REQUEST).json_path == place


def test_a_record_of_a_model_is_not_one_of_the_registry() -> None:
    with pytest.raises(Corrupt) as found:
        decode(encode(REQUEST), path="requests/x.yaml", key=RequestKey(model=None, request=REQUEST.id))
    assert found.value.json_path == "$.model"


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_manifest_with_any_bytes_changed_is_read_or_refused_as_corrupt(place: int, noise: bytes) -> None:
    data = encode(VERSION)
    data = data[:place] + noise + data[place + len(noise) :]
    with suppress(Corrupt):  # and no other error
        decode(data, path="x", key=VERSION.key)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"description": "x" * 100_001}, "100,000"),
        ({"description": "🙂" * 100_000}, "262,144"),
        ({"description": "\0"}, "$.description"),
        ({"source": ""}, "$.source"),
        ({"source": "\ud800"}, "surrogate"),
        ({"version": 0}, "$.version"),
        ({"tags": {"a?": "x"}}, "$.tags"),
        ({"tags": {"a": 0.9}}, "$.tags.a"),
        ({"created_by": "nobody"}, "$.created_by"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(change: dict[str, object], word: str) -> None:
    with pytest.raises(Invalid) as found:
        encode(dataclasses.replace(VERSION, **change))  # type: ignore[arg-type]
    assert word in str(found.value)


def test_a_pointer_is_written_and_deleted_with_its_kustomization() -> None:
    here = "models/fraud/stages/Production/"
    written = files(POINTER.key, POINTER, Layout.FLAT)
    assert list(written) == [here + "pointer.yaml", here + "kustomization.yaml"]
    assert written[here + "pointer.yaml"] == encode(POINTER)
    assert files(POINTER.key, None, Layout.FLAT) == {here + "pointer.yaml": None, here + "kustomization.yaml": None}


def test_a_version_is_one_file() -> None:
    assert files(VERSION.key, VERSION, Layout.FLAT) == {"models/fraud/versions/12.yaml": encode(VERSION)}
    assert files(VERSION.key, None, Layout.FLAT) == {"models/fraud/versions/12.yaml": None}


@pytest.mark.parametrize(
    "key", [VersionKey(model=FRAUD, version=13), StageKey(model=FRAUD, stage=StageName.parse("Production"))]
)
def test_an_entity_is_never_written_at_the_place_of_another(key: VersionKey | StageKey) -> None:
    with pytest.raises(Invalid):
        files(key, VERSION, Layout.FLAT)
