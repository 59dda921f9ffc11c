"""Requests as methods: ask for a stage, an alias, a deletion, a name or a policy; approve, reject, cancel, refresh."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.changes.proposal import Act
from registry_git.core.model import Action, Policy, RequestKey, TransitionRequest, Verdict
from registry_git.core.names import COMMENT_MAX, AliasName, Id, ModelName, parse_text, parse_version
from registry_git.manifests.policy_text import parse_policy
from registry_git.registry import deciding, requests
from registry_git.registry.views import RequestView, RollView
from registry_git.registry.writes import Writes, forced


class Asking(Writes):
    """The part of the registry that asks and answers."""

    def request_stage(
        self,
        name: str,
        version: int | str,
        stage: str,
        *,
        add: bool = False,
        archive_existing: bool = False,
        comment: str = "",
        id: str | None = None,
        force: bool = False,
    ) -> RequestView:
        """Asks that a version be moved to a stage. `force` (with a comment): also where a deployment is in the way.

        Raises:
            NotFound; Invalid: it is there already; Conflict: a deployment is in the way.
        """
        return self._ask(
            Action.STAGE,
            comment,
            id,
            model=ModelName.parse(name),
            version=parse_version(version),
            to=stage,
            add=add,
            archive_existing=archive_existing,
            force=force,
        )

    def request_alias(
        self,
        name: str,
        alias: str,
        version: int | str | None,
        *,
        comment: str = "",
        id: str | None = None,
        force: bool = False,
    ) -> RequestView:
        """Asks that an alias point to a version; None: that it be removed, with `force` and a comment also if followed.

        Raises:
            NotFound; Invalid: it is so already; Conflict: a deployment follows it.
        """
        number = None if version is None else parse_version(version)
        model = ModelName.parse(name)
        return self._ask(
            Action.ALIAS, comment, id, model=model, version=number, alias=AliasName.parse(alias), force=force
        )

    def request_delete(
        self,
        name: str,
        version: int | str | None,
        *,
        comment: str = "",
        id: str | None = None,
        force: bool = False,
    ) -> RequestView:
        """Asks that a version, or (None) a whole model, be deleted; `force`, with a comment: also what is used.

        Raises:
            NotFound; Conflict: it is in a stage, or a deployment uses it.
        """
        number = None if version is None else parse_version(version)
        return self._ask(Action.DELETE, comment, id, model=ModelName.parse(name), version=number, force=force)

    def request_rename(self, name: str, new_name: str, *, comment: str = "", id: str | None = None) -> RequestView:
        """Asks that a model get another name. Raises: NotFound; AlreadyExists: the new name is taken; Conflict."""
        return self._ask(Action.RENAME, comment, id, model=ModelName.parse(name), new_name=ModelName.parse(new_name))

    def request_policy(self, text: str, *, comment: str = "", id: str | None = None) -> RequestView:
        """Asks that `registry.yaml` be replaced by this YAML text. Raises: Invalid: it is no policy, or the same."""
        return self._ask(Action.POLICY, comment, id, policy=parse_policy(text))

    def approve(self, id: str, *, comment: str = "") -> RequestView:
        """Approves a request; with the approval that suffices, its change is merged into `main` in the same act.

        Raises:
            Conflict: it is stale (nothing was written) or closed; PermissionDenied; NotFound.
        """
        act, key = self._deciding(id, comment)
        merged = deciding.approve(self._store, act, key)
        if merged is None:
            return self.request(id)
        self._ask_for_rolls(merged.asks)
        return replace(self.request(id), deployments=tuple(map(RollView.of, merged.rolls)))

    def reject(self, id: str, *, comment: str = "") -> RequestView:
        """Rejects a request: its change does not happen, and that is recorded. Raises: Conflict, PermissionDenied."""
        act, key = self._deciding(id, comment)
        deciding.close(self._store, act, key, Verdict.REJECTED)
        return self.request(id)

    def cancel(self, id: str, *, comment: str = "") -> RequestView:
        """Takes a request back: one's own, or as somebody who may decide it. Raises: Conflict, PermissionDenied."""
        act, key = self._deciding(id, comment)
        deciding.close(self._store, act, key, Verdict.CANCELLED)
        return self.request(id)

    def refresh(self, id: str) -> RequestView:
        """Decides a stale request again on today's `main`; approvals of the old content no longer count."""
        act, key = self._deciding(id, "")
        requests.refresh(self._store, act, key)
        return self.request(id)

    def _deciding(self, id: str, comment: str) -> tuple[Act, RequestKey]:
        words = parse_text("comment", comment, at_most=COMMENT_MAX)
        self._store.refresh()
        return self._surroundings.act(comment=words), self._find(self._snapshot(), Id.parse(id))

    def _ask(
        self,
        action: Action,
        comment: str,
        id: str | None,
        *,
        model: ModelName | None = None,
        policy: Policy | None = None,
        force: bool = False,
        **asked: object,
    ) -> RequestView:
        words = parse_text("comment", comment, at_most=COMMENT_MAX)
        act = self._surroundings.act(comment=words, id=id)
        draft = TransitionRequest(
            id=act.id,
            action=action,
            model=model,
            requester=act.actor,
            created=act.at,
            comment=words,
            proposal="",
            force=forced(force, comment),
            **asked,  # type: ignore[arg-type]
        )
        requests.create(self._store, act, draft, policy)
        return self.request(act.id)
