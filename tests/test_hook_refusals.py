"""Pushes that a guarded registry refuses, each really pushed by plain git: the pusher is told why, and what to do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, CAROL, DAVE, POINTER, RECORD, VERSION, Yard, new_version, review
from tests.hook_scene import ALICES, BOBS, TRANSPORTS, Yards, yards_in
from tests.registry_scene import hand_commit, person


@pytest.fixture(scope="module")
def yards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yards]:
    with yards_in(tmp_path_factory.mktemp("guarded")) as made:
        yield made


@pytest.fixture(params=TRANSPORTS)
def yard(request: pytest.FixtureRequest, yards: Yards, git: Git) -> Yard:
    return yards.new(request.param, git)


def commit_entry(yard: Yard, actor: str, mode: str, path: str, content: str = "../../registry.yaml") -> Path:
    """A clone with an entry of any mode at a path on main."""
    clone, git = yard.clone(actor), yard.git
    env = {**person(actor, "AUTHOR"), **person(actor, "COMMITTER"), "GIT_INDEX_FILE": str(clone / "odd.index")}
    git(clone, "read-tree", "main", env=env)
    blob = (
        git(clone, "rev-parse", "main")
        if mode == "160000"
        else git(clone, "hash-object", "-w", "--stdin", stdin=content)
    )
    git(clone, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=env)
    commit = git(clone, "commit-tree", git(clone, "write-tree", env=env), "-p", "main", "-m", "Odd", env=env)
    git(clone, "update-ref", "refs/heads/main", commit)
    return clone


@pytest.mark.parametrize(
    ("mode", "path", "words"),
    [
        ("120000", "models/fraud/link.yaml", "a symbolic link"),
        ("160000", "models/fraud/sub", "a submodule"),
        ("160000", "deploy/sub", "a submodule"),
        ("100755", "models/fraud/run.yaml", "an executable"),
        ("100644", ".gitattributes", ".gitattributes changes how git reads files"),
        ("100644", "models/fraud/.GitAttributes", "changes how git reads files"),
        ("100644", ".mailmap", ".mailmap changes how git reads files"),
        ("100644", ".gitmodules", ".gitmodules changes how git reads files"),
        ("100644", "models/fraud/notes.txt", "No registry writes this file"),
        ("100644", "models/%66raud/model.yaml", "No registry writes this file"),
        ("100644", "models/fraud/stages/Production/kustomization.yaml", "not what the registry writes"),
    ],
)
def test_a_forbidden_entry(yard: Yard, mode: str, path: str, words: str) -> None:
    yard.push(commit_entry(yard, ALICE, mode, path, content="x\n"), "main", actor=ALICE).refused(words)


@pytest.mark.parametrize(
    ("mode", "words"),
    [("100664", "of the mode 100664"), ("100600", "of the mode 100600"), ("0100644", "zero-padded file modes")],
)
def test_a_mode_that_git_never_writes_and_reads_as_that_of_a_plain_file(yard: Yard, mode: str, words: str) -> None:
    clone, git = yard.clone(ALICE), yard.git
    tree = subprocess.run(["git", "cat-file", "tree", "main"], cwd=clone, capture_output=True, check=True).stdout
    odd = tree.replace(b"100644 registry.yaml", f"{mode} registry.yaml".encode())
    write = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    written = subprocess.run(write, cwd=clone, input=odd, capture_output=True, check=True).stdout.decode().strip()
    env = {**person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    git(clone, "update-ref", "refs/heads/main", git(clone, "commit-tree", written, "-p", "main", "-m", "Odd", env=env))
    answer = yard.push(clone, "main", actor=ALICE)
    assert answer.code
    assert words in answer.said


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("-x", "-x"),
        ("--upload-pack=x", "--upload-pack=x"),
        ("a%0Ab", r'"a\nb"'),
        ("a%00b", r'"a\0b"'),
        ("..%2Fx", "../x"),
        ("a\nerror: all is well\nb", "ab"),
    ],
)
def test_a_name_that_is_an_option_a_path_or_more_than_a_line(yard: Yard, directory: str, name: str) -> None:
    model = yard.text("models/spam/model.yaml").replace("name: spam", f"name: {name}")
    clone = yard.hand(ALICE, {f"models/{directory}/model.yaml": model})
    answer = yard.push(clone, "main", actor=ALICE)
    answer.refused(directory.replace("\n", r"\n"), "No registry writes this file")
    assert "remote: error: all is well" not in answer.said


def test_a_forbidden_entry_that_a_later_commit_removes(yard: Yard) -> None:
    clone = commit_entry(yard, ALICE, "120000", "models/fraud/link.yaml")
    odd = yard.git(clone, "rev-parse", "main")[:12]
    hand_commit(yard.git, clone, "main", {"models/fraud/link.yaml": None}, author=ALICE)
    yard.push(clone, "main", actor=ALICE).refused("a symbolic link", f"take it out of the commit {odd} itself")


def test_forced_deleting_and_sideways_pushes_of_main(yard: Yard) -> None:
    clone = yard.clone(ALICE)
    yard.push(clone, "+main~1:main", actor=ALICE, force=True).refused("would rewrite main")
    yard.push(clone, ":main", actor=ALICE).refused("main is never deleted")
    hand_commit(yard.git, clone, "main", {"README.md": "x\n"}, author=ALICE)
    old = yard.git(yard.bare, "rev-parse", "main")
    yard.git(clone, "branch", "--force", "side", "main")
    yard.git(clone, "update-ref", "refs/heads/main", f"{old}~1")
    hand_commit(yard.git, clone, "main", {"LICENSE": "x\n"}, author=ALICE)
    tree = yard.git(clone, "merge-tree", "--write-tree", "main", "side").split()[0]
    yard.merged(ALICE, clone, tree, ["main", "side"])
    yard.push(clone, "main", actor=ALICE).refused("put main's history aside")


@pytest.mark.parametrize(
    "name",
    [
        "refs/tags/v1",
        "refs/tags/main",
        "refs/heads/other",
        "refs/heads/-x",
        "refs/heads/request/fraud",
        "refs/heads/request/Fr%61ud/abcd",
        "refs/replace/8e23fb4b3ea4a1a5b8a4b6cd2e1c0f4c4b6c9c11",
        "refs/notes/commits",
        "refs/registry-git/x",
    ],
)
def test_a_reference_that_no_registry_uses(yard: Yard, name: str) -> None:
    yard.push(yard.clone(ALICE), f"main:{name}", actor=ALICE).refused("is no reference of a registry", "observations")


USES = """\
apiVersion: registry-git.dev/v1
kind: Observations
consumer: prod/scorer
uses:
- model: fraud
  version: '1'
  asked: fraud/Production
  first: '2026-11-23T06:14:11.412Z'
  last: '2026-11-23T06:14:11.412Z'
