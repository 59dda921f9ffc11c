"""Activities: what happened to models and versions, derived from what changed, never from what a message claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from registry_git.core.activity import Activity, last_stage, requested, reviewed
from registry_git.core.deployed import happened_to, used, written
from registry_git.core.model import (
    NO_STAGE,
    Action,
    AliasPointer,
    Comment,
    Deployment,
    Entity,
    Key,
    ModelKey,
    ModelVersion,
    Policy,
    RegisteredModel,
    RequestState,
    Review,
    StagePointer,
    TransitionRequest,
    Verdict,
)
from registry_git.core.names import Actor, ModelName, StageName
from registry_git.core.snapshot import shown_stage
from registry_git.core.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A commit on the first-parent line of `main`; `comment` is what its author said.

    `fast_forwarded`: it is a merge that belongs to a request's branch, and `main` was moved to it. `policy`: the one
    that the commit holds; None where it cannot be read.
    """

    commit: str
    author: Actor
    committer: Actor
    at: Timestamp
    merge: bool
    fast_forwarded: bool = False
    comment: str = ""
    policy: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An entity before and after a commit; None where it does not exist. `unreadable` says why it cannot be read."""

    key: Key
    before: Entity | None
    after: Entity | None
    unreadable: str = ""


def derive(landing: Landing, differences: Sequence[Difference]) -> list[Activity]:
    """The activities of one commit, in the order of their telling."""
    return list(_Derivation(landing, differences).activities())


class _Derivation:
    def __init__(self, landing: Landing, differences: Sequence[Difference]) -> None:
        self._landing = landing
        self._differences = differences
        self._count = 0

    def activities(self) -> Iterator[Activity]:
        renamed, covered = self._renames()
        rest = [d for d in self._differences if getattr(d.key, "model", None) not in covered or _asked_for_rename(d)]
        deleted = {d.key.model for d in rest if isinstance(d.key, ModelKey) and d.before and not d.after}
        records = [d for d in rest if isinstance(d.after, TransitionRequest)]
        asked = {
            (d.after.model, d.after.version)
            for d in records
            if isinstance(d.after, TransitionRequest) and d.after.action is Action.STAGE and d.before is None
        }
        new = [d.after for d in records if isinstance(d.after, TransitionRequest) and d.before is None]
        aliases = {record.alias for record in new}
        deployments = {record.deployment for record in new}
        for difference in rest:
            if isinstance(difference.after, TransitionRequest):
                yield from self._request(difference)
        yield from renamed
        for difference in rest:
            if difference.unreadable:
                yield self._plain("UNREADABLE", difference.key, system_comment=difference.unreadable)
            elif getattr(difference.key, "model", None) in deleted:
                if isinstance(difference.key, ModelKey):
                    yield self._plain("DELETED_MODEL", difference.key)
            elif not (isinstance(difference.after, AliasPointer) and difference.after.alias in aliases):
                yield from self._entity(difference)
        yield from self._moves([d for d in rest if getattr(d.key, "model", None) not in deleted], asked)
        for difference in rest:  # what follows from a move is told after it
            was, now = _deployment(difference.before), _deployment(difference.after)
            one = now or was
            happened = happened_to(was, now) if not difference.unreadable else None
            if one is not None and happened is not None and written(one.key) not in deployments:
                kind, remark = happened
                yield self._activity(kind, model=one.model, version=used(one), system_comment=remark)

    def _renames(self) -> tuple[list[Activity], set[str]]:
        """Models that left under one name and came under another in this commit, known by their id."""
        gone = {d.before.id: d for d in self._differences if isinstance(d.before, RegisteredModel) and not d.after}
        found: list[Activity] = []
        covered: set[str] = set()
        for difference in self._differences:
            after = difference.after
            if isinstance(after, RegisteredModel) and not difference.before and after.id in gone:
                old = gone[after.id].before
                assert isinstance(old, RegisteredModel)  # noqa: S101 - for the type checker: `gone` holds nothing else
                covered |= {old.name, after.name}
                found.append(self._plain("RENAMED_MODEL", difference.key, system_comment=f"from {old.name}"))
        return found, covered

    def _request(self, difference: Difference) -> Iterator[Activity]:
        after, before = difference.after, difference.before
        assert isinstance(after, TransitionRequest)  # noqa: S101 - the caller chose by type
        known = len(before.reviews) if isinstance(before, TransitionRequest) else 0
        if after.action is Action.RENAME and after.state in (RequestState.OPEN, RequestState.APPROVED):
            after = replace(after, model=after.new_name)  # on `main` it is done, and told of what the model is now
        if before is None:
            yield requested(after, commit=self._landing.commit)
        for place in range(known, len(after.reviews)):
            yield reviewed(after, place, commit=self._landing.commit)
        if before is None and after.state is RequestState.OPEN:
            yield self._landed(after)

    def _landed(self, request: TransitionRequest) -> Activity:
        """A request that came to `main` while open: whoever merged it approved it, where that can be told."""
        landing = self._landing
        if landing.fast_forwarded:
            by: Actor | None = None
        elif landing.merge:
            by = landing.author
        else:
            # A squash or rebase names who did it as committer; a forge's own identity or a fast-forward names nobody.
            forge = landing.committer.email.startswith("noreply@")
            by = None if forge or landing.committer.email == request.requester.email else landing.committer
        review = Review(by=by, at=landing.at, verdict=Verdict.APPROVED, source="merge", proposal=request.proposal)
        place = len(request.reviews)
        shown = replace(request, reviews=(*request.reviews, review))
        remark = "landed by a merge" if by else "landed; nobody can be named as its approver"
        return replace(reviewed(shown, place, commit=landing.commit), system_comment=remark)

    def _entity(self, difference: Difference) -> Iterator[Activity]:
        before, after, key = difference.before, difference.after, difference.key
        entity = after or before
        if isinstance(entity, RegisteredModel):
            if before is None:
                yield self._plain("CREATED_MODEL", key, at=entity.created)
            elif after is not None:
                yield from self._described(key, before, after)
        elif isinstance(entity, ModelVersion):
            if before is None:
                yield self._plain("CREATED_VERSION", key, at=entity.created)
            elif after is None:
                yield self._plain("DELETED_VERSION", key)
            else:
                yield from self._described(key, before, after)
        elif isinstance(entity, AliasPointer):
            kind = "SET_ALIAS" if after else "DELETED_ALIAS"
            if not (isinstance(before, AliasPointer) and isinstance(after, AliasPointer)) or (
                before.version != after.version
            ):
                yield self._plain(kind, key, version=entity.version, system_comment=entity.alias)
        elif isinstance(entity, Comment):
            yield self._comment(difference, entity)
        elif isinstance(entity, Policy):
            yield self._plain("CREATED_REGISTRY" if before is None else "CHANGED_POLICY", key)

    def _comment(self, difference: Difference, comment: Comment) -> Activity:
        if difference.before is None:
            kind = "NEW_COMMENT"
        else:
            kind = "EDITED_COMMENT" if difference.after else "DELETED_COMMENT"
        activity = self._plain(kind, difference.key, comment=comment.text)
        if kind != "NEW_COMMENT":
            return activity
        return replace(
            activity,
            id=comment.id,
            user_id=comment.author,
            creation_timestamp=comment.created,
            last_updated_timestamp=comment.updated,
        )

    def _described(self, key: Key, before: Entity | None, after: Entity | None) -> Iterator[Activity]:
        assert isinstance(before, (RegisteredModel, ModelVersion))  # noqa: S101 - the caller chose by type
        assert isinstance(after, (RegisteredModel, ModelVersion))  # noqa: S101 - the caller chose by type
        if before.description != after.description:
            yield self._plain("EDITED_DESCRIPTION", key, comment=after.description)
        for tag in sorted({*before.tags, *after.tags}):
            old, new = before.tags.get(tag), after.tags.get(tag)
            if old != new:
                remark = f"{tag} = {new}" if new is not None else tag
                yield self._plain("SET_TAG" if new is not None else "DELETED_TAG", key, system_comment=remark)
        if isinstance(before, ModelVersion) and isinstance(after, ModelVersion):
            if before.status is not after.status:
                yield self._plain("CHANGED_STATUS", key, system_comment=after.status.value)
            if (before.source, before.digest, before.id) != (after.source, after.digest, after.id):
                yield self._plain("REWRITTEN_VERSION", key, system_comment="what must never change was changed")

    def _moves(self, rest: Sequence[Difference], asked: set[tuple[ModelName | None, int | None]]) -> Iterator[Activity]:
        entered: dict[tuple[ModelName, int], list[StageName]] = {}
        left: dict[tuple[ModelName, int], list[StageName]] = {}
        for difference in rest:
            pointer = difference.after or difference.before
            if not isinstance(pointer, StagePointer):
                continue
            before = set(difference.before.versions) if isinstance(difference.before, StagePointer) else set()
            after = set(difference.after.versions) if isinstance(difference.after, StagePointer) else set()
            for version in after - before:
                entered.setdefault((pointer.model, version), []).append(pointer.stage)
            for version in before - after:
                left.setdefault((pointer.model, version), []).append(pointer.stage)
        for model, version in sorted({*entered, *left}):
            if (model, version) in asked:
                continue
            came, went = entered.get((model, version), []), left.get((model, version), [])
            # Who comes back from the archive leaves it as another enters, and is moved by somebody nevertheless.
            displaced = not self._serves(came) and any(
                other[0] == model and other[1] != version and set(went) & set(stages)
                for other, stages in entered.items()
            )
            yield self._move(model, version, went, came, displaced=displaced)

    def _move(
        self, model: ModelName, version: int, went: list[StageName], came: list[StageName], *, displaced: bool
    ) -> Activity:
        return self._activity(
            "SYSTEM_TRANSITION" if displaced else "APPLIED_TRANSITION",
            model=model,
            version=version,
            from_stage=self._shown(went),
            to_stage=self._shown(came),
            system_comment=f"made room in {', '.join(went)}" if displaced else "",
            displaced=displaced,
        )

    def _serves(self, stages: list[StageName]) -> bool:
        policy = self._landing.policy
        return policy is not None and any(stage.serving and stage.name in stages for stage in policy.stages)

    def _shown(self, stages: list[StageName]) -> str:
        policy = self._landing.policy
        shown = shown_stage(policy, stages) if policy else NO_STAGE
        return shown if shown != NO_STAGE else last_stage(stages)

    def _plain(
        self,
        kind: str,
        key: Key,
        *,
        version: int | None = None,
        at: Timestamp | None = None,
        comment: str = "",
        system_comment: str = "",
    ) -> Activity:
        return self._activity(
            kind,
            model=getattr(key, "model", None) or "",
            version=getattr(key, "version", version),
            at=at,
            comment=comment,
            system_comment=system_comment,
        )

    def _activity(
        self,
        kind: str,
        *,
        model: str,
        version: int | None,
        from_stage: str = "",
        to_stage: str = "",
        at: Timestamp | None = None,
        comment: str = "",
        system_comment: str = "",
        displaced: bool = False,
    ) -> Activity:
        self._count += 1
        moment = self._landing.at if at is None else at
        return Activity(
            id=f"{self._landing.commit[:16]}.{self._count}",
            activity_type=kind,
            model=model,
            version=version,
            from_stage=from_stage,
            to_stage=to_stage,
            user_id=self._landing.author,
            comment=comment or ("" if displaced or self._landing.merge else self._landing.comment),
            system_comment=system_comment,
            creation_timestamp=moment,
            last_updated_timestamp=moment,
            request="",
            commit=self._landing.commit,
        )


def _asked_for_rename(difference: Difference) -> bool:
    """Whether it is the new record of a rename: it stays under the old name, where all else is gone."""
    after = difference.after
    return difference.before is None and isinstance(after, TransitionRequest) and after.action is Action.RENAME


def _deployment(entity: Entity | None) -> Deployment | None:
    return entity if isinstance(entity, Deployment) else None
