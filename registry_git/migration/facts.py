"""MLflow's entities as facts of a registry; what cannot be one is told, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from registry_git.core.changes.bringing import Aliased, Fact, InStage, version_identity
from registry_git.core.errors import Invalid, RegistryError
from registry_git.core.model import NO_STAGE, Lineage, ModelVersion, RegisteredModel, Status
from registry_git.core.names import (
    DESCRIPTION_MAX,
    TAG_VALUE_MAX,
    AliasName,
    ModelName,
    parse_tag_key,
    parse_text,
    parse_version,
)
from registry_git.core.times import Timestamp
from registry_git.manifests.codec import encode
from registry_git.migration.holdings import PROMPT_TAG, Holdings
from registry_git.migration.people import People
from registry_git.registry.importing import NotCarried
from registry_git.tracking.run import named_by

E = TypeVar("E", RegisteredModel, ModelVersion)


@dataclass(slots=True, kw_only=True)
class Reading:
    """How MLflow's words are understood: who its users are, which stages are others here, what is known of runs.

    `facts` and `left` are what comes of it.
    """

    people: People
    stages: Mapping[str, str] = field(default_factory=dict)
    lineages: Mapping[str, Lineage] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    left: list[NotCarried] = field(default_factory=list)
    unnamed: int = 0

    def read(self, holdings: Holdings) -> None:
        """Takes in all models, with their versions, stages and aliases."""
        for model in holdings.models:
            versions = holdings.versions.get(model.name, [])
            try:
                name = ModelName.parse(model.name)
                self._model(name, model, versions, holdings)
            except Invalid as problem:
                self._leave(model.name, None, f"the model and its {len(versions)} versions", problem)
                continue
            carried = {
                int(each.version): made for each in versions if (made := self._version(name, each, model, holdings))
            }
            self._aliases(name, model, carried)
        self._tell(holdings)

    def _model(self, name: ModelName, model: Any, versions: list[Any], holdings: Holdings) -> None:
        created = _time(model.creation_timestamp, model.last_updated_timestamp)
        last = max((int(each.version) for each in versions), default=0)
        highest = holdings.highest.get(model.name, 0)
        tags = {**(model.tags or {}), **({PROMPT_TAG: "true"} if model.name in holdings.prompts else {})}
        entity = RegisteredModel(
            name=name,
            id=version_identity(name, 0, created, ""),
            created=created,
            created_by=self.people.unnamed,  # MLflow does not say who made a model
            description=self._description(name, None, model.description),
            tags=self._tags(name, None, tags),
            last_deleted=highest if highest > last else 0,
        )
        self.facts.append(Fact(says=self._fitting(entity, name, None), by=self.people.unnamed, at=created))

    def _version(self, name: ModelName, version: Any, model: Any, holdings: Holdings) -> ModelVersion | None:
        number = int(version.version)
        try:
            entity = self._entity(name, number, version, holdings)
        except Invalid as problem:
            self._leave(name, number, "version", problem)
            return None
        # a model is never younger than its versions, whatever clocks said
        at = max(entity.created, _time(model.creation_timestamp, entity.created))
        self.facts.append(Fact(says=entity, by=entity.created_by, at=at))
        stage = str(version.current_stage or NO_STAGE)
        if stage != NO_STAGE:
            place = InStage(model=name, version=number, stage=self.stages.get(stage, stage))
            moved = max(at, _time(version.last_updated_timestamp, at))
            self.facts.append(Fact(says=place, by=self.people.unnamed, at=moved))
        return entity

    def _entity(self, name: ModelName, number: int, version: Any, holdings: Holdings) -> ModelVersion:
        parse_version(number)
        created = _time(version.creation_timestamp, version.last_updated_timestamp)
        lineage = self._lineage(version)
        user = version.user_id or lineage.run_user
        self.unnamed += not user
        said = str(version.source or "")
        source = holdings.locations.get((version.name, number)) or said
        entity = ModelVersion(
            model=name,
            version=number,
            id=version_identity(name, number, created, source),
            source=source,
            created=created,
            created_by=self.people.actor(user),
            status=_status(version.status),
            status_message=str(version.status_message or ""),
            description=self._description(name, number, version.description),
            tags=self._tags(name, number, version.tags),
            lineage=lineage,
        )
        return self._fitting(replace(entity, origin=said) if source != said else entity, name, number)

    def _aliases(self, name: ModelName, model: Any, carried: Mapping[int, ModelVersion]) -> None:
        for text, number in sorted(dict(model.aliases or {}).items()):
            version = carried.get(int(number))
            if version is None:
                self._leave(name, int(number), f"alias {text}", "its version was not carried")
                continue
            try:
                alias = AliasName.parse(text)
            except Invalid as problem:
                self._leave(name, int(number), f"alias {text}", problem)
                continue
            at = max(version.created, _time(model.last_updated_timestamp, version.created))
            said = Aliased(model=name, alias=alias, version=version.version)
            self.facts.append(Fact(says=said, by=self.people.unnamed, at=at))

    def _lineage(self, version: Any) -> Lineage:
        run_id = str(version.run_id or "")
        model_id = str(version.model_id or "") or named_by(str(version.source or ""))[1]
        known = self.lineages.get(run_id, Lineage(run_id=run_id))
        return replace(
            known, run_link=str(version.run_link or "") or known.run_link, model_id=model_id or known.model_id
        )

    def _description(self, name: str, number: int | None, text: str | None) -> str:
        try:
            return parse_text("description", text or "", at_most=DESCRIPTION_MAX)
        except Invalid as problem:
            self._leave(name, number, "description", problem)
            return ""

    def _tags(self, name: str, number: int | None, tags: Mapping[str, str] | None) -> dict[str, str]:
        kept: dict[str, str] = {}
        for key, value in sorted((tags or {}).items()):
            try:
                kept[parse_tag_key(key)] = parse_text(f"tag {key}", str(value or ""), at_most=TAG_VALUE_MAX)
            except Invalid as problem:
                self._leave(name, number, f"tag {key[:60]}", problem)
        return kept

    def _fitting(self, entity: E, name: str, number: int | None) -> E:
        """The entity, without the longest tags if its manifest would be too large. Raises: Invalid for what else."""
        while True:
            try:
                encode(entity)
                return entity
            except Invalid as problem:
                if "allowed" not in problem.message or not entity.tags:
                    raise
                longest = max(entity.tags, key=lambda key: len(entity.tags[key]))
                self._leave(name, number, f"tag {longest}", problem)
                entity = replace(entity, tags={key: text for key, text in entity.tags.items() if key != longest})

    def _tell(self, holdings: Holdings) -> None:
        """What is left that belongs to no model."""
        if self.unnamed:
            who = self.people.unnamed
            why = f"MLflow does not say who registered {self.unnamed:,} of the versions; {who} is named"
            self._leave("", None, "users", why)
        if holdings.webhooks:
            self._leave("", None, f"{holdings.webhooks} webhooks", "a registry in Git holds none; set them up anew")
        if not holdings.counts_deleted and holdings.models:
            why = "this store does not say which were deleted after the newest version; such a number may come again"
            self._leave("", None, "deleted numbers", why)

    def _leave(self, model: str, version: int | None, what: str, why: RegistryError | str) -> None:
        reason = why if isinstance(why, str) else why.message
        self.left.append(NotCarried(model=model, version=version, what=what, why=reason))


def _time(milliseconds: int | None, otherwise: int | None) -> Timestamp:
    return Timestamp.of(int(milliseconds or otherwise or 0))


def _status(text: str | None) -> Status:
    known = {one.value: one for one in Status}
    return known.get(str(text or Status.READY.value), Status.READY)
