"""`check --base`: what a CI job says about a branch before anybody merges it, in a plain clone."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import registry_git
from tests.ci_scene import ASKED, Checkout, plain_registry
from tests.cli_program import run
from tests.conftest import Git
from tests.gate_scene import ALICE, BOB, DAVE, POINTER, RECORD, VERSION, Yard, new_version, review
from tests.registry_scene import hand_commit

RIVAL = "request/fraud/carols-1"


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plain_registry(tmp_path_factory.mktemp("plain") / "models.git")


@pytest.fixture
def yard(_template: Path, tmp_path: Path, git: Git) -> Yard:
    shutil.copytree(_template, tmp_path / "models.git")
    return Yard(bare=tmp_path / "models.git", git=git)


def test_a_request_that_waits_for_its_review_is_clean(yard: Yard) -> None:
    job = Checkout(yard)
    assert [(one["level"], one["rule"]) for one in job.findings()] == [("note", "approval")]
    assert "Nothing forbids the merge." in job.check().out
    assert job.rules("--require-approved", code=6) == {"approval"}


def test_a_request_is_named_by_its_branch_or_its_id_and_takes_nobody_elses_name(yard: Yard) -> None:
    alice = registry_git.open(yard.bare, actor=ALICE, durable=False)
    alice.request_stage("spam", 1, "Archived", id="HEAD")
    job = Checkout(yard, "main")
    for head in (ASKED, f"origin/{ASKED}", "alices-1"):
        assert "1 approval by ml-leads" in job.check("--head", head, base="main").out
    assert job.check("--head", "HEAD").out == "Nothing forbids the merge.\n"
    job.check("--head", "alices-9", code=3)


def test_an_approved_request_is_clean_with_require_approved(yard: Yard) -> None:
    path = RECORD.format("alices-1")
    text = yard.text(path, ASKED)
    proposal = next(line for line in text.split("\n") if line.startswith("proposal: "))
    hand_commit(yard.git, yard.bare, ASKED, {path: text + review(BOB, proposal)}, author=BOB)
    assert Checkout(yard).findings("--require-approved") == []


def test_a_commit_after_the_approval_and_one_in_anothers_name_do_not_count(yard: Yard) -> None:
    path = RECORD.format("alices-1")
    text = yard.text(path, ASKED)
    proposal = next(line for line in text.split("\n") if line.startswith("proposal: "))
    hand_commit(yard.git, yard.bare, ASKED, {path: text + review(BOB, proposal)}, author=ALICE)
    assert Checkout(yard).rules("--require-approved", code=6) == {"approval"}
    approved = yard.text(path, ASKED).replace("state: open", "state: approved")
    hand_commit(yard.git, yard.bare, ASKED, {path: approved}, author=ALICE)
    assert Checkout(yard).rules(code=6) == {"approval"}


@pytest.mark.parametrize(
    ("files", "rule", "code"),
    [
        ({"registry.yaml": "registry"}, "request-content", 2),
        ({"models/spam/model.yaml": "spam"}, "request-content", 2),
        ({"README.md": "# Hello\n"}, "request-content", 2),
        ({VERSION.format(1): "source"}, "append-only", 2),
        ({VERSION.format(2): "kind: Nonsense\n"}, "manifest", 2),
        ({"models/fraud/.gitattributes": "* text\n"}, "forbidden-entry", 2),
        ({POINTER.format("Production"): None}, "request-content", 2),
    ],
)
def test_a_branch_that_does_more_than_its_request(
    yard: Yard, files: dict[str, str | None], rule: str, code: int
) -> None:
    written = dict(files)
    for path, text in files.items():
        if text == "registry":
            written[path] = yard.text(path).partition("rules:")[0]
        elif text == "spam":
            written[path] = yard.text(path) + "tags: {a: b}\n"
        elif text == "source":
            written[path] = yard.text(path).replace("s3://acme/fraud/1", "s3://evil/1")
    hand_commit(yard.git, yard.bare, ASKED, written, author=ALICE)
    found = Checkout(yard).findings(code=code)
    assert rule in {one["rule"] for one in found if one["level"] == "error"}
    assert all(one["fix"] or rule == "manifest" for one in found if one["level"] == "error" and one["rule"] == rule)


def test_a_model_that_cannot_be_read_is_told_once_and_is_not_called_missing(yard: Yard) -> None:
    path = "models/fraud/model.yaml"
    hand_commit(yard.git, yard.bare, ASKED, {path: yard.text(path) + "x: 1\n"}, author=ALICE)
    found = Checkout(yard).findings(code=2)
    assert [one["message"][:3] for one in found if one["rule"] == "manifest"] == ["$.x"]
    hand_commit(yard.git, yard.bare, ASKED, {path: None}, author=ALICE)
    messages = [one["message"] for one in Checkout(yard).findings(code=2)]
    assert messages.count("fraud has versions but no model.yaml.") <= 1
    assert {one["path"] for one in Checkout(yard).findings(code=2)} <= {*yard.files(ASKED), *yard.files("main")}


def test_a_finding_names_the_line(yard: Yard) -> None:
    path = VERSION.format(1)
    text = yard.text(path)
    hand_commit(yard.git, yard.bare, ASKED, {path: text.replace("s3://acme/fraud/1", "s3://evil/1")}, author=ALICE)
    line = 1 + next(n for n, one in enumerate(text.split("\n")) if one.startswith("source:"))
    found = [one for one in Checkout(yard).findings(code=2) if one["rule"] == "append-only"]
    assert [(one["path"], one["line"]) for one in found] == [(path, line)]
    said = Checkout(yard).check("--format", "github", code=2).out
    assert f"::error file={path},line={line},title=registry-git%3A append-only::The source of v1" in said


def test_what_the_base_has_changed_makes_the_branch_stale(yard: Yard) -> None:
    registry_git.open(yard.bare, actor=BOB).approve("carols-1")
    job = Checkout(yard)
    assert job.rules(code=5) == {"stale"}
    assert "request refresh alices-1" in job.check(code=5).out
    registry_git.open(yard.bare, actor=ALICE).refresh("alices-1")
    assert Checkout(yard).rules() == set()


def test_a_deleted_version_makes_the_merge_result_wrong(yard: Yard) -> None:
    registry_git.open(yard.bare, actor=ALICE).cancel("alices-1")
    yard.git(yard.bare, "branch", "by-hand", "main")
    text = yard.text(POINTER.format("Production")).replace("Production", "Staging").replace("production", "staging")
    pointer = (
        re.sub(r"(versions:\s+(?:- |\[))1", r"\g<1>2", text)
        .replace("version: '1'", "version: '2'")
        .replace("fraud/1", "fraud/2")
    )
    kustomization = yard.text("models/fraud/stages/Production/kustomization.yaml")
    files = {POINTER.format("Staging"): pointer, "models/fraud/stages/Staging/kustomization.yaml": kustomization}
    hand_commit(yard.git, yard.bare, "by-hand", files, author=ALICE)
    assert Checkout(yard, "by-hand").rules() == set()
    registry_git.open(yard.bare, actor=ALICE).delete("fraud", version=2)
    assert Checkout(yard, "by-hand").rules(code=2) == {"manifest"}


def test_the_policy_of_the_base_judges_and_not_the_branchs_own(yard: Yard) -> None:
    yard.git(yard.bare, "branch", "by-hand", "main")
    files = {
        "registry.yaml": yard.text("registry.yaml").partition("rules:")[0],
        POINTER.format("Production"): yard.text(POINTER.format("Production"), ASKED),
    }
    hand_commit(yard.git, yard.bare, "by-hand", files, author=DAVE)
    job = Checkout(yard, "by-hand")
    assert {one["message"].split(":")[0] for one in job.findings()} == {
        "Rule on stage to Production for *",
        "Rule on policy for *",
    }
    assert job.rules("--require-approved", code=6) == {"approval"}


def test_a_branch_does_not_write_another_verdict_into_what_landed(yard: Yard) -> None:
    merged = yard.git(yard.merge(BOB, ASKED), "rev-parse", "main")
    yard.git(yard.bare, "fetch", "--quiet", yard.bare.parent / "plain-bob.git", "main")
    yard.git(yard.bare, "update-ref", "refs/heads/main", merged)
    yard.git(yard.bare, "branch", "topic", "main")
    path = RECORD.format("alices-1")
    text = yard.text(path)
    for other, words in (
        (text.replace("state: open", "state: rejected"), "has landed, so nobody can have it rejected"),
        (text.replace("state: open", "state: approved"), "nobody stands for it"),
    ):
        hand_commit(yard.git, yard.bare, "topic", {path: other}, author=ALICE)
        (fault,) = [one for one in Checkout(yard, "topic").findings(code=2) if one["level"] == "error"]
        assert (fault["rule"], fault["path"]) == ("request-record", path)
        assert words in fault["message"]


def test_gates_and_roles_are_errors_even_before_the_review(yard: Yard) -> None:
    rules = (
        "rules:\n- {on: stage, to: [Production], approvals: 1, require: {tags: [validated]}}\n"
        "- {on: register, by: [ml-leads]}\n"
    )
    registry = registry_git.open(yard.bare, actor=BOB)
    text = yard.text("registry.yaml").partition("rules:")[0] + rules
    hand_commit(yard.git, yard.bare, "main", {"registry.yaml": text}, author=BOB)
    assert registry.policy().rules
    found = Checkout(yard).findings(code=6)
    assert ("error", "policy") in {(one["level"], one["rule"]) for one in found}
    assert any("lacks the tag 'validated'" in one["message"] for one in found)
    yard.git(yard.bare, "branch", "by-hand", "main")
    hand_commit(yard.git, yard.bare, "by-hand", new_version(yard, 4), author=DAVE)
    assert any("is not in ml-leads" in one["message"] for one in Checkout(yard, "by-hand").findings(code=6))


def test_the_forges_own_merge_and_a_merge_queue_are_judged_as_what_they_merge(yard: Yard, git: Git) -> None:
    tree = git(yard.bare, "merge-tree", "--write-tree", "main", ASKED)
    merge = git(yard.bare, "commit-tree", tree, "-p", "main", "-p", ASKED, "-m", "Merge")
    git(yard.bare, "update-ref", "refs/heads/queue", merge)
    assert [one["rule"] for one in Checkout(yard, "queue").findings()] == ["approval"]
    other = registry_git.open(yard.bare, actor=ALICE).request_stage("spam", 1, "Production").branch
    both = git(yard.bare, "merge-tree", "--write-tree", "queue", other)
    merge = git(yard.bare, "commit-tree", both, "-p", "queue", "-p", other, "-m", "Merge")
    git(yard.bare, "update-ref", "refs/heads/queue", merge)
    found = Checkout(yard, "queue").findings()
    assert {one["path"].split("/")[1] for one in found} == {"fraud", "spam"}
    evil = git(yard.bare, "commit-tree", f"{ASKED}^{{tree}}", "-p", "queue", "-p", RIVAL, "-m", "Evil")
    git(yard.bare, "update-ref", "refs/heads/queue", evil)
    assert "stale" in Checkout(yard, "queue").rules(code=5) or Checkout(yard, "queue").rules(code=5)


def test_an_evil_merge_in_a_queue(yard: Yard, git: Git) -> None:
    clone = yard.merge(BOB, ASKED, edit={"README.md": "more\n"})
    git(clone, "push", "--quiet", str(yard.bare), "main:refs/heads/queue")
    assert Checkout(yard, "queue").rules(code=2) == {"merge"}


def test_what_was_wrong_on_the_base_is_a_warning(yard: Yard) -> None:
    path = VERSION.format(3)
    hand_commit(yard.git, yard.bare, "main", {path: yard.text(path) + "nonsense: 1\n"}, author=ALICE)
    found = Checkout(yard).findings()
    assert [(one["level"], one["path"]) for one in found if one["rule"] == "manifest"] == [("warning", path)]


def test_a_shallow_clone_and_a_base_that_is_not_there_say_what_to_fetch(yard: Yard, git: Git, tmp_path: Path) -> None:
    job = Checkout(yard)
    for base, fetched in (
        ("origin/develop", "git fetch origin develop:refs/remotes/origin/develop\n"),
        ("refs/pull/7/merge", "git fetch origin refs/pull/7/merge:refs/pull/7/merge\n"),
        ("develop", "git fetch origin develop:develop\n"),
        ("1234567", "git fetch origin\n"),
    ):
        assert fetched in job.check(base=base, code=3).err
    for expression in ("HEAD~1", "@{-1}", ":/x", "--output=x", "main..x"):
        job.check(f"--head={expression}", code=2)
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{yard.bare}", "shallow")
    answer = run("-R", str(tmp_path / "shallow"), "check", "--base", "origin/main", code=8)
    assert "git fetch --unshallow origin" in answer.err


def test_nothing_to_merge_is_clean(yard: Yard) -> None:
    assert Checkout(yard, "main").findings() == []
    assert Checkout(yard, "main~1").findings() == []


def test_options_about_a_branch_need_a_base(yard: Yard) -> None:
    run("-R", str(yard.bare), "check", "--head", "main", code=2)
    run("-R", str(yard.bare), "check", "--require-approved", code=2)
    assert run("-R", str(yard.bare), "check", "--format", "gitlab").out == "[]\n"


def test_the_summary_shows_what_changes_side_by_side_and_mentions_nobody(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("Earlier.\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    job = Checkout(yard)
    job.check()
    text = page.read_text()
    assert text.startswith("Earlier.\n### Request alices-1: fraud v2 to Production")
    assert "| fraud | Production | v1 | v1, v2 |" in text
    assert "| tag auc | 0.91 | 0.92 |" in text
    assert "bob@acme.io, carol@acme.io" in text
    assert " @bob" not in text
    assert "<b>" not in text
    job.check("--summary", str(tmp_path / "own.md"))
    assert (tmp_path / "own.md").read_text() == text.removeprefix("Earlier.\n")


def test_the_reports_are_well_formed(yard: Yard) -> None:
    name = "a,b:c%"
    files: dict[str, str | None] = {f"models/fraud/{name}.txt": "x\n", VERSION.format(1): "kind: 1\n"}
    hand_commit(yard.git, yard.bare, ASKED, files, author=ALICE)
    job = Checkout(yard)
    lines = job.check("--format", "github", code=2).out.splitlines()
    assert all(line.startswith(("::error file=", "::notice file=")) and line.count("::") >= 2 for line in lines)
    assert any("file=models/fraud/a%2Cb%3Ac%25.txt,line=1," in line for line in lines)
    quality = json.loads(job.check("--format", "gitlab", code=2).out)
    assert {"description", "check_name", "fingerprint", "severity", "location"} == set(quality[0])
    assert len({one["fingerprint"] for one in quality}) == len(quality)
    suite = ElementTree.fromstring(job.check("--format", "junit", code=2).out)
    assert int(suite.attrib["failures"]) == len(suite.findall(".//failure")) >= 2
    kept = [one.attrib["classname"] for one in suite.findall(".//testcase")]
    assert int(suite.attrib["tests"]) == len(kept)
    assert {"author", "reference"}.isdisjoint(kept)
    log = json.loads(job.check("--format", "sarif", code=2).out)
    assert log["version"] == "2.1.0"
    rules = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    for result in log["runs"][0]["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1
