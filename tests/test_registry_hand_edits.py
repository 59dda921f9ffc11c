"""What plain git or a forge's editor does to a registry is told as well, and nothing broken hides the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Git
from tests.registry_scene import ALICE, CAROL, As, both_ways, file_at, hand_commit, healthy, new_registry, person, told

GITHUB = "GitHub <noreply@github.com>"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    return new_registry(place, versions=2)


def test_a_hand_edit_of_a_manifest_is_an_activity_of_its_author(as_: As, place: Path, git: Git) -> None:
    path = "models/fraud/versions/1.yaml"
    text = file_at(git, place, "main", path).replace("description: ''", "description: mended")
    if "description: mended" not in text:
        text += "description: mended\n"
    hand_commit(git, place, "main", {path: f"{text}tags: {{auc: '0.9'}}\n"}, author=CAROL, committer=GITHUB)
    assert told(as_(ALICE)) == [("EDITED_DESCRIPTION", CAROL, "1"), ("SET_TAG", CAROL, "1")]
    both_ways(as_(ALICE), place)


def test_a_hand_edit_of_what_must_never_change_is_told_as_such(as_: As, place: Path, git: Git) -> None:
    path = "models/fraud/versions/1.yaml"
    text = file_at(git, place, "main", path).replace("s3://acme/fraud/1", "s3://evil/1")
    hand_commit(git, place, "main", {path: text}, author=CAROL)
    assert told(as_(ALICE)) == [("REWRITTEN_VERSION", CAROL, "1")]


def test_a_pointer_moved_by_hand_is_a_transition_by_its_author(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).transition("fraud", 1, "Staging")
    path = "models/fraud/stages/Staging/pointer.yaml"
    text = file_at(git, place, "main", path)
    text = text.replace("version: '1'", "version: '2'").replace("[1]", "[2]").replace("fraud/1", "fraud/2")
    hand_commit(git, place, "main", {path: text}, author=CAROL)
    found = {(one.version, one.from_stage, one.to_stage, one.user_id) for one in as_(ALICE).activity("fraud")[4:]}
    assert found == {(2, "None", "Staging", CAROL), (1, "Staging", "None", CAROL)}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("models/fraud/versions/2.yaml", "not: [a manifest\n"),
        ("models/fraud/versions/2.yaml", "apiVersion: registry-git.dev/v1\nkind: ModelVersion\n"),
        ("models/fraud/stages/Staging/pointer.yaml", "\x00"),
        ("models/fraud/requests/asked.yaml", ""),
        ("models/fraud/comments/1/abcd.yaml", "[" * 1000),
    ],
)
def test_a_broken_manifest_is_told_and_hides_nothing_else(as_: As, place: Path, git: Git, path: str, text: str) -> None:
    before = git(place, "rev-parse", "main:models") if "versions" in path else ""
    hand_commit(git, place, "main", {path: text}, author=CAROL)
    as_(ALICE).register("spam", "s3://acme/spam/1")
    (unreadable,) = (one for one in both_ways(as_(ALICE), place) if one.activity_type == "UNREADABLE")
    assert (unreadable.model, unreadable.user_id) == ("fraud", CAROL)
    assert unreadable.system_comment
    assert [model.name for model in as_(ALICE).models()] == ["fraud", "spam"]
    assert as_(ALICE).resolve("models:/fraud/1").source == "s3://acme/fraud/1"
    assert [finding.path for finding in as_(ALICE).check() if finding.path == path] == [path]
    if before:
        hand_commit(git, place, "main", {path: file_at(git, place, "main~2", path)}, author=CAROL)
        assert as_(ALICE).version("fraud", 2).source == "s3://acme/fraud/2"
        both_ways(as_(ALICE), place)
        healthy(git, place, as_(ALICE))


@pytest.mark.parametrize("mode", ["120000", "100755", "160000"])
def test_an_entry_that_is_no_plain_file_is_told_and_hides_nothing_else(
    as_: As, place: Path, git: Git, mode: str
) -> None:
    path = "models/fraud/versions/2.yaml"
    as_(ALICE).version("fraud", 2)
    tree = git(place, "rev-parse", "main^{tree}")
    oid = git(place, "rev-parse", "main" if mode == "160000" else f"main:{path}")
    env = {"GIT_INDEX_FILE": str(place / "hand.index"), **person(CAROL, "AUTHOR"), **person(CAROL, "COMMITTER")}
    for entry in (f"{mode},{oid},{path}", f"100644,{git(place, 'rev-parse', f'main:{path}')},{path}"):
        git(place, "read-tree", tree, env=env)
        git(place, "update-index", "--add", "--cacheinfo", entry, env=env)
        made = git(place, "commit-tree", git(place, "write-tree", env=env), "-p", "main", "-m", "x", env=env)
        git(place, "update-ref", "refs/heads/main", made)
        kinds = [one.activity_type for one in both_ways(as_(ALICE), place)]
        assert kinds.count("UNREADABLE") == 1
        assert as_(ALICE).version("fraud", 1).version == 1
    assert as_(ALICE).version("fraud", 2).version == 2


@pytest.mark.parametrize("field", ["author", "message"])
def test_a_commit_that_is_not_utf8_hides_nothing(as_: As, place: Path, git: Git, field: str) -> None:
    tree = git(place, "rev-parse", "main^{tree}")
    parent = git(place, "rev-parse", "main")
    raw = f"tree {tree}\nparent {parent}\nauthor Zo\udce9 <zoe@acme.io> 1795424671 +0000\n"
    raw += "committer Zoe <zoe@acme.io> 1795424671 +0000\n\n" + ("h\udce9\n" if field == "message" else "h\n")
    if field == "message":
        raw = raw.replace("Zo\udce9", "Zoe")
    commit = git(place, "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)
    git(place, "update-ref", "refs/heads/main", commit)
    as_(ALICE).register("spam", "s3://acme/spam/1")
    both_ways(as_(ALICE), place)
    assert len(as_(ALICE).activity("spam")) == 2
