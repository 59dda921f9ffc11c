"""Reads by MLflow's rules. One version, alias or stage is read from git; searches are answered by the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry_git.core.errors import Invalid, NotFound
from registry_git.core.keys import ModelKey, VersionKey
from registry_git.core.model import NO_STAGE, ModelVersion, Policy, RegisteredModel
from registry_git.core.names import AliasName, ModelName
from registry_git.core.search import Filter, Order, Target, encode_token, only_name, without_prompts
from registry_git.core.snapshot import Snapshot, shown_stage, stages_of
from registry_git.index.entries import AtHand, ModelEntry, VersionEntry
from registry_git.index.queries import Page
from registry_git.mlflow_rules import checks
from registry_git.mlflow_rules.entities import MlflowModel, MlflowPage, MlflowVersion
from registry_git.mlflow_rules.stages import canonical, latest_by_stage

_VERSION_MAX = 999_999_999


class Searches(Protocol):
    """An index of a registry, brought to what is there (as `registry_git.index.entries.Entries`)."""

    def version_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[VersionEntry]: ...
    def model_entries(self, given: Filter, orders: tuple[Order, ...], page: Page) -> list[ModelEntry]: ...
    def latest_entries(self, models: Sequence[str]) -> dict[str, list[tuple[str, VersionEntry]]]: ...
    def version_updated(self, model: ModelName, version: int) -> int: ...
    def model_updated(self, model: ModelName) -> int: ...


class Readable(Protocol):
    """A registry as reads take it: `registry_git.registry.facade.Registry`, or one that is not there yet."""

    def snapshot(self) -> Snapshot: ...
    def entries(self, of: ModelName | None = None) -> Searches: ...
    def at_hand(self, commit: str) -> AtHand | None: ...


class MlflowReads:
    """What MLflow's clients ask of a registry.

    Where the index shows what is there already, one statement answers instead of several manifests; after a write they
    are read from git.

    Single entities come without the time of their last change, which only the index knows: ask `version_updated` or
    `model_updated` when it is wanted, so that loading a model never waits for an index.
    """

    _registry: Readable

    def get_model(self, name: str | None) -> MlflowModel:
        """One registered model. Raises: NotFound, Invalid."""
        snapshot, wanted = self._registry.snapshot(), checks.model_name(name)
        index = self._registry.at_hand(snapshot.commit)
        known = index.model(wanted) if index else None
        if known is None:
            return shown_model(snapshot, require_model(snapshot, wanted))
        return _entered_model(*known)

    def get_version(self, name: str | None, version: object) -> MlflowVersion:
        """One version. Raises: NotFound, Invalid."""
        snapshot, model = self._registry.snapshot(), checks.model_name(name)
        index, number = self._registry.at_hand(snapshot.commit), checks.version_number(version)
        known = index.version(model, number) if index and 0 < number <= _VERSION_MAX else None
        return _entered_version(snapshot, known) or shown_version(snapshot, require_version(snapshot, model, version))

    def get_version_by_alias(self, name: str | None, alias: str | None) -> MlflowVersion:
        """The version that an alias names; `latest` is the highest. Raises: NotFound; Invalid for no such alias."""
        model, wanted = checks.model_name(name), checks.alias_name(alias)
        snapshot = self._registry.snapshot()
        index = self._registry.at_hand(snapshot.commit)
        found = _entered_version(snapshot, index.aliased(model, wanted) if index else None)
        if found is not None:
            return found
        require_model(snapshot, model)
        if wanted.lower() == checks.LATEST:
            numbers = snapshot.versions(model)
            if not numbers:
                raise NotFound(f"Latest version not found for model {model}.")
            return shown_version(snapshot, require_version(snapshot, model, numbers[-1]))
        pointer = snapshot.alias_pointer(model, AliasName(wanted))
        if pointer is None:
            raise Invalid(f"Registered model alias {wanted} not found.")
        return shown_version(snapshot, require_version(snapshot, model, pointer.version))

    def get_latest_versions(self, name: str | None, stages: Sequence[str] = ()) -> list[MlflowVersion]:
        """The highest version in each of the stages, or in every one. Raises: NotFound; Invalid for no such stage."""
        snapshot = self._registry.snapshot()
        model, policy = checks.model_name(name), snapshot.policy()
        index = self._registry.at_hand(snapshot.commit)
        try:
            wanted = [canonical(policy, stage) for stage in stages]
        except Invalid:
            require_model(snapshot, model)  # MLflow looks for it first
            raise
        known = index.latest(model, ["" if stage == NO_STAGE else stage for stage in wanted]) if index else None
        if known is not None:
            return [_listed_version(entry, stage or NO_STAGE, aliases) for stage, entry, aliases in known]
        require_model(snapshot, model)
        return [
            shown_version(snapshot, snapshot.version(model, number), stage=stage)
            for stage, number in latest_by_stage(snapshot, model, wanted)
        ]

    def get_download_uri(self, name: str | None, version: object) -> str:
        """Where the files of a version are. Raises: NotFound, Invalid."""
        snapshot, model = self._registry.snapshot(), checks.model_name(name)
        index, number = self._registry.at_hand(snapshot.commit), checks.version_number(version)
        known = index.location(model, number) if index and 0 < number <= _VERSION_MAX else ""
        return known or require_version(snapshot, model, version).source

    def version_updated(self, name: str, version: int) -> int:
        """When a version last changed, in milliseconds; 0 when it is gone."""
        return self._registry.entries(ModelName(name)).version_updated(ModelName(name), version)

    def model_updated(self, name: str) -> int:
        """When a model last changed, in milliseconds; 0 when it is gone."""
        return self._registry.entries(ModelName(name)).model_updated(ModelName(name))

    def search_models(
        self, given: Filter, orders: tuple[Order, ...], *, max_results: object = None, page_token: str | bytes | None
    ) -> MlflowPage[MlflowModel]:
        """The models that pass a filter, without prompts unless it asks for them. Raises: Invalid."""
        size, offset = checks.page_size(max_results, Target.MODELS), checks.page_offset(page_token)
        entries = self._registry.entries()
        found = entries.model_entries(without_prompts(given), orders, Page(limit=size + 1, offset=offset))
        latest = entries.latest_entries([entry.name for entry in found[:size]])
        models = tuple(_listed_model(entry, latest[entry.name]) for entry in found[:size])
        return MlflowPage(items=models, next_page_token=encode_token(offset + size) if len(found) > size else "")

    def search_versions(
        self, given: Filter, orders: tuple[Order, ...], *, max_results: object = None, page_token: str | bytes | None
    ) -> MlflowPage[MlflowVersion]:
        """The versions that pass a filter, without prompts unless it asks for them, and without their aliases.

        Raises:
            Invalid.
        """
        size, offset = checks.page_size(max_results, Target.VERSIONS), checks.page_offset(page_token)
        snapshot, wanted, page = self._registry.snapshot(), without_prompts(given), Page(limit=size + 1, offset=offset)
        model = only_name(given)
        index = self._registry.at_hand(snapshot.commit) if model is not None else None
        found = index.few_versions(model, wanted, orders, page) if index is not None and model is not None else None
        if found is None:
            found = self._registry.entries().version_entries(wanted, orders, page)
        policy = snapshot.policy()
        shown = {held: _shown_stage(policy, held) for held in {entry.stages for entry in found}}
        versions = tuple([_listed_version(entry, shown[entry.stages]) for entry in found[:size]])
        return MlflowPage(items=versions, next_page_token=encode_token(offset + size) if len(found) > size else "")


def require_model(snapshot: Snapshot, name: ModelName) -> RegisteredModel:
    """The model. Raises: NotFound, in MLflow's words."""
    found = snapshot.find(ModelKey(model=name))
    if not isinstance(found, RegisteredModel):
        raise NotFound(f"Registered Model with name={name} not found")
    return found


