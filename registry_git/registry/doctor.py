"""`doctor`: advice about a repository, and repairs that cannot lose anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from registry_git.core.changes.proposal import Headline, Proposal
from registry_git.core.deployed import settled
from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.integrity import disagreements
from registry_git.core.keys import AliasKey, StageKey
from registry_git.core.model import AliasPointer, Entity, Key, StagePointer
from registry_git.core.names import Id
from registry_git.core.snapshot import Overlay, Snapshot
from registry_git.core.times import Timestamp
from registry_git.gitstore.creation import mend_settings
from registry_git.gitstore.hooks import wanted_settings
from registry_git.gitstore.pushed import PACKS_MAX
from registry_git.gitstore.reflock import recover_stale_lock, sweep_drafts
from registry_git.gitstore.repacking import (
    LOOSE_MAX,
    last_failure,
    loose_objects,
    merge_now,
    mergeable,
    pack_loose_now,
    packs_allowed,
)
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.session import Session
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.store import Store
from registry_git.index.index import Index
from registry_git.manifests.layout import Layout, path_of
from registry_git.manifests.messages import write_message
from registry_git.manifests.older import read_older_pointer
from registry_git.registry import checking
from registry_git.registry.entries import FILE
from registry_git.registry.finding import Finding
from registry_git.registry.writing import Surroundings, manifest_files

_AT_RISK = {
    "core.fsync": "a push by plain git may be lost in a power cut",
    "core.fsyncMethod": "a push by plain git may be lost in a power cut",
    "maintenance.auto": "git may collect garbage beside a writer",
    "receive.autogc": "git may collect garbage beside a writer",
    "receive.fsckObjects": "a push may bring objects that git refuses elsewhere",
    "receive.unpackLimit": "a push leaves a file for each of its objects, and nothing packs them",
}
_MANY_MODELS = 1_000  # entries of one directory from which each commit becomes slower


def examine(store: Store, surroundings: Surroundings, index: Index, *, fix: bool) -> list[Finding]:
    """What could be better; with `fix`, what cannot lose anything was mended first and is reported as a note."""
    found: list[Finding] = []
    if fix:
        found += _mended(store, surroundings, index)
    snapshot = store.snapshot()
    found += checking.check(store.repository, snapshot)
    found += _settings(store)
    found += _locks(store)
    found += _packs(store)
    models = len(snapshot.models())
    if snapshot.layout is Layout.FLAT and models > _MANY_MODELS:
        found.append(
            Finding(
                level="note",
                path="models",
                message=f"{models:,} models in one directory make every commit slower.",
                fix="registry-git relayout fanout",
            )
        )
    return found


def _settings(store: Store) -> Iterator[Finding]:
    config = store.repository.git.config
    for key, wanted in wanted_settings(store.repository).items():
        if key not in config or config[key] != wanted:
            yield Finding(
                level="warning",
                path="config",
                message=f"{key} is not {wanted}: {_AT_RISK[key]}.",
                fix="registry-git doctor --fix",
            )


def _packs(store: Store) -> Iterator[Finding]:
    loose = loose_objects(store.repository.objects_dir)
    if loose > LOOSE_MAX:
        yield Finding(
            level="note",
            path="objects",
            message=f"{loose:,} objects are a file each, which makes pushes and copies slower.",
            fix="registry-git doctor --fix",
        )
    packs, many = _counted_packs(store)
    if packs <= many:
        return
    why = ""
    if not packs_allowed(store.repository):
        why = " They are not merged by themselves, because gc.auto or gc.autoPackLimit is 0."
    elif failed := last_failure(store.repository.git_dir):
        why = f" The last time that they were to be merged, this was the end of it: {failed}"
    yield Finding(
        level="note",
        path="objects/pack",
        message=f"{packs:,} packs, each of which is looked into, make reads slower.{why}",
        fix="registry-git doctor --fix",
    )


def _counted_packs(store: Store) -> tuple[int, int]:
    """How many packs there are that may be merged, and beyond which number they should be."""
    return len(mergeable(store.repository.objects_dir)), packs_allowed(store.repository) or PACKS_MAX


def _locks(store: Store) -> Iterator[Finding]:
    for name in (MAIN, "HEAD"):
        if (store.repository.git_dir / f"{name}.lock").exists():
            yield Finding(
                level="warning", path=f"{name}.lock", message="A lock is there.", fix="registry-git doctor --fix"
            )


def _mended(store: Store, surroundings: Surroundings, index: Index) -> Iterator[Finding]:
    for sentence in mend_settings(store.repository, wanted_settings(store.repository)):
        yield Finding(level="note", path="config", message=sentence)
    with store.locked():
        aside = recover_stale_lock(store.repository.git_dir, MAIN)
        sweep_drafts(store.repository.git_dir)
    if aside is not None:
        yield Finding(level="note", path=str(aside), message="Moved a lock aside that a dead process had left.")
    yield from _packed(store)
    index.drop()
    yield from _pointers(store, surroundings)


def _packed(store: Store) -> Iterator[Finding]:
    git_dir = store.repository.git_dir
    packs, many = _counted_packs(store)
    try:
        if packs > many and (merged := merge_now(git_dir)):
            yield Finding(level="note", path="objects/pack", message=f"Merged {merged:,} packs.")
        if packed := pack_loose_now(git_dir):
            yield Finding(level="note", path="objects", message=f"Packed {packed:,} objects.")
    except RegistryError as problem:
        yield Finding(level="warning", path="objects/pack", message=problem.message, fix=problem.hint)


def _pointers(store: Store, surroundings: Surroundings) -> Iterator[Finding]:
    """Writes pointers anew: copies from the versions, what an older layout left out, and the files beside them."""
    act = surroundings.act()

    def plan(session: Session) -> list[str]:
        snapshot = session.snapshot()
        pointers = dict(_true_pointers(session, snapshot, act.id))
        edits = {**pointers, **dict(_settled(Overlay(snapshot, pointers), act.at))}
        files = {
            path: data
            for path, data in manifest_files(edits, snapshot.layout).items()
            if data is not None and not _same(session, path, data)
        }
        if not files:
            return []
        headline = Headline(sentence="Make pointers and deployments agree with their versions", action="repair")
        tip = session.commit(
            onto=session.main,
            parents=[session.main],
            files=files,
            author=act.actor,
            at_seconds=act.at // 1000,
            message=write_message(Proposal(edits=edits, touches=(), headline=headline).headline, "", act.id),
        )
        session.move(MAIN, old=session.main, new=tip)
        return sorted(files)

    for path in store.transact(plan):
        yield Finding(level="note", path=path, message="Written anew.")


def _same(session: Session, path: str, data: bytes) -> bool:
    entry = session.repository.entry(session.tree_of(session.main), path)
    return entry is not None and session.repository.read(entry[1]) == data


def _true_pointers(session: Session, snapshot: GitSnapshot, operation: Id) -> Iterator[tuple[Key, Entity]]:
    for model in snapshot.models():
        keys: list[StageKey | AliasKey] = [StageKey(model=model, stage=stage) for stage in snapshot.stages(model)]
        keys += [AliasKey(model=model, alias=alias) for alias in snapshot.aliases(model)]
        for key in keys:
            try:
                pointer = _pointer(session, snapshot, key)
                if pointer is None:
                    continue
                version = snapshot.version(model, pointer.version)
                held = Overlay(snapshot, {key: pointer})
                if next(disagreements(held, [key]), None) is not None:
                    pointer = _copied(pointer, version.source, version.format, version.digest, operation)
            except RegistryError:
                continue  # not ours to guess: `check` names it
            yield key, pointer


def _settled(snapshot: Snapshot, at: Timestamp) -> Iterator[tuple[Key, Entity]]:
    """Deployments that do not say what they should: a merge made elsewhere may bring a pointer without them."""
    for key in snapshot.deployments():
        try:
            deployment = snapshot.deployment(key)
            now = settled(snapshot, deployment, at) if deployment is not None else None
        except RegistryError:
            continue  # as above
        if now is not None and now != deployment:
            yield key, now


def _pointer(session: Session, snapshot: GitSnapshot, key: StageKey | AliasKey) -> StagePointer | AliasPointer | None:
    """The pointer, also where an older layout wrote it. Raises: Corrupt."""
    try:
        found = snapshot.find(key)
        return found if isinstance(found, (StagePointer, AliasPointer)) else None
    except Corrupt:
        path = path_of(key, snapshot.layout)
        entry = session.repository.entry(snapshot.tree, path)
        if entry is None or entry[0] != FILE:
            raise
        return read_older_pointer(session.repository.read(entry[1]), path=path, key=key)


def _copied(
    pointer: StagePointer | AliasPointer, source: str, format: str, digest: str, operation: Id
) -> StagePointer | AliasPointer:
    return replace(pointer, source=source, format=format, digest=digest, request=operation)
