"""ApplicationSets and the Applications that they make, against Argo CD's own definitions and Go's own templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Git
from tests.gitops_scene import URL, Land, new_land
from tests.gitops_tools import (
    Crd,
    application_directory,
    applications,
    document,
    git_file_parameters,
    go_rendered,
    kustomize,
    load_crd,
)

# Only what goes back to Go itself: a function that Argo CD adds (sprig, normalize) would not be tested here.
_ACTION = re.compile(r"\{\{(.*?)\}\}")


@pytest.fixture(scope="module", params=["flat", "fanout"])
def land(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Land:
    made = new_land(tmp_path_factory.mktemp("argocd") / "registry", layout=request.param)
    made.init("argocd", namespace="models-{environment}")
    return made


@pytest.fixture(scope="module")
def application_sets(land: Land) -> list[dict[str, Any]]:
    return [document(path) for path in sorted((land.top / "deploy/argocd").iterdir())]


@pytest.fixture(scope="module")
def applicationset_crd(outside_environment: Mapping[str, str]) -> Crd:
    return load_crd(outside_environment, "applicationset-crd.yaml")


@pytest.fixture(scope="module")
def application_crd(outside_environment: Mapping[str, str]) -> Crd:
    return load_crd(outside_environment, "application-crd.yaml")


def test_there_is_one_for_each_environment_and_all_are_what_argo_cd_allows(
    application_sets: list[dict[str, Any]], applicationset_crd: Crd
) -> None:
    names = [one["metadata"]["name"] for one in application_sets]
    assert names == ["acme-models-dev", "acme-models-production", "acme-models-staging"]
    for one in application_sets:
        assert applicationset_crd.problems(one) == []


def test_a_slip_in_an_application_set_is_caught(
    application_sets: list[dict[str, Any]], applicationset_crd: Crd
) -> None:
    wrong = {**application_sets[0], "spec": {**application_sets[0]["spec"], "syncpolicy": {}}}
    assert any("'syncpolicy' was unexpected" in problem for problem in applicationset_crd.problems(wrong))


def test_what_runs_stays_when_an_application_set_goes(application_sets: list[dict[str, Any]]) -> None:
    for one in application_sets:
        assert one["spec"]["syncPolicy"] == {"preserveResourcesOnDeletion": True}
        assert one["spec"]["goTemplateOptions"] == ["missingkey=error"]


def test_every_pointer_of_the_stage_becomes_an_application(
    git: Git, land: Land, application_sets: list[dict[str, Any]], application_crd: Crd
) -> None:
    made = {one["metadata"]["name"]: one for each in application_sets for one in applications(git, land.top, each)}
    assert set(made) == {"churn-dev", "fraud-dev", "fraud-production", "fraud-staging"}
    for one in made.values():
        assert application_crd.problems(one) == []
        assert (land.top / one["spec"]["source"]["path"] / "pointer.yaml").is_file()
    fraud = made["fraud-staging"]
    assert fraud["metadata"]["labels"]["registry-git.dev/version"] == "2"
    assert fraud["spec"]["source"]["repoURL"] == URL
    assert fraud["spec"]["destination"]["namespace"] == "models-staging"


def test_what_argo_cd_builds_for_an_application_is_the_model(
    git: Git, land: Land, application_sets: list[dict[str, Any]], tmp_path: Path
) -> None:
    for each in application_sets:
        for one in applications(git, land.top, each):
            directory = application_directory(git, land.top, one, tmp_path)
            (service,) = kustomize(directory)
            assert service["metadata"]["name"] == one["metadata"]["name"]
            assert service["metadata"]["namespace"] == one["spec"]["destination"]["namespace"]
            pointer = document(directory / "pointer.yaml")
            assert service["spec"]["predictor"]["model"]["storageUri"] == pointer["source"]


def test_only_go_itself_is_asked_for_more_than_fields(land: Land) -> None:
    for path in (land.top / "deploy/argocd").iterdir():
        for action in _ACTION.findall(path.read_text()):
            assert re.fullmatch(r" \.[a-z.]+ ", action), action


def test_a_field_that_no_pointer_has_is_an_error_and_not_an_empty_word(land: Land) -> None:
    parameters = git_file_parameters(
        land.top, next(land.top.glob("models/**/pointer.yaml")).relative_to(land.top).as_posix()
    )
    with pytest.raises(AssertionError, match="no entry for key"):
        go_rendered({"name": "{{ .modell }}"}, parameters)


def test_a_pointer_that_was_written_after_the_tree_needs_no_new_tree(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    land.init("argocd")
    land.registry.register("credit", "s3://acme/credit/1", read=False)
    land.registry.transition("credit", 1, "Staging")
    staging = document(land.top / "deploy/argocd/staging.yaml")
    assert [one["metadata"]["name"] for one in applications(git, land.top, staging)] == [
        "credit-staging",
        "fraud-staging",
    ]
    assert not land.init("argocd").changed


def test_only_the_models_and_stages_that_were_asked_for_are_deployed(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    land.init("argocd", models=("fr*",), stages=("dev",))
    (only,) = [document(path) for path in (land.top / "deploy/argocd").iterdir()]
    assert [one["metadata"]["name"] for one in applications(git, land.top, only)] == ["fraud-dev"]


def test_a_copy_of_an_application_set_deploys_an_alias(tmp_path: Path, git: Git, application_crd: Crd) -> None:
    land = new_land(tmp_path / "registry")
    land.init("argocd")
    land.registry.set_alias("fraud", "champion", 2)
    copy = land.top / "deploy/argocd/champion.yaml"
    text = (land.top / "deploy/argocd/production.yaml").read_text()
    copy.write_text(text.replace("models/*/stages/Production/pointer.yaml", "models/*/aliases/champion/pointer.yaml"))
    (application,) = applications(git, land.top, document(copy))
    assert application_crd.problems(application) == []
    (service,) = kustomize(application_directory(git, land.top, application, tmp_path / "scratch"))
    assert (service["metadata"]["name"], service["metadata"]["namespace"]) == ("fraud-champion", "models")
    assert service["metadata"]["labels"]["registry-git.dev/version"] == "2"
