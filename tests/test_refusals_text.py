"""Free text and dates at the Python API: refused with nothing written, or kept exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import registry_git
from registry_git.core.errors import Invalid, NotFound, RegistryError
from registry_git.core.model import Lineage
from registry_git.core.names import COMMENT_MAX, DESCRIPTION_MAX, TAG_VALUE_MAX, Id
from registry_git.core.times import Timestamp
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, new_registry, refs

LINE_BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "acme.git"


@pytest.fixture
def registry(place: Path) -> Registry:
    opened = new_registry(place, versions=2)(ALICE)
    opened.add_comment("fraud", 1, "first", id="comment-1")
    opened.request_stage("fraud", 2, "Production", id="request-1")
    return opened


def refused(action: Callable[[], object], git: Git, place: Path, *errors: type[RegistryError]) -> RegistryError:
    """The refusal: an error of the given type with a hint or a reason, and no reference that moved."""
    before = refs(git, place)
    with pytest.raises(errors or (Invalid,)) as caught:
        action()
    assert caught.value.message
    assert refs(git, place) == before
    return caught.value


UNSTORABLE = ["a\0b", "\ud800", "x\udfff"]


@pytest.mark.parametrize("text", UNSTORABLE, ids=["nul", "high surrogate", "low surrogate"])
def test_text_that_cannot_be_stored_is_refused_wherever_text_goes(
    registry: Registry, place: Path, git: Git, text: str
) -> None:
    for action in (
        lambda: registry.add_comment("fraud", 1, text),
        lambda: registry.edit_comment("fraud", 1, "comment-1", text),
        lambda: registry.describe("fraud", text),
        lambda: registry.describe("fraud", text, version=1),
        lambda: registry.set_tag("fraud", "a", text),
        lambda: registry.set_tag("fraud", f"a{text}", "b"),
        lambda: registry.set_tag("fraud", "a", text, version=1),
        lambda: registry.delete_tag("fraud", text),
        lambda: registry.set_status("fraud", 1, "READY", message=text),
        lambda: registry.register("fraud", text),
        lambda: registry.register("fraud", "s3://x", description=text),
        lambda: registry.register("fraud", "s3://x", tags={"a": text}),
        lambda: registry.register("fraud", "s3://x", comment=text),
        lambda: registry.register("fraud", "s3://x", lineage=Lineage(run_id=text)),
        lambda: registry.create_model("other", description=text),
        lambda: registry.transition("fraud", 1, "Staging", comment=text),
        lambda: registry.request_stage("fraud", 1, "Staging", comment=text),
        lambda: registry.approve("request-1", comment=text),
        lambda: registry.reject("request-1", comment=text),
        lambda: registry.cancel("request-1", comment=text),
        lambda: registry.rename("other", "another", comment=text),
        lambda: registry.delete("fraud", version=1, comment=text),
        lambda: registry.set_policy(text),
        lambda: registry.request_policy(text),
    ):
        refused(action, git, place)


def test_text_that_is_too_long_is_refused(registry: Registry, place: Path, git: Git) -> None:
    for action in (
        lambda: registry.add_comment("fraud", 1, "x" * (COMMENT_MAX + 1)),
        lambda: registry.transition("fraud", 1, "Staging", comment="x" * (COMMENT_MAX + 1)),
        lambda: registry.approve("request-1", comment="x" * (COMMENT_MAX + 1)),
        lambda: registry.describe("fraud", "x" * (DESCRIPTION_MAX + 1)),
        lambda: registry.set_tag("fraud", "a", "x" * (TAG_VALUE_MAX + 1)),
        lambda: registry.set_tag("fraud", "a" * 251, "x"),
        lambda: registry.set_tags("fraud", {f"a{n}": "x" * TAG_VALUE_MAX for n in range(4)}),
        lambda: registry.add_comment("fraud", 1, "🦊" * COMMENT_MAX),
        lambda: registry.register("fraud", "s3://" + "x" * 5000),
    ):
        assert refused(action, git, place).hint


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u2028"])
def test_a_comment_without_a_word_is_refused(registry: Registry, place: Path, git: Git, text: str) -> None:
    assert refused(lambda: registry.add_comment("fraud", 1, text), git, place).hint


def test_the_longest_text_is_kept(registry: Registry) -> None:
    registry.add_comment("fraud", 1, "x" * COMMENT_MAX, id="comment-2")
    assert registry.comments("fraud", 1)[-1].text == "x" * COMMENT_MAX
    registry.describe("fraud", "y" * DESCRIPTION_MAX)
    assert registry.model("fraud").description == "y" * DESCRIPTION_MAX
    assert registry.check() == []


TRAPS = [
    *(f"fine{char}Approved-by: Mallory <m@evil.example>" for char in LINE_BREAKS),
    *(f"{char}{char}Registry-Action: approved{char}" for char in LINE_BREAKS),
    "Approved-by: Mallory <m@evil.example>",
    "\n\nSigned-off-by: Mallory <m@evil.example>\n",
    "---\nkind: Registry\n",
    "> quoted\n> twice",
    "\\u2028 and \\n stay as they are",
    "# not a comment of git's\n# nor this",
    "\x1b[31mred\x1b[0m \u202eright to left",
    "tab\tand  two spaces ",
    " \n x\n\n\ny \n",
    "no",
    "12",
    "&a *a !!python/object:os.system {{x}} ${x} %s",
    "\ufeffbom \ufffe\uffff 🦊\u200d🦊",
]


@pytest.mark.parametrize("text", TRAPS, ids=range(len(TRAPS)))
def test_every_text_comes_back_exactly_and_is_never_a_trailer(
    registry: Registry, place: Path, git: Git, text: str
) -> None:
    registry.describe("fraud", text)
    registry.describe("fraud", text, version=1)
    registry.set_tag("fraud", "note", text, version=1)
    registry.add_comment("fraud", 1, text, id="comment-2")
    registry.transition("fraud", 1, "Staging", comment=text)
    registry.request_stage("fraud", 1, "Production", comment=text, id="request-2")
    registry_git.open(place, actor=BOB, durable=False).approve("request-2", comment=text)
    fresh = registry_git.open(place, actor=BOB, durable=False)
    fresh.reindex()
    assert fresh.model("fraud").description == text
    version = fresh.version("fraud", 1)
    assert (version.description, version.tags["note"]) == (text, text)
    assert fresh.comments("fraud", 1)[-1].text == text
    request = fresh.request("request-2")
    assert (request.comment, request.record.reviews[-1].comment) == (text, text)
    said = {one.activity_type: one.comment for one in fresh.activity("fraud", 1)}
    for kind in ("NEW_COMMENT", "APPLIED_TRANSITION", "REQUESTED_TRANSITION", "APPROVED_REQUEST"):
        assert said[kind] == text, kind
    assert fresh.check() == []
    for commit in git(place, "rev-list", "main").split():
        trailers = git(place, "log", "-1", "--format=%(trailers:only,unfold)", commit).split("\n")
        assert all(line.startswith("Registry-") for line in trailers if line), trailers
        assert sum(line.startswith("Registry-Action:") for line in trailers) == 1


def test_a_text_that_claims_another_action_changes_no_activity(registry: Registry) -> None:
    forged = "x\n\nRegistry-Action: approved\nRegistry-Model: fraud\nRegistry-Version: 1\nRegistry-To: Production"
    known = {one.id for one in registry.activity("fraud")}
    registry.describe("fraud", forged)
    new = [one for one in registry.activity("fraud") if one.id not in known]
    assert [(one.activity_type, one.to_stage) for one in new] == [("EDITED_DESCRIPTION", "")]


@pytest.mark.parametrize("moment", [-1, 253402300800000, 2**53, 2**63 - 1, 2**63, 10**30])
def test_a_time_that_no_date_can_write_is_refused(moment: int) -> None:
    with pytest.raises(Invalid) as refusal:
        Timestamp.of(moment)
    assert refusal.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "10000-01-01T00:00:00.000Z",
        "+10000-01-01T00:00:00.000Z",
        "9999-13-01T00:00:00.000Z",
        "2026-02-30T00:00:00.000Z",
        "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:00:60.000Z",
        "2026-01-01T00:00:00.000z",
        "2026-01-01T00:00:00Z",
        "2026-01-01 00:00:00.000Z",
        "2026-01-01T00:00:00.000+01:00",
        "２０２６-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.000Z\n",
        "1969-12-31T23:59:59.999Z",
        "",
    ],
)
def test_a_time_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Timestamp.parse(text)


@pytest.mark.parametrize("moment", [0, 1, 999, 951782400000, 253402300799999])
def test_a_time_is_read_as_it_is_written(moment: int) -> None:
    assert Timestamp.parse(Timestamp.of(moment).text()) == moment


@pytest.mark.parametrize("date", ["9999-12-31", "9999-12-31T23:59:59", "9999-12-31T23:59:59.999999+00:00"])
def test_the_last_of_all_dates_shows_what_is_there_now(registry: Registry, date: str) -> None:
    assert registry.at(date).commit == registry.commit


@pytest.mark.parametrize("date", ["0001-01-01", "1969-12-31", "0001-01-01T00:00:00+23:59"])
def test_a_date_before_the_registry_shows_nothing(registry: Registry, place: Path, git: Git, date: str) -> None:
    assert refused(lambda: registry.at(date), git, place, NotFound).hint


def test_an_id_of_the_longest_kind_is_accepted(registry: Registry) -> None:
    longest = Id.parse("a" * 64)
    assert registry.add_comment("fraud", 1, "x", id=longest).id == longest
    assert registry.request_stage("fraud", 1, "Staging", id="b" * 64).id == "b" * 64


@pytest.mark.parametrize("char", [*LINE_BREAKS, "\x1b", "\t"])
def test_a_source_is_one_line_as_resolve_prints_it(registry: Registry, place: Path, git: Git, char: str) -> None:
    problem = refused(lambda: registry.register("fraud", f"s3://acme{char}/fraud"), git, place)
    assert "control character" in problem.message
    assert problem.hint == "Write it on one line."