"""
RECORD_OF_USES = "observations/prod%2Fscorer.yaml"


@pytest.fixture
def observing(yard: Yard) -> Path:
    """A clone of Alice's with a branch of observations that is at the registry too."""
    clone, git = yard.clone(ALICE), yard.git
    blob = git(clone, "hash-object", "-w", "--stdin", stdin=USES)
    inner = git(clone, "mktree", stdin=f"100644 blob {blob}\t{RECORD_OF_USES.rpartition('/')[2]}\n")
    tree = git(clone, "mktree", stdin=f"040000 tree {inner}\tobservations\n")
    env = {**person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    git(clone, "update-ref", "refs/heads/observations", git(clone, "commit-tree", tree, "-m", "Observe", env=env))
    yard.push(clone, "observations", actor=ALICE).taken()
    return clone


def test_observations_are_neither_deleted_nor_rewritten(yard: Yard, observing: Path) -> None:
    yard.push(observing, ":observations", actor=ALICE).refused("observations is never deleted")
    hand_commit(yard.git, observing, "observations", {RECORD_OF_USES: USES.replace("11.412", "12.412")}, author=ALICE)
    yard.push(observing, "observations", actor=ALICE).taken()
    yard.push(observing, "+observations~1:observations", actor=ALICE, force=True).refused("would rewrite")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"registry.yaml": "x\n"}, "holds no registry.yaml"),
        ({"README.md": "x\n"}, "holds no README.md"),
        ({"observations/notes.txt": "x\n"}, "No registry writes this file"),
        ({"observations/a/b.yaml": "x\n"}, "No registry writes this file"),
        ({"observations/.gitattributes": "x\n"}, "changes how git reads files"),
        ({"observations/prod%2fscorer.yaml": USES}, "No registry writes this file"),
        ({"observations/other.yaml": USES}, "It says consumer prod/scorer"),
        ({RECORD_OF_USES: USES.replace("'1'", "one")}, "'one' is not"),
        ({RECORD_OF_USES: USES.replace("last: '2026", "last: '2025")}, "before the first"),
        ({RECORD_OF_USES: "kind: ["}, "YAML"),
    ],
)
def test_observations_hold_records_of_consumers_alone(
    yard: Yard, observing: Path, files: dict[str, str], words: str
) -> None:
    hand_commit(yard.git, observing, "observations", files, author=ALICE)
    yard.push(observing, "observations", actor=ALICE).refused(words)


