"""What a registry promises never to do: change a version, give a number twice, rewrite a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from registry_git.core.events import Difference
from registry_git.core.keys import ModelKey
from registry_git.core.model import (
    Comment,
    Key,
    ModelVersion,
    Policy,
    RegisteredModel,
    RequestState,
    TransitionRequest,
    VersionKey,
)
from registry_git.core.names import ModelName
from registry_git.core.renames import followed, renamed_models
from registry_git.core.snapshot import Snapshot

_VERSION_MAY = frozenset({"status", "status_message", "description", "tags"})
_MODEL_MAY = frozenset({"description", "tags", "annotations", "last_deleted"})
_RECORD_MAY = frozenset({"state", "reviews", "annotations"})
_COMMENT_MAY = frozenset({"text", "updated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A broken promise: about which entity, in which field (empty: the whole), in a sentence, and what to do."""

    key: Key
    field: str
    why: str
    fix: str


def broken_promises(differences: Sequence[Difference], before: Snapshot, after: Snapshot) -> Iterator[Broken]:
    """The promises that a change from `before` to `after` breaks. What cannot be read is not judged here."""
    renames = renamed_models(differences)
    found = [d for d in followed(differences, renames) if not d.unreadable]
    gone = {d.key.model for d in found if isinstance(d.key, ModelKey) and d.after is None}
    deleted: dict[ModelName, list[int]] = {}
    for difference in found:
        was, now = difference.before, difference.after
        if isinstance(was, ModelVersion) and now is None and was.model not in gone:
            deleted.setdefault(was.model, []).append(was.version)
    for difference in found:
        was, now = difference.before, difference.after
        if isinstance(was, ModelVersion) and isinstance(now, ModelVersion):
            yield from _changed(difference.key, was, now, _VERSION_MAY, f"v{was.version} of {was.model}")
        elif isinstance(now, ModelVersion) and was is None:
            yield from _reused(now, before, renames.get(now.model, now.model))
        elif isinstance(was, RegisteredModel) and isinstance(now, RegisteredModel):
            yield from _changed(difference.key, was, now, _MODEL_MAY, now.name)
        elif isinstance(was, TransitionRequest):
            yield from _record(difference.key, was, now, gone)
        elif isinstance(was, Comment) and isinstance(now, Comment):
            yield from _changed(difference.key, was, now, _COMMENT_MAY, f"comment {was.id}")
        elif isinstance(was, Policy) and now is None:
            yield Broken(
                key=difference.key, field="", why="The policy is removed, so this would be no registry", fix="Keep it."
            )
    yield from _numbers(found, deleted, after)


def _changed(key: Key, was: object, now: object, may: frozenset[str], what: str) -> Iterator[Broken]:
    for field in fields(was):  # type: ignore[arg-type]
        if field.name not in may and getattr(was, field.name) != getattr(now, field.name):
            yield Broken(
                key=key,
                field=field.name,
                why=f"The {field.name.replace('_', ' ')} of {what} never changes",
                fix="Register a new version instead." if isinstance(was, ModelVersion) else "Take the change back.",
            )


def _reused(version: ModelVersion, before: Snapshot, model: ModelName) -> Iterator[Broken]:
    known = before.find(ModelKey(model=model))
    if isinstance(known, RegisteredModel) and version.version < before.next_version(known):
        yield Broken(
            key=version.key,
            field="version",
            why=f"The number {version.version} of {version.model} was given before, and a number is never given twice",
            fix=f"The next version is v{before.next_version(known)}.",
        )


def _record(key: Key, was: TransitionRequest, now: object, gone: set[ModelName]) -> Iterator[Broken]:
    if not isinstance(now, TransitionRequest):
        if was.model is None or was.model not in gone:
            yield Broken(key=key, field="", why=f"The record of request {was.id} is removed", fix="Keep it.")
        return
    yield from _changed(key, was, now, _RECORD_MAY, f"request {was.id}")
    if now.reviews[: len(was.reviews)] != was.reviews:
        yield Broken(
            key=key,
            field="reviews",
            why=f"What was said about request {was.id} is rewritten, and records only grow",
            fix="Add a review at the end, and leave the others as they are.",
        )
    if was.state is not RequestState.OPEN and now != was:
        yield Broken(
            key=key,
            field="state",
            why=f"Request {was.id} is {was.state.value} already, and that is final",
            fix="Make a new request.",
        )


def _numbers(found: Sequence[Difference], deleted: dict[ModelName, list[int]], after: Snapshot) -> Iterator[Broken]:
    """Whether `last_deleted` says just what was deleted."""
    earlier = {d.before.name: d.before.last_deleted for d in found if isinstance(d.before, RegisteredModel) and d.after}
    for model in dict.fromkeys([*earlier, *deleted]):
        now = after.find(ModelKey(model=model))
        if not isinstance(now, RegisteredModel):
            continue
        numbers = deleted.get(model, [])
        wanted = max([earlier.get(model, now.last_deleted), *numbers])
        if now.last_deleted != wanted:
            said = model in earlier
            yield Broken(
                key=ModelKey(model=model) if said else VersionKey(model=model, version=max(numbers)),
                field="last_deleted" if said else "",
                why=f"The highest number that was ever deleted from {model} is {wanted}, not {now.last_deleted}",
                fix=f"Set last_deleted to {wanted} in its model.yaml.",
            )
