"""Stages as MLflow asks for them: one per version, in any case, `None` among them; the registry's own ones count."""

from __future__ import annotations

from collections.abc import Iterable

from registry_git.core.errors import Invalid
from registry_git.core.model import NO_STAGE, Policy
from registry_git.core.names import ModelName
from registry_git.core.snapshot import Snapshot


def canonical(policy: Policy, stage: str) -> str:
    """The stage as the registry spells it. Raises: Invalid."""
    known = {NO_STAGE.lower(): NO_STAGE, **{one.name.lower(): one.name for one in policy.stages}}
    found = known.get(stage.lower())
    if found is None:
        raise Invalid(f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(known.values())}.")
    return found


def require_active(policy: Policy, stage: str) -> None:
    """Returns when versions that are in the stage can make room by being archived. Raises: Invalid."""
    active = [one.name for one in policy.stages if one.serving]
    if canonical(policy, stage) not in active:
        raise Invalid(
            "Model version transition cannot archive existing model versions because "
            f"'{stage}' is not an Active stage. Valid stages are {[str(one) for one in active]}"
        )


def latest_by_stage(snapshot: Snapshot, model: ModelName, wanted: Iterable[str] = ()) -> list[tuple[str, int]]:
    """The highest version of each stage that holds one, in MLflow's order: of the lowest version in it.

    Args:
        snapshot: the registry.
        model: the model.
        wanted: stages in their canonical spelling; none for all of them.
    """
    chosen = frozenset(wanted)
    pointers = snapshot.stage_pointers(model)
    found = [(pointer.versions[0], pointer.stage, pointer.version) for pointer in pointers]
    if not chosen or NO_STAGE in chosen:
        placed = {number for pointer in pointers for number in pointer.versions}
        numbers = snapshot.versions(model)
        highest = next((number for number in reversed(numbers) if number not in placed), None)
        if highest is not None:
            lowest = next(number for number in numbers if number not in placed)
            found.append((lowest, NO_STAGE, highest))  # type: ignore[arg-type]
    return [(stage, version) for _, stage, version in sorted(found) if not chosen or stage in chosen]