def test_the_registry_itself_is_no_observation_nor_are_links(yard: Yard, observing: Path) -> None:
    yard.git(yard.bare, "update-ref", "-d", "refs/heads/observations")
    yard.push(yard.clone(ALICE), "main:observations", actor=ALICE).refused("holds no models", "holds no registry.yaml")
    yard.push(commit_entry(yard, ALICE, "120000", "observations/link.yaml"), "main:observations", actor=ALICE).refused(
        "symbolic link"
    )


def test_an_observation_in_the_name_of_somebody_else(yard: Yard, observing: Path) -> None:
    hand_commit(yard.git, observing, "observations", {RECORD_OF_USES: USES.replace("11.412", "12.412")}, author=BOB)
    yard.push(observing, "observations", actor=ALICE).refused("whose author is Bob")


def test_two_signatures_on_one_commit(yard: Yard) -> None:
    clone = yard.hand(ALICE, {"README.md": "x\n"})
    raw = yard.git(clone, "cat-file", "commit", "main")
    head, _, body = raw.partition("\n\n")
    block = "gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----"
    double = yard.git(
        clone,
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--literally",
        "--stdin",
        stdin=f"{head}\n{block}\n{block}\n\n{body}\n",
    )
    yard.git(clone, "update-ref", "refs/heads/main", double)
    answer = yard.push(clone, "main", actor=ALICE)
    assert answer.code
    assert "two signatures" in answer.said or "multiple" in answer.said.lower()


def test_an_evil_merge(yard: Yard) -> None:
    text = yard.text(VERSION.format(1)).replace("READY", "PENDING_REGISTRATION")
    clone = yard.merge(BOB, ALICES, edit={VERSION.format(1): text})
    yard.push(clone, "main", actor=BOB).refused(
        "does not hold what its two parents make of models/fraud/versions/1.yaml"
    )
    clone = yard.merge(BOB, ALICES, edit={"README.md": "more\n"}, onto=yard.git(yard.bare, "rev-parse", "main"))
    yard.push(clone, "main", actor=BOB).refused("README.md")


def test_a_merge_that_loses_a_file_and_an_octopus(yard: Yard) -> None:
    clone = yard.merge(BOB, ALICES, edit={POINTER.format("Production"): yard.text(POINTER.format("Production"))})
    yard.push(clone, "main", actor=BOB).refused("pointer.yaml")
    clone = yard.clone(BOB)
    main = yard.git(yard.bare, "rev-parse", "main")
    yard.git(clone, "update-ref", "refs/heads/main", main)
    yard.merged(BOB, clone, f"{main}^{{tree}}", [main, ALICES, BOBS])
    yard.push(clone, "main", actor=BOB).refused("more than two parents")


def test_a_merge_without_a_say_and_of_ones_own_request(yard: Yard) -> None:
    yard.push(yard.merge(DAVE, ALICES), "main", actor=DAVE).refused("1 approval by ml-leads")
    yard.push(yard.merge(BOB, BOBS), "main", actor=BOB).refused("the requester's own (bob@acme.io) does not count")


def test_the_second_request_for_a_slot_is_stale(yard: Yard) -> None:
    yard.push(yard.merge(BOB, ALICES), "main", actor=BOB).taken()
    clone = yard.clone(CAROL)
    tree = yard.git(clone, "rev-parse", f"{BOBS}^{{tree}}")
    yard.merged(CAROL, clone, tree, ["main", BOBS])
    yard.push(clone, "main", actor=CAROL).refused("stale", "request refresh bobs-1")


def test_a_request_that_is_squashed_or_fast_forwarded_onto_main(yard: Yard) -> None:
    clone = yard.clone(BOB)
    yard.push(clone, f"{ALICES}:main", actor=BOB).refused("moves main to a commit of Alice")
    yard.merged(BOB, clone, f"{ALICES}^{{tree}}", ["main"])
    yard.push(clone, "main", actor=BOB).refused("comes to main without a merge", "request approve alices-1")


