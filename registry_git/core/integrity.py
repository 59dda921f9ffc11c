"""What must agree between manifests: pointers and deployments name versions that exist, and copy what these say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry_git.core.deployed import AUTO, label, reference, target, used, was_deleted
from registry_git.core.model import AliasPointer, Deployment, Key, ModelKey, ModelVersion, StagePointer, VersionKey
from registry_git.core.snapshot import Snapshot


def disagreements(snapshot: Snapshot, keys: Iterable[Key]) -> Iterator[tuple[Key, str]]:
    """For each of `keys` that holds something untrue about another manifest: the key and a sentence."""
    for key in keys:
        entity = snapshot.find(key)
        if isinstance(entity, StagePointer):
            where = f"{entity.stage} of {entity.model}"
            for number in entity.versions:
                if snapshot.find(VersionKey(model=entity.model, version=number)) is None:
                    yield key, f"{where} names v{number}, which does not exist"
            yield from _copies(snapshot, key, entity, where)
            if all(stage.name != entity.stage for stage in snapshot.policy().stages):
                yield key, f"{where} is no stage that registry.yaml lists"
        elif isinstance(entity, AliasPointer):
            yield from _copies(snapshot, key, entity, f"alias {entity.alias} of {entity.model}")
        elif isinstance(entity, Deployment):
            for sentence in _deployed(snapshot, entity):
                yield key, f"deployment {label(entity)} {sentence}"


def _deployed(snapshot: Snapshot, deployment: Deployment) -> Iterator[str]:
    """What is untrue about a deployment. A version that was deleted by force may still be what a job uses."""
    model, resolved, now = deployment.model, deployment.resolved, used(deployment)
    if snapshot.find(ModelKey(model=model)) is None:
        yield f"follows the model {model}, which does not exist"
        return
    if deployment.stage is not None and all(one.name != deployment.stage for one in snapshot.policy().stages):
        yield f"follows {reference(deployment)}, and {deployment.stage} is no stage that registry.yaml lists"
    version = snapshot.find(VersionKey(model=model, version=now)) if now is not None else None
    if now is not None and version is None and not was_deleted(snapshot, model, now):
        yield f"uses v{now} of {model}, which does not exist"
        return
    if deployment.version is not None or deployment.follow == AUTO:
        wanted = target(snapshot, deployment)
        if wanted is not None and (resolved is None or resolved.version != wanted):
            said = f"v{resolved.version}" if resolved else "no version at all"
            does = "is pinned to" if deployment.version is not None else f"follows {reference(deployment)}, which is"
            yield f"{does} v{wanted}, and its `resolved` says {said}"
            return
    if resolved is not None and isinstance(version, ModelVersion):
        for field in ("source", "digest"):
            if getattr(resolved, field) != getattr(version, field):
                yield f"has another {field} than v{now}"


def _copies(
    snapshot: Snapshot, key: Key, pointer: StagePointer | AliasPointer, where: str
) -> Iterator[tuple[Key, str]]:
    version = snapshot.find(VersionKey(model=pointer.model, version=pointer.version))
    if not isinstance(version, ModelVersion):
        if isinstance(pointer, AliasPointer):
            yield key, f"{where} names v{pointer.version}, which does not exist"
        return
    for field in ("source", "format", "digest"):
        if getattr(pointer, field) != getattr(version, field):
            yield key, f"{where} has another {field} than v{pointer.version}"
