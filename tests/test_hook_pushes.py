"""Pushes to a bare repository that guards itself: what goes in, by plain git and by our own client."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import AlreadyExists, PermissionDenied
from registry_git.forges.reconcile import reconcile
from tests.cli_program import run
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, CAROL, DAVE, RECORD, Yard, make_guarded, new_version, review
from tests.git_http import served
from tests.registry_scene import hand_commit, healthy, true_merges

USERS = {"alice": "a", "bob": "b", "carol@acme.io": "c", "mallory": "m"}


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("guarded") / "models.git"
    make_guarded(path)
    return path


@pytest.fixture
def yard(_template: Path, tmp_path: Path, git: Git) -> Yard:
    shutil.copytree(_template, tmp_path / "models.git")
    return Yard(bare=tmp_path / "models.git", git=git)


@pytest.fixture
def web(yard: Yard, git: Git) -> Iterator[str]:
    git(yard.bare, "config", "registry-git.alice.actor", "Alice Smith <alice@acme.io>")
    git(yard.bare, "config", "registry-git.bob.actor", BOB)
    with served(yard.bare.parent, USERS) as host:
        yield host


def test_our_client_does_everything_through_the_hook(yard: Yard, git: Git) -> None:
    alice, bob = yard.as_(ALICE), yard.as_(BOB)
    alice.register("fraud", "s3://acme/fraud/4", tags={"auc": "0.94"})
    alice.transition("fraud", 4, "Staging")
    alice.set_tag("fraud", "validated", "yes", version=4)
    alice.describe("fraud", "Card fraud")
    alice.set_status("fraud", 4, "READY")
    alice.set_alias("fraud", "champion", 4)
    alice.delete_alias("fraud", "champion")
    alice.add_comment("fraud", 4, "Looks good.")
    alice.delete("fraud", version=2)
    asked = alice.request_stage("fraud", 4, "Production", archive_existing=True)
    assert alice.approve(asked.request).state == "open"
    assert bob.approve(asked.request).state == "approved"
    alice.rename("spam", "ham")
    alice.delete("ham")
    assert true_merges(git, yard.bare) == 2
    healthy(git, yard.bare, registry_git.open(yard.bare, actor=BOB))


def test_requests_are_rejected_cancelled_and_refreshed_through_the_hook(yard: Yard, git: Git) -> None:
    alice, bob = yard.as_(ALICE), yard.as_(BOB)
    rejected, cancelled, stale = (alice.request_stage("fraud", number, "Production") for number in (2, 3, 2))
    assert bob.reject(rejected.request).state == "rejected"
    assert alice.cancel(cancelled.request).state == "cancelled"
    first = alice.request_stage("fraud", 3, "Production")
    bob.approve(first.request)
    alice.refresh(stale.request)
    assert bob.approve(stale.request).state == "approved"
    gone = alice.request_delete("spam", None)
    assert bob.approve(gone.request).state == "approved"
    assert "request/" not in yard.refs()
    assert true_merges(git, yard.bare) == 6


def test_what_the_policy_forbids_is_refused_in_the_words_of_the_hook(yard: Yard, git: Git) -> None:
    dave = yard.as_(DAVE)
    text = yard.text("registry.yaml").replace("approvals: 1", "approvals: 0").replace("four_eyes: true", "")
    clone = yard.hand(DAVE, {"registry.yaml": text})
    yard.push(clone, "main", actor=DAVE).refused("Rule on policy", "1 approval by ml-leads")
    dave.register("fraud", "s3://acme/fraud/4")


def test_a_policy_that_cannot_be_read_is_mended_past_the_hook_alone(yard: Yard, git: Git) -> None:
    text = yard.text("registry.yaml")
    hand_commit(git, yard.bare, "main", {"registry.yaml": f"{text}rules: [\n"}, author=ALICE)
    clone = yard.hand(BOB, {"registry.yaml": text})
    answer = yard.push(clone, "main", actor=BOB)
    answer.refused("The policy on main cannot be read, so nobody can say who may change it: ")
    command = answer.said.partition("past the hooks: ")[2].partition("\n")[0]
    words = [str(yard.bare) if word == "PATH" else word for word in shlex.split(command)[1:]]
    git(clone, *words)
    assert registry_git.open(yard.bare, actor=BOB).check() == []


def test_a_client_that_another_one_overtakes_decides_again(yard: Yard) -> None:
    alice, bob = yard.as_(ALICE), yard.as_(BOB)
    assert alice.register("fraud", "s3://a").version == 4
    assert bob.register("fraud", "s3://b").version == 5
    assert alice.register("fraud", "s3://c").version == 6


def test_a_version_by_hand_and_a_readme_go_in(yard: Yard) -> None:
    clone = yard.hand(DAVE, {**new_version(yard, 4), "README.md": "# Our models\n", "deploy/app.yaml": "a: 1\n"})
    yard.push(clone, "main", actor=DAVE).taken()
    assert yard.as_(ALICE).version("fraud", 4).version == 4


def test_a_merge_by_plain_git_is_an_approval_by_who_pushes_it(yard: Yard) -> None:
    branch = yard.ask()
    clone = yard.merge(BOB, branch)
    yard.push(clone, "main", f":{branch}", actor=BOB).taken()
    assert registry_git.open(yard.bare, actor=ALICE).resolve("models:/fraud/Production").version == 2


def test_a_merge_by_plain_git_goes_in_when_others_have_approved(yard: Yard) -> None:
    branch = yard.ask()
    clone = yard.merge(DAVE, branch)
    yard.push(clone, "main", actor=DAVE).refused("1 approval by ml-leads")
    decided = yard.clone(CAROL)
    record = RECORD.format(branch.rpartition("/")[2])
    text = yard.text(record, branch)
    proposal = next(line for line in text.split("\n") if line.startswith("proposal: "))
    hand_commit(yard.git, decided, branch, {record: text + review(CAROL, proposal)}, author=CAROL)
    yard.push(decided, branch, actor=CAROL).taken()
    yard.push(yard.merge(DAVE, branch), "main", actor=DAVE).taken()


def test_what_a_consumer_uses_is_recorded_through_the_hook(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_GIT_OBSERVATIONS", "spool")
    for actor in (ALICE, DAVE):
        client = yard.as_(actor)
        client.resolve("models:/fraud/Production", consumer=f"prod/{actor[:4].lower()}")
        assert client.flush_observations().commit
    assert yard.files("observations") == ["observations/prod%2Falic.yaml", "observations/prod%2Fdave.yaml"]
    assert yard.git(yard.bare, "log", "-1", "--format=%an <%ae>", "observations") == DAVE


def test_the_first_push_of_a_registry_goes_in(yard: Yard, tmp_path: Path, git: Git) -> None:
    empty = tmp_path / "empty.git"
    git(tmp_path, "init", "--quiet", "--bare", empty)
    run("-R", str(empty), "hook", "install")
    first = Yard(bare=empty, git=git)
    first.push(yard.clone(BOB), "main", actor=BOB).taken()
    other = tmp_path / "other.git"
    shutil.copytree(yard.bare, other)


def test_a_server_may_push_what_its_users_wrote(yard: Yard, git: Git) -> None:
    clone = yard.hand("Robot <robot@acme.io>", {"README.md": "By Alice.\n"}, author=ALICE)
    yard.push(clone, "main", actor="Robot <robot@acme.io>").refused("whose author is Alice")
    git(yard.bare, "config", "registry-git.pushesForOthers", "robot@acme.io")
    yard.push(clone, "main", actor="Robot <robot@acme.io>").taken()


def test_a_request_is_taken_back_by_who_asked_alone(yard: Yard) -> None:
    branch = yard.ask()
    yard.push(yard.clone(DAVE), f":{branch}", actor=DAVE).refused("is open, and it is Alice")
    yard.push(yard.clone(ALICE), f":{branch}", actor=ALICE).taken()


def test_over_http_the_pusher_is_whom_the_web_server_knows(yard: Yard, web: str, tmp_path: Path) -> None:
    alice = registry_git.clone(f"http://alice:a@{web}/models.git", tmp_path / "web-a.git", actor=ALICE)
    carol = registry_git.clone(f"http://carol%40acme.io:c@{web}/models.git", tmp_path / "web-c.git", actor=CAROL)
    alice.register("fraud", "s3://acme/fraud/4")
    asked = alice.request_stage("fraud", 4, "Production")
    with pytest.raises(PermissionDenied, match="whose author is"):
        registry_git.open(tmp_path / "web-a.git", actor=BOB).approve(asked.request)
    assert carol.approve(asked.request).state == "approved"


def test_over_http_a_password_in_the_address_is_in_no_output(yard: Yard, web: str, tmp_path: Path) -> None:
    place = str(tmp_path / "web.git")
    shown = f"http://{web}/models.git"
    said = [run("--as", ALICE, "clone", f"http://alice:pass-w0rd@{web}/models.git", place, code=8)]
    said.append(run("--as", ALICE, "clone", f"http://bob:b@{web}/models.git", place))
    run("--as", BOB, "-R", place, "register", "fraud", "s3://acme/fraud/4")
    said.append(run("--as", ALICE, "-R", place, "register", "fraud", "s3://acme/fraud/5", code=6))
    assert f"error: {shown} refused the push: Bob" in said[-1].err
    said.append(run("--as", BOB, "-R", place, "request", "create", "fraud", "4", "Production", "--push"))
    assert f"is at {shown}." in said[-1].out
    said.append(run("--as", BOB, "-R", place, "sync", "-o", "json"))
    assert said[-1].json["remote"] == shown
    for one in said:
        assert "pass-w0rd" not in one.out + one.err
        assert "bob:b" not in one.out + one.err


def test_over_http_a_claim_in_a_commit_is_not_believed(yard: Yard, web: str) -> None:
    branch = yard.ask()
    clone = yard.merge(BOB, branch)
    yard.push(clone, "main", actor=BOB, url=f"http://alice:a@{web}/models.git").refused("whose author is Bob")
    url = f"http://mallory:m@{web}/models.git"
    yard.push(clone, "main", actor=BOB, url=url).refused("mallory", "registry-git.mallory.actor")
    yard.push(clone, "main", actor=ALICE, url=f"http://bob:b@{web}/models.git").taken()


def test_nobody_named_may_not_push(yard: Yard) -> None:
    clone = yard.hand(DAVE, {"README.md": "x\n"})
    done = subprocess.run(
        ["git", "push", str(yard.bare), "main"], cwd=clone, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "Nobody is named" in done.stderr


def test_another_layout_goes_in_by_anybody_as_it_decides_nothing(yard: Yard) -> None:
    assert yard.as_(DAVE).relayout("fanout").changed
    assert yard.as_(ALICE).resolve("models:/fraud/Production").version == 1
    healthy(yard.git, yard.bare, yard.as_(ALICE))


def test_a_push_runs_both_hooks_and_leaves_no_quarantine(yard: Yard, tmp_path: Path) -> None:
    clone = yard.hand(DAVE, {"README.md": "x\n"})
    trace = tmp_path / "trace.json"
    env = {**os.environ, "REGISTRY_GIT_ACTOR": DAVE, "GIT_TRACE2_EVENT": str(trace)}
    subprocess.run(["git", "push", "-q", str(yard.bare), "main"], cwd=clone, env=env, check=True)
    said = trace.read_text()
    assert '"hook_name":"pre-receive"' in said
    assert '"reference-transaction","committed"' in said.replace(" ", "") or "reference-transaction" in said
    assert not list((yard.bare / "objects").glob("*incoming*"))


def test_a_push_whose_hook_cannot_run_is_refused(yard: Yard) -> None:
    hook = yard.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\n# Written by `registry-git hook install`\nexec /no/such/python hook pre-receive\n")
    assert yard.push(yard.hand(DAVE, {"README.md": "x\n"}), "main", actor=DAVE).code != 0


def test_installing_again_writes_the_same_and_a_foreign_hook_is_left_alone(yard: Yard, tmp_path: Path) -> None:
    before = (yard.bare / "hooks" / "pre-receive").read_text()
    run("-R", str(yard.bare), "hook", "install")
    assert (yard.bare / "hooks" / "pre-receive").read_text() == before
    foreign = yard.bare / "hooks" / "reference-transaction"
    foreign.write_text("#!/bin/sh\nexit 0\n")
    answer = run("-R", str(yard.bare), "hook", "install", code=4)
    assert "hint: Keep it" in answer.err
    assert foreign.read_text() == "#!/bin/sh\nexit 0\n"
    with pytest.raises(AlreadyExists):
        registry_git.open(yard.bare, actor=ALICE).install_hooks(["x"])


def test_hooks_are_for_bare_repositories(tmp_path: Path, yard: Yard, git: Git) -> None:
    registry_git.init(tmp_path / "tree", actor=ALICE)
    refused = run("-R", str(tmp_path / "tree"), "hook", "install", code=2).err
    assert "work tree" in refused
    for words in refused.partition("Make one with: git ")[2].strip().split(" && git "):
        git(tmp_path / "tree", *words.replace("NAME", "shared").split())
    run("-R", str(tmp_path / "shared.git"), "hook", "install")
    assert registry_git.open(tmp_path / "shared.git", actor=ALICE).remote is None
    git(tmp_path, "clone", "--quiet", "--bare", yard.bare, "clone.git")
    for place in (str(tmp_path / "clone.git"), f"file://{yard.bare}"):
        assert f"{yard.bare}, and that is where the registry is" in run("-R", place, "hook", "install", code=2).err
    git(yard.bare, "config", "core.hooksPath", "/elsewhere")
    assert "core.hooksPath" in run("-R", str(yard.bare), "hook", "install", code=2).err


def test_a_signed_approval_is_read_out_of_the_push_itself(yard: Yard, tmp_path: Path, git: Git) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", tmp_path / "key"], check=True)
    public = (tmp_path / "key.pub").read_text().strip()
    rules = "- {on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true, signed: true}\n"
    text = f"{yard.text('registry.yaml').partition('rules:')[0]}rules:\n{rules}keys:\n  bob@acme.io: [{public}]\n"
    hand_commit(git, yard.bare, "main", {"registry.yaml": text}, author=ALICE)
    asked = yard.as_(ALICE).request_stage("fraud", 2, "Production")
    assert yard.as_(BOB).approve(asked.request).state == "open"
    yard.push(yard.merge(BOB, asked.branch), "main", actor=BOB).refused("1 signed approval by ml-leads")
    client = yard.bare.parent / "client-bob.git"
    git(client, "config", "gpg.format", "ssh")
    git(client, "config", "user.signingkey", tmp_path / "key")
    assert yard.as_(BOB).approve(asked.request, comment="Signed.").state == "approved"


def test_what_landed_is_written_down_by_whoever_reconciles_and_by_nobody_else(yard: Yard) -> None:
    branch = yard.ask()
    claimed = "Merge\n\nReviewed-by: Carol <carol@acme.io>"
    yard.push(yard.merge(BOB, branch, message=claimed), "main", f":{branch}", actor=BOB).taken()
    path = RECORD.format(branch.rpartition("/")[2])
    text = yard.text(path)
    proposal = next(line for line in text.split("\n") if line.startswith("proposal: "))
    approved, by = text.replace("state: open", "state: approved"), review(BOB, proposal)
    known = f"annotations:\n  registry-git.dev/landing: {yard.git(yard.bare, 'rev-parse', 'main')}\n"
    for record, words in (
        (text.replace("state: open", "state: rejected"), "nobody can have it rejected"),
        (text.replace("state: open", "state: cancelled") + review(DAVE, proposal), "nobody can have it cancelled"),
        (approved, "nobody stands for it"),
        (text + by, "is open now, and somebody approves it"),
        (approved + by.replace("verdict: approved", "verdict: rejected"), "is no approval"),
        (approved + by, "its record says otherwise"),
        (f"{approved}{by}{known}  registry-git.dev/policy: 'not met'\n", "was met, and registry-git.dev/policy says"),
        *(
            (
                f"{approved}{review(who, proposal)}{known}  registry-git.dev/policy: '{said}'\n",
                f"writes down what {who}",
            )
            for who, said in ((CAROL, "met"), (DAVE, "not met"), (BOB, "met"))  # of Bob as a commit, which it was not
        ),
    ):
        clone = yard.hand(DAVE, {path: record})
        yard.push(clone, "main", actor=DAVE).refused(words)
        yard.git(clone, "update-ref", "refs/heads/main", "main~1")
    dave = yard.as_(DAVE)
    dave.refresh_from_remote()
    (done,) = reconcile(dave, None)
    assert list(zip(done.by, done.sources, strict=True)) == [(BOB, "merge"), (CAROL, "trailer")]
    assert registry_git.open(yard.bare, actor=ALICE).request(done.request).state == "approved"
