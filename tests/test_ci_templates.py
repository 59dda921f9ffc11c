"""The CI templates: their commands are run as a job runs them, on a request and after its merge."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry_git.core.rules import ForgeKind
from tests.ci_scene import ASKED, Checkout, plain_registry
from tests.cli_program import BIN
from tests.conftest import Git
from tests.forge_server import REPOSITORY
from tests.forge_world import World, world
from tests.gate_scene import ALICE, VERSION, Yard
from tests.registry_scene import hand_commit, policy_text

CI = Path(__file__).parent.parent / "examples" / "ci"
KINDS = {
    "gitea.yml": ForgeKind.GITEA,
    "github.yml": ForgeKind.GITHUB,
    "gitlab-ci.yml": ForgeKind.GITLAB,
    "woodpecker.yml": ForgeKind.GITEA,
}
WORKFLOWS = ["gitea.yml", "github.yml"]
TOKEN = "carol-s3cr3t-t0ken"  # the account that CI reconciles with


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plain_registry(tmp_path_factory.mktemp("plain") / "models.git")


@pytest.fixture
def yard(_template: Path, tmp_path: Path, git: Git) -> Yard:
    shutil.copytree(_template, tmp_path / "models.git")
    return Yard(bare=tmp_path / "models.git", git=git)


def read(template: str) -> Any:
    return yaml.safe_load((CI / template).read_text())


def commands(template: str, job: str) -> tuple[list[str], dict[str, Any]]:
    """The commands of a job, for a pull request where it has several, and the variables that it is given."""
    text = read(template)
    if template == "gitlab-ci.yml":
        lines, given = [*text[job]["before_script"], *text[job]["script"]], text[job]["variables"]
    elif template == "woodpecker.yml":
        lines, given = text["steps"][job]["commands"], text["steps"][job].get("environment", {})
    else:
        steps = [one for one in text["jobs"][job]["steps"] if "run" in one and "== 'push'" not in one.get("if", "")]
        lines, given = [one["run"] for one in steps], steps[-1].get("env", {})
    return [line for line in lines if "pip install" not in line], given


def ran(place: Path, lines: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", "set -e\n" + "\n".join(lines)],
        cwd=place,
        env={**os.environ, **env, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("template", KINDS)
def test_a_ci_template_runs_in_a_plain_clone(yard: Yard, template: str) -> None:
    job = Checkout(yard)
    lines, given = commands(template, "registry")
    assert lines
    env = {"BASE": "origin/main"} if "BASE" in given else {}
    env |= {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_COMMIT_TARGET_BRANCH": "main"}
    done = ran(job.place, lines, env)
    assert done.returncode == 0, done.stdout + done.stderr
    hand_commit(yard.git, yard.bare, ASKED, {"README.md": "more\n"}, author=ALICE)
    Checkout(yard)
    done = ran(job.place, lines, env)
    assert done.returncode == 2, done.stdout + done.stderr


@pytest.mark.parametrize("template", WORKFLOWS)
def test_a_workflow_fetches_the_whole_history_of_the_request_itself(template: str) -> None:
    text = (CI / template).read_text()
    job = read(template)
    for name, what in (("registry", "pull_request.head.sha"), ("reconcile", "main")):
        checkout = next(step for step in job["jobs"][name]["steps"] if "checkout" in step.get("uses", ""))
        assert checkout["with"]["fetch-depth"] == 0
        assert what in checkout["with"]["ref"]
    assert "pull_request_target" not in text
    if template == "github.yml":
        assert "merge_group" in job[True]  # YAML 1.1 reads the key `on` as true
        assert job["permissions"] == {"contents": "read"}
        assert job["jobs"]["reconcile"]["permissions"] == {"contents": "write", "pull-requests": "read"}


class Job:
    """The job `reconcile` of a template, after `made` has happened on a forge of its kind."""

    def __init__(self, template: str, made: World, place: Path, git: Git) -> None:
        self.template, self.made, self.place = template, made, place
        git(place.parent, "clone", "--quiet", "--no-checkout", made.forge.bare, place)
        git(place, "checkout", "--quiet", *(() if template in WORKFLOWS else ("--detach",)), "origin/HEAD")
        git(place, "branch", "--quiet", "-D", "main", check=False)
        if template in WORKFLOWS:  # `actions/checkout` is on main, and leaves its token behind in this way
            git(place, "checkout", "--quiet", "-B", "main", "origin/main")
            git(place, "remote", "set-url", "origin", f"{made.forge.url}/{REPOSITORY}.git")
            secret = b64encode(f"x-access-token:{TOKEN}".encode()).decode()
            git(place, "config", f"http.{made.forge.url}/.extraheader", f"AUTHORIZATION: basic {secret}")

    def run(self) -> str:
        lines, given = commands(self.template, "reconcile")
        url = f"{self.made.forge.url}/{REPOSITORY}"
        env = {"CI_PROJECT_URL": url, "CI_REPO_CLONE_URL": f"{url}.git", "REGISTRY_GIT_FORGE_TOKEN": TOKEN}
        env["REGISTRY_GIT_ACTOR"] = given["REGISTRY_GIT_ACTOR"]
        done = ran(self.place, lines, env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout


@pytest.mark.parametrize("template", KINDS)
def test_the_job_after_a_merge_writes_the_verdict_to_main_of_the_forge(template: str, tmp_path: Path, git: Git) -> None:
    with world(KINDS[template], tmp_path) as made:
        settings = made.settings()
        forge = f"{{kind: {made.kind.value}, url: {settings.url}, repository: {REPOSITORY}}}"
        made.registry.set_policy(f"{policy_text(made.registry)}forge: {forge}\n")
        merged, closed = made.opened(), made.opened(made.ask(1, "Archived"))
        made.adapter("bob").merge(merged.number, expected_head=merged.head)
        made.adapter("bob").close(closed.number)
        job = Job(template, made, tmp_path / "job", git)
        said = job.run()
        assert f"{made.request.id}: approved by Bob Berg <bob@acme.io> (merge)\n" in said
        assert "rejected by Bob Berg <bob@acme.io>" in said
        record = git(made.forge.bare, "show", f"main:models/fraud/requests/{made.request.id}.yaml")
        assert "state: approved\n" in record
        assert git(made.forge.bare, "log", "-1", "--format=%an <%ae>", "main") == "Registry <registry@acme.io>"
        assert "Every record has its verdict." in job.run()


@pytest.mark.parametrize("template", WORKFLOWS)
def test_the_job_after_a_merge_checks_the_registry_as_it_is(yard: Yard, template: str) -> None:
    job = Checkout(yard, "main")  # on no branch, as a checkout of a commit is
    (line,) = [one["run"] for one in read(template)["jobs"]["registry"]["steps"] if "== 'push'" in one.get("if", "")]
    done = ran(job.place, [line], {})
    assert done.returncode == 0, done.stdout + done.stderr
    hand_commit(yard.git, yard.bare, "main", {VERSION.format(1): "kind: Nothing\n"}, author=ALICE)
    done = ran(Checkout(yard, "main").place, [line], {})
    assert done.returncode == 7, done.stdout + done.stderr