def test_a_record_that_says_approved_and_is_not(yard: Yard) -> None:
    clone = yard.clone(ALICE)
    path = RECORD.format("alices-1")
    text = yard.text(path, ALICES).replace("state: open", "state: approved")
    hand_commit(yard.git, clone, ALICES, {path: text}, author=ALICE)
    yard.push(clone, ALICES, actor=ALICE).refused(
        "approved on its branch, and main does not know it", "request approve alices-1"
    )
    tree = yard.git(clone, "merge-tree", "--write-tree", "main", ALICES).split()[0]
    yard.merged(ALICE, clone, tree, ["main", ALICES])
    yard.push(clone, "main", actor=ALICE).refused("1 approval by ml-leads")


def proposal(text: str) -> str:
    return next(line for line in text.split("\n") if line.startswith("proposal: "))


def test_a_review_in_another_persons_name(yard: Yard) -> None:
    path = RECORD.format("alices-1")
    text = yard.text(path, ALICES)
    clone = yard.hand(ALICE, {path: text + review(BOB, proposal(text))}, branch=ALICES)
    yard.push(clone, ALICES, actor=ALICE).refused("Alice <alice@acme.io> writes down what Bob <bob@acme.io>")
    clone = yard.hand(DAVE, {path: text + review(BOB, proposal(text))}, branch=ALICES, author=BOB)
    yard.push(clone, ALICES, actor=DAVE).refused("whose author is Bob")


def test_a_request_branch_that_does_more_than_its_record_says(yard: Yard) -> None:
    wrong: list[dict[str, str | None]] = [
        {"registry.yaml": yard.text("registry.yaml").partition("rules:")[0]},
        {"models/spam/model.yaml": yard.text("models/spam/model.yaml") + "tags: {a: b}\n"},
        {"README.md": "x\n"},
        {VERSION.format(2): yard.text(VERSION.format(2)).replace("READY", "PENDING_REGISTRATION")},
        {POINTER.format("Production"): None},
    ]
    for files in wrong:
        clone = yard.hand(ALICE, files, branch=ALICES)
        yard.push(clone, ALICES, actor=ALICE).refused("request", "request cancel alices-1")
        yard.git(clone, "update-ref", f"refs/heads/{ALICES}", f"{ALICES}~1")


def test_a_request_branch_under_the_name_of_another_model(yard: Yard) -> None:
    clone = yard.clone(ALICE)
    yard.push(clone, f"{ALICES}:request/spam/alices-1", actor=ALICE).refused("holds no record of its request")
    yard.push(clone, "main:request/spam/abcd", actor=ALICE).refused(
        "holds no record of its request", "is made by: registry-git request create"
    )


def test_a_request_in_another_persons_name(yard: Yard) -> None:
    path = RECORD.format("alices-1")
    text = yard.text(path, ALICES).replace(f"requester: {ALICE}", f"requester: {DAVE}")
    assert DAVE in text
    yard.push(yard.hand(ALICE, {path: text}, branch=ALICES), ALICES, actor=ALICE).refused("rewritten by hand")


def test_a_request_branch_that_is_forced_or_deleted_by_others(yard: Yard) -> None:
    clone = yard.clone(DAVE)
    yard.push(clone, f"+{BOBS}:{ALICES}", actor=DAVE, force=True).refused("would rewrite")
    yard.push(clone, f":{ALICES}", actor=DAVE).refused("is open, and it is Alice", "request reject alices-1")


