"""Writes by MLflow's rules: what they need to find, what they refuse, and what they give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol
from urllib.parse import unquote

from registry_git.core.changes import edits, pointers, registration
from registry_git.core.changes.proposal import Act, Proposal
from registry_git.core.errors import AlreadyExists, Invalid, RegistryError
from registry_git.core.keys import ModelKey, VersionKey
from registry_git.core.model import NO_STAGE, Lineage, ModelVersion, RegisteredModel
from registry_git.core.names import DESCRIPTION_MAX, AliasName, ModelName, parse_text
from registry_git.core.snapshot import Overlay, Snapshot
from registry_git.mlflow_rules import checks
from registry_git.mlflow_rules.entities import MlflowModel, MlflowVersion
from registry_git.mlflow_rules.reading import (
    MlflowReads,
    Readable,
    require_model,
    require_version,
    shown_model,
    shown_version,
)
from registry_git.mlflow_rules.stages import canonical, require_active
from registry_git.registry.registering import Registration, prepare
from registry_git.registry.views import Done, ModelView
from registry_git.registry.writes import DecideWith
from registry_git.registry.writing import Written

_MODELS = "models:/"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMlflowVersion:
    """A version to create.

    Args:
        name: the registered model, which must be there.
        source: any URI. `models:/NAME/VERSION` is resolved to where that version lies, and its digest goes with it.
        location: where the files are, when `source` is `models:/MODEL_ID`, which only a tracking store can tell.
        files: where the files can be read from here now, for their digest and MLmodel; empty: they are not looked at.
        tracking_uri: the tracking store that is asked about the run; empty: none.
        tags: as (key, value), the later one counts.
        description: the description.
        lineage: run, model id and what else is known of where it comes from.
    """

    name: str
    source: str
    location: str = ""
    files: str = ""
    tracking_uri: str = ""
    tags: tuple[tuple[str | None, str | None], ...] = ()
    description: str = ""
    lineage: Lineage = field(default_factory=Lineage)


class Writable(Readable, Protocol):
    """A registry as writes take it: `registry_git.registry.facade.Registry`, or one that is not there yet."""

    def change(self, decide: DecideWith, *, version: bool = ...) -> Written: ...
    def rename(self, name: str, new_name: str) -> ModelView: ...
    def delete(self, name: str, *, version: int | str | None = ..., leaving: bool = ...) -> Done: ...


class MlflowWrites(MlflowReads):
    """What MLflow's clients change in a registry. Every method is one commit, or none when all is so already."""

    _registry: Writable

    def create_model(
        self, name: str | None, *, description: str = "", tags: tuple[tuple[str | None, str | None], ...] = ()
    ) -> MlflowModel:
        """A new model. Raises: AlreadyExists, saying whether a model or a prompt has the name; Invalid."""
        model = checks.model_name(name)
        labels = dict(checks.model_tag(key, value) for key, value in tags)
        text = parse_text("description", description, at_most=DESCRIPTION_MAX)

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            known = snapshot.find(ModelKey(model=model))
            if isinstance(known, RegisteredModel):
                _refuse_taken(known, prompt=checks.is_prompt(labels))
            return registration.create_model(snapshot, act, model=model, description=text, tags=labels)

        self._registry.change(decide, version=True)
        snapshot = self._registry.snapshot()
        made = require_model(snapshot, model)
        return shown_model(snapshot, made, updated=made.created)

    def update_model(self, name: str | None, description: str) -> MlflowModel:
        """Sets the description. Raises: NotFound, Invalid."""
        model = checks.model_name(name)
        text = parse_text("description", description, at_most=DESCRIPTION_MAX)

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            require_model(snapshot, model)
            return edits.describe(snapshot, act, model=model, version=None, description=text)

        self._registry.change(decide)
        return self.get_model(model)

    def rename_model(self, name: str | None, new_name: str | None) -> MlflowModel:
        """Another name; to the same one, nothing happens. Raises: NotFound, AlreadyExists, Conflict, Invalid."""
        new = checks.model_name(new_name, "new_name")
        old = checks.model_name(name)
        snapshot = self._registry.snapshot()
        require_model(snapshot, old)
        if new != old:
            if snapshot.find(ModelKey(model=new)) is not None:
                raise AlreadyExists(f"Registered Model (name={new}) already exists.")
            self._registry.rename(old, new)
        return self.get_model(new)

    def delete_model(self, name: str | None) -> None:
        """Removes a model with all of its versions, in a stage or not. Raises: NotFound, Conflict, PermissionDenied."""
        model = checks.model_name(name)
        require_model(self._registry.snapshot(), model)
        self._registry.delete(model, leaving=True)

    def set_model_tag(self, name: str | None, key: str | None, value: str | None) -> None:
        """Sets a tag. Raises: NotFound, Invalid."""
        model = checks.model_name(name)
        label, text = checks.model_tag(key, value)
        self._label_model(model, lambda s, act: edits.set_tags(s, act, model=model, version=None, tags={label: text}))

    def delete_model_tag(self, name: str | None, key: str | None) -> None:
        """Removes a tag, if there is one. Raises: NotFound, Invalid."""
        model, label = checks.model_name(name), checks.tag_key(key)
        self._label_model(model, lambda s, act: edits.delete_tag(s, act, model=model, version=None, key=label))

    def create_version(self, wanted: NewMlflowVersion) -> MlflowVersion:
        """The next version of a model. Raises: NotFound for the model; Invalid; PermissionDenied."""
        model = checks.model_name(wanted.name)
        labels = dict(checks.version_tag(key, value) for key, value in wanted.tags)
        new = self._new_version(wanted, labels)

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            require_model(snapshot, model)
            return registration.register(snapshot, act, model=model, new=new)

        written = self._registry.change(decide, version=True)
        number = written.proposal.headline.version or 0
        made = written.proposal.edits[VersionKey(model=model, version=number)]
        assert isinstance(made, ModelVersion)  # noqa: S101 - for the type checker: that is what was proposed
        # nothing has to be read: a new version is in no stage and has no alias
        return shown_version(None, made, stage=NO_STAGE, updated=made.created)

    def update_version(self, name: str | None, version: object, description: str) -> MlflowVersion:
        """Sets the description. Raises: NotFound, Invalid."""
        model, number = checks.model_name(name), checks.version_number(version)
        text = parse_text("description", description, at_most=DESCRIPTION_MAX)

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            require_version(snapshot, model, number)
            return edits.describe(snapshot, act, model=model, version=number, description=text)

        return self._changed_version(decide)

    def transition(
        self, name: str | None, version: object, stage: str, *, archive_existing: bool = False
    ) -> MlflowVersion:
        """Moves a version to a stage. Raises: PermissionDenied, naming the command that asks; NotFound; Invalid."""

        def decide(snapshot: Snapshot, act: Act) -> Proposal:
            policy = snapshot.policy()
            target = canonical(policy, stage)
            if archive_existing:
                require_active(policy, stage)
            found = require_version(snapshot, checks.model_name(name), version)
            return pointers.transition(
                snapshot, act, model=found.model, version=found.version, to=target, archive_existing=archive_existing
            )

        return self._changed_version(decide)

    def delete_version(self, name: str | None, version: object) -> None:
        """Removes a version, out of its stages and aliases too. Raises: NotFound, Conflict, PermissionDenied."""
        model, number = checks.model_name(name), checks.version_number(version)
        require_version(self._registry.snapshot(), model, number)
        self._registry.delete(model, version=number, leaving=True)

    def set_version_tag(self, name: str | None, version: object, key: str | None, value: str | None) -> None:
        """Sets a tag. Raises: NotFound, Invalid."""
        model, number = checks.model_name(name), checks.version_number(version)
        label, text = checks.version_tag(key, value)
        self._label_version(
            model, number, lambda s, act: edits.set_tags(s, act, model=model, version=number, tags={label: text})
        )

    def delete_version_tag(self, name: str | None, version: object, key: str | None) -> None:
        """Removes a tag, if there is one. Raises: NotFound, Invalid."""
        model, number, label = checks.model_name(name), checks.version_number(version), checks.tag_key(key)
        self._label_version(
            model, number, lambda s, act: edits.delete_tag(s, act, model=model, version=number, key=label)
        )

    def set_alias(self, name: str | None, alias: str | None, version: object) -> None:
        """Points an alias to a version. Raises: NotFound, Invalid, PermissionDenied."""
        model, pointer = checks.model_name(name), checks.new_alias_name(alias)
        number = checks.version_number(version)
        self._label_version(
            model, number, lambda s, act: pointers.set_alias(s, act, model=model, alias=pointer, version=number)
        )

    def delete_alias(self, name: str | None, alias: str | None) -> None:
        """Removes an alias, if there is one. Raises: NotFound for the model; Invalid."""
        model, pointer = checks.model_name(name), AliasName(checks.alias_name(alias))
        self._label_model(model, lambda s, act: pointers.delete_alias(s, act, model=model, alias=pointer))

    def _label_model(self, model: ModelName, decide: DecideWith) -> None:
        def checked(snapshot: Snapshot, act: Act) -> Proposal:
            require_model(snapshot, model)
            return decide(snapshot, act)

        self._registry.change(checked)

    def _label_version(self, model: ModelName, number: int, decide: DecideWith) -> None:
        def checked(snapshot: Snapshot, act: Act) -> Proposal:
            require_version(snapshot, model, number)
            return decide(snapshot, act)

        self._registry.change(checked)

    def _new_version(self, wanted: NewMlflowVersion, labels: Mapping[str, str]) -> registration.NewVersion:
        if not wanted.source.startswith("models:"):
            return _prepared(wanted, wanted.source, "", labels)
        try:
            if wanted.location:
                return _prepared(wanted, wanted.location, wanted.source, labels)
            return self._copied(wanted, labels)
        except RegistryError as problem:
            raise Invalid(
                f"Unable to fetch model from model URI source artifact location '{wanted.source}'.Error: {problem}"
            ) from None

    def _copied(self, wanted: NewMlflowVersion, labels: Mapping[str, str]) -> registration.NewVersion:
        """A version that lies where another one does; what its files are known to be is known of it too."""
        name, _, number = unquote(wanted.source.removeprefix(_MODELS)).partition("/")
        if not number.isdigit() or not number.isascii():
            raise Invalid(
                f"{wanted.source} names no version that this registry could resolve.",
                hint=f"Write {_MODELS}NAME/VERSION.",
            )
        found = require_version(self._registry.snapshot(), checks.model_name(name), number)
        new = _prepared(replace(wanted, files="", tracking_uri=""), found.source, wanted.source, labels)
        return replace(new, digest=found.digest, format=found.format, flavors=found.flavors, signature=found.signature)

    def _changed_version(self, decide: DecideWith) -> MlflowVersion:
        """Changes one version and gives it as the change leaves it: what was read for the one is not read again."""
        shown: list[MlflowVersion] = []

        def decide_and_show(snapshot: Snapshot, act: Act) -> Proposal:
            proposal = decide(snapshot, act)
            after, told = Overlay(snapshot, proposal.edits), proposal.headline
            assert told.model is not None  # noqa: S101 - for the type checker: a version has a model
            shown[:] = [shown_version(after, after.version(told.model, told.version or 0))]
            return proposal

        written = self._registry.change(decide_and_show)
        if not written.changed:
            return shown[0]  # whose last change only the index knows
        return shown[0]._replace(last_updated_timestamp=max(written.at, shown[0].creation_timestamp))


def _prepared(
    wanted: NewMlflowVersion, location: str, origin: str, labels: Mapping[str, str]
) -> registration.NewVersion:
    return prepare(
        Registration(
            name=wanted.name,
            source=location,
            origin=origin,
            description=wanted.description,
            tags=labels,
            lineage=wanted.lineage,
            read=bool(wanted.files),
            files=wanted.files,
        ),
        upload_to=None,
        progress=None,
        tracking_uri=wanted.tracking_uri,
    )


def _refuse_taken(known: RegisteredModel, *, prompt: bool) -> NoReturn:
    """Says that the name is taken, and by what: a model and a prompt cannot share one."""
    old = "Prompt" if checks.is_prompt(known.tags) else "Registered Model"
    new = "Prompt" if prompt else "Registered Model"
    if old == new:
        raise AlreadyExists(f"{new} (name={known.name}) already exists.")
    raise AlreadyExists(
        f"Tried to create a {new.lower()} with name {known.name!r}, but the name is already taken by a {old.lower()}. "
        "MLflow does not allow creating a model and a prompt with the same name."
    )
