"""MLflow's registry store: each method is one use case of `mlflow_rules`, in MLflow's classes and exceptions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, TypeVar

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode
from mlflow.store.entities.paged_list import PagedList

from registry_git.app import CONSUMER_VARIABLE
from registry_git.core.errors import RegistryError
from registry_git.core.model import Lineage
from registry_git.mlflow_plugin import searching
from registry_git.mlflow_plugin.address import parse_address
from registry_git.mlflow_plugin.entities import to_model, to_version
from registry_git.mlflow_plugin.pool import Pool
from registry_git.mlflow_plugin.sources import located, tracking_uri_of
from registry_git.mlflow_plugin.webhooks import NoWebhooks
from registry_git.mlflow_rules import MlflowModel, MlflowRegistry, MlflowVersion, NewMlflowVersion, error_of
from registry_git.registry.facade import Registry

T = TypeVar("T")


class GitStore(NoWebhooks):
    """The registry behind a URI as `git+file:///srv/registry.git`. Safe to share between threads.

    All methods raise MlflowException, with the error codes and, for what MLflow itself refuses, the messages of its
    own stores.
    """

    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._uri = store_uri or ""
        self._tracking_uri = tracking_uri_of(tracking_uri)
        with _Told(nullcontext()):
            self._pool = Pool(parse_address(self._uri))

    def __getstate__(self) -> dict[str, Any]:
        """The addresses: another process opens the registry for itself."""
        return {"store_uri": self._uri, "tracking_uri": self._tracking_uri}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A store that was sent here."""
        self.__init__(**state)  # type: ignore[misc]

    def create_registered_model(
        self,
        name: str,
        tags: Iterable[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """As MLflow defines it. The first one of a `git+file:` URI that names no repository creates it."""
        with self._writing() as mlflow:
            return self._model(mlflow.create_model(name, description=description or "", tags=_pairs(tags)))

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            return self._model(mlflow.update_model(name, description or ""))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            return self._model(mlflow.rename_model(name, new_name))

    def delete_registered_model(self, name: str) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.delete_model(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """As MLflow defines it."""
        with self._reading() as mlflow:
            page = mlflow.search_models(
                searching.model_filter(filter_string or ""),
                searching.model_order(order_by or ()),
                max_results=max_results,
                page_token=page_token,
            )
        return PagedList(list(map(self._model, page.items)), page.next_page_token or None)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """As MLflow defines it."""
        with self._reading() as mlflow:
            return self._model(mlflow.get_model(name))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """As MLflow defines it; stages are those of the registry."""
        with self._reading() as mlflow:
            return list(map(self._version, mlflow.get_latest_versions(name, list(stages or ()))))

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.set_model_tag(name, tag.key, tag.value)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.delete_model_tag(name, key)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Iterable[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """As MLflow defines it. Files that are on this machine get a digest, and the run's lineage is recorded."""
        with self._writing() as mlflow:
            wanted = NewMlflowVersion(
                name=name,
                source=source,
                tags=_pairs(tags),
                description=description or "",
                lineage=Lineage(run_id=run_id or "", run_link=run_link or "", model_id=model_id or ""),
                tracking_uri=self._tracking_uri,
            )
            return self._version(mlflow.create_version(located(wanted, local_model_path)))

    def update_model_version(self, name: str, version: int | str, description: str | None = None) -> ModelVersion:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            return self._version(mlflow.update_version(name, version, description or ""))

    def transition_model_version_stage(
        self, name: str, version: int | str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """As MLflow defines it; stages are those of the registry.

        A move that takes an approval is PERMISSION_DENIED, and the message names the command that asks for it.
        """
        with self._writing() as mlflow:
            moved = mlflow.transition(name, version, stage, archive_existing=bool(archive_existing_versions))
            return self._version(moved)

    def delete_model_version(self, name: str, version: int | str) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.delete_version(name, version)

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """As MLflow defines it."""
        with self._reading() as mlflow:
            return self._version(mlflow.get_version(name, version))

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """As MLflow defines it. What `REGISTRY_GIT_CONSUMER` names is noted as a user of the version."""
        with self._reading() as mlflow:
            found = mlflow.get_download_uri(name, version)
            if isinstance(mlflow.registry, Registry) and os.environ.get(CONSUMER_VARIABLE):
                mlflow.registry.resolve(f"{name}/{int(version)}")
            return found

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """As MLflow defines it."""
        with self._reading() as mlflow:
            page = mlflow.search_versions(
                searching.version_filter(filter_string or ""),
                searching.version_order(order_by or ()),
                max_results=max_results,
                page_token=page_token,
            )
        return PagedList(list(map(self._version, page.items)), page.next_page_token or None)

    def set_model_version_tag(self, name: str, version: int | str, tag: ModelVersionTag) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.set_version_tag(name, version, tag.key, tag.value)

    def delete_model_version_tag(self, name: str, version: int | str, key: str) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.delete_version_tag(name, version, key)

    def set_registered_model_alias(self, name: str, alias: str, version: int | str) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.set_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """As MLflow defines it."""
        with self._writing() as mlflow:
            mlflow.delete_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """As MLflow defines it."""
        with self._reading() as mlflow:
            return self._version(mlflow.get_version_by_alias(name, alias))

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: float) -> None:
        """Nothing: a version is there when its registration returns."""

    def _reading(self) -> AbstractContextManager[MlflowRegistry]:
        return _Told(self._pool.reading())

    def _writing(self) -> AbstractContextManager[MlflowRegistry]:
        return _Told(self._pool.writing())

    def _version_updated(self, name: str, version: int) -> int:
        with self._reading() as mlflow:
            return mlflow.version_updated(name, version)

    def _model_updated(self, name: str) -> int:
        with self._reading() as mlflow:
            return mlflow.model_updated(name)

    def _version(self, found: MlflowVersion) -> ModelVersion:
        return to_version(found, self._version_updated)

    def _model(self, found: MlflowModel) -> RegisteredModel:
        return to_model(found, self._model_updated, self._version_updated)


def _pairs(tags: Iterable[Any] | None) -> tuple[tuple[str | None, str | None], ...]:
    """Tags as (key, value): the client gives MLflow's entities, its server protobuf messages."""
    return tuple((tag.key, tag.value) for tag in tags or ())


class _Told(AbstractContextManager[T]):
    """Turns what the registry raises into what MLflow raises: anything else becomes a web page on its server."""

    __slots__ = ("_lent",)

    def __init__(self, lent: AbstractContextManager[T]) -> None:
        self._lent = lent

    def __enter__(self) -> T:
        try:
            return self._lent.__enter__()
        except RegistryError as problem:
            raise _said(problem) from problem

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lent.__exit__(kind, problem, trace)
        if isinstance(problem, RegistryError):
            raise _said(problem) from problem


def _said(problem: RegistryError) -> MlflowException:
    code, message = error_of(problem)
    return MlflowException(message, ErrorCode.Value(code))
