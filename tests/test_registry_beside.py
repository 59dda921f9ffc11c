"""Files beside the manifests: written as everything else is, decided again after a lost race."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from registry_git.core.changes.proposal import Headline
from registry_git.core.errors import Invalid
from registry_git.registry.tree import Tree
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, hand_commit, healthy, new_registry

NOTES = Headline(sentence="Write notes", action="notes")


def test_a_plan_that_lost_a_race_sees_what_the_other_did(tmp_path: Path, git: Git) -> None:
    bare = tmp_path / "acme.git"
    registry = new_registry(bare)(ALICE)
    seen = []

    def plan(tree: Tree) -> Mapping[str, bytes | None]:
        seen.append(tree.below("deploy"))
        if len(seen) == 1:
            hand_commit(git, bare, "main", {"deploy/other.txt": "theirs\n"}, author=BOB)
        return {"deploy/notes.txt": f"after {len(seen[-1])} others\n".encode()}

    kept = registry.write_files(plan, headline=NOTES)
    assert seen == [{}, {"deploy/other.txt": b"theirs\n"}]
    assert git(bare, "show", "main:deploy/notes.txt") == "after 1 others"
    assert git(bare, "show", "main:deploy/other.txt") == "theirs"
    assert (kept.written, kept.removed, kept.changed) == (("deploy/notes.txt",), (), True)
    healthy(git, bare, registry)


def test_files_are_put_and_removed_in_one_commit_and_nothing_is_committed_for_nothing(tmp_path: Path, git: Git) -> None:
    bare = tmp_path / "acme.git"
    registry = new_registry(bare)(ALICE)
    registry.write_files(lambda _: {"deploy/a.txt": b"a\n", "deploy/b/c.txt": b"c\n"}, headline=NOTES)
    kept = registry.write_files(
        lambda _: {"deploy/a.txt": b"a\n", "deploy/b/c.txt": None, "deploy/none.txt": None},
        headline=NOTES,
        comment="Out.",
    )
    assert (kept.written, kept.removed) == ((), ("deploy/b/c.txt",))
    assert "> Out." in git(bare, "show", "-s", "--format=%B", "main")
    again = registry.write_files(lambda _: {"deploy/a.txt": b"a\n"}, headline=NOTES)
    assert (again.commit, again.changed) == (kept.commit, False)
    assert registry.tree().below("deploy") == {"deploy/a.txt": b"a\n"}


@pytest.mark.parametrize(
    "path",
    ["models/fraud/model.yaml", "registry.yaml", "deployments/dev/x.yaml", "deploy/.gitattributes", ".gitmodules"],
)
def test_no_path_of_the_registrys_own_and_none_that_changes_how_git_reads_is_written(tmp_path: Path, path: str) -> None:
    registry = new_registry(tmp_path / "acme.git", versions=1)(ALICE)
    before = registry.commit
    with pytest.raises(Invalid) as raised:
        registry.write_files(lambda _: {path: b"x\n"}, headline=NOTES)
    assert raised.value.hint
    assert registry.commit == before
