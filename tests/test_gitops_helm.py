"""The Helm chart, whose values file is the pointer, rendered by the real helm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.gitops_scene import Land, new_land
from tests.gitops_tools import attempt, document, documents, kustomize, load_crd, run

POINTER = "models/fraud/stages/Production/pointer.yaml"


def rendered(land: Land, pointer: str = POINTER, *more: str) -> list[dict[str, Any]]:
    """What `helm template` makes of the chart with a pointer as its values."""
    chart = land.top / "deploy/helm"
    return documents(run("helm", "template", "r", chart, "--namespace", "models", "-f", land.top / pointer, *more))


@pytest.fixture(scope="module", params=["kserve", "seldon", "deployment"])
def land(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Land:
    made = new_land(tmp_path_factory.mktemp("helm") / "registry")
    made.init("helm", "kustomize", runtime=request.param)
    return made


def test_the_chart_and_the_overlay_say_the_same(land: Land) -> None:
    def plain(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for one in manifests:
            one["metadata"]["labels"].pop("app.kubernetes.io/managed-by")
            one["spec"].pop("replicas", None)
        return sorted(manifests, key=lambda one: one["kind"])

    assert plain(rendered(land)) == plain(kustomize(land.overlay("production", "fraud")))


def test_the_chart_is_well_by_helms_own_lint(land: Land) -> None:
    assert "0 chart(s) failed" in run("helm", "lint", land.top / "deploy/helm", "-f", land.top / POINTER, "--strict")


def test_without_a_pointer_the_chart_says_what_is_missing(land: Land) -> None:
    done = attempt("helm", "template", "r", land.top / "deploy/helm")
    assert done.returncode != 0
    assert "Give a pointer as values: -f models/NAME/stages/STAGE/pointer.yaml" in done.stderr


def test_values_of_a_model_without_format_and_digest_are_empty_and_not_null(land: Land) -> None:
    text = json.dumps(rendered(land, "models/churn/stages/Dev/pointer.yaml"))
    assert "null" not in text
    assert '"registry-git.dev/digest": ""' in text
    assert '"mlflow"' in json.dumps(rendered(land, POINTER, "--set", "serving.format=mlflow"))


def test_what_the_chart_makes_is_what_kserve_allows(tmp_path: Path, outside_environment: Mapping[str, str]) -> None:
    land = new_land(tmp_path / "registry")
    land.init("helm")
    crd = load_crd(outside_environment, "serving.kserve.io_inferenceservices.yaml")
    (service,) = rendered(land)
    assert crd.problems(service) == []


def test_every_pointer_is_a_values_file(land: Land) -> None:
    for path in sorted(land.top.glob("models/*/stages/*/pointer.yaml")):
        pointer = document(path)
        made = rendered(land, str(path.relative_to(land.top)))
        assert {one["metadata"]["name"] for one in made} == {pointer["metadata"]["name"]}
        assert {one["metadata"]["annotations"]["registry-git.dev/model"] for one in made} == {pointer["model"]}
