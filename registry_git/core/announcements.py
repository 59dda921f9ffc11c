"""What a commit did, as who listens from outside is told: new models, versions, requests and comments, moves, tags.

Like activities it is derived from what changed. An announcement may go by two names: a move to Production is one to a
stage, and one to Production.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from registry_git.core.activity import last_stage
from registry_git.core.events import Difference
from registry_git.core.keys import CommentKey, ModelKey, RequestKey, StageKey, VersionKey
from registry_git.core.model import (
    NO_STAGE,
    Action,
    Comment,
    ModelVersion,
    Policy,
    RegisteredModel,
    StagePointer,
    TransitionRequest,
)
from registry_git.core.names import Actor, ModelName, StageName
from registry_git.core.renames import followed, renamed_models
from registry_git.core.snapshot import shown_stage
from registry_git.core.times import Timestamp


class Event(str, Enum):
    """The names by which Databricks' webhooks know what happens."""

    MODEL_VERSION_CREATED = "MODEL_VERSION_CREATED"
    MODEL_VERSION_TRANSITIONED_STAGE = "MODEL_VERSION_TRANSITIONED_STAGE"
    TRANSITION_REQUEST_CREATED = "TRANSITION_REQUEST_CREATED"
    COMMENT_CREATED = "COMMENT_CREATED"
    REGISTERED_MODEL_CREATED = "REGISTERED_MODEL_CREATED"
    MODEL_VERSION_TAG_SET = "MODEL_VERSION_TAG_SET"
    MODEL_VERSION_TRANSITIONED_TO_STAGING = "MODEL_VERSION_TRANSITIONED_TO_STAGING"
    MODEL_VERSION_TRANSITIONED_TO_PRODUCTION = "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION"
    MODEL_VERSION_TRANSITIONED_TO_ARCHIVED = "MODEL_VERSION_TRANSITIONED_TO_ARCHIVED"
    TRANSITION_REQUEST_TO_STAGING_CREATED = "TRANSITION_REQUEST_TO_STAGING_CREATED"
    TRANSITION_REQUEST_TO_PRODUCTION_CREATED = "TRANSITION_REQUEST_TO_PRODUCTION_CREATED"
    TRANSITION_REQUEST_TO_ARCHIVED_CREATED = "TRANSITION_REQUEST_TO_ARCHIVED_CREATED"


