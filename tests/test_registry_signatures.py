"""Signed approvals, with real ssh keys: whose key it is counts, not whose name stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_git.core.errors import Invalid
from tests.conftest import Git
from tests.registry_scene import (
    ALICE,
    BOB,
    CAROL,
    LEADS,
    As,
    file_at,
    hand_commit,
    healthy,
    new_registry,
    policy_text,
    record_of,
    review,
    true_merges,
)
from tests.ssh_keys import Keys

SIGNED = """\
rules:
  - {{on: stage, to: [Production], approvals: 1, by: [ml-leads], four_eyes: true, signed: true}}
keys:
  bob@acme.io: ["{bob}"]
  carol@acme.io: ["{carol}"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def keys(tmp_path: Path, home: Path) -> Keys:
    return Keys(tmp_path, home)


@pytest.fixture
def signed(place: Path, keys: Keys) -> As:
    text = SIGNED.format(bob=keys.make("bob"), carol=keys.make("carol"))
    keys.make("mallory")
    as_ = new_registry(place, versions=2, roles=LEADS, rules=text)
    as_(ALICE).request_stage("fraud", 1, "Production", id="asked")
    return as_


def test_an_approval_signed_by_a_listed_key_counts(signed: As, keys: Keys, place: Path, git: Git) -> None:
    keys.use("bob")
    assert signed(BOB).approve("asked").state == "approved"
    assert "gpgsig" in git(place, "cat-file", "commit", "main")
    assert true_merges(git, place) == 1
    healthy(git, place, signed(ALICE))


def test_an_unsigned_approval_is_recorded_and_not_counted(signed: As, keys: Keys) -> None:
    seen = signed(BOB).approve("asked")
    assert (seen.state, seen.decision.given, len(seen.record.reviews)) == ("open", 0, 1)
    keys.use("bob")
    assert signed(BOB).approve("asked").state == "approved"


def test_an_approval_signed_by_an_unlisted_key_does_not_count(signed: As, keys: Keys) -> None:
    keys.use("mallory")
    assert signed(BOB).approve("asked").state == "open"
    assert signed(BOB).request("asked").decision.given == 0


def test_an_approval_signed_with_another_persons_key_does_not_count(signed: As, keys: Keys) -> None:
    keys.use("bob")
    assert signed(CAROL).approve("asked").state == "open"
    assert signed(CAROL).request("asked").decision.given == 0


def test_a_hand_made_approval_counts_by_its_signature_alone(
    signed: As, keys: Keys, place: Path, git: Git, tmp_path: Path
) -> None:
    """Who claims to be Bob in a commit signed by another listed key convinces `git verify-commit`, and not us."""
    asked = signed(ALICE).request("asked")
    record = file_at(git, place, asked.branch, record_of("asked"))
    files = {record_of("asked"): f"{record}reviews:\n{review(BOB, asked.record.proposal)}"}
    tip = git(place, "rev-parse", asked.branch)
    for key, given in (("carol", 0), ("mallory", 0), ("bob", 1)):
        git(place, "update-ref", f"refs/heads/{asked.branch}", tip)
        config = ("gpg.format=ssh", f"user.signingkey={tmp_path / key}")
        hand_commit(git, place, asked.branch, files, author=BOB, config=config)
        decision = signed(ALICE).request("asked").decision
        assert (decision.given, decision.allowed) == (given, bool(given)), key


def test_keys_come_from_the_policy_on_main_alone(signed: As, keys: Keys, place: Path, git: Git, home: Path) -> None:
    allowed = home / "allowed"
    allowed.write_text(f"* {(place.parent / 'mallory.pub').read_text()}")
    with (home / ".gitconfig").open("a") as config:
        config.write(f'[gpg "ssh"]\n\tallowedSignersFile = {allowed}\n')
    git(place, "config", "gpg.ssh.program", "true")
    keys.use("mallory")
    signed(BOB).approve("asked")
    assert signed(BOB).request("asked").decision.given == 0


def test_a_person_with_two_keys_is_one_person(place: Path, keys: Keys) -> None:
    text = SIGNED.replace("approvals: 1", "approvals: 2").replace('"{bob}"', '"{bob}", "{other}"')
    made = {name: keys.make(name) for name in ("bob", "other", "carol")}
    as_ = new_registry(place, versions=2, roles=LEADS, rules=text.format(**made))
    as_(ALICE).request_stage("fraud", 1, "Production", id="asked")
    for key in ("bob", "other"):
        keys.use(key)
        seen = as_(BOB).approve("asked", comment=f"with the key {key}")
    assert (seen.state, seen.decision.given, len(seen.record.reviews)) == ("open", 1, 2)
    keys.use("carol")
    assert as_(CAROL).approve("asked").state == "approved"


def test_a_key_of_anybody_signs_for_nobody(place: Path, keys: Keys) -> None:
    text = SIGNED.replace("bob@acme.io:", '"*@acme.io":').replace("carol@acme.io:", '"*":')
    as_ = new_registry(place, versions=2, roles=LEADS)
    wild = text.format(bob=keys.make("bob"), carol=keys.make("carol"))
    with pytest.raises(Invalid, match="keys"):
        as_(ALICE).set_policy(f"{policy_text(as_(ALICE)).partition('rules:')[0]}{wild}")