def test_an_id_that_main_knows_already(yard: Yard) -> None:
    clone = yard.merge(BOB, ALICES)
    tip = yard.git(clone, "rev-parse", ALICES)
    yard.push(clone, "main", f":{ALICES}", actor=BOB).taken()
    env = {**person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    again = yard.git(clone, "commit-tree", f"{tip}^{{tree}}", "-p", tip, "-m", "Again", env=env)
    yard.push(clone, f"{again}:refs/heads/{ALICES}", actor=ALICE).refused("is on main already")


def test_direct_changes_that_take_a_request(yard: Yard) -> None:
    moved = yard.text(POINTER.format("Production"), ALICES)
    yard.push(yard.hand(BOB, {POINTER.format("Production"): moved}), "main", actor=BOB).refused(
        "Rule on stage to Production"
    )
    policy = yard.text("registry.yaml").partition("rules:")[0]
    yard.push(yard.hand(DAVE, {"registry.yaml": policy}), "main", actor=DAVE).refused("Rule on policy")


def test_a_policy_and_what_it_would_allow_in_one_push(yard: Yard) -> None:
    clone = yard.hand(DAVE, {"registry.yaml": yard.text("registry.yaml").partition("rules:")[0]})
    moved = yard.text(POINTER.format("Production"), ALICES)
    hand_commit(yard.git, clone, "main", {POINTER.format("Production"): moved}, author=DAVE)
    yard.push(clone, "main", actor=DAVE).refused("Rule on policy")


def test_a_layout_that_leaves_the_files_where_they_were(yard: Yard) -> None:
    policy = yard.text("registry.yaml").replace("layout: flat", "layout: fanout")
    clone = yard.hand(DAVE, {"registry.yaml": policy})
    answer = yard.push(clone, "main", actor=DAVE)
    answer.refused("stay where flat has them: models/fraud/model.yaml", "registry-git relayout fanout")
    assert "Remove it" not in answer.said


def test_versions_numbers_and_records_that_are_rewritten(yard: Yard) -> None:
    path = VERSION.format(1)
    text = yard.text(path)
    record = next(p for p in yard.git(yard.bare, "ls-tree", "-r", "--name-only", "main").split() if "/requests/" in p)
    said = yard.text(record)
    taken = f"id: {text.partition(chr(10) + 'id: ')[2].partition(chr(10))[0]}"
    cases: list[tuple[dict[str, str | None], str]] = [
        ({path: text.replace("s3://acme/fraud/1", "s3://evil/1")}, "The source of v1 of fraud never changes"),
        ({VERSION.format(3): None}, "highest number that was ever deleted from fraud is 3, not 0"),
        ({"models/fraud/model.yaml": yard.text("models/fraud/model.yaml") + "last_deleted: 9\n"}, "is 0, not 9"),
        ({record: None}, "is removed"),
        ({record: said.replace("verdict: approved", "verdict: rejected")}, "records only grow"),
        ({record: said.replace("state: approved", "state: open")}, "that is final"),
        ({**new_version(yard, 4, id=taken.removeprefix("id: "))}, "has the id of v1"),
        ({"models/fraud/model.yaml": None}, "fraud has no model.yaml"),
        ({"registry.yaml": None}, "There is no registry.yaml"),
        ({path: "kind: Nonsense\n"}, "versions/1.yaml"),
    ]
    for files, words in cases:
        clone = yard.hand(BOB, files)
        answer = yard.push(clone, "main", actor=BOB)
        assert answer.code, words
        assert words in answer.said, answer.said
        yard.git(clone, "update-ref", "refs/heads/main", "main~1")


def test_a_number_that_was_given_before(yard: Yard) -> None:
    old = yard.text(VERSION.format(3))
    yard.as_(BOB).cancel("bobs-1")
    yard.as_(ALICE).delete("fraud", version=3)
    yard.push(yard.hand(ALICE, {VERSION.format(3): old}), "main", actor=ALICE).refused(
        "a number is never given twice", "v4"
    )


def test_a_pointer_that_disagrees_with_its_version(yard: Yard) -> None:
    text = yard.text(POINTER.format("Production")).replace("Production", "Staging").replace("production", "staging")
    lie = text.replace("s3://acme/fraud/1", "s3://evil/1")
    clone = yard.hand(ALICE, {POINTER.format("Staging"): lie})
    yard.push(clone, "main", actor=ALICE).refused("has another source than v1")


def test_a_comment_in_another_persons_name(yard: Yard) -> None:
    yard.as_(BOB).add_comment("fraud", 1, "Fine.")
    path = next(p for p in yard.git(yard.bare, "ls-tree", "-r", "--name-only", "main").split() if "/comments/" in p)
    clone = yard.hand(DAVE, {path: yard.text(path).replace("Fine.", "Bad.")})
    yard.push(clone, "main", actor=DAVE).refused("is Bob <bob@acme.io>'s")


def test_an_inherited_git_environment_sends_the_hook_nowhere_else(yards: Yards, git: Git, tmp_path: Path) -> None:
    yard = yards.new("path", git)  # a web server hands none on
    clone = yard.merge(DAVE, ALICES)
    env = {**os.environ, "REGISTRY_GIT_ACTOR": DAVE, "PYTHONPATH": str(tmp_path), "GIT_NAMESPACE": ""}
    (tmp_path / "registry_git.py").write_text("raise SystemExit(0)\n")
    done = subprocess.run(
        ["git", "push", str(yard.bare), "main"], cwd=clone, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "1 approval by ml-leads" in done.stderr
