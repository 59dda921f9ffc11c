"""`gitops init`: what it writes, what it leaves alone, and who may ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Corrupt, Invalid, NotFound, PermissionDenied
from registry_git.gitops.initialise import Outcome, initialise
from registry_git.gitops.settings import Wanted
from tests.cli_program import Cli
from tests.conftest import Git
from tests.gate_scene import Yard, make_guarded
from tests.gitops_scene import URL, Land, new_land
from tests.gitops_tools import document, kustomize
from tests.registry_scene import ALICE, BOB, LEADS, healthy, new_registry

TOOLS = ("argocd", "flux", "kustomize", "helm")


@pytest.fixture
def land(tmp_path: Path) -> Land:
    return new_land(tmp_path / "registry")


def commits(git: Git, land: Land) -> int:
    return int(git(land.top, "rev-list", "--count", "main"))


def test_a_tree_for_all_tools_is_one_commit_that_check_finds_well(land: Land, git: Git) -> None:
    before = commits(git, land)
    outcome = land.init(*TOOLS)
    assert commits(git, land) == before + 1
    assert outcome.commit == git(land.top, "rev-parse", "main")
    shown = git(land.top, "show", "--name-only", "--format=%s%n%an", "main").split("\n")
    assert shown[:2] == ["Write deploy/ for GitOps tools", "Alice"]
    assert tuple(shown[3:]) == outcome.written
    assert git(land.top, "status", "--porcelain") == ""
    healthy(git, land.top, land.registry)


def test_a_second_time_changes_nothing(land: Land, git: Git) -> None:
    first = land.init(*TOOLS)
    again = initialise(land.registry, Wanted())
    assert again == Outcome(commit=first.commit, changed=False, written=(), removed=(), kept=(), notes=first.notes)


def test_a_file_that_was_changed_by_hand_stays_until_it_is_forced(land: Land, git: Git) -> None:
    land.init("kustomize")
    path = "deploy/environments/production/kustomization.yaml"
    made = (land.top / path).read_text()
    (land.top / path).write_text(made + "commonAnnotations: {team: risk}\n")
    git(land.top, "commit", "-q", "-a", "-m", "Our team")
    kept = land.init("kustomize", namespace="serving")
    assert kept.kept == (path,)
    assert "team: risk" in (land.top / path).read_text()
    assert "namespace: serving" in (land.top / "deploy/environments/staging/kustomization.yaml").read_text()
    again = land.init("kustomize")
    assert (again.changed, again.kept) == (False, (path,))
    forced = land.init("kustomize", force=True)
    assert forced.written == (path,)
    assert (land.top / path).read_text() == made.replace("namespace: models", "namespace: serving")


def test_a_file_that_somebody_else_put_there_first_is_theirs(land: Land, git: Git) -> None:
    (land.top / "deploy/helm").mkdir(parents=True)
    (land.top / "deploy/helm/Chart.yaml").write_text("apiVersion: v2\nname: ours\nversion: 9.9.9\n")
    (land.top / "deploy/notes.txt").write_text("ours\n")
    git(land.top, "add", "deploy")
    git(land.top, "commit", "-q", "-m", "Our chart")
    outcome = land.init("helm")
    assert outcome.kept == ("deploy/helm/Chart.yaml",)
    assert "name: ours" in (land.top / "deploy/helm/Chart.yaml").read_text()
    assert (land.top / "deploy/notes.txt").read_text() == "ours\n"


def test_a_second_tool_adds_to_the_first_and_another_runtime_takes_the_old_one_away(land: Land) -> None:
    land.init("argocd")
    added = land.init("helm")
    assert (land.top / "deploy/argocd/production.yaml").is_file()
    assert "deploy/helm/Chart.yaml" in added.written
    other = land.init(runtime="seldon")
    assert "deploy/components/kserve/kustomization.yaml" in other.removed
    assert not (land.top / "deploy/components/kserve").exists()
    assert document(land.top / "deploy/gitops.yaml")["tools"] == ["argocd", "helm"]


def test_a_model_that_came_to_a_stage_gets_its_overlay_and_one_that_left_loses_it(land: Land) -> None:
    land.init("kustomize", "flux")
    land.registry.transition("fraud", 2, "Dev")
    land.registry.transition("churn", 1, "Production")
    outcome = initialise(land.registry, Wanted())
    written, removed = set(outcome.written), set(outcome.removed)
    assert {"deploy/overlays/production/churn/kustomization.yaml", "deploy/flux/production/churn.yaml"} <= written
    assert {"deploy/overlays/staging/kustomization.yaml", "deploy/flux/staging/fraud.yaml"} <= removed
    assert [one["metadata"]["name"] for one in kustomize(land.top / "deploy/overlays/production")] == [
        "churn-production",
        "fraud-production",
    ]


def test_no_two_slots_share_a_file(land: Land) -> None:
    policy = (land.top / "registry.yaml").read_text()
    land.registry.set_policy(policy.replace("- name: Dev\n", "- name: Dev\n- name: EU\n- name: EU-Dev\n"))
    for model, stage in (("dev-x", "EU"), ("x", "EU-Dev")):
        land.registry.register(model, f"s3://acme/{model}", read=False)
        land.registry.transition(model, 1, stage)
    land.init("flux")
    names = [one["metadata"]["name"] for one in kustomize(land.top / "deploy/flux")]
    assert {"dev-x-eu", "x-eu-dev"} <= set(names)


def test_settings_can_be_changed_in_their_file(land: Land, git: Git) -> None:
    land.init("kustomize")
    record = land.top / "deploy/gitops.yaml"
    record.write_text(record.read_text().replace("namespace: models", "namespace: edited"))
    git(land.top, "commit", "-q", "-a", "-m", "Another namespace")
    initialise(land.registry, Wanted())
    assert document(land.top / "deploy/environments/dev/kustomization.yaml")["namespace"] == "edited"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("runtime: kserve", "runtime: knative", "There is no runtime 'knative'"),
        ("namespace: models", "namespace: Models!", "'Models!' is no namespace"),
        ("namespace: models", "nmespace: models", "It says 'nmespace', which is no setting"),
        ("tools:\n- kustomize", "tools: kustomize", "A list of names is needed"),
    ],
)
def test_a_slip_in_the_settings_is_named_with_its_file(land: Land, git: Git, old: str, new: str, says: str) -> None:
    land.init("kustomize")
    record = land.top / "deploy/gitops.yaml"
    record.write_text(record.read_text().replace(old, new))
    git(land.top, "commit", "-q", "-a", "-m", "A slip")
    with pytest.raises(Corrupt, match=says) as raised:
        initialise(land.registry, Wanted())
    assert raised.value.path == "deploy/gitops.yaml"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(), "No tool is named"),
        (Wanted(tools=["argo"]), "There is no tool 'argo'"),
        (Wanted(tools=["argocd"]), "argocd has to know where the registry is"),
        (Wanted(tools=["helm"], runtime="vm"), "There is no runtime 'vm'"),
        (Wanted(tools=["compose"], runtime="kserve"), "Compose runs containers, and the runtime is kserve"),
        (Wanted(tools=["helm"], namespace="a b"), "'a b' is no namespace"),
        (Wanted(tools=["helm"], repo_url="nowhere"), "'nowhere' is no URL"),
        (Wanted(tools=["helm"], image="an image"), "'an image' is no image"),
        (Wanted(tools=["helm"], branch=""), "'' is no branch"),
        (Wanted(tools=["helm"], stages=["Nowhere"]), "This registry has no stage 'Nowhere'"),
        (Wanted(tools=["helm"], stages=["None"]), "The stage None deploys nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_and_writes_nothing(land: Land, git: Git, wanted: Wanted, says: str) -> None:
    before = commits(git, land)
    with pytest.raises(Invalid, match=says) as raised:
        initialise(land.registry, wanted)
    assert raised.value.hint
    assert commits(git, land) == before


def test_the_remote_is_the_address_that_the_tools_get(tmp_path: Path) -> None:
    new_registry(tmp_path / "acme.git", versions=1)
    clone = registry_git.clone(f"file://{tmp_path / 'acme.git'}", tmp_path / "clone", actor=ALICE)
    initialise(clone, Wanted(tools=["argocd"]))
    spec = document(tmp_path / "clone/deploy/argocd/production.yaml")["spec"]
    assert spec["template"]["spec"]["source"]["repoURL"] == f"file://{tmp_path / 'acme.git'}"
    told = f"A cluster does not read file://{tmp_path / 'acme.git'}. Say where it reaches the registry with --repo-url."
    assert told in initialise(clone, Wanted()).notes
    assert told not in initialise(clone, Wanted(repo_url=URL)).notes


def test_a_policy_that_guards_edits_guards_the_tree(tmp_path: Path, git: Git) -> None:
    place = tmp_path / "registry"
    as_ = new_registry(place, versions=1, roles=LEADS, rules="rules:\n- {on: edit, by: [ml-leads]}\n")
    wanted = Wanted(tools=["argocd"], repo_url=URL)
    with pytest.raises(PermissionDenied, match="rule on edit") as raised:
        initialise(as_(ALICE), wanted)
    assert "ml-leads" in raised.value.hint
    assert "--to" in raised.value.hint
    git(place, "checkout", "-q", "-b", "deploy")
    outcome = initialise(as_(ALICE), wanted, to=place)
    assert "deploy/argocd/production.yaml" in outcome.written
    git(place, "add", "deploy")
    git(place, "commit", "-q", "-m", "Deploy", "--author", ALICE)
    assert [(one.level, one.rule.value) for one in as_(BOB).gate("main", "deploy").faults] == [("error", "policy")]
    git(place, "commit", "-q", "--amend", "--no-edit", "--author", BOB)
    assert as_(BOB).gate("main", "deploy").clean
    git(place, "checkout", "-q", "main")
    assert initialise(as_(BOB), wanted).written == outcome.written


@pytest.mark.parametrize("link", ["deploy", "deploy/README.md"])
def test_nothing_is_written_through_a_link_out_of_the_work_tree(land: Land, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    if link == "deploy":
        outside.mkdir()
    else:
        (land.top / "deploy").mkdir()
    (land.top / link).symlink_to(outside)
    with pytest.raises(Invalid, match="is a symbolic link"):
        initialise(land.registry, Wanted(tools=["helm"]), to=land.top)
    assert not outside.exists() or not list(outside.iterdir())
    assert not (land.top / "deploy" / "gitops.yaml").exists()


def test_a_work_tree_keeps_what_was_changed_there_and_not_committed(land: Land) -> None:
    land.init("helm")
    values = land.top / "deploy/helm/values.yaml"
    values.write_text("serving: {format: mlflow}\n")
    outcome = initialise(land.registry, Wanted(namespace="other", model_format="xgboost"), to=land.top)
    assert outcome.kept == ("deploy/helm/values.yaml",)
    assert values.read_text() == "serving: {format: mlflow}\n"
    assert "namespace: other" in (land.top / "deploy/gitops.yaml").read_text()
    with pytest.raises(NotFound, match="There is no directory"):
        initialise(land.registry, Wanted(), to=land.top / "nowhere")


def test_check_warns_of_a_tree_that_lags_behind_its_registry(land: Land, git: Git) -> None:
    cli = Cli(registry=land.top)
    land.init("kustomize", "argocd")
    assert "All manifests are well." in cli("check").out
    land.registry.transition("churn", 1, "Production")
    (finding,) = cli.json("check")
    assert (finding["level"], finding["path"], finding["fix"]) == ("warning", "deploy", "registry-git gitops init")
    assert "deploy/overlays/dev/churn/kustomization.yaml, and 4 more" in finding["message"]
    initialise(land.registry, Wanted())
    land.registry.relayout("fanout")
    assert [one["level"] for one in cli.json("check")] == ["warning"]
    initialise(land.registry, Wanted())
    assert cli.json("check") == []
    record = land.top / "deploy/gitops.yaml"
    record.write_text("tools: [argo]\n")
    git(land.top, "commit", "-q", "-a", "-m", "A slip")
    assert "There is no tool 'argo'" in cli("check", code=7).out


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(land: Land, git: Git) -> None:
    before = commits(git, land)
    outcome = initialise(land.registry, Wanted(tools=["helm"]), dry_run=True)
    assert "deploy/helm/Chart.yaml" in outcome.written
    assert (outcome.changed, outcome.commit) == (False, "")
    assert commits(git, land) == before
    assert not (land.top / "deploy").exists()


def test_a_hook_that_guards_the_registry_takes_the_tree(tmp_path: Path, git: Git) -> None:
    bare = tmp_path / "acme.git"
    make_guarded(bare)
    yard = Yard(bare=bare, git=git)
    outcome = initialise(yard.as_(ALICE), Wanted(tools=["argocd", "kustomize"], repo_url=URL))
    assert git(bare, "rev-parse", "main") == outcome.commit
    assert yard.as_(BOB).check() == []


def test_models_that_kubernetes_would_call_otherwise_are_told(land: Land) -> None:
    land.registry.register("Fraud_Model", "s3://acme/x", read=False)
    land.registry.transition("Fraud_Model", 1, "Dev")
    notes = land.init("kustomize").notes
    assert any(note.startswith("The model name 'Fraud_Model' is no DNS-1123 label") for note in notes)
    assert any("Fraud_Model v1" in note and "--model-format" in note for note in notes)


def test_a_source_that_only_one_machine_reads_is_told(land: Land) -> None:
    here = "A cluster does not read paths of one machine: fraud v1, fraud v2. Register such files with --upload URL."
    assert here in land.init("kustomize").notes
    land.registry.transition("fraud", 2, "Archived")
    land.registry.transition("fraud", 1, "Archived")
    assert not [note for note in land.init("kustomize").notes if "one machine" in note]  # churn is at s3://


def test_a_machine_that_runs_compose_may_read_its_own_paths(tmp_path: Path) -> None:
    notes = new_land(tmp_path / "compose").init("compose", runtime="deployment").notes
    assert not [note for note in notes if "one machine" in note]


def test_a_registry_that_deploys_nothing_yet_is_told_why(tmp_path: Path) -> None:
    registry = registry_git.init(tmp_path / "new", actor=ALICE, durable=False)
    (note,) = initialise(registry, Wanted(tools=["helm", "kustomize"])).notes
    assert note.startswith("Nothing is in a stage yet")
    policy = (tmp_path / "new/registry.yaml").read_text()
    for stage in ("Staging", "Production"):
        policy = policy.replace(f"- name: {stage}\n", f"- name: {stage}\n  serving: false\n")
    registry.set_policy(policy)
    outcome = initialise(registry, Wanted())
    assert outcome.notes == ("No stage of this registry serves, so nothing is deployed. Name one with --stage.",)
    assert outcome.removed
    (note, _) = initialise(registry, Wanted(models=["fr*"])).notes
    assert note == "No model is called 'fr*' yet."


def test_the_readme_of_the_tree_names_what_has_to_be_there(tmp_path: Path) -> None:
    land = new_land(tmp_path / "registry")
    land.init(*TOOLS, namespace="ml-{environment}")
    text = (land.top / "deploy/README.md").read_text()
    assert f"The cluster reads `{URL}`, so `main` has to be pushed there" in text
    assert "`kubectl create namespace` comes first, for ml-dev, ml-staging, ml-production." in text
    assert "deploy/helm --namespace ml-production --create-namespace -f models/fraud/stages/Production/" in text


def test_the_command_tells_what_it_did_and_what_it_left(land: Land, git: Git) -> None:
    cli = Cli(registry=land.top)
    told = cli("gitops", "init", "--tool", "helm").out
    assert "written  deploy/helm/Chart.yaml" in told
    assert told.endswith("deploy/README.md says what to run.\n")
    assert "deploy/ is as it should be." in cli("gitops", "init").out
    (land.top / "deploy/helm/values.yaml").write_text("serving: {format: mlflow}\n")
    git(land.top, "commit", "-q", "-a", "-m", "Ours")
    told = cli("gitops", "init", "--model-format", "sklearn").out
    assert "kept     deploy/helm/values.yaml  (changed by hand; --force writes over it)" in told
