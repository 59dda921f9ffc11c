"""The registry in examples/gitops/: made by its script, well, and deployable by every tool that it is for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import registry_git
from registry_git.gitops.initialise import initialise
from registry_git.gitops.render import check_renderings
from registry_git.gitops.settings import Wanted
from tests.conftest import Git
from tests.gitops_tools import document, documents, git_file_parameters, go_rendered, kustomize, load_crd, run
from tests.registry_scene import ALICE

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ENVIRONMENTS = ("dev", "production", "staging")


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory, git: Git) -> Path:
    place = tmp_path_factory.mktemp("example") / "registry"
    shutil.copytree(EXAMPLES / "gitops", place)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "The example")
    return place


@pytest.fixture(scope="module")
def registry(top: Path) -> registry_git.Registry:
    return registry_git.open(top, actor=ALICE, durable=False)


def test_the_example_is_what_its_script_makes(tmp_path: Path) -> None:
    script = EXAMPLES / "make_gitops.py"
    subprocess.run([sys.executable, script, "--into", tmp_path / "made"], check=True, capture_output=True)
    made = {path.relative_to(tmp_path / "made"): path.read_text() for path in _files(tmp_path / "made")}
    kept = {path.relative_to(EXAMPLES / "gitops"): path.read_text() for path in _files(EXAMPLES / "gitops")}
    assert made == kept, "make it again with: python examples/make_gitops.py"


def _files(top: Path) -> list[Path]:
    return [path for path in top.rglob("*") if path.is_file()]


def test_the_example_is_well_and_everything_in_it_is_current(registry: registry_git.Registry) -> None:
    assert registry.check() == []
    assert not initialise(registry, Wanted(), dry_run=True).written
    assert list(check_renderings(registry.tree(), environment=None, name=None)) == []
    assert {one.standing for one in registry.deployments()} == {"current"}


def test_two_models_run_in_three_environments(top: Path, outside_environment: Mapping[str, str]) -> None:
    crd = load_crd(outside_environment, "serving.kserve.io_inferenceservices.yaml")
    versions = {}
    for environment in ENVIRONMENTS:
        for service in kustomize(top / "deploy/overlays" / environment):
            assert crd.problems(service) == []
            assert service["metadata"]["namespace"] == f"models-{environment}"
            versions[service["metadata"]["name"]] = service["metadata"]["labels"]["registry-git.dev/version"]
    assert versions == {
        "fraud-dev": "3",
        "fraud-staging": "3",
        "fraud-production": "2",
        "churn-dev": "2",
        "churn-staging": "2",
        "churn-production": "1",
    }


def test_argo_cd_makes_the_same_six_applications(top: Path, git: Git, outside_environment: Mapping[str, str]) -> None:
    crd = load_crd(outside_environment, "application-crd.yaml")
    names = []
    for environment in ENVIRONMENTS:
        spec = document(top / f"deploy/argocd/{environment}.yaml")["spec"]
        pattern = spec["generators"][0]["git"]["files"][0]["path"]
        for path in git(top, "ls-files", "--", pattern).split("\n"):
            body = go_rendered(spec["template"], git_file_parameters(top, path))
            assert crd.problems({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **body}) == []
            names.append(body["metadata"]["name"])
    assert sorted(names) == sorted(f"{model}-{one}" for model in ("churn", "fraud") for one in ENVIRONMENTS)


def test_flux_and_helm_find_what_they_need(top: Path) -> None:
    slots = [one for one in kustomize(top / "deploy/flux") if one["metadata"]["name"] != "acme-models"]
    assert len(slots) == 6
    assert all((top / one["spec"]["path"] / "kustomization.yaml").is_file() for one in slots)
    pointer = top / "models/churn/stages/Production/pointer.yaml"
    (service,) = documents(run("helm", "template", "x", top / "deploy/helm", "-f", pointer))
    assert service["spec"]["predictor"]["model"]["modelFormat"]["name"] == "xgboost"


def test_what_is_rendered_for_deployments_names_the_version_in_their_stage(top: Path) -> None:
    job = document(top / "deploy/rendered/production/churn-nightly.yaml")
    assert job["metadata"]["labels"]["registry-git.dev/version"] == "1"
    found = document(top / "deploy/rendered/production/fraud-api.yaml")
    assert found["data"]["MODEL_SOURCE"] == "s3://acme-models/fraud/2/model"
