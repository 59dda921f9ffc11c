"""The gate and deployments: hands that move pointers and jobs are judged no less than commands, in pushes and in CI."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import registry_git
from registry_git import DeploymentSpec
from registry_git.core.errors import Conflict, PermissionDenied
from tests.ci_scene import Checkout
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, DAVE, POINTER, VERSION, Yard, make_guarded
from tests.registry_scene import healthy, policy_text, true_merges

JOB = "deployments/{}.yaml"
RULE = "- {on: deployment, to: [production], approvals: 1, by: [ml-leads], four_eyes: true}\n"


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v2 is in Staging, which staging/scorer follows; production/scorer follows Production, and batch/old is on v3."""
    path = tmp_path_factory.mktemp("guarded") / "models.git"
    make_guarded(path)
    alice, bob = (registry_git.open(path, actor=actor, durable=False) for actor in (ALICE, BOB))
    bob.approve(alice.request_policy(policy_text(alice).replace("rules:\n", f"rules:\n{RULE}")).id)
    alice.transition("fraud", 2, "Staging")
    alice.add_deployment("staging", "scorer", model="fraud", stage="Staging")
    alice.add_deployment("batch", "old", model="fraud", version=3)
    spec = DeploymentSpec(model="fraud", stage="Production")
    bob.approve(alice.request_deployment("production", "scorer", "add", spec).id)
    return path


@pytest.fixture
def yard(_template: Path, tmp_path: Path, git: Git) -> Yard:
    shutil.copytree(_template, tmp_path / "models.git")
    return Yard(bare=tmp_path / "models.git", git=git)


def moved(yard: Yard, version: int) -> dict[str, str | None]:
    """The files of Staging with another version in it, as a hand writes them."""
    path = POINTER.format("Staging")
    text = yard.text(path).replace("version: '2'", f"version: '{version}'").replace("[2]", f"[{version}]")
    return {path: text.replace("fraud/2", f"fraud/{version}").replace("request: '", "request: 'x")}


def rolled(yard: Yard, place: str, version: int) -> dict[str, str | None]:
    """The file of a deployment that uses another version."""
    text = yard.text(JOB.format(place))
    old = text.partition("resolved:\n  version: '")[2].partition("'")[0]
    new = text.replace(f"\n  version: '{old}'", f"\n  version: '{version}'").replace(f"fraud/{old}", f"fraud/{version}")
    return {JOB.format(place): new.replace("since: '20", "since: '21")}


@pytest.mark.slow
def test_our_client_does_everything_with_deployments_through_the_hook(yard: Yard, git: Git) -> None:
    alice, bob = yard.as_(ALICE), yard.as_(BOB)
    alice.follow_deployment("staging", "scorer", follow="request")
    alice.transition("fraud", 3, "Staging", archive_existing=True)
    (roll,) = alice.requests()
    bob.approve(roll.id)
    assert bob.deployment("staging", "scorer").version == 3
    alice.transition("fraud", 2, "Staging", archive_existing=True, force=True, comment="The batch job stays behind.")
    with pytest.raises(PermissionDenied, match=r"registry-git deployment pin production scorer 1 --request"):
        alice.pin_deployment("production", "scorer", 1)
    with pytest.raises(Conflict, match="batch/old uses v3"):
        alice.delete("fraud", version=3, leaving=True)
    assert [roll.version for roll in alice.requests()] == [2]
    assert true_merges(git, yard.bare) == 4
    healthy(git, yard.bare, registry_git.open(yard.bare, actor=BOB))


def test_a_hand_that_moves_a_pointer_moves_what_follows(yard: Yard) -> None:
    clone = yard.hand(DAVE, moved(yard, 3))
    yard.push(clone, "main", actor=DAVE).refused(
        "staging/scorer follows fraud/Staging, which is v3, and its `resolved` says v2", "in the same commit"
    )


