"""What must agree between manifests: pointers name versions that exist, and copy their source, format and digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry_git.core.model import AliasPointer, Deployment, Key, ModelVersion, StagePointer, VersionKey
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
            used = entity.resolved.version if entity.resolved else entity.version
            if used and snapshot.find(VersionKey(model=entity.model, version=used)) is None:
                where = f"deployment {entity.environment}/{entity.name}"
                yield key, f"{where} uses v{used} of {entity.model}, which does not exist"


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
