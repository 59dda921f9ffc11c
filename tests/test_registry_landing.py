"""Requests that were merged with plain git, and the verdict that `reconcile` writes into their records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.forges.reconcile import reconcile
from tests.cli_program import run

ALICE = "Alice <alice@acme.io>"
BOB = "Bob <bob@acme.io>"
CI = "CI <ci@acme.io>"
Git = Callable[..., str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def asked(place: Path) -> str:
    """A request for Production in a registry with a work tree; returns its id."""
    registry = registry_git.init(
        place, bare=False, protect=["Production"], roles={"leads": ["bob@acme.io"]}, actor=ALICE, durable=False
    )
    registry.register("fraud", "s3://models/1")
    return registry.request_stage("fraud", 1, "Production", comment="please").id


def identity(name: str, email: str) -> dict[str, str]:
    who = {"NAME": name, "EMAIL": email}
    return {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}


def verdicts(place: Path) -> list[tuple[str, str, str]]:
    found = registry_git.open(place, actor=CI).activity("fraud")
    return [
        (one.activity_type, one.user_id, one.system_comment) for one in found if one.activity_type.endswith("REQUEST")
    ]


def test_a_merge_is_recorded_as_the_approval_of_its_author(place: Path, asked: str, git: Git) -> None:
    branch = f"request/fraud/{asked}"
    git(place, "merge", "--no-ff", "-m", "Merge it", branch, env=identity("Bob", "bob@acme.io"))
    registry = registry_git.open(place, actor=CI)
    assert verdicts(place) == [("APPROVED_REQUEST", BOB, "landed by a merge")]
    (done,) = reconcile(registry, None)
    assert (done.by, done.sources, done.policy) == ((BOB,), ("merge",), "met")
    assert registry.request(asked).state == "approved"
    assert verdicts(place) == [("APPROVED_REQUEST", BOB, "by merging it")]


def test_what_has_landed_is_shown_as_such_before_it_is_reconciled(place: Path, asked: str, git: Git) -> None:
    registry = registry_git.open(place, actor=CI)
    before = registry.request_diff(asked)
    branch = f"request/fraud/{asked}"
    git(place, "merge", "--no-ff", "-m", "Merge it", branch, env=identity("Bob", "bob@acme.io"))
    for branch_is in ("there", "gone"):
        if branch_is == "gone":
            git(place, "branch", "-D", branch)
        assert registry.request(asked).stale == "it has landed on main already"
        assert registry.request_diff(asked) == before
        shown = run("-R", str(place), "request", "show", asked).out
        assert "landed on main, and who approved it is not written down yet" in shown
        assert "registry-git reconcile" in shown.replace(f" -R {place}", "")
        assert "request approve" not in shown
        assert " landed " in run("-R", str(place), "request", "list", "--state", "all").out


def test_reconciling_twice_changes_nothing_more(place: Path, asked: str, git: Git) -> None:
    git(place, "merge", "--no-ff", "-m", "Merge it", f"request/fraud/{asked}", env=identity("Bob", "bob@acme.io"))
    registry = registry_git.open(place, actor=CI)
    reconcile(registry, None)
    before = registry.commit
    assert reconcile(registry, None) == []
    assert registry.commit == before


def test_a_merge_by_somebody_without_the_role_is_recorded_as_against_the_policy(
    place: Path, asked: str, git: Git
) -> None:
    git(place, "merge", "--no-ff", "-m", "Merge it", f"request/fraud/{asked}", env=identity("Eve", "eve@acme.io"))
    (done,) = reconcile(registry_git.open(place, actor=CI), None)
    assert done.policy.startswith("not met: rule on stage to Production")
    shown = run("-R", str(place), "request", "show", asked).out
    assert "When it was merged, the policy was not met: rule on stage to Production" in shown


def test_a_fast_forward_names_nobody(place: Path, asked: str, git: Git) -> None:
    git(place, "merge", "--ff-only", f"request/fraud/{asked}")
    (done,) = reconcile(registry_git.open(place, actor=CI), None)
    assert done.by == ("unknown",)
    assert done.policy.startswith("not met")
    assert [who for _, who, _ in verdicts(place)] == ["unknown"]


def test_a_squash_on_a_forge_names_nobody_and_its_trailer_is_only_a_claim(place: Path, asked: str, git: Git) -> None:
    git(place, "merge", "--squash", f"request/fraud/{asked}")
    env = identity("Alice", "alice@acme.io") | {
        "GIT_COMMITTER_NAME": "GitHub",
        "GIT_COMMITTER_EMAIL": "noreply@github.com",
    }
    git(place, "commit", "-m", f"Ask (#1)\n\nReviewed-by: {BOB}", env=env)
    (done,) = reconcile(registry_git.open(place, actor=CI), None)
    assert (done.by, done.sources) == ((BOB,), ("trailer",))
    assert done.policy.startswith("not met"), "a message may claim anything"
    assert verdicts(place) == [("APPROVED_REQUEST", BOB, "claimed by a message, not verified")]
    assert "trailer, a claim" in run("-R", str(place), "request", "show", asked).out


def test_a_verdict_on_what_has_not_landed_is_refused(place: Path, asked: str) -> None:
    with pytest.raises(registry_git.Conflict, match="has not landed"):
        registry_git.open(place, actor=CI).record_landing(asked, [])