def test_a_hand_that_moves_both_goes_in_where_no_rule_is_on_deployments(yard: Yard) -> None:
    clone = yard.hand(DAVE, {**moved(yard, 3), **rolled(yard, "staging/scorer", 3)})
    yard.push(clone, "main", actor=DAVE).taken()
    assert yard.as_(ALICE).deployment("staging", "scorer").version == 3


@pytest.mark.parametrize("how", ["owner", "remove", "pin", "new"])
def test_a_declaration_by_hand_is_judged_by_the_rule_on_its_environment(yard: Yard, how: str) -> None:
    path = JOB.format("production/scorer")
    text = yard.text(path)
    files: dict[str, str | None] = {
        "owner": {path: text.replace("owner: Alice <alice@acme.io>", "owner: Dave <dave@acme.io>")},
        "remove": {path: None},
        "pin": {path: text.replace("stage: Production", "version: '1'").replace("follow: auto", "follow: pinned")},
        "new": {JOB.format("production/two"): text.replace("name: scorer", "name: two")},
    }[how]
    clone = yard.hand(DAVE, files)
    yard.push(clone, "main", actor=DAVE).refused("Rule on deployment to production for *", "1 approval by ml-leads")


def test_a_hand_may_declare_where_no_rule_forbids(yard: Yard) -> None:
    text = yard.text(JOB.format("staging/scorer")).replace("name: scorer", "name: two")
    clone = yard.hand(DAVE, {JOB.format("staging/two"): text})
    yard.push(clone, "main", actor=DAVE).taken()


def test_a_hand_does_not_delete_what_is_in_use(yard: Yard) -> None:
    model = yard.text("models/fraud/model.yaml")
    clone = yard.hand(DAVE, {VERSION.format(3): None, "models/fraud/model.yaml": f"{model}last_deleted: 3\n"})
    yard.push(clone, "main", actor=DAVE).refused("Deployment batch/old uses v3 of fraud, which would be deleted")


def test_a_hand_does_not_empty_what_is_followed(yard: Yard) -> None:
    path = POINTER.format("Staging")
    clone = yard.hand(DAVE, {path: None, path.replace("pointer", "kustomization"): None})
    yard.push(clone, "main", actor=DAVE).refused("staging/scorer uses v2 of fraud, which would be in no serving stage")


def test_ci_says_what_a_branch_by_hand_would_do_to_deployments(yard: Yard, git: Git, tmp_path: Path) -> None:
    git(yard.bare, "branch", "topic", "main")
    path = POINTER.format("Staging")
    files = {path: None, path.replace("pointer", "kustomization"): None}
    clone = yard.hand(DAVE, files, branch="topic")
    git(yard.bare, "fetch", "--quiet", clone, "+topic:topic")
    job = Checkout(yard, "topic")
    assert job.rules(code=5) == {"in-use"}


def test_the_summary_of_a_request_lists_the_deployments_that_it_rolls(yard: Yard, tmp_path: Path) -> None:
    alice = yard.as_(ALICE)
    alice.add_deployment("batch", "new", model="fraud", stage="Production", follow="request")
    asked = alice.request_stage("fraud", 3, "Production", archive_existing=True, id="alices-2")
    page = tmp_path / "summary.md"
    Checkout(yard, asked.branch).check("--summary", str(page))
    assert "| deployment | follows | from | to |" in page.read_text()
    assert "| production/scorer | fraud/Production | v1 | v3 |" in page.read_text()
    assert "Requests would follow for: batch/new to v3." in page.read_text()


def test_a_request_branch_that_forgets_a_deployment_is_refused(yard: Yard, git: Git) -> None:
    asked = yard.as_(ALICE).request_stage("fraud", 3, "Production", archive_existing=True)
    clone = yard.hand(
        ALICE, {JOB.format("production/scorer"): yard.text(JOB.format("production/scorer"))}, branch=asked.branch
    )
    yard.push(clone, asked.branch, actor=ALICE).refused("changes something else than request")
