"""`request create --push` and `reconcile` as people call them: a clone over HTTP, and a forge that the policy names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_git.forges.base import StatusState
from registry_git.registry.facade import Registry
from tests.cli_program import Cli, run
from tests.conftest import Git
from tests.forge_server import REPOSITORY
from tests.forge_world import KINDS, World, world
from tests.registry_scene import ALICE, hand_commit, policy_text

TOKEN = "alice-s3cr3t-t0ken"
PEOPLE = "{alice: alice@acme.io, bob: bob@acme.io, carol: carol@acme.io}"


@pytest.fixture(params=KINDS, ids=[kind.value for kind in KINDS])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A forge of each kind in turn."""
    with world(request.param, tmp_path) as made:
        made.registry.set_policy(guarded(made, made.registry))
        yield made


def guarded(here: World, registry: Registry) -> str:
    """The policy that names the forge, and whom it takes for whom."""
    settings = here.settings()
    forge = f"{{kind: {here.kind.value}, url: {settings.url}, repository: {REPOSITORY}, people: {PEOPLE}}}"
    rule = "{on: stage, to: [Production], approvals: 1, by: [leads], four_eyes: true}"
    return f"{policy_text(registry)}forge: {forge}\nroles: {{leads: [bob@acme.io]}}\nrules: [{rule}]\n"


@pytest.fixture
def clone(here: World, tmp_path: Path) -> Cli:
    """Alice's clone, with her token in its address as CI systems have it."""
    run(
        "--as",
        ALICE,
        "clone",
        f"{here.forge.url.replace('//', f'//alice:{TOKEN}@')}/{REPOSITORY}.git",
        str(tmp_path / "c"),
    )
    return Cli(registry=tmp_path / "c")


def test_a_request_is_asked_for_merged_on_the_forge_and_reconciled(
    here: World, clone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_GIT_FORGE_TOKEN", TOKEN)
    made = clone.json("request", "create", "fraud", "2", "Production", "--push", "-m", "better")
    pull = made["pull_request"]
    assert pull["url"].startswith(f"{here.forge.url}/{REPOSITORY}/")
    assert "Every record has its verdict." in clone("reconcile").out
    here.adapter("bob").merge(pull["number"], expected_head=made["head"])
    clone("sync")
    assert "not written down yet" in clone("request", "show", made["id"]).out
    assert f"{made['id']}: approved by Bob Berg <bob@acme.io> (merge)" in clone("reconcile").out
    assert clone.json("request", "show", made["id"])["state"] == "approved"


def test_a_request_whose_pull_request_cannot_be_opened_is_named_and_not_made_twice(
    here: World, clone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("request", "create", "fraud", "2", "Production", "--push")
    refused = clone(*words, code=6)
    (made,) = [one for one in clone.json("request", "list") if one["id"] != here.request.id]
    assert f"Request {made['id']} is made, but no pull request is open for it" in refused.err
    assert f"--id {made['id']}" in refused.err
    assert TOKEN not in refused.out + refused.err
    monkeypatch.setenv("REGISTRY_GIT_FORGE_TOKEN", TOKEN)
    again = clone.json(*words, "--id", made["id"])
    assert (again["id"], bool(again["pull_request"]["url"])) == (made["id"], True)
    assert len(clone.json("request", "list")) == 2


def test_a_runner_shows_the_outcome_of_the_check_at_the_commit(
    here: World, clone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_GIT_FORGE_TOKEN", TOKEN)
    monkeypatch.setenv("BUILD_URL", "https://ci.acme.io/7")
    made = clone.json("request", "create", "fraud", "2", "Production")
    judge = ("check", "--base", "origin/main", "--head", f"origin/{made['branch']}", "--status")
    assert "Nothing forbids the merge." in clone(*judge).out
    (shown,) = here.adapter().checks(made["head"])
    assert (shown.context, shown.state, shown.url) == (
        "registry-git/check",
        StatusState.SUCCESS,
        "https://ci.acme.io/7",
    )
    clone(*judge, "--require-approved", code=6)
    (shown,) = here.adapter().checks(made["head"])
    assert (shown.state, "1 approval by leads" in shown.description) == (StatusState.FAILURE, True)
    monkeypatch.setenv("REGISTRY_GIT_FORGE_TOKEN", "not-a-token")
    assert "REGISTRY_GIT_FORGE_TOKEN" in clone(*judge, code=6).err


def test_the_outcome_goes_where_the_base_says_and_never_where_the_branch_does(
    here: World, clone: Cli, git: Git
) -> None:
    bare, text = here.forge.bare, policy_text(here.registry)
    moved = text.replace(here.forge.url, "http://127.0.0.1:9")
    hand_commit(git, bare, "main", {"registry.yaml": text.partition("forge:")[0]}, author=ALICE)
    git(bare, "branch", "topic", "main")
    hand_commit(git, bare, "topic", {"registry.yaml": moved}, author=ALICE)
    clone("sync")
    words = ("check", "--base", "origin/main", "--head", "origin/topic", "--status")
    git(clone.registry, *clone(*words, code=3).err.partition("git ")[2].split())
    refused = clone(*words, code=2)
    assert "The policy of the base names no forge" in refused.err
    assert "--status are about a branch" in clone("check", "--status", code=2).err
