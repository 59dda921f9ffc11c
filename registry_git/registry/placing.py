"""Stages and aliases as methods."""

from __future__ import annotations

from dataclasses import replace

from registry_git.core.changes import pointers
from registry_git.core.names import AliasName, ModelName, parse_version
from registry_git.registry.views import ModelView, VersionView
from registry_git.registry.writes import Writes, rolled_by


class Placing(Writes):
    """The part of the registry that says which version is where."""

    def set_alias(self, name: str, alias: str, version: int | str, *, comment: str = "") -> ModelView:
        """Points an alias to a version. Raises: NotFound, PermissionDenied."""
        model, pointer, number = ModelName.parse(name), AliasName.parse(alias), parse_version(version)
        written = self._apply(
            self._act(comment),
            lambda snapshot, act: pointers.set_alias(snapshot, act, model=model, alias=pointer, version=number),
        )
        return replace(self.model(model), rolled=rolled_by(written))

    def delete_alias(self, name: str, alias: str, *, comment: str = "", force: bool = False) -> ModelView:
        """Removes an alias; nothing happens when there is none. `force` (with a comment): also one that is followed.

        Raises:
            NotFound: no such model; Conflict: a deployment follows the alias; PermissionDenied.
        """
        model, pointer = ModelName.parse(name), AliasName.parse(alias)
        self._apply(
            self._act(comment, force=force),
            lambda snapshot, act: pointers.delete_alias(snapshot, act, model=model, alias=pointer),
        )
        return self.model(model)

    def transition(
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
    ) -> VersionView:
        """Moves a version to a stage (`None`: out of all), out of those that it is in unless `add`.

        Deployments that follow the stage by themselves move along in the same commit. `force` (with a comment): also
        where one would be left with a version in no serving stage, or with nothing to follow.

        Raises:
            PermissionDenied: the policy wants a request first; Conflict: a deployment is in the way; NotFound; Invalid.
        """
        model, number = ModelName.parse(name), parse_version(version)
        written = self._apply(
            self._act(comment, id, force=force),
            lambda snapshot, act: pointers.transition(
                snapshot, act, model=model, version=number, to=stage, add=add, archive_existing=archive_existing
            ),
            retry=id is not None,
        )
        return self._version(model, number, written)

    def rollback(self, name: str, stage: str, *, comment: str = "", force: bool = False) -> VersionView:
        """Puts the version that was in a stage before back into it; `force` as for `transition`.

        Raises:
            NotFound; PermissionDenied; Conflict: a deployment is in the way.
        """
        model = ModelName.parse(name)
        written = self._apply(
            self._act(comment, force=force),
            lambda snapshot, act: pointers.rollback(snapshot, act, model=model, stage=stage),
        )
        return self._version(model, written.proposal.headline.version or 0, written)
