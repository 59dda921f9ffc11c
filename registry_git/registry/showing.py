"""Views of models and versions at one moment. What many of them share is read once, so a list costs what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from registry_git.core.errors import Corrupt
from registry_git.core.model import AliasPointer, Policy, StagePointer
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot, shown_stage, stages_of
from registry_git.manifests.layout import parse_request_ref
from registry_git.registry.views import ModelView, VersionView

if TYPE_CHECKING:
    from registry_git.index.queries import Queries


class Showing:
    """Makes views of one snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        queries: Callable[[], Queries],
        branches: Callable[[], Mapping[str, str]],
        last_asked: Callable[[Mapping[str, str], ModelName], Mapping[str, int]],
        *,
        many: bool = False,
    ) -> None:
        """`queries` opens the index at the snapshot, `branches` lists those of open requests, `last_asked` says when
        something happened on them: when they are needed.

        `many`: for a list, which one unreadable pointer must not hide; who asks for the model itself is told of it.
        """
        self._many = many
        self._snapshot = snapshot
        self._open_index = queries
        self._branches = branches
        self._last_asked = last_asked
        self._pointers: dict[ModelName, tuple[tuple[StagePointer, ...], tuple[AliasPointer, ...]]] = {}

    def model(self, name: ModelName) -> ModelView:
        """A registered model. Raises: NotFound."""
        model = self._snapshot.model(name)
        numbers = self._snapshot.versions(name)
        stages, aliases = self._pointers_of(name)
        return ModelView(
            name=model.name,
            description=model.description,
            tags=dict(model.tags),
            created=model.created,
            created_by=model.created_by,
            last_updated=self._queries.model_updated(name) or model.created,
            last_activity=max(self._queries.model_active(name), model.created, self._asked(name)),
            latest_version=numbers[-1] if numbers else None,
            versions=len(numbers),
            stages={pointer.stage: pointer.versions for pointer in stages},
            aliases={pointer.alias: pointer.version for pointer in aliases},
            open_requests=self._open_requests[name],
            commit=self._snapshot.commit,
        )

    def version(self, name: ModelName, number: int, *, updated: int | None = None) -> VersionView:
        """A version. `updated`, in ms: when it changed last, if the caller knows that; else the index is asked.

        Raises:
            NotFound: there is no such version.
        """
        version = self._snapshot.version(name, number)
        pointers, aliases = self._pointers_of(name)
        stages = stages_of(pointers, number)
        if updated is None:
            updated = self._queries.version_updated(name, number)
        return VersionView(
            model=version.model,
            version=version.version,
            stage=shown_stage(self._policy, stages),
            stages=stages,
            aliases=tuple(pointer.alias for pointer in aliases if pointer.version == number),
            source=version.source,
            digest=version.digest,
            format=version.format,
            status=version.status.value,
            description=version.description,
            tags=dict(version.tags),
            created=version.created,
            created_by=version.created_by,
            last_updated=max(updated, version.created),
            manifest=version,
            commit=self._snapshot.commit,
        )

    def _pointers_of(self, name: ModelName) -> tuple[tuple[StagePointer, ...], tuple[AliasPointer, ...]]:
        known = self._pointers.get(name)
        if known is None:
            try:
                known = self._snapshot.stage_pointers(name), self._snapshot.alias_pointers(name)
            except Corrupt:
                if not self._many:
                    raise
                known = self._readable(name)
            self._pointers[name] = known
        return known

    def _readable(self, name: ModelName) -> tuple[tuple[StagePointer, ...], tuple[AliasPointer, ...]]:
        stages: list[StagePointer] = []
        aliases: list[AliasPointer] = []
        held = set(self._snapshot.stages(name))
        for stage in (one.name for one in self._policy.stages if one.name in held):
            with suppress(Corrupt):
                stages += filter(None, [self._snapshot.stage_pointer(name, stage)])
        for alias in self._snapshot.aliases(name):
            with suppress(Corrupt):
                aliases += filter(None, [self._snapshot.alias_pointer(name, alias)])
        return tuple(stages), tuple(aliases)

    @cached_property
    def _policy(self) -> Policy:
        return self._snapshot.policy()

    @cached_property
    def _queries(self) -> Queries:
        return self._open_index()

    def _asked(self, name: ModelName) -> int:
        return self._last_asked(self._open_branches, name).get(name, 0) if self._open_requests[name] else 0

    @cached_property
    def _open_branches(self) -> Mapping[str, str]:
        return self._branches()

    @cached_property
    def _open_requests(self) -> Counter[ModelName | None]:
        keys = map(parse_request_ref, self._open_branches)
        return Counter(key.model for key in keys if key is not None)
