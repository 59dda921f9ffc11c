"""Another name for a model, asked for and approved: where the record is, what else moves, and who comes too late."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import AlreadyExists, Conflict, Corrupt, Invalid, NotFound, PermissionDenied
from registry_git.forges.description import describe
from registry_git.forges.reconcile import reconcile
from registry_git.registry.facade import Registry
from registry_git.registry.telling import what
from tests.cli_program import Cli
from tests.conftest import Git
from tests.registry_scene import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    LEADS,
    As,
    both_ways,
    file_at,
    hand_commit,
    healthy,
    new_registry,
    record_of,
    refs,
    true_merges,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "registry.git"


@pytest.fixture
def as_(place: Path) -> As:
    """Fraud with three versions, v1 in Production, which takes an approval."""
    opened = new_registry(place, versions=3, protect=["Production"], roles=LEADS)
    opened(BOB).approve(opened(ALICE).request_stage("fraud", 1, "Production", id="first").request)
    opened(ALICE).set_alias("fraud", "champion", 1)
    return opened


def story(registry: Registry, model: str) -> list[tuple[str, str]]:
    return [(what(one), one.user_id.split()[0]) for one in registry.activity(model)]


def test_a_model_in_a_guarded_stage_is_renamed_by_a_request(as_: As, place: Path, git: Git) -> None:
    with pytest.raises(PermissionDenied) as refused:
        as_(BOB).rename("fraud", "card fraud")
    assert refused.value.hint == "Ask for it with: registry-git request create fraud --rename 'card fraud'"
    asked = as_(ALICE).request_rename("fraud", "card fraud", id="newname", comment="Clearer.")
    assert (asked.state, asked.stale, asked.decision.needed) == ("open", "", 1)
    assert as_(ALICE).approve(asked.request).state == "open"
    assert as_(BOB).approve(asked.request).state == "approved"
    registry = as_(DAVE)
    assert registry.resolve("models:/card fraud/Production").version == 1
    assert registry.resolve("models:/card fraud@champion").version == 1
    with pytest.raises(NotFound):
        registry.model("fraud")
    assert true_merges(git, place) == 2
    healthy(git, place, registry)


def test_the_record_stays_under_the_name_that_it_was_asked_for(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    as_(BOB).approve("newname")
    files = git(place, "ls-tree", "-r", "--name-only", "main").split()
    assert [path for path in files if path.startswith("models/fraud/")] == [record_of("newname")]
    assert record_of("first", "scam") in files
    text = file_at(git, place, "main", record_of("newname"))
    assert "action: rename\nmodel: fraud\nnew_name: scam\n" in text
    registry = as_(CAROL)
    assert registry.request("newname").state == "approved"
    assert "+++ b/models/scam/model.yaml" in registry.request_diff("newname")
    assert [one.request for one in registry.requests(state="approved")] == ["first", "newname"]


def test_who_asked_and_who_approved_is_told_of_the_new_name(as_: As, place: Path) -> None:
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    assert story(as_(CAROL), "fraud")[-1] == ("requested rename to scam", "Alice")
    as_(BOB).approve("newname")
    both_ways(as_(CAROL), place)
    assert story(as_(CAROL), "scam")[-3:] == [
        ("requested rename to scam", "Alice"),
        ("approved", "Bob"),
        ("renamed the model from fraud", "Bob"),
    ]
    assert ("created the model", "Alice") in story(as_(CAROL), "scam")


def test_the_old_name_is_free_and_a_second_rename_keeps_the_story(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    as_(BOB).approve("newname")
    as_(ALICE).register("fraud", "s3://acme/other/1")
    assert story(as_(CAROL), "fraud") == [("created the model", "Alice"), ("registered", "Alice")]
    as_(ALICE).request_rename("scam", "swindle", id="again-1")
    as_(BOB).approve("again-1")
    told = story(as_(CAROL), "swindle")
    assert ("requested rename to scam", "Alice") in told
    assert ("requested rename to swindle", "Alice") in told
    assert "+++ b/models/scam/model.yaml" in as_(CAROL).request_diff("newname")
    both_ways(as_(CAROL), place)
    healthy(git, place, as_(CAROL))


def test_a_rename_and_its_way_back(as_: As, place: Path, git: Git) -> None:
    for number, (old, new) in enumerate((("fraud", "scam"), ("scam", "fraud"))):
        as_(BOB).approve(as_(ALICE).request_rename(old, new, id=f"rename-{number}").request)
    assert as_(CAROL).resolve("models:/fraud/Production").version == 1
    both_ways(as_(CAROL), place)
    healthy(git, place, as_(CAROL))


def test_whatever_else_lands_first_makes_a_rename_stale_and_a_refresh_takes_it_along(as_: As) -> None:
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    as_(ALICE).register("fraud", "s3://acme/fraud/4")
    assert as_(BOB).request("newname").stale == "on today's main it would be another change"
    with pytest.raises(Conflict, match="stale"):
        as_(BOB).approve("newname")
    assert as_(ALICE).refresh("newname").stale == ""
    assert as_(BOB).approve("newname").state == "approved"
    assert as_(CAROL).version("scam", 4).source == "s3://acme/fraud/4"


def test_a_request_that_a_rename_overtakes_is_stale_and_can_be_taken_back(as_: As, place: Path, git: Git) -> None:
    late = as_(ALICE).request_stage("fraud", 2, "Production").request
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    as_(BOB).approve("newname")
    assert as_(CAROL).request(late).stale
    with pytest.raises(Conflict):
        as_(CAROL).approve(late)
    with pytest.raises(NotFound, match="fraud"):
        as_(ALICE).refresh(late)
    assert as_(ALICE).cancel(late).state == "cancelled"
    healthy(git, place, as_(CAROL))


def test_a_rejected_rename_changes_nothing_and_is_told_of_the_old_name(as_: As, place: Path) -> None:
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    as_(BOB).reject("newname", comment="No.")
    assert as_(CAROL).resolve("models:/fraud/Production").version == 1
    assert story(as_(CAROL), "fraud")[-2:] == [("requested rename to scam", "Alice"), ("rejected", "Bob")]
    both_ways(as_(CAROL), place)


def test_what_cannot_be_is_not_asked_for(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).register("spam", "s3://acme/spam/1")
    before = refs(git, place)
    with pytest.raises(AlreadyExists):
        as_(ALICE).request_rename("fraud", "spam")
    with pytest.raises(Invalid):
        as_(ALICE).request_rename("fraud", "fraud")
    with pytest.raises(Invalid):
        as_(ALICE).request_rename("fraud", "a/b")
    with pytest.raises(NotFound):
        as_(ALICE).request_rename("nothing", "more")
    assert refs(git, place) == before


def test_a_branch_that_renames_to_something_else_than_its_record_says_is_refused(
    as_: As, place: Path, git: Git
) -> None:
    branch = as_(ALICE).request_rename("fraud", "scam", id="newname").branch
    record = file_at(git, place, branch, record_of("newname"))
    hand_commit(git, place, branch, {record_of("newname"): record.replace("scam", "spam")}, author=ALICE)
    with pytest.raises(Corrupt, match="something else than request newname asks for"):
        as_(BOB).approve("newname")


@pytest.mark.parametrize("how", ["merge", "squash"])
def test_a_rename_that_a_forge_merges_is_found_and_gets_its_verdict(
    as_: As, place: Path, git: Git, tmp_path: Path, how: str
) -> None:
    branch = as_(ALICE).request_rename("fraud", "scam", id="newname").branch
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", place, work)
    who = {"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_EMAIL": "bob@acme.io"}
    who |= {"GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "bob@acme.io"}
    if how == "merge":
        git(work, "merge", "--quiet", "--no-ff", "-m", "Merge", f"origin/{branch}", env=who)
    else:
        git(work, "merge", "--quiet", "--squash", f"origin/{branch}", env=who)
        git(work, "commit", "--quiet", "-m", "Squash", env=who)
    git(work, "push", "--quiet", "origin", "HEAD:main", f":{branch}", env=who)
    assert as_(CAROL).resolve("models:/scam/Production").version == 1
    (found,) = reconcile(as_(CAROL), None)
    assert (found.verdict, found.by, found.policy) == ("approved", (BOB,), "met")
    assert as_(CAROL).request("newname").state == "approved"
    assert ("approved (by merging it)", "Bob") in story(as_(CAROL), "scam")
    both_ways(as_(CAROL), place)
    healthy(git, place, as_(CAROL))


def test_the_pull_request_of_a_rename_says_both_names(as_: As) -> None:
    as_(ALICE).request_rename("fraud", "scam", id="newname")
    pull = describe(as_(ALICE), "newname")
    assert pull.title == "Rename fraud to scam"
    assert "| fraud | scam |" in pull.body
    assert pull.reviewers == ("bob@acme.io", "carol@acme.io")
    assert "rename" in pull.labels


def test_the_command_asks_for_a_rename_and_for_nothing_else_at_once(as_: As, place: Path) -> None:
    cli = Cli(registry=place)
    answer = cli("request", "create", "fraud", "--rename", "scam", "--id", "newname")
    assert answer.out.startswith("Request newname asks to rename fraud to scam.\n")
    shown = cli.json("request", "show", "newname")
    assert (shown["action"], shown["new_name"], shown["system_comment"]) == ("rename", "scam", "rename to scam")
    for words in (
        ("fraud", "1", "--rename", "scam"),
        ("fraud", "--rename", "scam", "--delete"),
        ("fraud", "--rename", "scam", "--alias", "champion"),
        ("--rename", "scam"),
        ("fraud", "--rename", "scam", "--add"),
    ):
        assert cli("request", "create", *words, code=2).err.count("registry-git request create --help") == 1
    assert cli.bob("request", "approve", "newname").out == "Approved newname: it did rename fraud to scam.\n"
    assert registry_git.open(place, actor=BOB).model("scam").versions == 3
