"""Each manifest has one path, each path one manifest, and both are safe for git."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.core.keys import (
    AliasKey,
    CommentKey,
    ConsumerKey,
    DeploymentKey,
    Key,
    ModelKey,
    PolicyKey,
    RequestKey,
    StageKey,
    VersionKey,
)
from registry_git.core.names import AliasName, ConsumerName, Id, ModelName, StageName, encode
from registry_git.manifests.layout import (
    Layout,
    companions,
    consumer_of,
    is_companion,
    is_ours,
    key_of,
    parse_request_ref,
    path_of,
    request_ref,
)
from tests.manifest_strategies import consumers, ids, keys, models

FRAUD = ModelName.parse("fraud")
CREDIT = ModelName.parse("Crédit/risk".replace("/", " "))
ID = Id.parse("20261123-7k3m9q")


@pytest.mark.parametrize(
    ("key", "flat"),
    [
        (PolicyKey(), "registry.yaml"),
        (ModelKey(model=FRAUD), "models/fraud/model.yaml"),
        (ModelKey(model=CREDIT), "models/Cr%C3%A9dit%20risk/model.yaml"),
        (VersionKey(model=FRAUD, version=1), "models/fraud/versions/1.yaml"),
        (VersionKey(model=FRAUD, version=999), "models/fraud/versions/999.yaml"),
        (VersionKey(model=FRAUD, version=1000), "models/fraud/versions/1xxx/1000.yaml"),
        (VersionKey(model=FRAUD, version=1234), "models/fraud/versions/1xxx/1234.yaml"),
        (VersionKey(model=FRAUD, version=12345), "models/fraud/versions/12xxx/12345.yaml"),
        (StageKey(model=FRAUD, stage=StageName("Production")), "models/fraud/stages/Production/pointer.yaml"),
        (AliasKey(model=FRAUD, alias=AliasName("champion")), "models/fraud/aliases/champion/pointer.yaml"),
        (RequestKey(model=FRAUD, request=ID), "models/fraud/requests/20261123-7k3m9q.yaml"),
        (RequestKey(model=None, request=ID), "requests/20261123-7k3m9q.yaml"),
        (CommentKey(model=FRAUD, version=12, comment=ID), "models/fraud/comments/12/20261123-7k3m9q.yaml"),
        (DeploymentKey(environment="prod eu", name="scorer"), "deployments/prod%20eu/scorer.yaml"),
    ],
)
def test_every_kind_of_manifest_has_its_path(key: Key, flat: str) -> None:
    assert path_of(key, Layout.FLAT) == flat
    spread = flat.replace("models/fraud", "models/f0/fraud").replace("models/Cr", "models/a8/Cr")
    assert path_of(key, Layout.FANOUT) == spread
    assert key_of(flat, Layout.FLAT) == key_of(spread, Layout.FANOUT) == key


@settings(max_examples=300)
@given(keys, st.sampled_from(Layout))
def test_a_path_gives_its_key_back(key: Key, layout: Layout) -> None:
    path = path_of(key, layout)
    assert key_of(path, layout) == key
    assert is_ours(path)
    assert not is_companion(path, layout)
    assert all(part not in ("", ".", "..", ".git") and len(part) <= 255 for part in path.split("/"))


@pytest.mark.parametrize(
    "path",
    [
        "models",
        "models/fraud",
        "models/fraud/README.md",
        "models/fraud/model.yml",
        "models/fraud/versions/012.yaml",
        "models/fraud/versions/0.yaml",
        "models/fraud/versions/1_0.yaml",
        "models/fraud/versions/７.yaml",
        "models/fraud/versions/12.yml",
        "models/fraud/versions/1234.yaml",
        "models/fraud/versions/0xxx/12.yaml",
        "models/fraud/versions/2xxx/1234.yaml",
        "models/fraud/versions/1xxx/x/1234.yaml",
        "models/fraud/stages/Production/kustomization.yaml",
        "models/fraud/stages/None/pointer.yaml",
        "models/fraud/stages/Production.yaml",
        "models/fraud/stages/%50roduction/pointer.yaml",
        "models/fraud/aliases/latest/pointer.yaml",
        "models/fraud/comments/12.yaml",
        "models/fraud/requests/a.yaml",
        "models/%2e%2e/model.yaml",
        "models/%2E%2E/model.yaml",
        "models/%252e/model.yaml",
        "models/%66raud/model.yaml",
        "models/../registry.yaml",
        "models//model.yaml",
        "models/fraud//model.yaml",
        "/models/fraud/model.yaml",
        "./registry.yaml",
        "registry.yaml/",
        "Registry.yaml",
        "requests/a/b.yaml",
        "deployments/prod.yaml",
        "deployments/prod/a/b.yaml",
        "deploy/overlays/prod/kustomization.yaml",
        "README.md",
        "",
    ],
)
def test_what_the_registry_never_writes_is_no_manifest(path: str) -> None:
    assert key_of(path, Layout.FLAT) is None


@pytest.mark.parametrize(
    "path", ["models/fraud/model.yaml", "models/00/fraud/model.yaml", "models/F0/fraud/model.yaml"]
)
def test_a_model_in_the_wrong_directory_of_the_fanout_is_no_manifest(path: str) -> None:
    assert key_of(path, Layout.FANOUT) is None


@settings(max_examples=200)
@given(st.text(alphabet="models/fraudversions%2E.yaml01xé\0", max_size=30), st.sampled_from(Layout))
def test_any_text_is_a_path_of_a_manifest_or_of_none(path: str, layout: Layout) -> None:
    key = key_of(path, layout)
    assert key is None or path_of(key, layout) == path


def test_only_the_directories_of_the_registry_are_its_own() -> None:
    assert is_ours("models/fraud/README.md")
    assert is_ours("requests/x")
    assert is_ours("deployments/x")
    assert not is_ours("deploy/x.yaml")
    assert not is_ours("modelsx/y")
    assert not is_ours("sub/registry.yaml")


@given(keys, st.sampled_from(Layout))
def test_only_pointers_have_companions(key: Key, layout: Layout) -> None:
    beside = companions(key, layout)
    assert bool(beside) == isinstance(key, StageKey | AliasKey)
    for path, content in beside.items():
        assert is_companion(path, layout)
        assert is_ours(path)
        assert key_of(path, layout) is None
        assert content.count(b"\n") == 3


@given(consumers)
def test_the_path_of_a_consumer_gives_it_back_and_is_no_place_on_main(consumer: str) -> None:
    key = ConsumerKey(consumer=ConsumerName(consumer))
    path = path_of(key, Layout.FLAT)
    assert consumer_of(path) == key
    assert path.count("/") == 1
    assert len(path.rpartition("/")[2]) <= 255
    assert key_of(path, Layout.FLAT) is None
    assert consumer_of(f"x/{path}") is None


@given(st.none() | models, ids)
def test_the_branch_of_a_request_gives_it_back(model: ModelName | None, request: Id) -> None:
    ref = request_ref(model, request)
    assert ref.startswith("refs/heads/request/")
    assert parse_request_ref(ref) == RequestKey(model=model, request=request)


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main",
        "refs/heads/request/fraud",
        "refs/heads/request/fraud/",
        "refs/heads/request/fraud/20261123-7k3m9q/x",
        "refs/heads/request/%66raud/20261123-7k3m9q",
        "refs/heads/request/+other/20261123-7k3m9q",
        "refs/remotes/request/fraud/20261123-7k3m9q",
        "request/fraud/20261123-7k3m9q",
    ],
)
def test_another_branch_is_no_request(ref: str) -> None:
    assert parse_request_ref(ref) is None


def test_no_model_can_take_the_branches_of_the_registry_itself() -> None:
    assert request_ref(None, ID) == "refs/heads/request/+registry/20261123-7k3m9q"
    assert encode("+registry") == "%2Bregistry"


ODD_NAMES = ["x.lock", "x.LOCK", ".x", "x.", "..", "a..b", "-x", "@", "a@{b", "a b", "a~b", "a^b", "a:b", "a?b", "a*b"]


@pytest.mark.parametrize(
    "name", [*ODD_NAMES, "a[b", "a\\b", "é", "🦊", "a\x7fb", "a//b", "HEAD", "a...b", "..lock", "a.lock.lock"]
)
def test_git_accepts_the_branch_of_any_name(name: str, git: Callable[..., str], tmp_path: Path) -> None:
    assert git(tmp_path, "check-ref-format", f"refs/heads/request/{encode(name)}/{ID}") == ""
    assert git(tmp_path, "check-ref-format", "--branch", encode(name).replace("HEAD", "x")) != ""


def test_git_keeps_every_path_in_a_work_tree(git: Callable[..., str], tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    paths = [path_of(ModelKey(model=ModelName(name)), Layout.FLAT) for name in ODD_NAMES]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("x\n")
    git(tmp_path, "add", "-A")
    assert sorted(git(tmp_path, "ls-files", "-z").rstrip("\0").split("\0")) == sorted(paths)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not there")
def test_kustomize_takes_a_pointer_as_a_resource(tmp_path: Path) -> None:
    import subprocess

    from tests.test_manifests_codec import POINTER, files

    for path, content in files(POINTER.key, POINTER, Layout.FLAT).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content or b"")
    overlay = tmp_path / "deploy"
    overlay.mkdir()
    (overlay / "job.yaml").write_text(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: scorer, annotations: {model: none}}\n"
    )
    (overlay / "kustomization.yaml").write_text(
        "resources: [job.yaml, ../models/fraud/stages/Production]\n"
        "replacements:\n"
        "  - source: {kind: StagePointer, fieldPath: source}\n"
        "    targets: [{select: {kind: Job}, fieldPaths: [metadata.annotations.model]}]\n"
    )
    done = subprocess.run(
        ["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "model: s3://acme-models/fraud/12/model" in done.stdout
    assert "StagePointer" not in done.stdout
