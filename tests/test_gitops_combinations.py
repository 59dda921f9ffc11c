"""Every tool with every runtime: what each of them would apply for each pointer, built by the programs themselves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from registry_git.core.errors import Invalid
from registry_git.gitops.settings import Runtime, Tool
from tests.conftest import Git
from tests.gitops_scene import new_land
from tests.gitops_tools import application_directory, applications, document, documents, kustomize, load_crd, run

KINDS = {"kserve": ["InferenceService"], "seldon": ["Model"], "deployment": ["Deployment", "Service"]}
SLOTS = {"churn-dev": "1", "fraud-dev": "1", "fraud-production": "1", "fraud-staging": "2"}  # and its version
Built = dict[str, list[dict[str, Any]]]


def by_argocd(git: Git, top: Path, scratch: Path) -> Built:
    found = {}
    for path in (top / "deploy/argocd").iterdir():
        for one in applications(git, top, document(path)):
            found[one["metadata"]["name"]] = kustomize(application_directory(git, top, one, scratch))
    return found


def by_flux(git: Git, top: Path, scratch: Path) -> Built:
    applied = kustomize(top / "deploy/flux")
    slots = {one["metadata"]["name"]: one["spec"]["path"] for one in applied if one["kind"] == "Kustomization"}
    slots.pop("acme-models")  # the directory of Flux itself, which is what was just built
    return {name: kustomize(top / path) for name, path in slots.items()}


def by_kustomize(git: Git, top: Path, scratch: Path) -> Built:
    found: Built = {}
    for environment in (top / "deploy/overlays").iterdir():
        for one in kustomize(environment):
            found.setdefault(one["metadata"]["name"], []).append(one)
        for own in environment.glob("*/kustomization.yaml"):
            built = kustomize(own.parent)
            assert built == found[built[0]["metadata"]["name"]]
    return found


def by_helm(git: Git, top: Path, scratch: Path) -> Built:
    found = {}
    for pointer in top.glob("models/*/stages/*/pointer.yaml"):
        made = documents(run("helm", "template", "r", top / "deploy/helm", "--namespace", "models", "-f", pointer))
        found[made[0]["metadata"]["name"]] = made
    return found


BY = {"argocd": by_argocd, "flux": by_flux, "kustomize": by_kustomize, "helm": by_helm}


@pytest.mark.parametrize(("tool", "runtime"), list(product(BY, KINDS)))
def test_every_slot_runs_what_its_pointer_says(
    tmp_path: Path, git: Git, outside_environment: Mapping[str, str], tool: str, runtime: str
) -> None:
    land = new_land(tmp_path / "registry")
    land.init(tool, runtime=runtime)
    built = BY[tool](git, land.top, tmp_path / "scratch")
    assert sorted(built) == sorted(SLOTS)
    for slot, manifests in built.items():
        model, _, stage = slot.partition("-")
        source = document(land.top / f"models/{model}/stages/{stage.capitalize()}/pointer.yaml")["source"]
        assert sorted(one["kind"] for one in manifests) == KINDS[runtime]
        for one in manifests:
            assert (one["metadata"]["name"], one["metadata"]["namespace"]) == (slot, "models")
        carrier = next(one for one in manifests if one["kind"] == KINDS[runtime][0])
        assert carrier["metadata"]["labels"]["registry-git.dev/version"] == SLOTS[slot]
        assert source_in(carrier) == source
        if runtime == "kserve":
            crd = load_crd(outside_environment, "serving.kserve.io_inferenceservices.yaml")
            assert crd.problems(carrier) == []


def source_in(manifest: Mapping[str, Any]) -> str:
    """Where what runs the model takes its files from."""
    spec = manifest["spec"]
    if manifest["kind"] == "InferenceService":
        return str(spec["predictor"]["model"]["storageUri"])
    if manifest["kind"] == "Model":
        return str(spec["storageUri"])
    (container,) = spec["template"]["spec"]["containers"]
    return next(str(one["value"]) for one in container["env"] if one["name"] == "MODEL_SOURCE")


@pytest.mark.parametrize("runtime", list(KINDS))
def test_compose_runs_containers_and_no_kubernetes_objects(tmp_path: Path, runtime: str) -> None:
    land = new_land(tmp_path / "registry")
    if runtime == "deployment":
        assert "deploy/compose/compose.yaml" in land.init("compose", runtime=runtime).written
        return
    with pytest.raises(Invalid, match=f"Compose runs containers, and the runtime is {runtime}") as raised:
        land.init("compose", runtime=runtime)
    assert "--runtime deployment" in raised.value.hint


def test_these_are_all_tools_and_all_runtimes() -> None:
    assert {*BY, "compose"} == {tool.value for tool in Tool}
    assert set(KINDS) == {runtime.value for runtime in Runtime}
