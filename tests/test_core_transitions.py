"""Moves between stages, rollbacks and aliases, decided on a registry that exists in memory alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry_git.core.changes import pointers, registration
from registry_git.core.changes.proposal import Proposal
from registry_git.core.errors import Invalid, NotFound
from registry_git.core.model import (
    Stage,
    StageKey,
    VersionKey,
)
from registry_git.core.names import ModelName
from tests.change_scene import ARCHIVED, CHAMPION, FRAUD, POLICY, PRODUCTION, STAGING, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def stage_keys(proposal: Proposal) -> set[str]:
    return {key.stage for key in proposal.edits if isinstance(key, StageKey)}


def test_a_version_moves_out_of_the_stages_that_it_is_in(scene: Scene) -> None:
    scene.move(1, "Staging")
    proposal = scene.move(1, "Production")
    assert scene.placed() == {"Production": (1,)}
    assert stage_keys(proposal) == {"Staging", "Production"}
    assert (proposal.headline.from_stage, proposal.headline.to_stage) == ("Staging", "Production")
    assert proposal.headline.sentence == "Move fraud v1 to Production"


def test_a_pointer_copies_what_its_highest_version_says(scene: Scene) -> None:
    scene.move(2, "Staging")
    scene.move(1, "Staging")
    pointer = scene.now.stage_pointer(FRAUD, STAGING)
    assert pointer is not None
    assert (pointer.versions, pointer.version, pointer.source) == ((1, 2), 2, "s3://x/2")


def test_a_version_that_is_added_stays_where_it_was(scene: Scene) -> None:
    scene.move(1, "Staging")
    proposal = scene.move(1, "Shadow", add=True)
    assert scene.placed() == {"Staging": (1,), "Shadow": (1,)}
    assert proposal.headline.sentence == "Add fraud v1 to Shadow"
    scene.move(1, "Production")
    assert scene.placed() == {"Production": (1,)}


@pytest.mark.parametrize("spelling", ["Production", "production", "PRODUCTION", "pRoDuCtIoN"])
def test_a_stage_is_found_in_any_case_and_written_as_the_policy_spells_it(scene: Scene, spelling: str) -> None:
    scene.move(1, spelling)
    assert scene.placed() == {"Production": (1,)}


@pytest.mark.parametrize("none", ["None", "none", "NONE"])
def test_none_takes_a_version_out_of_every_stage(scene: Scene, none: str) -> None:
    scene.move(1, "Staging")
    scene.move(1, "Shadow", add=True)
    proposal = scene.move(1, none)
    assert scene.placed() == {}
    assert proposal.headline.to_stage == "None"
    assert all(entity is None for entity in proposal.edits.values())


def test_entering_an_exclusive_stage_archives_who_was_there(scene: Scene) -> None:
    scene.move(1, "Production")
    proposal = scene.move(2, "Production")
    assert scene.placed() == {"Production": (2,), "Archived": (1,)}
    entering = {touch.target: touch.entering for touch in proposal.touches}
    assert entering["Archived"] is None
    assert entering["Production"] is not None


def test_a_stage_that_is_not_exclusive_holds_several_versions(scene: Scene) -> None:
    for number in (3, 1, 2):
        scene.move(number, "Staging")
    assert scene.placed() == {"Staging": (1, 2, 3)}


def test_archive_existing_moves_the_others_to_the_first_stage_that_does_not_serve(scene: Scene) -> None:
    scene.move(1, "Staging")
    scene.move(2, "Staging")
    scene.move(3, "Staging", archive_existing=True)
    assert scene.placed() == {"Staging": (3,), "Archived": (1, 2)}


def test_the_archived_keep_their_other_stages(scene: Scene) -> None:
    scene.move(1, "Staging")
    scene.move(1, "Shadow", add=True)
    scene.move(2, "Staging", archive_existing=True)
    assert scene.placed() == {"Staging": (2,), "Shadow": (1,), "Archived": (1,)}


def test_without_an_archive_who_was_there_is_in_no_stage() -> None:
    scene = Scene(replace(POLICY, stages=POLICY.stages[:2]))
    scene.move(1, "Production")
    scene.move(2, "Production")
    assert scene.placed() == {"Production": (2,)}


def test_a_version_enters_an_exclusive_archive_without_going_round_in_circles() -> None:
    stages = (*POLICY.stages[:2], Stage(name=ARCHIVED, serving=False, exclusive=True))
    scene = Scene(replace(POLICY, stages=stages))
    scene.move(1, "Archived")
    scene.move(2, "Archived")
    assert scene.placed() == {"Archived": (2,)}


def test_a_pointer_remembers_what_was_there_before(scene: Scene) -> None:
    before = []
    for number in (1, 2, 3, 2):
        scene.move(number, "Production")
        pointer = scene.now.stage_pointer(FRAUD, PRODUCTION)
        before.append(pointer.previous if pointer else -1)
    assert before == [None, 1, 2, 3]


def test_a_lower_version_beside_the_highest_changes_nothing_about_what_was_before(scene: Scene) -> None:
    scene.move(2, "Staging")
    scene.move(3, "Staging")
    scene.move(1, "Staging")
    pointer = scene.now.stage_pointer(FRAUD, STAGING)
    assert pointer is not None
    assert pointer.previous == 2


def test_moving_a_version_to_where_it_is_changes_nothing(scene: Scene) -> None:
    scene.move(1, "Staging")
    assert scene.decide(pointers.transition, model=FRAUD, version=1, to="staging").edits == {}
    assert scene.decide(pointers.transition, model=FRAUD, version=1, to="Staging", add=True).edits == {}
    assert scene.decide(pointers.transition, model=FRAUD, version=2, to="None").edits == {}


def test_what_changes_nothing_touches_no_rule(scene: Scene) -> None:
    scene.move(1, "Staging")
    assert scene.decide(pointers.transition, model=FRAUD, version=1, to="Staging").touches == ()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"version": 9, "to": "Staging"}, NotFound),
        ({"version": 1, "to": "Nowhere"}, Invalid),
        ({"version": 1, "to": ""}, Invalid),
        ({"version": 1, "to": " Staging"}, Invalid),
        ({"version": 1, "to": "None", "add": True}, Invalid),
        ({"version": 1, "to": "None", "archive_existing": True}, Invalid),
        ({"version": 1, "to": "Archived", "archive_existing": True}, Invalid),
        ({"version": 1, "to": "Staging", "model": ModelName("nothing")}, NotFound),
    ],
)
def test_a_move_that_makes_no_sense_is_refused_with_a_hint(
    scene: Scene, arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error) as refused:
        scene.decide(pointers.transition, **{"model": FRAUD, **arguments})
    assert refused.value.hint  # type: ignore[attr-defined]


def test_an_unknown_version_is_answered_with_those_that_there_are(scene: Scene) -> None:
    with pytest.raises(NotFound, match=r"v13 of fraud does not exist\. Its versions are 1 to 3\."):
        scene.move(13, "Staging")


def test_a_model_with_a_similar_name_is_suggested(scene: Scene) -> None:
    with pytest.raises(NotFound, match="Did you mean 'fraud'"):
        scene.decide(pointers.transition, model=ModelName("frad"), version=1, to="Staging")


def test_a_stage_after_another_says_what_is_missing(scene: Scene) -> None:
    early = scene.decide(pointers.transition, model=FRAUD, version=1, to="Production")
    assert [touch.missing_before for touch in early.touches] == [("Staging",)]
    scene.move(1, "Staging")
    later = scene.decide(pointers.transition, model=FRAUD, version=1, to="Production")
    assert all(touch.missing_before == () for touch in later.touches)


def test_two_moves_in_different_stages_of_different_versions_share_no_manifest(scene: Scene) -> None:
    one = scene.decide(pointers.transition, model=FRAUD, version=1, to="Staging")
    other = scene.decide(pointers.transition, model=FRAUD, version=2, to="Shadow")
    assert not set(one.edits) & set(other.edits)


def test_two_moves_into_one_stage_write_the_same_manifest_differently(scene: Scene) -> None:
    one = scene.decide(pointers.transition, model=FRAUD, version=1, to="Staging")
    other = scene.decide(pointers.transition, model=FRAUD, version=1, to="Staging")
    (key,) = set(one.edits) & set(other.edits)
    assert one.edits[key] != other.edits[key]


def test_an_alias_and_a_stage_share_no_manifest(scene: Scene) -> None:
    one = scene.decide(pointers.transition, model=FRAUD, version=1, to="Staging")
    other = scene.decide(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    assert not set(one.edits) & set(other.edits)


def test_two_registrations_want_the_same_number(scene: Scene) -> None:
    new = registration.NewVersion(source="s3://x")
    one = scene.decide(registration.register, model=FRAUD, new=new)
    other = scene.decide(registration.register, model=FRAUD, new=new)
    key = VersionKey(model=FRAUD, version=4)
    assert one.edits.keys() == other.edits.keys() == {key}
    assert one.edits[key] != other.edits[key]


def test_a_rollback_puts_the_one_before_back_and_archives_the_other(scene: Scene) -> None:
    scene.move(1, "Shadow")
    scene.move(2, "Shadow", archive_existing=True)
    proposal = scene.do(pointers.rollback, model=FRAUD, stage="shadow")
    assert scene.placed() == {"Shadow": (1,), "Archived": (2,)}
    assert proposal.headline.sentence == "Roll Shadow of fraud back to v1"
    assert proposal.headline.action == "rollback"


def test_two_rollbacks_are_none(scene: Scene) -> None:
    scene.move(1, "Production")
    scene.move(2, "Production")
    scene.do(pointers.rollback, model=FRAUD, stage="Production")
    scene.do(pointers.rollback, model=FRAUD, stage="Production")
    assert scene.placed() == {"Production": (2,), "Archived": (1,)}


def test_a_rollback_needs_no_stage_before_it(scene: Scene) -> None:
    scene.move(1, "Production")
    scene.move(2, "Production")
    proposal = scene.decide(pointers.rollback, model=FRAUD, stage="Production")
    assert [touch.missing_before for touch in proposal.touches] == [()] * len(proposal.touches)
    assert any(touch.entering and touch.entering.version == 1 for touch in proposal.touches)


def test_a_rollback_to_nothing_is_refused(scene: Scene) -> None:
    with pytest.raises(NotFound, match="Staging of fraud is empty"):
        scene.decide(pointers.rollback, model=FRAUD, stage="Staging")
    scene.move(1, "Staging")
    with pytest.raises(NotFound, match="holds v1 and nothing was there before"):
        scene.decide(pointers.rollback, model=FRAUD, stage="Staging")
    with pytest.raises(Invalid, match="None cannot be rolled back"):
        scene.decide(pointers.rollback, model=FRAUD, stage="None")


def test_a_rollback_to_a_deleted_version_is_refused(scene: Scene) -> None:
    scene.move(1, "Production")
    scene.move(2, "Production")
    scene.move(1, "None")
    scene.do(registration.delete_version, model=FRAUD, version=1)
    with pytest.raises(NotFound, match="v1 of fraud does not exist"):
        scene.decide(pointers.rollback, model=FRAUD, stage="Production")


def test_an_alias_points_to_one_version_and_remembers_the_one_before(scene: Scene) -> None:
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=3)
    pointer = scene.now.alias_pointer(FRAUD, CHAMPION)
    assert pointer is not None
    assert (pointer.version, pointer.previous, pointer.source) == (3, 1, "s3://x/3")


def test_an_alias_that_points_there_already_changes_nothing(scene: Scene) -> None:
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    again = scene.decide(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    assert (again.edits, again.touches) == ({}, ())


def test_an_alias_is_deleted_and_deleting_it_again_changes_nothing(scene: Scene) -> None:
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    scene.do(pointers.delete_alias, model=FRAUD, alias=CHAMPION)
    assert scene.now.aliases(FRAUD) == ()
    assert scene.decide(pointers.delete_alias, model=FRAUD, alias=CHAMPION).edits == {}


def test_an_alias_to_nothing_is_refused(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.decide(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=9)
    with pytest.raises(NotFound):
        scene.decide(pointers.delete_alias, model=ModelName("nothing"), alias=CHAMPION)
