"""What a `models:/` URI names. Deployments ask it from cold processes, so it imports what point reads take, no more."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.errors import NotFound
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot, find_stage
from registry_git.core.uris import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a `models:/` URI names now. `uri` is the URI with the version in it."""

    uri: str
    model: str
    version: int
    source: str
    digest: str
    format: str
    stage: str
    alias: str
    commit: str


def resolve(snapshot: Snapshot, wanted: Reference) -> Resolution:
    """What `wanted` names in `snapshot`.

    Raises:
        NotFound: nothing is there; the hint says what is.
    """
    model = wanted.model
    stage = alias = ""
    if wanted.alias is not None:
        alias = wanted.alias
        pointer = snapshot.alias_pointer(model, wanted.alias)
        if pointer is None:
            snapshot.model(model)
            known = ", ".join(snapshot.aliases(model)) or "none"
            raise NotFound(f"{model} has no alias {alias!r}.", hint=f"Its aliases: {known}.")
        number = pointer.version
    elif wanted.stage:
        number, stage = _in_stage(snapshot, model, wanted.stage)
    elif wanted.version is not None:
        number = wanted.version
    else:
        snapshot.model(model)
        numbers = snapshot.versions(model)
        if not numbers:
            raise NotFound(f"{model} has no versions.", hint=f"Register one: registry-git register {model} SOURCE")
        number = numbers[-1]
    version = snapshot.version(model, number)
    return Resolution(
        uri=f"models:/{model}/{number}",
        model=model,
        version=number,
        source=version.source,
        digest=version.digest,
        format=version.format,
        stage=stage,
        alias=alias,
        commit=snapshot.commit,
    )


def _in_stage(snapshot: Snapshot, model: ModelName, text: str) -> tuple[int, str]:
    stage = find_stage(snapshot.policy(), text)
    if stage is None:
        placed = {number for pointer in snapshot.stage_pointers(model) for number in pointer.versions}
        free = [number for number in snapshot.versions(model) if number not in placed]
        if not free:
            snapshot.model(model)
            raise NotFound(
                f"{model} has no version that is in no stage.", hint=f"List them with: registry-git list {model}"
            )
        return free[-1], ""
    pointer = snapshot.stage_pointer(model, stage.name)
    if pointer is None:
        snapshot.model(model)
        held = ", ".join(f"{p.stage} (v{p.version})" for p in snapshot.stage_pointers(model)) or "none"
        raise NotFound(f"{model} has no version in {stage.name}.", hint=f"Stages that hold one: {held}.")
    return pointer.version, stage.name
