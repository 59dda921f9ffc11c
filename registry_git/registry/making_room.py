"""Approvals that also archive who is in the stage, where the request did not ask for that."""

from __future__ import annotations

from registry_git.core.model import Action
from registry_git.core.snapshot import find_stage
from registry_git.registry import requests
from registry_git.registry.asking import Asking
from registry_git.registry.views import RequestView


class MakingRoom(Asking):
    """Approvals as Databricks has them: the one who approves says whether those that are there are archived."""

    def approve_and_archive(self, id: str, *, comment: str = "") -> RequestView:
        """Approves a request, and that versions which are in the stage are archived when it lands.

        Where the request does not say so, it is amended first: approvals of what it said before no longer count.

        Raises:
            As `approve`; Invalid: the stage does not serve.
        """
        view = self.request(id)
        if self._may_amend(view) and self._crowded(view):
            act, key = self._deciding(id, "")
            requests.refresh(self._store, act, key, archive_existing=True)
        return self.approve(id, comment=comment)

    def _may_amend(self, view: RequestView) -> bool:
        """Whether `approve` would take the actor's word; it says why where it would not."""
        decision, record = view.decision, view.record
        email = self._surroundings.actor.email
        counts = decision.anyone or decision.allowed or email in decision.may_approve
        asked = record.action is Action.STAGE and not record.archive_existing
        return bool(view.branch) and asked and not view.stale and counts

    def _crowded(self, view: RequestView) -> bool:
        """Whether other versions are in the stage, and would stay."""
        snapshot, record = self._snapshot(), view.record
        stage = find_stage(snapshot.policy(), record.to)
        if stage is None or stage.exclusive or record.model is None:
            return False
        pointer = snapshot.stage_pointer(record.model, stage.name)
        return pointer is not None and set(pointer.versions) != {record.version}
