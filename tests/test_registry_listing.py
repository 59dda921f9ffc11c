"""Lists of models: what the index says of a model in a list is what its manifests say, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git import Registry
from registry_git.core.errors import Invalid
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, LEADS, As, hand_commit, new_registry


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models.git"


@pytest.fixture
def as_(place: Path) -> As:
    """`fraud` with three versions, and four other models, each changed after the one before it."""
    as_ = new_registry(place, versions=3, protect=["Production"], roles=LEADS)
    registry = as_(ALICE)
    registry.create_model("Churn", description="Kündigungen im Voraus", tags={"owner": "risk-team", "tier": "gold"})
    registry.create_model("spam", tags={"owner": "mail"})
    as_(BOB).create_model("empty")
    registry.register("ranking", "s3://acme/ranking/1")
    return as_


def names(registry: Registry, **wanted: object) -> list[str]:
    return [view.name for view in registry.model_page(**wanted).models]  # type: ignore[arg-type]


def agree(registry: Registry) -> None:
    """Asserts that each model is the same in a list, alone, and to an index made anew."""
    listed = registry.models()
    assert listed == [registry.model(view.name) for view in listed]
    for view in listed:
        assert view.last_activity == max(one.creation_timestamp for one in registry.activity(view.name))
    registry.reindex()
    assert registry.models() == listed


def test_a_model_in_a_list_is_the_model_itself(as_: As) -> None:
    registry = as_(ALICE)
    registry.transition("fraud", 1, "Staging")
    registry.transition("fraud", 3, "Staging", add=True)
    registry.transition("fraud", 2, "Archived")
    registry.set_alias("fraud", "champion", 2)
    registry.set_alias("fraud", "challenger", 3)
    registry.add_comment("ranking", 1, "well done")
    registry.request_stage("fraud", 3, "Production")
    agree(registry)
    (fraud,) = registry.models(filter="name = 'fraud'")
    assert list(fraud.stages.items()) == [("Staging", (1, 3)), ("Archived", (2,))]  # in the order of the policy
    assert list(fraud.aliases.items()) == [("challenger", 3), ("champion", 2)]
    assert (fraud.versions, fraud.latest_version, fraud.open_requests) == (3, 3, 1)
    registry.delete("fraud", version=1, leaving=True)
    registry.rename("Churn", "leaving")
    registry.delete("spam")
    registry.create_model("spam", description="another one")
    agree(registry)


def test_a_version_in_a_list_is_the_version_itself(as_: As) -> None:
    registry = as_(ALICE)
    registry.transition("fraud", 1, "Staging")
    registry.describe("fraud", "better", version=3)
    registry.set_alias("fraud", "champion", 2)
    alone = [registry.version("fraud", number) for number in (3, 2, 1)]
    assert registry.versions("fraud") == alone
    assert registry.search_versions("name = 'fraud'", order_by=["version_number DESC"]) == alone
    newest = registry.search_versions("name = 'fraud'")
    assert [view.last_updated for view in newest] == sorted((view.last_updated for view in alone), reverse=True)
    assert newest[0].version == 3


def test_the_last_activity_is_that_of_the_newest_word(as_: As) -> None:
    registry = as_(ALICE)
    before = registry.model("fraud")
    registry.set_tag("fraud", "team", "risk")
    tagged = registry.model("fraud")
    assert tagged.last_activity > before.last_activity
    assert tagged.last_updated == before.last_updated  # a label is no update
    asked = registry.request_stage("fraud", 2, "Production")
    assert registry.model("fraud").last_activity == asked.created > tagged.last_activity
    as_(BOB).reject(asked.request, comment="not yet")
    rejected = registry.model("fraud").last_activity
    assert rejected > asked.created
    agree(registry)
    other = registry.request_stage("ranking", 1, "Production")
    as_(BOB).approve(other.request)
    assert registry.model("fraud").last_activity == rejected
    agree(registry)


def test_what_is_asked_on_a_branch_counts_for_the_order(as_: As) -> None:
    registry = as_(ALICE)
    registry.set_tag("fraud", "team", "risk")
    newest = ["fraud", "ranking", "empty", "spam", "Churn"]
    assert names(registry, order_by=["last_activity DESC"]) == newest
    asked = registry.request_delete("spam", None)
    assert names(registry, order_by=["last_activity DESC"]) == ["spam", "fraud", "ranking", "empty", "Churn"]
    assert names(registry, order_by=["last_activity DESC"], limit=2, offset=1) == ["fraud", "ranking"]
    assert names(registry, order_by=["last_activity"])[-1] == "spam"
    registry.cancel(asked.request)  # its branch goes, and with it all that was ever said of it
    agree(registry)


def test_pages_follow_each_other_and_tell_how_many_there_are(as_: As) -> None:
    registry = as_(ALICE)
    pages = [registry.model_page(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [[view.name for view in page.models] for page in pages] == [
        ["Churn", "empty"],
        ["fraud", "ranking"],
        ["spam"],
        [],
    ]
    assert [page.total for page in pages] == [5] * 4
    assert registry.model_page(filter="name LIKE 'nothing%'").total == 0
    assert {page.commit for page in pages} == {registry.commit}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["Churn", "empty", "fraud", "ranking", "spam"]),
        ("CHURN", ["Churn"]),
        ("kündigungen", ["Churn"]),
        ("KÜNDIGUNGEN voraus", ["Churn"]),
        ("RISK-team", ["Churn"]),
        ("tier", ["Churn"]),
        ("owner", ["Churn", "spam"]),
        ("owner mail", ["spam"]),
        ("bob@acme", ["empty"]),
        ("alice a", ["Churn", "fraud", "ranking", "spam"]),
        ("churn mail", []),
        ("%", []),
        ("' OR 1 --", []),
    ],
)
def test_text_is_found_where_people_look_for_it(as_: As, text: str, found: list[str]) -> None:
    page = as_(ALICE).model_page(text=text)
    assert [view.name for view in page.models] == found
    assert page.total == len(found)


def test_text_and_filter_hold_together(as_: As) -> None:
    registry = as_(ALICE)
    registry.transition("fraud", 1, "Staging")
    assert names(registry, text="alice", filter="stage = 'Staging'") == ["fraud"]
    assert names(registry, text="bob", filter="stage = 'Staging'") == []


def test_what_makes_no_sense_is_refused(as_: As) -> None:
    registry = as_(ALICE)
    with pytest.raises(Invalid, match="ordered by 'activity'"):
        registry.model_page(order_by=["activity"])
    with pytest.raises(Invalid, match="201 characters"):
        registry.model_page(text="a" * 201)
    with pytest.raises(Invalid, match="cannot hold 1001"):
        registry.model_page(limit=1001)


def test_one_broken_manifest_hides_nothing_else_of_its_model(as_: As, place: Path, git: Git) -> None:
    as_(ALICE).transition("fraud", 1, "Staging")
    as_(ALICE).set_alias("fraud", "champion", 2)
    paths = git(place, "ls-tree", "-r", "--name-only", "main").splitlines()
    broken = [path for path in paths if path.endswith(("Staging/pointer.yaml", "3.yaml")) and "/fraud/" in path]
    assert len(broken) == 2
    hand_commit(git, place, "main", dict.fromkeys(broken, "no manifest\n"), author=BOB)
    registry = as_(ALICE)
    (fraud,) = registry.models(filter="name = 'fraud'")
    assert (fraud.versions, fraud.latest_version, dict(fraud.stages), dict(fraud.aliases)) == (
        3,
        3,
        {},
        {"champion": 2},
    )
    assert names(registry) == ["Churn", "empty", "fraud", "ranking", "spam"]


def test_the_past_has_its_own_list(as_: As) -> None:
    registry = as_(ALICE)
    before, listed = registry.commit, registry.models()
    registry.register("fraud", "s3://acme/fraud/4")
    registry.delete("spam")
    page = registry.at(before).model_page(order_by=["last_activity DESC"])
    assert page.total == 5
    assert sorted(page.models, key=lambda view: view.name) == listed


def test_a_list_shows_one_commit_while_others_write(as_: As, place: Path) -> None:
    reader = registry_git.open(place, actor=BOB, durable=False)
    reader.models()
    as_(ALICE).register("fraud", "s3://acme/fraud/4")
    page = reader.model_page(text="fraud")
    assert (page.models[0].latest_version, page.commit) == (4, as_(ALICE).commit)
    assert page.models[0].commit == page.commit
