"""The registry at one moment, as changes see it.

Two classes are snapshots: the one that reads a commit (`gitstore.snapshot`) and `Overlay`, which shows edits on top
of another snapshot before anything is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.model import (
    NO_STAGE,
    AliasKey,
    AliasPointer,
    Comment,
    CommentKey,
    Deployment,
    DeploymentKey,
    Entity,
    Key,
    ModelKey,
    ModelVersion,
    Policy,
    PolicyKey,
    RegisteredModel,
    RequestKey,
    Stage,
    StageKey,
    StagePointer,
    TransitionRequest,
    VersionKey,
)
from registry_git.core.names import AliasName, Id, ModelName, StageName

Edits: TypeAlias = Mapping[Key, Entity | None]
_Listing: TypeAlias = tuple[object, ...]
E = TypeVar("E")
_POLICY = PolicyKey()


class Snapshot(ABC):
    """Reads of a registry at one commit. Nothing here changes while it is held."""

    commit: str

    @abstractmethod
    def find(self, key: Key) -> Entity | None:
        """The entity with this key, or None. Raises: Corrupt when it is there but cannot be read."""

    @abstractmethod
    def models(self) -> tuple[ModelName, ...]:
        """The names of all registered models, sorted."""

    @abstractmethod
    def versions(self, model: ModelName) -> tuple[int, ...]:
        """The version numbers of a model, ascending."""

    @abstractmethod
    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        """The stages of a model that hold a version."""

    @abstractmethod
    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        """The aliases of a model."""

    @abstractmethod
    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        """The ids of the requests that are recorded for a model, or (None) for the whole registry."""

    @abstractmethod
    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        """The ids of the comments on a version."""

    @abstractmethod
    def deployments(self) -> tuple[DeploymentKey, ...]:
        """The deployments of all environments."""

    def deployments_naming(self, model: ModelName) -> tuple[DeploymentKey, ...]:
        """Deployments among which are all of `model`; may hold others too, where telling them apart costs more."""
        return self.deployments()

    @abstractmethod
    def deploys(self) -> bool:
        """Whether a `deploy/` tree makes Kubernetes objects of the pointers."""

    def policy(self) -> Policy:
        """`registry.yaml`. Raises: NotFound when there is none."""
        found = self.find(_POLICY)
        if not isinstance(found, Policy):
            raise NotFound(
                "There is no registry.yaml in this repository, so it is no registry.",
                hint="Create one with: registry-git init PATH",
            )
        return found

    def model(self, name: ModelName) -> RegisteredModel:
        """A registered model. Raises: NotFound, with the nearest name as a hint."""
        found = self.find(ModelKey(model=name))
        if not isinstance(found, RegisteredModel):
            from difflib import get_close_matches  # only a fault pays for it

            near = get_close_matches(name, self.models(), 1, 0.6)
            hint = f"Did you mean {near[0]!r}?" if near else "List the models with: registry-git list"
            raise NotFound(f"Registered model {name!r} does not exist.", hint=hint)
        return found

    def version(self, model: ModelName, number: int) -> ModelVersion:
        """A model version. Raises: NotFound, naming the versions that there are."""
        found = self.find(VersionKey(model=model, version=number))
        if not isinstance(found, ModelVersion):
            self.model(model)
            raise NotFound(f"v{number} of {model} does not exist.", hint=_versions_hint(self.versions(model)))
        return found

    def stage_pointer(self, model: ModelName, stage: StageName) -> StagePointer | None:
        """What is in a stage, or None."""
        return _typed(self.find(StageKey(model=model, stage=stage)), StagePointer)

    def alias_pointer(self, model: ModelName, alias: AliasName) -> AliasPointer | None:
        """What an alias points to, or None."""
        return _typed(self.find(AliasKey(model=model, alias=alias)), AliasPointer)

    def request(self, model: ModelName | None, request: Id) -> TransitionRequest | None:
        """A recorded request, or None."""
        return _typed(self.find(RequestKey(model=model, request=request)), TransitionRequest)

    def comment(self, model: ModelName, version: int, comment: Id) -> Comment | None:
        """A comment, or None."""
        return _typed(self.find(CommentKey(model=model, version=version, comment=comment)), Comment)

    def stage_pointers(self, model: ModelName) -> tuple[StagePointer, ...]:
        """Everything that is in a stage of the model, in the order of `registry.yaml`."""
        order = {stage.name: place for place, stage in enumerate(self.policy().stages)}
        found = [pointer for stage in self.stages(model) if (pointer := self.stage_pointer(model, stage))]
        return tuple(sorted(found, key=lambda pointer: (order.get(pointer.stage, len(order)), pointer.stage)))

    def alias_pointers(self, model: ModelName) -> tuple[AliasPointer, ...]:
        """All aliases of the model, by name."""
        return tuple(pointer for alias in sorted(self.aliases(model)) if (pointer := self.alias_pointer(model, alias)))

    def deployment(self, key: DeploymentKey) -> Deployment | None:
        """A deployment, or None."""
        return _typed(self.find(key), Deployment)

    def deployments_of(self, model: ModelName) -> tuple[Deployment, ...]:
        """The deployments of a model. Raises: Corrupt when one cannot be read."""
        found = [self.deployment(key) for key in self.deployments_naming(model)]
        return tuple(one for one in found if one is not None and one.model == model)

    def next_version(self, model: RegisteredModel) -> int:
        """The number for the next registration: one more than was ever given."""
        return max(self.last_version(model.name), model.last_deleted) + 1

    def last_version(self, model: ModelName) -> int:
        """The highest number of a version that is there; 0 when there is none."""
        numbers = self.versions(model)
        return numbers[-1] if numbers else 0

    def keys_of(self, model: ModelName) -> Iterator[Key]:
        """The keys of everything that belongs to a model."""
        yield ModelKey(model=model)
        for number in self.versions(model):
            yield VersionKey(model=model, version=number)
            for comment in self.comments(model, number):
                yield CommentKey(model=model, version=number, comment=comment)
        for stage in self.stages(model):
            yield StageKey(model=model, stage=stage)
        for alias in self.aliases(model):
            yield AliasKey(model=model, alias=alias)
        for request in self.requests(model):
            yield RequestKey(model=model, request=request)


class Overlay(Snapshot):
    """A snapshot with edits on top of it, as if they had been committed."""

    def __init__(self, base: Snapshot, edits: Edits) -> None:
        self.commit = base.commit
        self._base = base
        self._edits: dict[Key, Entity | None] = {}
        self._changed: dict[_Listing, dict[Any, bool]] = {}  # what was put (True) and taken away, by listing
        self._merged: dict[_Listing, list[Any]] = {}  # listings that were asked for, kept up to date
        self.add(edits)

    def add(self, edits: Edits) -> None:
        """Puts more edits on top: for a batch, whose changes see each other."""
        self._edits.update(edits)
        for key, entity in edits.items():
            listing, piece = _listed(key)
            self._changed.setdefault(listing, {})[piece] = entity is not None
            if listing in self._merged:
                _put(self._merged[listing], piece, there=entity is not None)

    def find(self, key: Key) -> Entity | None:
        """The edited entity, else the base's."""
        return self._edits[key] if key in self._edits else self._base.find(key)

    def deploys(self) -> bool:
        """As in `Snapshot`."""
        return self._base.deploys()

    def models(self) -> tuple[ModelName, ...]:
        """As in `Snapshot`."""
        return self._with_edits((ModelKey,), self._base.models)

    def versions(self, model: ModelName) -> tuple[int, ...]:
        """As in `Snapshot`."""
        return self._with_edits((VersionKey, model), lambda: self._base.versions(model))

    def last_version(self, model: ModelName) -> int:
        """As in `Snapshot`; the versions are not listed for it, unless some were taken away."""
        changed: dict[int, bool] = self._changed.get((VersionKey, model), {})
        if not all(changed.values()):
            return super().last_version(model)
        return max(self._base.last_version(model), *changed, 0)

    def stages(self, model: ModelName) -> tuple[StageName, ...]:
        """As in `Snapshot`."""
        return self._with_edits((StageKey, model), lambda: self._base.stages(model))

    def aliases(self, model: ModelName) -> tuple[AliasName, ...]:
        """As in `Snapshot`."""
        return self._with_edits((AliasKey, model), lambda: self._base.aliases(model))

    def requests(self, model: ModelName | None) -> tuple[Id, ...]:
        """As in `Snapshot`."""
        return self._with_edits((RequestKey, model), lambda: self._base.requests(model))

    def comments(self, model: ModelName, version: int) -> tuple[Id, ...]:
        """As in `Snapshot`."""
        return self._with_edits((CommentKey, model, version), lambda: self._base.comments(model, version))

    def deployments(self) -> tuple[DeploymentKey, ...]:
        """As in `Snapshot`."""
        found: tuple[tuple[str, str], ...] = self._with_edits(
            (DeploymentKey,), lambda: ((key.environment, key.name) for key in self._base.deployments())
        )
        return tuple(DeploymentKey(environment=environment, name=name) for environment, name in found)

    def deployments_naming(self, model: ModelName) -> tuple[DeploymentKey, ...]:
        """As in `Snapshot`."""
        edited = [key for key, entity in self._edits.items() if isinstance(key, DeploymentKey) and entity is not None]
        others = [key for key in self._base.deployments_naming(model) if key not in self._edits]
        return tuple(sorted([*others, *edited], key=lambda key: (key.environment, key.name)))

    def _with_edits(self, listing: _Listing, base: Callable[[], Iterable[Any]]) -> tuple[Any, ...]:
        known = self._merged.get(listing)
        if known is None:
            known = sorted(base())
            for piece, there in self._changed.get(listing, {}).items():
                _put(known, piece, there=there)
            self._merged[listing] = known
        return tuple(known)


