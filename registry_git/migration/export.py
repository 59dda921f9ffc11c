"""Back to MLflow: a registry in Git written into one of MLflow's, with the numbers that its versions have here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from registry_git.core.errors import Conflict, NotFound, RegistryError, Unavailable
from registry_git.core.model import NO_STAGE, ModelVersion, RegisteredModel, Status
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot, shown_stage, stages_of
from registry_git.migration.holdings import PROMPT_TAG, Holdings, is_wanted, read_holdings
from registry_git.registry.importing import Carried, NotCarried
from registry_git.tracking.client import client, explained, require_there, shown

Progress: TypeAlias = Callable[[int], None]
_GAP = "deleted://registry-git/version"  # of versions that are made to be deleted, so that MLflow counts on


def export_mlflow(
    snapshot: Snapshot,
    uri: str,
    *,
    names: Sequence[str] = (),
    stages: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Carried:
    """Writes models with their versions, stages, aliases, tags and descriptions into the registry at an MLflow URI.

    What is there already is brought up to date; a version with a number that another one has there is left out.

    Args:
        snapshot: the registry.
        uri: as MLflow takes it; MLflow makes a database or directory that is not there.
        names: patterns of model names; none: all models.
        stages: stages of this registry that have another name there.
        dry_run: write nothing, and say what would be done.
        progress: told how many versions were looked at since the last call.

    Raises:
        Unavailable: MLflow cannot be reached, or is not installed; Invalid: no URI.
    """
    there = read_holdings(uri, names, make=True) if not dry_run or _is_there(uri) else Holdings()
    run = _Export(snapshot=snapshot, there=there, uri=uri, stages=stages or {}, write=not dry_run)
    for name in snapshot.models():
        if is_wanted(name, names):
            run.model(name)
            if progress is not None:
                progress(max(1, len(snapshot.versions(name))))
    run.tell()
    return Carried(**run.counts, not_carried=tuple(run.left))


def _is_there(uri: str) -> bool:
    try:
        require_there(uri)
    except NotFound:
        return False
    return True


@dataclass(slots=True, kw_only=True)
class _Export:
    """One export: what is there, what was written, what was left."""

    snapshot: Snapshot
    there: Holdings
    uri: str
    stages: Mapping[str, str]
    write: bool
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("models", "versions", "stages", "aliases", "updates", "already"), 0)
    )
    left: list[NotCarried] = field(default_factory=list)
    _target: Any = None

    def model(self, name: ModelName) -> None:
        """Writes one model with all that belongs to it."""
        model = self.snapshot.model(name)
        there = next((each for each in self.there.models if each.name == name), None)
        with self._told(name, None, "the model and its versions") as failed:
            if there is None:
                self._call("create_registered_model", name, dict(model.tags), model.description or None)
                self.counts["models"] += 1
            else:
                hidden = {PROMPT_TAG: "true"} if name in self.there.prompts else {}
                before = (there.description or "", {**(there.tags or {}), **hidden})
                self._describe("registered_model", (name,), before, (model.description, model.tags))
        if not failed:
            versions = {int(each.version): each for each in self.there.versions.get(name, ())}
            carried = self._versions(model, versions)
            self._stages(name, carried, versions)
            self._aliases(name, carried, dict(there.aliases or {}) if there else {})

    def _versions(self, model: RegisteredModel, there: Mapping[int, Any]) -> list[int]:
        """Writes the versions in the order of their numbers, and gives those that are there then."""
        name, carried, gaps = model.name, [], []
        given = max([self.there.highest.get(name, 0), *there])
        for number in self.snapshot.versions(name):
            version = self.snapshot.version(name, number)
            with self._told(name, number, "version"):
                if number in there:
                    self._same(version, there[number])
                elif number <= given:
                    raise Conflict(f"MLflow has given the number {number} already, and deleted that version.")
                else:
                    while given + 1 < number:  # MLflow counts on: a number that is free here is used up there
                        self._create(name, given + 1, _GAP)
                        given += 1
                        gaps.append(given)
                    self._version(version)
                    given += 1
                carried.append(number)
        with self._told(name, None, f"the numbers up to v{model.last_deleted}, which are not given again"):
            for number in range(given + 1, model.last_deleted + 1):
                self._create(name, number, _GAP)
                gaps.append(number)
        for number in gaps:
            self._call("delete_model_version", name, str(number))
        return carried

    def _version(self, version: ModelVersion) -> None:
        name, number = version.model, version.version
        said: dict[str, Any] = {"run_id": version.lineage.run_id or None, "run_link": version.lineage.run_link or None}
        said |= {"tags": dict(version.tags), "description": version.description or None}
        try:
            self._create(name, number, version.origin or version.source, **said)
        except Exception as problem:
            if not version.origin or version.origin == version.source:
                raise
            # what the origin names is not known there; where the files lie is
            self._create(name, number, version.source, **said)
            self._leave(name, number, f"origin {version.origin}", explained(problem, shown(self.uri)).message)
        self.counts["versions"] += 1
        if version.status is not Status.READY:
            self._leave(name, number, f"status {version.status.value}", "MLflow takes a new version for ready")

    def _create(self, name: str, number: int, source: str, **said: Any) -> None:
        made = self._call("create_model_version", name, source, await_creation_for=0, **said)
        if made is not None and int(made.version) != number:
            self._call("delete_model_version", name, str(made.version))
            raise Conflict(f"MLflow gave it the number {made.version}.", hint="Is somebody else writing there?")

    def _same(self, version: ModelVersion, there: Any) -> None:
        source, run_id = version.origin or version.source, version.lineage.run_id
        if there.source not in (source, version.source) or (there.run_id or "") != run_id:
            raise Conflict("Another version has this number there.", hint="Export to another registry.")
        before = (there.description or "", dict(there.tags or {}))
        where = (version.model, str(version.version))
        self._describe("model_version", where, before, (version.description, version.tags))

    def _describe(
        self,
        kind: str,
        where: tuple[str, ...],
        before: tuple[str, Mapping[str, str]],
        after: tuple[str, Mapping[str, str]],
    ) -> None:
        """Brings description and tags of what is there up to date."""
        if before == (after[0], dict(after[1])):
            self.counts["already"] += 1
            return
        if before[0] != after[0]:
            self._call(f"update_{kind}", *where, after[0])
        for key in sorted(set(before[1]) - set(after[1])):
            self._call(f"delete_{kind}_tag", *where, key)
        for key, text in sorted(after[1].items()):
            if before[1].get(key) != text:
                self._call(f"set_{kind}_tag", *where, key, text)
        self.counts["updates"] += 1

    def _stages(self, name: ModelName, carried: Sequence[int], there: Mapping[int, Any]) -> None:
        policy, pointers = self.snapshot.policy(), self.snapshot.stage_pointers(name)
        for number in carried:
            held = stages_of(pointers, number)
            stage = shown_stage(policy, held)
            for other in held:
                if other != stage:
                    self._leave(name, number, f"stage {other}", f"MLflow knows one stage of a version: {stage}")
            stage = self.stages.get(stage, stage)
            if stage != (there[number].current_stage if number in there else NO_STAGE):
                with self._told(name, number, f"stage {stage}"):
                    self._call("transition_model_version_stage", name, str(number), stage)
                    self.counts["stages"] += 1

    def _aliases(self, name: ModelName, carried: Sequence[int], there: Mapping[str, Any]) -> None:
        for pointer in self.snapshot.alias_pointers(name):
            if pointer.version not in carried:
                self._leave(name, pointer.version, f"alias {pointer.alias}", "its version was not carried")
            elif int(there.get(pointer.alias, 0)) != pointer.version:
                with self._told(name, pointer.version, f"alias {pointer.alias}"):
                    self._call("set_registered_model_alias", name, pointer.alias, str(pointer.version))
                    self.counts["aliases"] += 1

    def tell(self) -> None:
        """What MLflow has no place for, whatever the model."""
        if self.counts["versions"]:
            self._leave("", None, "times and users", "MLflow sets its own: those of the export")
            self._leave("", None, "digests, signatures, lineage, comments, requests", "MLflow has no place for them")
        if any(True for _ in self.snapshot.deployments()):
            self._leave("", None, "deployments", "MLflow has no place for them")

    def _call(self, method: str, *words: Any, **named: Any) -> Any:
        """Asks MLflow's registry client; a dry run asks nobody."""
        if not self.write:
            return None
        if self._target is None:
            # the client behind MlflowClient, which itself refuses prompts, and warns of stages at every call
            self._target = client(self.uri, make=True)._get_registry_client()
        # its file store writes no kinds of str but str itself
        plain = [str(word) if isinstance(word, str) else word for word in words]
        return getattr(self._target, method)(*plain, **named)

    @contextmanager
    def _told(self, model: str, version: int | None, what: str) -> Iterator[list[RegistryError]]:
        """Notes what MLflow refuses, and goes on. A server that is away ends the export."""
        failed: list[RegistryError] = []
        try:
            yield failed
        except Exception as problem:  # MLflow and its drivers raise errors of any type
            error = explained(problem, shown(self.uri))
            if isinstance(error, Unavailable) and not self._answers():
                raise error from problem
            failed.append(error)
            self._leave(model, version, what, getattr(problem, "message", "") or error.message)

    def _answers(self) -> bool:
        """Whether MLflow is there: it calls a refusal an internal error, too."""
        try:
            self._call("search_registered_models", max_results=1)
        except Exception:  # whatever it is, it is no answer
            return False
        return True

    def _leave(self, model: str, version: int | None, what: str, why: str) -> None:
        self.left.append(NotCarried(model=model, version=version, what=what, why=" ".join(why.split())[:300]))
