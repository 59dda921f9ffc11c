"""The story by the page: nothing twice, nothing left out, in the order in which it happened, quick when it is long."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry_git
from registry_git import Registry
from registry_git.core.activity import Activity
from registry_git.core.errors import Invalid
from registry_git.index.told import ActivityWanted, Place, Told
from tests.registry_scene import ALICE, BOB, LEADS, As, new_registry


@pytest.fixture
def as_(tmp_path: Path) -> As:
    """Two models, an approved request, a rejected one, and one that is open and has one of two approvals."""
    rules = "rules:\n- {on: stage, to: [Production], approvals: 2, by: [ml-leads]}\n"
    as_ = new_registry(tmp_path / "models.git", versions=3, roles=LEADS, rules=rules)
    alice, bob = as_(ALICE), as_(BOB)
    alice.register("churn", "s3://acme/churn/1")
    alice.transition("fraud", 1, "Staging", comment="try it")
    bob.add_comment("fraud", 2, "looks good")
    alice.set_alias("fraud", "champion", 2)
    rejected = alice.request_stage("fraud", 1, "Production")
    bob.reject(rejected.id, comment="no")
    waits = alice.request_stage("fraud", 3, "Production", comment="better")
    bob.approve(waits.id)
    return as_


def pages(registry: Registry, limit: int, **wanted: object) -> list[Activity]:
    """All pages after each other."""
    found: list[Activity] = []
    before = ""
    while True:
        page = registry.activity_page(ActivityWanted(**wanted), before=before, limit=limit)  # type: ignore[arg-type]
        assert len(page.activities) <= limit
        found += page.activities
        before = page.next
        if not before:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_the_pages_together_are_the_whole_story(as_: As, limit: int) -> None:
    whole = as_(ALICE).activity()
    assert [one.id for one in reversed(pages(as_(ALICE), limit))] == [one.id for one in whole]
    fraud = as_(ALICE).activity("fraud")
    assert list(reversed(pages(as_(ALICE), limit, model="fraud"))) == fraud
    second = as_(ALICE).activity("fraud", 2)
    assert list(reversed(pages(as_(ALICE), limit, model="fraud", version=2))) == second


def test_what_was_said_of_open_requests_stands_where_it_happened(as_: As) -> None:
    newest = as_(ALICE).activity_page(ActivityWanted(), limit=2).activities
    assert [one.activity_type for one in newest] == ["APPROVED_REQUEST", "REQUESTED_TRANSITION"]
    assert [one.commit for one in newest] == ["", ""]


def test_each_filter_leaves_out_what_it_does_not_name(as_: As) -> None:
    registry = as_(ALICE)
    whole = registry.activity()
    wanted: list[dict[str, object]] = [
        {"person": "BOB"},
        {"person": "alice@acme.io"},
        {"kinds": ("NEW_COMMENT", "SET_ALIAS")},
        {"kinds": ("APPROVED_REQUEST",), "person": "bob"},
        {"since": whole[-1].creation_timestamp},
        {"until": whole[0].creation_timestamp},
        {"request": whole[-1].request},
        {"model": "churn"},
        {"model": "no-such-model"},
    ]
    for one in wanted:
        asked = ActivityWanted(**one)  # type: ignore[arg-type]
        expected = [activity for activity in whole if asked.takes(activity)]
        assert list(reversed(pages(registry, 2, **one))) == expected, one
    assert len(pages(registry, 5, person="BOB")) == 3
    assert [one.model for one in pages(registry, 5, model="churn")] == ["churn", "churn"]
    assert pages(registry, 5, request=whole[-1].request)[0].user_id == BOB


def test_the_past_tells_what_had_happened_by_then(as_: As) -> None:
    registry = as_(ALICE)
    then = registry.at(registry.activity("fraud", 1)[0].commit)
    assert pages(then, 2) == list(reversed(then.activity()))  # type: ignore[arg-type]
    assert len(pages(then, 2)) < len(pages(registry, 2))  # type: ignore[arg-type]


def test_what_is_added_meanwhile_moves_no_page(as_: As) -> None:
    registry = as_(ALICE)
    first = registry.activity_page(ActivityWanted(), limit=3)
    rest = pages(registry, 3)[3:]
    registry.add_comment("fraud", 1, "new")
    after = registry.activity_page(ActivityWanted(), before=first.next, limit=1000)
    assert list(after.activities) == rest


@pytest.mark.parametrize("text", ["x", "1.2", "1.2.3.4.ü", "9" * 40, "1." + "9" * 19 + ".", "-1.2.", "1.2.\n"])
def test_a_forged_cursor_is_refused(as_: As, text: str) -> None:
    with pytest.raises(Invalid, match="no place in the history"):
        as_(ALICE).activity_page(ActivityWanted(), before=text)


def test_a_page_of_a_long_story_is_found_by_an_index_and_not_by_sorting_all(as_: As, tmp_path: Path) -> None:
    """No time is measured: SQLite says how it will go about it."""
    registry = registry_git.open(tmp_path / "models.git", actor=ALICE)
    registry.activity()
    asked: list[str] = []

    class Overheard(Told):
        def _rows(self, sql: str, values: object = ()) -> list[tuple[object, ...]]:  # type: ignore[override]
            plan = self._db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()  # type: ignore[arg-type]
            asked.append(" / ".join(row[3] for row in plan))
            return super()._rows(sql, values)  # type: ignore[arg-type]

    told = Overheard(registry._index, registry.commit)
    told.newest(ActivityWanted(), before=None, limit=50)
    told.newest(ActivityWanted(person="bob", since=1), before=Place(second=1 << 40, number=5), limit=50)
    for plan in asked:
        assert "activities_by_time" in plan, plan
        assert "TEMP B-TREE" not in plan, plan