_MOVED = {
    "staging": Event.MODEL_VERSION_TRANSITIONED_TO_STAGING,
    "production": Event.MODEL_VERSION_TRANSITIONED_TO_PRODUCTION,
    "archived": Event.MODEL_VERSION_TRANSITIONED_TO_ARCHIVED,
}
_ASKED = {
    "staging": Event.TRANSITION_REQUEST_TO_STAGING_CREATED,
    "production": Event.TRANSITION_REQUEST_TO_PRODUCTION_CREATED,
    "archived": Event.TRANSITION_REQUEST_TO_ARCHIVED_CREATED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One thing that happened.

    `key` is the same each time that it is derived, and no other's. `events` are its names, the general one first. A
    request is announced under its id, whether it is found on its branch or on `main`. `text` is for people.
    """

    key: str
    events: tuple[Event, ...]
    model: ModelName
    version: int | None = None
    at: Timestamp
    text: str
    from_stage: str = ""
    to_stage: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    comment: str = ""


class Announced:
    """Contains the keys of what announcements are derived from."""

    def __contains__(self, key: object) -> bool:
        """Whether a change of the entity may be announced."""
        return isinstance(key, ModelKey | VersionKey | StageKey | RequestKey | CommentKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The commit that is told of: its id, author and time, and the policy that it holds (None: unreadable)."""

    commit: str
    by: Actor
    at: Timestamp
    policy: Policy | None


def announce(told: Told, differences: Sequence[Difference]) -> list[Announcement]:
    """What a commit did, in the order of telling; what cannot be read is not told."""
    renames = renamed_models(differences)
    moving = {*renames, *renames.values()}
    # a model under another name is none that is new, and what moves with it has not moved
    kept = [
        one
        for one in followed(differences, renames)
        if not one.unreadable and not (isinstance(one.key, StageKey) and one.key.model in moving)
    ]
    found = [*_created(kept, told), *_requests(kept), *_moves(kept, told), *_said(kept, told)]
    return [_numbered(one, told.commit, place) for place, one in enumerate(found)]


def announce_request(record: TransitionRequest) -> Announcement | None:
    """That somebody asks for a stage; None for requests that ask for something else."""
    if record.action is not Action.STAGE or record.model is None:
        return None
    from_stage = last_stage(record.from_stages)
    named = _ASKED.get(record.to.casefold())
    return Announcement(
        key=record.id,
        events=(Event.TRANSITION_REQUEST_CREATED, *([named] if named else [])),
        model=record.model,
        version=record.version,
        at=record.created,
        from_stage=from_stage,
        to_stage=record.to,
        comment=record.comment,
        text=f"{record.requester.email} requested to transition registered model '{record.model}' version "
        f"{record.version} from {from_stage} to {record.to}.",
    )


def _numbered(one: Announcement, commit: str, place: int) -> Announcement:
    return one if one.key else replace(one, key=f"{commit[:16]}.{place}")


def _created(differences: Sequence[Difference], told: Told) -> Iterator[Announcement]:
    for one in differences:
        after = one.after
        if isinstance(after, RegisteredModel) and one.before is None:
            yield Announcement(
                key="",
                events=(Event.REGISTERED_MODEL_CREATED,),
                model=after.name,
                at=after.created,
                text=f"{told.by.email} created registered model '{after.name}'.",
            )
    versions = [d.after for d in differences if isinstance(d.after, ModelVersion) and d.before is None]
    for version in sorted(versions, key=lambda one: (one.model, one.version)):
        yield Announcement(
            key="",
            events=(Event.MODEL_VERSION_CREATED,),
            model=version.model,
            version=version.version,
            at=version.created,
            text=f"{told.by.email} created version {version.version} of registered model '{version.model}'.",
        )


def _requests(differences: Sequence[Difference]) -> Iterator[Announcement]:
    for one in differences:
        if isinstance(one.after, TransitionRequest) and one.before is None:
            found = announce_request(one.after)
            if found is not None:
                yield found


def _moves(differences: Sequence[Difference], told: Told) -> Iterator[Announcement]:
    gone = {d.key for d in differences if isinstance(d.key, ModelKey | VersionKey) and d.after is None}
    entered: dict[tuple[ModelName, int], list[StageName]] = {}
    left: dict[tuple[ModelName, int], list[StageName]] = {}
    for one in differences:
        if isinstance(one.key, StageKey):
            before = set(one.before.versions) if isinstance(one.before, StagePointer) else set()
            after = set(one.after.versions) if isinstance(one.after, StagePointer) else set()
            for version in after - before:
                entered.setdefault((one.key.model, version), []).append(one.key.stage)
            for version in before - after:
                left.setdefault((one.key.model, version), []).append(one.key.stage)
    for model, version in sorted({*entered, *left}):
        if ModelKey(model=model) in gone or VersionKey(model=model, version=version) in gone:
            continue
        from_stage = _shown(left.get((model, version), []), told.policy)
        to_stage = _shown(entered.get((model, version), []), told.policy)
        named = _MOVED.get(to_stage.casefold())
        yield Announcement(
            key="",
            events=(Event.MODEL_VERSION_TRANSITIONED_STAGE, *([named] if named else [])),
            model=model,
            version=version,
            at=told.at,
            from_stage=from_stage,
            to_stage=to_stage,
            text=f"Registered model '{model}' version {version} transitioned from {from_stage} to {to_stage}.",
        )


def _shown(stages: list[StageName], policy: Policy | None) -> str:
    shown = shown_stage(policy, stages) if policy else NO_STAGE
    return shown if shown != NO_STAGE else last_stage(stages)


def _said(differences: Sequence[Difference], told: Told) -> Iterator[Announcement]:
    """Tags that versions were given after their registration, and comments."""
    for one in differences:
        before, after = one.before, one.after
        if isinstance(after, ModelVersion) and isinstance(before, ModelVersion):
            tags = tuple((key, value) for key, value in sorted(after.tags.items()) if before.tags.get(key) != value)
            if tags:
                listed = ", ".join(f"'{key}' => '{value}'" for key, value in tags)
                yield Announcement(
                    key="",
                    events=(Event.MODEL_VERSION_TAG_SET,),
                    model=after.model,
                    version=after.version,
                    at=told.at,
                    tags=tags,
                    text=f"{told.by.email} set version tag(s) {listed} for registered model '{after.model}' "
                    f"version {after.version}.",
                )
        elif isinstance(after, Comment) and before is None:
            yield Announcement(
                key="",
                events=(Event.COMMENT_CREATED,),
                model=after.model,
                version=after.version,
                at=after.created,
                comment=after.text,
                text=f"{after.author.email} commented on registered model '{after.model}' version {after.version}.",
            )
