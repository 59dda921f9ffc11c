"""Requests for rolls: what follows on request is asked for when its stage or alias moves, as a dependency bot would.

One request for a deployment and a version: a second look opens nothing twice, and what was rejected is not asked for
again until the stage or alias moves once more. A request that another version has overtaken is cancelled.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cached_property

from registry_git.core.deployed import REQUEST, reference, target, used, written
from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.keys import DeploymentKey
from registry_git.core.model import (
    Action,
    Declaration,
    Deployment,
    DeploymentChange,
    RequestState,
    TransitionRequest,
    Verdict,
)
from registry_git.core.names import Id
from registry_git.core.snapshot import Snapshot
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.manifests.layout import parse_request_ref, request_ref
from registry_git.registry import deciding, requests
from registry_git.registry.writing import Surroundings

_LOG = logging.getLogger(__name__)


class Rolls:
    """The requests for rolls as they are, and what is missing or moot among them."""

    def __init__(self, store: Store, surroundings: Surroundings) -> None:
        self._store = store
        self._surroundings = surroundings
        self._main = store.snapshot()

    def ask_if_possible(self, keys: Iterable[DeploymentKey]) -> None:
        """As `ask` for each, after a write that is done already: what cannot be asked for now is logged, and
        `deployment ask` or `reconcile` makes up for it.
        """
        for key in keys:
            try:
                self.ask(key)
            except RegistryError as problem:
                _LOG.warning("The roll of %s/%s is not asked for: %s", key.environment, key.name, problem)

    def ask(self, key: DeploymentKey) -> Id | None:
        """Opens the request for a deployment that is due, and cancels what is moot. Gives the id if it is new.

        Raises:
            As `requests.create` does.
        """
        deployment = self._main.deployment(key)
        due = _due(self._main, deployment) if deployment is not None else None
        waiting = self._open.get(written(key), [])
        for record in waiting:
            if record.version != due:
                self._cancel(record, deployment, due)
        if deployment is None or due is None or any(record.version == due for record in waiting):
            return None
        fresh = _id_of(self._main, deployment, due)
        branch = request_ref(deployment.model, fresh)
        if self._main.request(deployment.model, fresh) is not None or self._store.request_branch(branch) is not None:
            return None
        comment = f"{reference(deployment)} is v{due} now."
        act = self._surroundings.act(comment=comment, id=fresh)
        draft = TransitionRequest(
            id=fresh,
            action=Action.DEPLOYMENT,
            model=deployment.model,
            version=due,
            deployment=written(key),
            declaration=Declaration(change=DeploymentChange.ROLL),
            requester=act.actor,
            created=act.at,
            comment=comment,
            proposal="",
        )
        requests.create(self._store, act, draft)
        return fresh

    @cached_property
    def _open(self) -> dict[str, list[TransitionRequest]]:
        """The open requests for rolls, by deployment as records write it."""
        found: dict[str, list[TransitionRequest]] = {}
        for branch, tip in self._store.request_branches().items():
            key = parse_request_ref(branch)
            if key is None:
                continue
            try:
                record = GitSnapshot(self._store.repository, tip).request(key.model, key.request)
                landed = self._main.find(key) is not None
            except Corrupt:
                continue  # one broken branch must not keep others from being asked for
            if record is None or landed or record.state is not RequestState.OPEN or record.declaration is None:
                continue
            if record.declaration.change is DeploymentChange.ROLL:
                found.setdefault(record.deployment, []).append(record)
        return found

    def _cancel(self, record: TransitionRequest, deployment: Deployment | None, due: int | None) -> None:
        why = "Nothing is to be rolled any more."
        if deployment is not None and due is not None:
            why = f"Overtaken: {reference(deployment)} is v{due} now."
        try:
            deciding.close(self._store, self._surroundings.act(comment=why), record.key, Verdict.CANCELLED)
        except RegistryError as problem:
            # it is stale and can never be merged; who may cancel it will
            _LOG.info("Request %s is overtaken, and not cancelled: %s", record.id, problem)


def _due(snapshot: Snapshot, deployment: Deployment) -> int | None:
    """The version that a deployment is to be asked to roll to; None when it is where it should be."""
    wanted = target(snapshot, deployment) if deployment.follow == REQUEST else None
    return wanted if wanted != used(deployment) else None


def _id_of(snapshot: Snapshot, deployment: Deployment, version: int) -> Id:
    """The id of the request for this roll: the same for all who look, another one after the pointer has moved."""
    pointer = (
        snapshot.alias_pointer(deployment.model, deployment.alias)
        if deployment.alias is not None
        else snapshot.stage_pointer(deployment.model, deployment.stage)
        if deployment.stage is not None
        else None
    )
    from hashlib import sha256  # slow to import

    move = pointer.request if pointer is not None else ""
    parts = (deployment.environment, deployment.name, deployment.model, str(version), move)
    return Id(f"roll-{sha256(chr(0).join(parts).encode()).hexdigest()[:16]}")
