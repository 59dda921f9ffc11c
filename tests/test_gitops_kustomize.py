"""Pointers as kustomize takes them: every generated overlay is built by the real kubectl."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.names import dns_label
from registry_git.manifests.layout import Layout, path_of
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.gitops_scene import Land, new_land
from tests.gitops_tools import Crd, attempt, document, documents, kustomize, load_crd, run

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
POINTER = "models/fraud/stages/Production/pointer.yaml"


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    made = new_land(tmp_path_factory.mktemp("kustomize") / "registry")
    made.init("kustomize")
    return made


@pytest.fixture(scope="module")
def kserve(outside_environment: Mapping[str, str]) -> Crd:
    return load_crd(outside_environment, "serving.kserve.io_inferenceservices.yaml")


def overlays(land: Land) -> dict[str, Path]:
    """The overlays of single models, by environment and model."""
    found = sorted((land.top / "deploy/overlays").glob("*/*/kustomization.yaml"))
    return {f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in found}


def test_there_is_an_overlay_for_each_pointer_in_a_stage_that_serves(land: Land) -> None:
    assert list(overlays(land)) == ["dev/churn", "dev/fraud", "production/fraud", "staging/fraud"]


def test_every_overlay_says_what_its_pointer_says(land: Land) -> None:
    for place, directory in overlays(land).items():
        environment, model = place.split("/")
        pointer = document(land.top / f"models/{model}/stages/{environment.capitalize()}/pointer.yaml")
        (service,) = kustomize(directory)
        labels = {f"registry-git.dev/{name}": pointer[name] for name in ("version", "request")}
        assert service["metadata"] == {
            "name": f"{model}-{environment}",
            "namespace": "models",
            "labels": {"app.kubernetes.io/managed-by": "registry-git", **labels},
            "annotations": {f"registry-git.dev/{name}": pointer[name] for name in ("model", "digest")},
        }
        assert service["spec"]["predictor"] == {
            "labels": labels,
            "annotations": {"registry-git.dev/digest": pointer["digest"]},
            "model": {"modelFormat": {"name": pointer["format"]}, "storageUri": pointer["source"]},
        }


def test_an_environment_as_a_whole_holds_its_models_and_no_pointer(land: Land) -> None:
    built = kustomize(land.top / "deploy/overlays/dev")
    assert [one["metadata"]["name"] for one in built] == ["churn-dev", "fraud-dev"]
    assert {one["kind"] for one in built} == {"InferenceService"}


def test_what_kserve_is_given_is_what_its_own_definition_allows(land: Land, kserve: Crd) -> None:
    for directory in overlays(land).values():
        (service,) = kustomize(directory)
        assert kserve.problems(service) == []


def test_the_full_definition_catches_a_misspelt_storage_uri_and_the_minimal_one_does_not(
    land: Land, kserve: Crd, outside_environment: Mapping[str, str]
) -> None:
    (service,) = kustomize(land.overlay("production", "fraud"))
    model = service["spec"]["predictor"]["model"]
    model["storageURI"] = model.pop("storageUri")
    (problem,) = kserve.problems(service)
    assert problem.startswith("$.spec.predictor.model: ")
    assert "'storageURI' was unexpected" in problem
    minimal = load_crd(outside_environment, "kserve-minimal-inferenceservices.yaml")
    assert minimal.problems(service) == []


def test_a_label_that_looks_like_a_number_stays_text(land: Land) -> None:
    text = run("kubectl", "kustomize", land.overlay("production", "fraud"))
    assert 'registry-git.dev/version: "1"' in text


@pytest.mark.parametrize("runtime", ["seldon", "deployment"])
def test_the_other_runtimes_say_what_the_pointer_says_too(tmp_path: Path, runtime: str) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize", runtime=runtime)
    pointer = document(land.top / POINTER)
    built = {one["kind"]: one for one in kustomize(land.overlay("production", "fraud"))}
    if runtime == "seldon":
        (model,) = built.values()
        assert model["apiVersion"] == "mlops.seldon.io/v1alpha1"
        assert model["spec"] == {"storageUri": pointer["source"], "requirements": ["sklearn"]}
        return
    pod = built["Deployment"]["spec"]["template"]
    environment = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    assert environment == {
        "MODEL_SOURCE": pointer["source"],
        "MODEL_VERSION": "1",
        "MODEL_FORMAT": "sklearn",
        "MODEL_DIGEST": pointer["digest"],
    }
    assert pod["metadata"]["annotations"] == {"registry-git.dev/digest": pointer["digest"]}
    selected = built["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selected == built["Service"]["spec"]["selector"] == {"app.kubernetes.io/instance": "fraud-production"}
    assert selected.items() <= pod["metadata"]["labels"].items()
    assert [one["metadata"]["name"] for one in built.values()] == ["fraud-production", "fraud-production"]


def test_a_format_that_is_given_stands_in_for_those_of_all_versions(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize", model_format="mlflow", namespace="models-{environment}")
    (churn,) = kustomize(land.overlay("dev", "churn"))
    assert churn["spec"]["predictor"]["model"]["modelFormat"] == {"name": "mlflow"}
    assert churn["metadata"]["namespace"] == "models-dev"


def test_a_patch_of_an_environment_and_one_of_a_model_hold(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize")
    patch = (
        'patches:\n- target: {{kind: InferenceService}}\n  patch: \'[{{"op": "add", "path": "{}", "value": {}}}]\'\n'
    )
    shared = land.top / "deploy/environments/production/kustomization.yaml"
    shared.write_text(shared.read_text() + patch.format("/spec/predictor/minReplicas", 3))
    own = land.overlay("production", "fraud") / "kustomization.yaml"
    own.write_text(own.read_text() + patch.format("/spec/predictor/maxReplicas", 9))
    (service,) = kustomize(land.overlay("production", "fraud"))
    assert (service["spec"]["predictor"]["minReplicas"], service["spec"]["predictor"]["maxReplicas"]) == (3, 9)


def test_an_alias_is_a_resource_as_a_stage_is(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize")
    land.registry.set_alias("fraud", "champion", 2)
    own = land.top / "deploy/overlays/production/champion"
    own.mkdir()
    (own / "kustomization.yaml").write_text(
        "resources: [../../../../models/fraud/aliases/champion]\ncomponents: [../../../environments/production]\n"
    )
    (service,) = kustomize(own)
    assert service["metadata"]["name"] == "fraud-champion"
    assert service["metadata"]["labels"]["registry-git.dev/version"] == "2"


@pytest.mark.parametrize("layout", list(Layout))
def test_names_of_every_kind_are_built_in_every_layout(tmp_path: Path, layout: Layout, git: Git) -> None:
    land = new_land(tmp_path / "registry", layout=layout.value)
    for name in ("Fraud Model", "fraud_v2", "größe", "a%b"):
        land.registry.register(name, f"s3://acme/{name}", read=False)
        land.registry.transition(name, 1, "Staging")
    land.init("kustomize", "argocd", "flux", model_format="mlflow")
    built = kustomize(land.top / "deploy/overlays/staging")
    shown = {one["metadata"]["annotations"]["registry-git.dev/model"]: one["metadata"]["name"] for one in built}
    assert set(shown) == {"Fraud Model", "fraud_v2", "größe", "a%b", "fraud"}
    assert len(set(shown.values())) == 5
    for one in built:
        assert one["metadata"]["name"] == dns_label(one["metadata"]["name"])
        assert all(_LABEL_VALUE.fullmatch(value) for value in one["metadata"]["labels"].values())
    assert land.registry.check() == []


def test_a_promotion_is_seen_by_the_same_overlay(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize")
    land.registry.transition("fraud", 2, "Production")
    (service,) = kustomize(land.overlay("production", "fraud"))
    assert service["metadata"]["labels"]["registry-git.dev/version"] == "2"
    assert service["spec"]["predictor"]["model"]["storageUri"].endswith("/2")


def test_a_request_shows_what_would_roll_before_it_is_approved(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    land.init("kustomize")
    asked = land.registry.request_stage("fraud", 2, "Production")
    git(land.top, "worktree", "add", "-q", tmp_path / "preview", f"request/fraud/{asked.id}")
    (service,) = kustomize(tmp_path / "preview/deploy/overlays/production/fraud")
    assert service["metadata"]["labels"]["registry-git.dev/version"] == "2"
    (now,) = kustomize(land.overlay("production", "fraud"))
    assert now["metadata"]["labels"]["registry-git.dev/version"] == "1"


def older(git: Git, land: Land) -> Registry:
    """The registry, with pointers as an older layout had them: no metadata, bare numbers, nothing beside them."""
    for path in sorted(land.top.glob("models/*/stages/*/pointer.yaml")):
        lines = path.read_text().splitlines(keepends=True)
        kept = "".join(line for line in lines if not line.startswith(("metadata:", " ", "digest:", "format:")))
        path.write_text(kept.replace("'", ""))
        path.with_name("kustomization.yaml").unlink()
    git(land.top, "commit", "-q", "-a", "-m", "As an older layout had it")
    return land.registry


def test_doctor_gives_an_older_registry_pointers_that_kustomize_takes(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    before = {path: path.read_bytes() for path in land.top.glob("models/*/stages/*/*.yaml")}
    registry = older(git, land)
    assert {one.level for one in registry.check()} == {"error"}
    mended = [one.path for one in registry.doctor(fix=True) if one.message == "Written anew."]
    assert sorted(mended) == sorted(str(path.relative_to(land.top)) for path in before)
    assert registry.check() == []
    after = {path: _without_id(path.read_text()) for path in before}
    assert after == {path: _without_id(data.decode()) for path, data in before.items()}
    land.init("kustomize")
    (service,) = kustomize(land.overlay("production", "fraud"))
    assert service["spec"]["predictor"]["model"]["modelFormat"] == {"name": "sklearn"}


def _without_id(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("request:"))


def test_a_pointer_is_wrong_in_its_own_way_after_doctor_too(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    path = land.top / POINTER
    path.write_text(path.read_text().replace("source:", "sauce:"))
    git(land.top, "commit", "-q", "-a", "-m", "A slip")
    found = land.registry.doctor(fix=True)
    assert [(one.level, one.path) for one in found if one.path == POINTER] == [("error", POINTER)]


def test_a_pointer_without_metadata_is_no_resource(tmp_path: Path) -> None:
    """Why a pointer has what it has: kustomize itself refuses it otherwise."""
    (tmp_path / "pointer.yaml").write_text("apiVersion: registry-git.dev/v1\nkind: StagePointer\nversion: '1'\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [pointer.yaml]\n")
    done = attempt("kubectl", "kustomize", tmp_path)
    assert done.returncode != 0
    assert "missing metadata.name" in done.stderr


def test_a_pointer_is_a_resource_in_its_own_right(land: Land) -> None:
    path = path_of(land.registry.tree().snapshot.stage_pointers("fraud")[0].key, Layout.FLAT)
    directory = (land.top / path).parent
    assert kustomize(directory) == []  # it is there for replacements, and never reaches a cluster
    kept: dict[str, Any] = documents((directory / "pointer.yaml").read_text())[0]
    assert kept["metadata"]["annotations"] == {"config.kubernetes.io/local-config": "true"}
