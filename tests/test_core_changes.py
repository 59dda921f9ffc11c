"""What each change comes to, decided on a registry that exists in memory alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from registry_git.core.changes import edits, pointers, registration
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.errors import AlreadyExists, Conflict, Invalid, NotFound, PermissionDenied
from registry_git.core.integrity import disagreements
from registry_git.core.model import (
    Action,
    AliasKey,
    CommentKey,
    Deployment,
    DeploymentKey,
    Entity,
    Key,
    ModelKey,
    Policy,
    PolicyKey,
    Resolved,
    Stage,
    StageKey,
    Status,
    VersionKey,
)
from registry_git.core.names import Actor, AliasName, Id, ModelName, StageName
from registry_git.core.snapshot import Overlay, Snapshot
from registry_git.core.times import Timestamp

ALICE = Actor.parse("Alice <alice@acme.io>")
BOB = Actor.parse("Bob <bob@acme.io>")
FRAUD = ModelName("fraud")
CHAMPION = AliasName("champion")
STAGING, PRODUCTION, SHADOW, ARCHIVED = map(StageName, ("Staging", "Production", "Shadow", "Archived"))
POLICY = Policy(
    name="acme",
    stages=(
        Stage(name=STAGING),
        Stage(name=PRODUCTION, exclusive=True, after=(STAGING,)),
        Stage(name=SHADOW),
        Stage(name=ARCHIVED, serving=False),
        Stage(name=StageName("Bin"), serving=False),
    ),
)


class Nothing(Snapshot):
    """A registry without anything in it; the tests lay edits over it."""

    commit = "0" * 40

    def find(self, key: Key) -> Entity | None:
        return None

    def models(self) -> tuple[ModelName, ...]:
        return ()

    def versions(self, model: ModelName) -> tuple[int, ...]:
        return ()

    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        return ()

    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        return ()

    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        return ()

    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        return ()

    def deployments(self) -> tuple[DeploymentKey, ...]:
        return ()


class Scene:
    """A registry that changes are made in, one after the other."""

    def __init__(self, policy: Policy = POLICY, *, versions: int = 3) -> None:
        self.now = Overlay(Nothing(), {PolicyKey(): policy})
        self._numbers = count(1)
        for number in range(1, versions + 1):
            self.do(registration.register, model=FRAUD, new=registration.NewVersion(source=f"s3://x/{number}"))

    def act(self, actor: Actor = ALICE) -> Act:
        number = next(self._numbers)
        return Act(actor=actor, at=Timestamp(number), id=Id(f"act-{number:04}"))

    def decide(self, change: Callable[..., Proposal], *, by: Actor = ALICE, **arguments: object) -> Proposal:
        return change(self.now, self.act(by), **arguments)

    def do(self, change: Callable[..., Proposal], *, by: Actor = ALICE, **arguments: object) -> Proposal:
        proposal = self.decide(change, by=by, **arguments)
        self.now = Overlay(self.now, proposal.edits)
        assert list(disagreements(self.now, proposal.edits)) == []
        return proposal

    def move(self, version: int, to: str, **more: object) -> Proposal:
        return self.do(pointers.transition, model=FRAUD, version=version, to=to, **more)

    def placed(self) -> dict[str, tuple[int, ...]]:
        return {pointer.stage: pointer.versions for pointer in self.now.stage_pointers(FRAUD)}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def stage_keys(proposal: Proposal) -> set[str]:
    return {key.stage for key in proposal.edits if isinstance(key, StageKey)}


# ------------------------------------------------------------------------------------------------------- transitions


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


# --------------------------------------------------------------------------------------------------- who meets whom


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


# ----------------------------------------------------------------------------------------------------------- rollback


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


# ------------------------------------------------------------------------------------------------------------ aliases


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


# ------------------------------------------------------------------------------------- registration, deletion, rename


def test_the_first_registration_creates_the_model_and_the_later_ones_leave_it_alone() -> None:
    scene = Scene(versions=0)
    first = scene.do(registration.register, model=FRAUD, new=registration.NewVersion(source="s3://x"))
    assert set(first.edits) == {ModelKey(model=FRAUD), VersionKey(model=FRAUD, version=1)}
    second = scene.do(registration.register, model=FRAUD, new=registration.NewVersion(source="s3://x"))
    assert set(second.edits) == {VersionKey(model=FRAUD, version=2)}


@pytest.mark.parametrize("deleted", [[3], [3, 2], [2, 3], [1, 2, 3], [3, 1, 2], [1]])
def test_a_number_is_never_given_again(scene: Scene, deleted: list[int]) -> None:
    for number in deleted:
        scene.do(registration.delete_version, model=FRAUD, version=number)
    proposal = scene.do(registration.register, model=FRAUD, new=registration.NewVersion(source="s3://x"))
    assert proposal.headline.version == 4


def test_a_model_is_created_once(scene: Scene) -> None:
    act = scene.act()
    first = registration.create_model(scene.now, act, model=ModelName("credit"), description="d", tags={"a": "b"})
    scene.now = Overlay(scene.now, first.edits)
    assert registration.create_model(scene.now, act, model=ModelName("credit")).edits == {}
    with pytest.raises(AlreadyExists, match="credit"):
        scene.decide(registration.create_model, model=ModelName("credit"))


def test_a_version_in_a_stage_is_not_deleted(scene: Scene) -> None:
    scene.move(1, "Archived")
    with pytest.raises(Conflict, match=r"v1 of fraud is in Archived.* registry-git stage fraud 1 None"):
        scene.decide(registration.delete_version, model=FRAUD, version=1)


def test_a_deleted_version_takes_its_aliases_and_comments_with_it(scene: Scene) -> None:
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    scene.do(pointers.set_alias, model=FRAUD, alias=AliasName("other"), version=2)
    scene.do(edits.add_comment, model=FRAUD, version=1, text="hello")
    proposal = scene.do(registration.delete_version, model=FRAUD, version=1)
    assert scene.now.aliases(FRAUD) == ("other",)
    assert scene.now.comments(FRAUD, 1) == ()
    assert scene.now.versions(FRAUD) == (2, 3)
    assert {(touch.action, touch.target) for touch in proposal.touches} == {
        (Action.DELETE, ""),
        (Action.ALIAS, "champion"),
    }


USES = [
    {"version": 1},
    {"stage": STAGING, "resolved": Resolved(version=1, source="s3://x/1", since=Timestamp(0))},
    {"alias": CHAMPION, "resolved": Resolved(version=1, source="s3://x/1", since=Timestamp(0))},
]


@pytest.mark.parametrize("use", USES, ids=lambda use: next(iter(use)))
def test_what_a_deployment_uses_is_neither_deleted_nor_renamed(scene: Scene, use: dict[str, object]) -> None:
    deployment = Deployment(environment="eu", name="scoring", workload="w", owner=ALICE, model=FRAUD, **use)  # type: ignore[arg-type]
    scene.now = Overlay(scene.now, {deployment.key: deployment})
    for change, arguments in (
        (registration.delete_version, {"version": 1}),
        (registration.delete_model, {}),
        (registration.rename_model, {"new_name": ModelName("other")}),
    ):
        with pytest.raises(Conflict, match="Deployment eu/scoring"):
            scene.decide(change, model=FRAUD, **arguments)
    scene.do(registration.delete_version, model=FRAUD, version=2)


def test_a_model_with_a_serving_version_is_not_deleted(scene: Scene) -> None:
    scene.move(1, "Staging")
    with pytest.raises(Conflict, match="v1 in Staging"):
        scene.decide(registration.delete_model, model=FRAUD)


def test_a_model_goes_with_all_that_is_its_own(scene: Scene) -> None:
    scene.move(1, "Archived")
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    scene.do(edits.add_comment, model=FRAUD, version=1, text="hello")
    scene.do(registration.register, model=ModelName("credit"), new=registration.NewVersion(source="s3://y"))
    proposal = scene.do(registration.delete_model, model=FRAUD)
    assert scene.now.models() == ("credit",)
    assert list(scene.now.keys_of(FRAUD)) == [ModelKey(model=FRAUD)]
    assert {(touch.action, touch.target) for touch in proposal.touches} == {
        (Action.DELETE, ""),
        (Action.STAGE, "Archived"),
        (Action.ALIAS, "champion"),
    }


def test_a_renamed_model_keeps_everything(scene: Scene) -> None:
    scene.move(1, "Staging")
    scene.move(2, "Staging")
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=3)
    scene.do(edits.add_comment, model=FRAUD, version=3, text="hello")
    before = scene.now.model(FRAUD)
    new = ModelName("scam")
    scene.do(registration.rename_model, model=FRAUD, new_name=new)
    assert scene.now.models() == ("scam",)
    assert scene.now.model(new).id == before.id
    assert scene.now.versions(new) == (1, 2, 3)
    assert scene.now.version(new, 2).model == "scam"
    assert [pointer.versions for pointer in scene.now.stage_pointers(new)] == [(1, 2)]
    assert [pointer.version for pointer in scene.now.alias_pointers(new)] == [3]
    assert len(scene.now.comments(new, 3)) == 1
    assert scene.now.next_version(scene.now.model(new)) == 4


def test_a_rename_is_judged_under_both_names(scene: Scene) -> None:
    scene.move(1, "Staging")
    scene.move(2, "Staging")
    scene.do(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=3)
    proposal = scene.decide(registration.rename_model, model=FRAUD, new_name=ModelName("prod-fraud"))
    told = {
        (touch.action.value, str(touch.model), touch.target, touch.entering.version if touch.entering else None)
        for touch in proposal.touches
    }
    assert told == {
        ("edit", "fraud", "", None),
        ("register", "prod-fraud", "", None),
        ("stage", "fraud", "Staging", None),
        ("stage", "prod-fraud", "Staging", 1),
        ("stage", "prod-fraud", "Staging", 2),
        ("alias", "fraud", "champion", None),
        ("alias", "prod-fraud", "champion", 3),
    }


def test_a_rename_to_itself_or_onto_another_is_refused(scene: Scene) -> None:
    scene.do(registration.create_model, model=ModelName("credit"))
    with pytest.raises(Invalid):
        scene.decide(registration.rename_model, model=FRAUD, new_name=FRAUD)
    with pytest.raises(AlreadyExists):
        scene.decide(registration.rename_model, model=FRAUD, new_name=ModelName("credit"))
    with pytest.raises(NotFound):
        scene.decide(registration.rename_model, model=ModelName("nothing"), new_name=ModelName("other"))


# --------------------------------------------------------------------------- tags, descriptions, comments, the policy


@pytest.mark.parametrize("version", [None, 2])
def test_tags_are_set_beside_the_others_and_deleted_one_by_one(scene: Scene, version: int | None) -> None:
    where = {"model": FRAUD, "version": version}
    scene.do(edits.set_tags, **where, tags={"b": "1", "a": "2"})
    scene.do(edits.set_tags, **where, tags={"b": "3"})
    found = scene.now.model(FRAUD).tags if version is None else scene.now.version(FRAUD, version).tags
    assert list(found.items()) == [("a", "2"), ("b", "3")]
    scene.do(edits.delete_tag, **where, key="a")
    assert scene.decide(edits.delete_tag, **where, key="a").edits == {}
    assert scene.decide(edits.set_tags, **where, tags={"b": "3"}).edits == {}
    assert scene.decide(edits.set_tags, **where, tags={}).edits == {}


@pytest.mark.parametrize("version", [None, 2])
def test_a_description_that_is_so_already_changes_nothing(scene: Scene, version: int | None) -> None:
    where = {"model": FRAUD, "version": version}
    assert scene.do(edits.describe, **where, description="new").edits
    again = scene.decide(edits.describe, **where, description="new")
    assert (again.edits, again.touches) == ({}, ())


def test_a_status_changes_with_its_message(scene: Scene) -> None:
    scene.do(edits.set_status, model=FRAUD, version=1, status=Status.FAILED, message="lost")
    found = scene.now.version(FRAUD, 1)
    assert (found.status, found.status_message) == (Status.FAILED, "lost")
    assert not scene.decide(edits.set_status, model=FRAUD, version=1, status=Status.FAILED, message="lost").edits


def test_what_a_version_was_registered_with_never_changes(scene: Scene) -> None:
    before = scene.now.version(FRAUD, 1)
    scene.do(edits.set_tags, model=FRAUD, version=1, tags={"a": "b"})
    scene.do(edits.describe, model=FRAUD, version=1, description="new")
    scene.do(edits.set_status, model=FRAUD, version=1, status=Status.FAILED)
    after = scene.now.version(FRAUD, 1)
    fixed = ("model", "version", "id", "source", "digest", "created", "created_by", "lineage", "format", "signature")
    assert [getattr(before, name) for name in fixed] == [getattr(after, name) for name in fixed]


def test_a_comment_is_its_authors_own(scene: Scene) -> None:
    (key,) = scene.do(edits.add_comment, model=FRAUD, version=1, text="first").edits
    assert isinstance(key, CommentKey)
    where = {"model": FRAUD, "version": 1, "comment": key.comment}
    for change, more in ((edits.edit_comment, {"text": "mine now"}), (edits.delete_comment, {})):
        with pytest.raises(PermissionDenied, match=r"Alice.*Only its author") as refused:
            scene.decide(change, by=BOB, **where, **more)
        assert refused.value.hint
    same_person = Actor.parse("A. Lice <ALICE@acme.io>")
    scene.do(edits.edit_comment, by=same_person, **where, text="second")
    comment = scene.now.comment(FRAUD, 1, key.comment)
    assert comment is not None
    assert (comment.text, comment.author) == ("second", ALICE)
    assert comment.updated > comment.created
    assert scene.decide(edits.edit_comment, **where, text="second").edits == {}
    scene.do(edits.delete_comment, **where)
    with pytest.raises(NotFound, match="has no comment"):
        scene.decide(edits.delete_comment, **where)


def test_a_comment_that_is_sent_twice_is_there_once(scene: Scene) -> None:
    act = scene.act()
    first = edits.add_comment(scene.now, act, model=FRAUD, version=1, text="hello")
    scene.now = Overlay(scene.now, first.edits)
    assert edits.add_comment(scene.now, act, model=FRAUD, version=1, text="hello").edits == {}


def test_a_comment_on_nothing_is_refused(scene: Scene) -> None:
    with pytest.raises(NotFound, match="v9 of fraud"):
        scene.decide(edits.add_comment, model=FRAUD, version=9, text="hello")


def test_a_policy_is_replaced_but_for_its_layout(scene: Scene) -> None:
    proposal = scene.do(edits.change_policy, policy=replace(POLICY, name="other", layout="fanout"))
    assert scene.now.policy() == replace(POLICY, name="other")
    assert [touch.action for touch in proposal.touches] == [Action.POLICY]
    again = scene.decide(edits.change_policy, policy=replace(POLICY, name="other", layout="fanout"))
    assert (again.edits, again.touches) == ({}, ())


@pytest.mark.parametrize("spelling", [None, "production"])
def test_a_policy_does_not_lose_a_stage_that_holds_a_version(scene: Scene, spelling: str | None) -> None:
    scene.move(1, "Production")
    kept = tuple(stage for stage in POLICY.stages if stage.name != PRODUCTION)
    more = (Stage(name=StageName(spelling)),) if spelling else ()
    with pytest.raises(Conflict, match="fraud has a version in Production") as refused:
        scene.decide(edits.change_policy, policy=replace(POLICY, stages=kept + more))
    assert refused.value.hint
    scene.move(1, "None")
    scene.do(edits.change_policy, policy=replace(POLICY, stages=kept + more))


NO_SUCH = [
    (edits.describe, {"version": None, "description": "x"}),
    (edits.describe, {"version": 1, "description": "x"}),
    (edits.set_tags, {"version": None, "tags": {}}),
    (edits.delete_tag, {"version": 1, "key": "x"}),
    (registration.delete_version, {"version": 1}),
    (registration.delete_model, {}),
    (pointers.rollback, {"stage": "Staging"}),
]


@pytest.mark.parametrize(("change", "arguments"), NO_SUCH, ids=lambda one: getattr(one, "__name__", ""))
def test_a_change_of_a_model_that_is_not_there_is_refused(
    scene: Scene, change: Callable[..., Proposal], arguments: dict[str, object]
) -> None:
    with pytest.raises(NotFound, match="'nothing' does not exist"):
        scene.decide(change, model=ModelName("nothing"), **arguments)


def test_deciding_changes_nothing(scene: Scene) -> None:
    before = {key: scene.now.find(key) for key in scene.now.keys_of(FRAUD)}
    scene.decide(pointers.transition, model=FRAUD, version=1, to="Production")
    scene.decide(registration.delete_model, model=FRAUD)
    scene.decide(registration.rename_model, model=FRAUD, new_name=ModelName("other"))
    scene.decide(pointers.set_alias, model=FRAUD, alias=CHAMPION, version=1)
    assert {key: scene.now.find(key) for key in scene.now.keys_of(FRAUD)} == before
    assert scene.now.find(AliasKey(model=FRAUD, alias=CHAMPION)) is None