def require_version(snapshot: Snapshot, name: ModelName, version: object) -> ModelVersion:
    """The version. Raises: NotFound, in MLflow's words; Invalid for what is no number."""
    number = checks.version_number(version)
    found = snapshot.find(VersionKey(model=name, version=number)) if 0 < number <= _VERSION_MAX else None
    if not isinstance(found, ModelVersion):
        raise NotFound(f"Model Version (name={name}, version={number}) not found")
    return found


def shown_version(
    snapshot: Snapshot | None, version: ModelVersion, *, stage: str = "", updated: int | None = None
) -> MlflowVersion:
    """A version as MLflow shows it. `stage` says which of its stages is meant, `updated` when it changed, if known.

    Without a `snapshot` it is one that no pointer names.
    """
    if not stage and snapshot is not None:
        stage = shown_stage(snapshot.policy(), stages_of(snapshot.stage_pointers(version.model), version.version))
    aliases = snapshot.alias_pointers(version.model) if snapshot is not None else ()
    return MlflowVersion(
        name=version.model,
        version=version.version,
        creation_timestamp=version.created,
        last_updated_timestamp=updated,
        description=version.description,
        user_id=version.created_by,
        current_stage=stage,
        source=version.origin or version.source,
        run_id=version.lineage.run_id,
        run_link=version.lineage.run_link,
        model_id=version.lineage.model_id,
        status=version.status.value,
        status_message=version.status_message,
        tags=version.tags,
        aliases=tuple(pointer.alias for pointer in aliases if pointer.version == version.version),
    )


