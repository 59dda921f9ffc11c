"""Models and versions as methods: registered, described, tagged, renamed, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from registry_git.core.changes import edits, registration
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.errors import Conflict, Invalid
from registry_git.core.model import Lineage, Status
from registry_git.core.names import (
    DESCRIPTION_MAX,
    TAG_VALUE_MAX,
    ModelName,
    parse_tag_key,
    parse_tags,
    parse_text,
    parse_version,
)
from registry_git.core.snapshot import Snapshot
from registry_git.manifests.layout import parse_request_ref
from registry_git.registry.registering import Progress, Registration, prepare
from registry_git.registry.views import Done, ModelView, VersionView
from registry_git.registry.writes import Writes, words
from registry_git.registry.writing import Decide, Written, apply_all


class Curating(Writes):
    """The part of the registry that holds models and versions."""

    def create_model(
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        id: str | None = None,
        comment: str = "",
    ) -> ModelView:
        """A new registered model without versions. Raises: AlreadyExists."""
        model = ModelName.parse(name)
        text = parse_text("description", description, at_most=DESCRIPTION_MAX)
        labels = parse_tags(dict(tags or {}))
        self._apply(
            self._surroundings.act(comment=words(comment), id=id, version=True),
            lambda snapshot, act: registration.create_model(snapshot, act, model=model, description=text, tags=labels),
        )
        return self.model(model)

    def register(
        self,
        name: str,
        source: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        lineage: Lineage | None = None,
        status: str = "READY",
        upload: str | None = None,
        digest: str = "",
        tracking_uri: str | None = None,
        read: bool = True,
        progress: Progress | None = None,
        id: str | None = None,
        comment: str = "",
    ) -> VersionView:
        """The next version of a model, which is created when there is none.

        The digest of the files, and format, signature and run from their `MLmodel`, are recorded where the source can
        be read. `upload` names a location below which the files are stored first, by digest. With `read=False` the
        source is only text: for files that are not on this machine. A `digest` that is said (`sha256:…`) is recorded
        then, and must be that of the files where they are read.

        When a run is known (by `lineage`, the source or the `MLmodel`), the MLflow tracking store at `tracking_uri`, by
        default `MLFLOW_TRACKING_URI`, is asked about it: what is not said here is filled in. An empty one asks nobody;
        one that does not answer within seconds costs a logged warning.

        Raises:
            NotFound: a local source that is not there; Invalid; PermissionDenied.
        """
        wanted = Registration(
            name=name,
            source=source,
            description=description,
            tags=dict(tags or {}),
            lineage=lineage or Lineage(),
            status=status,
            id=id,
            comment=comment,
            read=read,
            digest=digest,
            tracking_uri=tracking_uri,
        )
        return self._register([wanted], upload, progress)[0]

    def register_many(
        self, registrations: Sequence[Registration], *, progress: Progress | None = None
    ) -> list[VersionView]:
        """Versions of any models, a commit each, published together: all of them or none."""
        return self._register(registrations, None, progress) if registrations else []

    def describe(self, name: str, text: str, *, version: int | str | None = None) -> ModelView | VersionView:
        """Sets the description of a model, or of one version. Raises: NotFound."""
        model, number = ModelName.parse(name), None if version is None else parse_version(version)
        words = parse_text("description", text, at_most=DESCRIPTION_MAX)
        written = self._apply(
            self._act(),
            lambda snapshot, act: edits.describe(snapshot, act, model=model, version=number, description=words),
        )
        return self._view(model, number, written)

    def set_tag(self, name: str, key: str, value: str, *, version: int | str | None = None) -> ModelView | VersionView:
        """Sets a tag of a model, or of one version. Raises: NotFound."""
        return self.set_tags(name, {key: value}, version=version)

    def set_tags(
        self, name: str, tags: Mapping[str, str], *, version: int | str | None = None
    ) -> ModelView | VersionView:
        """Sets several tags in one commit. Raises: NotFound."""
        model, number = ModelName.parse(name), None if version is None else parse_version(version)
        labels = {
            parse_tag_key(key): parse_text(f"tag {key}", value, at_most=TAG_VALUE_MAX) for key, value in tags.items()
        }
        written = self._apply(
            self._act(), lambda snapshot, act: edits.set_tags(snapshot, act, model=model, version=number, tags=labels)
        )
        return self._view(model, number, written)

    def delete_tag(self, name: str, key: str, *, version: int | str | None = None) -> ModelView | VersionView:
        """Removes a tag; nothing happens when there is none. Raises: NotFound for the model or version."""
        model, number = ModelName.parse(name), None if version is None else parse_version(version)
        label = parse_tag_key(key)
        written = self._apply(
            self._act(), lambda snapshot, act: edits.delete_tag(snapshot, act, model=model, version=number, key=label)
        )
        return self._view(model, number, written)

    def set_status(self, name: str, version: int | str, status: str, *, message: str = "") -> VersionView:
        """Says whether a version can be used: `READY`, `PENDING_REGISTRATION` or `FAILED_REGISTRATION`."""
        if status not in {one.value for one in Status}:
            raise Invalid(
                f"{status!r} is no status of a version.", hint=f"There are {', '.join(s.value for s in Status)}."
            )
        model, number = ModelName.parse(name), parse_version(version)
        self._apply(
            self._act(),
            lambda snapshot, act: edits.set_status(
                snapshot, act, model=model, version=number, status=Status(status), message=message
            ),
        )
        return self.version(model, number)

    def rename(self, name: str, new_name: str, *, comment: str = "") -> ModelView:
        """Gives a model another name; its versions, pointers, comments and history move with it.

        Raises:
            NotFound; AlreadyExists: the new name is taken; Conflict: requests for it are open.
        """
        model, new = ModelName.parse(name), ModelName.parse(new_name)
        self._refuse_open(model, "renamed")
        self._apply(
            self._act(comment),
            lambda snapshot, act: registration.rename_model(snapshot, act, model=model, new_name=new),
        )
        return self.model(new)

    def delete(
        self,
        name: str,
        *,
        version: int | str | None = None,
        leaving: bool = False,
        comment: str = "",
        force: bool = False,
    ) -> Done:
        """Removes a version (its number is never given again) or a whole model; history keeps them.

        With `leaving` versions leave their stages in the same commit, as far as the policy lets them. `force` (with a
        comment): also what deployments use. They keep saying what they used; those of a whole model go with it.

        Raises:
            NotFound; Conflict: it is in a stage, a deployment uses it, or requests for it are open; PermissionDenied.
        """
        model = ModelName.parse(name)
        if version is None:
            self._refuse_open(model, "deleted")
            return _done(
                self._apply(
                    self._act(comment, force=force),
                    lambda snapshot, act: registration.delete_model(snapshot, act, model=model, leaving=leaving),
                )
            )
        number = parse_version(version)
        self._refuse_open(model, "deleted", number)
        return _done(
            self._apply(
                self._act(comment, force=force),
                lambda snapshot, act: registration.delete_version(
                    snapshot, act, model=model, version=number, leaving=leaving
                ),
            )
        )

    def _register(
        self, registrations: Sequence[Registration], upload: str | None, progress: Progress | None
    ) -> list[VersionView]:
        changes: list[tuple[Act, Decide]] = []
        for wanted in registrations:
            model = ModelName.parse(wanted.name)
            asked = self._surroundings.tracking_uri if wanted.tracking_uri is None else wanted.tracking_uri
            new = prepare(wanted, upload_to=upload, progress=progress, tracking_uri=asked)
            act = self._surroundings.act(comment=words(wanted.comment), id=wanted.id, version=True)
            changes.append((act, _registering(act, model, new, retry=wanted.id is not None)))
        written = apply_all(self._store, changes)
        showing = self._showing(self._store.snapshot(written[-1].commit))
        return [
            showing.version(ModelName(one.proposal.headline.model or ""), number, updated=0 if one.changed else None)
            for one in written
            if (number := one.proposal.headline.version)
        ]

    def _refuse_open(self, model: ModelName, what: str, version: int | None = None) -> None:
        """A request's branch holds the old paths, so it is decided first."""
        self._store.refresh()
        keys = [key for branch in self._branches() if (key := parse_request_ref(branch))]
        waiting = [
            key.request
            for key in keys
            if key.model == model and (version is None or self.request(key.request).version == version)
        ]
        if waiting:
            raise Conflict(
                f"{model} has open requests ({', '.join(waiting)}), so it is not {what}.",
                hint=f"Decide them first: registry-git request show {waiting[0]}",
            )


def _registering(act: Act, model: ModelName, new: registration.NewVersion, *, retry: bool) -> Decide:
    """The registration; with an id that the caller gave, what an earlier try has registered already."""

    def decide(snapshot: Snapshot) -> Proposal:
        proposal = registration.register(snapshot, act, model=model, new=new)
        known = registration.versions_with_id(snapshot, model, act) if retry else None
        if known is None:
            return proposal
        headline = replace(proposal.headline, version=known.version)
        return replace(proposal, edits={}, touches=(), headline=headline)

    return decide


def _done(written: Written) -> Done:
    return Done(commit=written.commit, changed=written.changed)
