"""What Flux is given: a source where only pointers and deploy/ can roll anything, and a Kustomization for each slot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Git
from tests.gitops_scene import URL, Land, new_land
from tests.gitops_tools import document, kustomize


@pytest.fixture(scope="module", params=["flat", "fanout"])
def land(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Land:
    made = new_land(tmp_path_factory.mktemp("flux") / "registry", layout=request.param)
    made.registry.add_comment("fraud", 1, "Looks well.")
    made.registry.set_alias("fraud", "champion", 1)
    made.registry.approve(made.registry.request_stage("fraud", 2, "Dev").request)
    made.init("flux")
    return made


@pytest.fixture(scope="module")
def built(land: Land) -> dict[str, dict[str, Any]]:
    """What `kubectl apply -k deploy/flux` would send, by kind and name."""
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in kustomize(land.top / "deploy/flux")}


def test_one_apply_brings_the_source_the_tree_itself_and_every_slot(built: dict[str, dict[str, Any]]) -> None:
    assert list(built) == [
        "Kustomization/acme-models",
        "Kustomization/churn-dev",
        "Kustomization/fraud-dev",
        "Kustomization/fraud-production",
        "GitRepository/acme-models",
    ]
    assert {one["metadata"]["namespace"] for one in built.values()} == {"flux-system"}
    assert built["GitRepository/acme-models"]["spec"]["url"] == URL
    source = {"kind": "GitRepository", "name": "acme-models"}
    assert all(one["spec"]["sourceRef"] == source for name, one in built.items() if name.startswith("Kustomization"))


def test_every_kustomization_builds_its_model_and_leaves_it_running_when_the_model_leaves(
    land: Land, built: dict[str, dict[str, Any]]
) -> None:
    for label in ("churn-dev", "fraud-dev", "fraud-production"):
        spec = built[f"Kustomization/{label}"]["spec"]
        assert (spec["prune"], spec["wait"]) == (False, True)
        (service,) = kustomize(land.top / spec["path"])
        assert service["metadata"]["name"] == label
    own = built["Kustomization/acme-models"]["spec"]
    assert (own["path"], own["prune"]) == ("./deploy/flux", True)


def test_the_source_holds_pointers_and_deploy_alone(
    land: Land, built: dict[str, dict[str, Any]], git: Git, tmp_path: Path
) -> None:
    """Flux reads `ignore` as git reads .gitignore, so git is asked which of the registry's files it leaves."""
    git(tmp_path, "init", "-q")
    (tmp_path / ".git/info/exclude").write_text(built["GitRepository/acme-models"]["spec"]["ignore"])
    every = git(land.top, "ls-files").split("\n")
    for path in every:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x\n")
    left = git(tmp_path, "ls-files", "--others", "--exclude-standard").split("\n")
    wanted = [path for path in every if path.startswith("deploy/") or "/stages/" in path or "/aliases/" in path]
    assert sorted(left) == sorted(wanted)
    assert any("/aliases/champion/" in path for path in left)
    gone = {path.split("/")[-2] for path in set(every) - set(left) if path.startswith("models/")}
    assert {"versions", "requests"} <= gone


def test_a_source_built_from_what_is_left_still_builds(
    land: Land, built: dict[str, dict[str, Any]], git: Git, tmp_path: Path
) -> None:
    for path in git(land.top, "ls-files").split("\n"):
        if path.startswith("deploy/") or "/stages/" in path:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes((land.top / path).read_bytes())
    assert len(kustomize(tmp_path / "deploy/overlays/dev")) == 2


def test_an_address_in_the_manner_of_scp_becomes_one_that_flux_takes(tmp_path: Path) -> None:
    from registry_git.gitops.initialise import initialise
    from registry_git.gitops.settings import Wanted

    land = new_land(tmp_path / "registry")
    initialise(land.registry, Wanted(tools=["flux"], repo_url="git@git.acme.io:ml/models.git", branch="live"))
    spec = document(land.top / "deploy/flux/source.yaml")["spec"]
    assert spec["url"] == "ssh://git@git.acme.io/ml/models.git"
    assert spec["ref"] == {"branch": "live"}


def test_a_model_that_left_a_stage_stops_its_own_kustomization_and_no_other(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.init("flux")
    land.registry.transition("churn", 1, "None")
    (service,) = kustomize(land.overlay("dev", "fraud"))
    assert service["metadata"]["name"] == "fraud-dev"
    land.init("flux")
    assert not land.overlay("dev", "churn").exists()
    assert "churn-dev" not in str(kustomize(land.top / "deploy/flux"))