def shown_model(snapshot: Snapshot, model: RegisteredModel, *, updated: int | None = None) -> MlflowModel:
    """A model as MLflow shows it; `updated` says when it changed, if that is known."""
    latest = [
        shown_version(snapshot, snapshot.version(model.name, number), stage=stage)._replace(aliases=())
        for stage, number in latest_by_stage(snapshot, model.name)
    ]
    return MlflowModel(
        name=model.name,
        creation_timestamp=model.created,
        last_updated_timestamp=updated,
        description=model.description,
        user_id=model.created_by,
        latest_versions=tuple(latest),
        tags=model.tags,
        aliases={pointer.alias: pointer.version for pointer in snapshot.alias_pointers(model.name)},
    )


def _entered_version(snapshot: Snapshot, known: tuple[VersionEntry, tuple[str, ...]] | None) -> MlflowVersion | None:
    """A version as the index has it; None when it has none."""
    if known is None:
        return None
    entry, aliases = known
    return _listed_version(entry, _shown_stage(snapshot.policy(), entry.stages), aliases)


def _shown_stage(policy: Policy, stages: tuple[str, ...]) -> str:
    return shown_stage(policy, stages) if stages else NO_STAGE  # type: ignore[arg-type]


def _listed_model(entry: ModelEntry, latest: Sequence[tuple[str, VersionEntry]]) -> MlflowModel:
    # in lists MLflow orders them by the stage's name
    return _entered_model(entry, sorted(latest, key=_stage))


def _stage(placed: tuple[str, VersionEntry]) -> str:
    return placed[0] or NO_STAGE


def _entered_model(entry: ModelEntry, latest: Sequence[tuple[str, VersionEntry]]) -> MlflowModel:
    return MlflowModel(
        name=entry.name,
        creation_timestamp=entry.created,
        last_updated_timestamp=entry.updated,
        description=entry.description,
        user_id=entry.created_by,
        latest_versions=tuple([_listed_version(version, stage or NO_STAGE) for stage, version in latest]),
        tags=entry.tags,
        aliases=entry.aliases,
    )


def _listed_version(entry: VersionEntry, stage: str, aliases: tuple[str, ...] = ()) -> MlflowVersion:
    name, number, source, run_id, run_link, model_id, status, message, created, user, text, updated, tags, _ = entry
    return MlflowVersion(
        name,
        number,
        created,
        updated,
        text,
        user,
        stage,
        source,
        run_id,
        run_link,
        model_id,
        status,
        message,
        tags,
        aliases,
    )
