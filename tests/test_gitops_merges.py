"""Promotions beside a `deploy/` tree as plain git merges them: they conflict exactly when they aim at one slot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Git
from tests.gitops_scene import Land, new_land
from tests.gitops_tools import document, kustomize


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    made = new_land(tmp_path_factory.mktemp("merges") / "registry")
    made.registry.register("churn", "s3://acme/churn/2", read=False)
    made.registry.register("fraud", "s3://acme/fraud/3", read=False)
    made.registry.transition("churn", 1, "Production", add=True)
    made.init("argocd", "flux", "kustomize", "helm")
    for model in ("fraud", "churn"):
        for stage in ("Dev", "Production"):
            made.registry.add_deployment(stage.lower(), f"{model}-job", model=model, stage=stage, workload="job")
    return made


def asked(land: Land, model: str, version: int, stage: str) -> str:
    """The branch of a request, made on today's main."""
    return f"request/{model}/{land.registry.request_stage(model, version, stage).request}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("fraud", 2, "Production"), ("churn", 2, "Production")),
        (("fraud", 3, "Staging"), ("fraud", 3, "Dev")),
        (("fraud", 3, "Production"), ("churn", 2, "Staging")),
    ],
    ids=["two models", "two stages of a model", "two models and two stages"],
)
def test_two_promotions_to_two_slots_merge_cleanly_and_both_roll(
    land: Land, git: Git, tmp_path: Path, first: tuple[str, int, str], second: tuple[str, int, str]
) -> None:
    branches = [asked(land, *first), asked(land, *second)]
    git(land.top, "worktree", "add", "-q", "--detach", tmp_path / "merged", "main")
    for branch in branches:
        git(tmp_path / "merged", "merge", "-q", "--no-ff", "-m", "Merge", branch)
    changed = git(tmp_path / "merged", "diff", "--name-only", "main").split("\n")
    assert [path for path in changed if path.startswith("deploy/")] == []
    for model, version, stage in (first, second):
        built = kustomize_slot(tmp_path / "merged", model, stage)
        assert built["metadata"]["labels"]["registry-git.dev/version"] == str(version)
        job = tmp_path / f"merged/deployments/{stage.lower()}/{model}-job.yaml"
        assert not job.exists() or document(job)["resolved"]["version"] == str(version)


def kustomize_slot(top: Path, model: str, stage: str) -> dict[str, dict[str, dict[str, str]]]:
    """What runs in a slot: by its overlay, where there is one already, else by the component on the pointer."""
    overlay = top / "deploy/overlays" / stage.lower() / model
    if not overlay.exists():
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(
            f"resources: [../../../../models/{model}/stages/{stage}]\n"
            f"components: [../../../environments/{stage.lower()}]\n"
        )
    (found,) = kustomize(overlay)
    return found


@pytest.mark.parametrize("second", [3, 2], ids=["two versions", "one version, asked for twice"])
def test_two_promotions_to_one_slot_conflict_in_its_pointer_and_in_what_follows_it_alone(
    land: Land, git: Git, tmp_path: Path, second: int
) -> None:
    branches = [asked(land, "fraud", 2, "Production"), asked(land, "fraud", second, "Production")]
    git(land.top, "worktree", "add", "-q", "--detach", tmp_path / "merged", "main")
    git(tmp_path / "merged", "merge", "-q", "--no-ff", "-m", "Merge", branches[0])
    git(tmp_path / "merged", "merge", "-q", "--no-ff", "-m", "Merge", branches[1], check=False)
    conflicts = git(tmp_path / "merged", "diff", "--name-only", "--diff-filter=U").split("\n")
    assert "models/fraud/stages/Production/pointer.yaml" in conflicts
    assert "deployments/production/fraud-job.yaml" in conflicts
    conflicts.remove("deployments/production/fraud-job.yaml")
    assert all(path.startswith("models/fraud/stages/") for path in conflicts)


def test_a_new_tree_and_a_promotion_merge_cleanly(tmp_path: Path, git: Git) -> None:
    land = new_land(tmp_path / "registry")
    land.init("argocd", "kustomize")
    branch = asked(land, "fraud", 2, "Production")
    land.init("helm", namespace="serving")
    git(land.top, "worktree", "add", "-q", "--detach", tmp_path / "merged", "main")
    git(tmp_path / "merged", "merge", "-q", "--no-ff", "-m", "Merge", branch)
    built = kustomize_slot(tmp_path / "merged", "fraud", "Production")
    assert built["metadata"]["labels"]["registry-git.dev/version"] == "2"
    assert built["metadata"]["namespace"] == "serving"
