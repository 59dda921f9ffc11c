"""Registries for threads: each call has one to itself, and what it read stays known to the next."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from registry_git.app import OFFLINE_VARIABLE, init, now, open_registry, record_id, repository_of, surroundings
from registry_git.core.changes.proposal import Act
from registry_git.core.errors import Conflict, NotFound, Unavailable
from registry_git.gitstore.creation import registry_at
from registry_git.gitstore.managed import state_of
from registry_git.gitstore.store import Store
from registry_git.gitstore.writer import QueuedStore, Writer
from registry_git.index.index import Index
from registry_git.mlflow_plugin.address import Address
from registry_git.mlflow_plugin.unborn import Unborn
from registry_git.mlflow_plugin.who import find_mlflow_actor
from registry_git.mlflow_rules import MlflowRegistry
from registry_git.registry.facade import Registry

_IDLE_MAX = 32
_LOG = logging.getLogger(__name__)
_CREATING = threading.Lock()


class Pool:
    """Open registries of one address. MLflow's server shares a store between its threads; a registry is for one."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self._fetched = float("-inf")
        self._idle: list[Registry] = []
        self._writer: Writer | None = None
        self._process = os.getpid()

    @contextmanager
    def reading(self) -> Iterator[MlflowRegistry]:
        """A registry that shows what is there, or at a remote was there `fresh_seconds` ago at most."""
        registry = self._taken() or self._opened()
        try:
            mlflow = MlflowRegistry(registry)
            self._freshen(mlflow)
            yield mlflow
        finally:
            self._give_back(registry)

    @contextmanager
    def writing(self) -> Iterator[MlflowRegistry]:
        """A registry to change: a change looks at what is there by itself. The one used last comes first."""
        registry = self._taken() or self._opened()
        try:
            yield MlflowRegistry(registry)
        finally:
            self._give_back(registry)

    def _freshen(self, mlflow: MlflowRegistry) -> None:
        registry = mlflow.registry
        if not isinstance(registry, Registry) or registry.remote is None:
            return
        with self._fetching:  # whoever comes meanwhile wants the same
            if time.monotonic() - self._fetched < self._address.fresh_seconds:
                return
            try:
                registry.refresh_from_remote()
            except (Conflict, NotFound, Unavailable) as problem:
                _LOG.warning("What is shown may be out of date: %s", problem.message)
            self._fetched = time.monotonic()  # also after a failure, or every read would wait for the next

    def _taken(self) -> Registry | None:
        with self._lock:
            if self._process != os.getpid():  # a fork: its parent's connections are not for it
                self._process, self._idle, self._writer = os.getpid(), [], None
            return self._idle.pop() if self._idle else None

    def _give_back(self, registry: Registry | Unborn) -> None:
        if isinstance(registry, Registry):
            with self._lock:
                if len(self._idle) < _IDLE_MAX:
                    self._idle.append(registry)

    def _opened(self) -> Registry | Unborn:
        path = self._address.path
        if path is not None and registry_at(path) is None:
            return Unborn(lambda: _created(path), _act)
        place = repository_of(self._address.target)
        store = QueuedStore(place, self._gathering(place))
        state = None if path is not None else state_of(self._address.url)
        acting = surroundings(find_mlflow_actor(store.repository), state=state)
        return Registry(store, Index(store.repository), acting)

    def _gathering(self, place: Path) -> Writer:
        """The one writer of all threads: what waits while it writes is written together, with one flush."""
        with self._lock:
            if self._writer is None:
                self._writer = Writer(Store(place, offline=bool(os.environ.get(OFFLINE_VARIABLE))))
            return self._writer


def _created(path: Path) -> Registry:
    """A new registry, or the one that another made meanwhile: nobody ever sees it half made."""
    with _CREATING:
        if registry_at(path) is None:
            actor = find_mlflow_actor(None)
            if path.exists():
                return init(path, actor=actor)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
            init(draft, name=path.name.removesuffix(".git"), bare=path.suffix == ".git", actor=actor)
            try:
                draft.rename(path)
            except OSError:
                rmtree(draft)
                if registry_at(path) is None:
                    raise
        return open_registry(path, actor=find_mlflow_actor(registry_at(path)))


def _act() -> Act:
    at = now()
    return Act(actor=find_mlflow_actor(None), at=at, id=record_id(at))
