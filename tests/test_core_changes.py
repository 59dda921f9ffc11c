"""What registering, deleting, renaming, tagging and talking come to, decided on a registry in memory alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from registry_git.core.changes import edits, pointers, registration
from registry_git.core.changes.proposal import Proposal
from registry_git.core.errors import AlreadyExists, Conflict, Invalid, NotFound, PermissionDenied
from registry_git.core.model import (
    Action,
    AliasKey,
    CommentKey,
    Deployment,
    ModelKey,
    Resolved,
    Stage,
    Status,
    VersionKey,
)
from registry_git.core.names import Actor, AliasName, ModelName, StageName
from registry_git.core.snapshot import Overlay
from registry_git.core.times import Timestamp
from tests.change_scene import ALICE, BOB, CHAMPION, FRAUD, POLICY, PRODUCTION, STAGING, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


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
    deployment = Deployment(environment="eu", name="scoring", workload="service", owner=ALICE, model=FRAUD, **use)  # type: ignore[arg-type]
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