def _listed(key: Key) -> tuple[_Listing, Any]:
    """In which listing an entity with this key appears, and as what."""
    match key:
        case VersionKey():
            return (VersionKey, key.model), key.version
        case StageKey():
            return (StageKey, key.model), key.stage
        case AliasKey():
            return (AliasKey, key.model), key.alias
        case ModelKey():
            return (ModelKey,), key.model
        case RequestKey():
            return (RequestKey, key.model), key.request
        case CommentKey():
            return (CommentKey, key.model, key.version), key.comment
        case DeploymentKey():
            return (DeploymentKey,), (key.environment, key.name)
        case PolicyKey():
            return (PolicyKey,), ""


def _put(pieces: list[Any], piece: Any, *, there: bool) -> None:
    """Puts `piece` into its place in the sorted list, or takes it out."""
    place = bisect_left(pieces, piece)
    found = place < len(pieces) and pieces[place] == piece
    if there and not found:
        pieces.insert(place, piece)
    elif found and not there:
        del pieces[place]


def _typed(found: Entity | None, kind: type[E]) -> E | None:
    return found if isinstance(found, kind) else None


def _versions_hint(numbers: tuple[int, ...]) -> str:
    if not numbers:
        return "It has no versions; register one with: registry-git register NAME SOURCE"
    if len(numbers) == numbers[-1] - numbers[0] + 1:
        return f"Its versions are {numbers[0]} to {numbers[-1]}." if len(numbers) > 1 else f"It has only v{numbers[0]}."
    shown = ", ".join(map(str, numbers[-10:]))
    return f"Its latest versions are {shown}."


def find_stage(policy: Policy, text: str) -> Stage | None:
    """The stage that `text` names in any case; None for the stage `None`.

    Raises:
        Invalid: the registry has no such stage; the hint lists those that it has.
    """
    if text.casefold() == NO_STAGE.casefold():
        return None
    for stage in policy.stages:
        if stage.name.casefold() == text.casefold():
            return stage
    known = ", ".join(stage.name for stage in policy.stages)
    raise Invalid(f"This registry has no stage {text!r}.", hint=f"Its stages are: {known}, None.")


def stages_of(pointers: Iterable[StagePointer], version: int) -> tuple[StageName, ...]:
    """The stages that hold `version`, in the order of `pointers`."""
    return tuple(pointer.stage for pointer in pointers if version in pointer.versions)


def shown_stage(policy: Policy, stages: Iterable[StageName]) -> str:
    """The stage that protocols with one stage per version show: the last that serves, else the last, else `None`."""
    held = set(stages)
    ordered = [stage for stage in policy.stages if stage.name in held]
    serving = [stage for stage in ordered if stage.serving]
    last = (serving or ordered)[-1:]
    return last[0].name if last else NO_STAGE
