"""`check`: whether every manifest of a commit is valid and true."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator

from registry_git.core.deployed import Standing, label, reference, standing, used
from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.integrity import disagreements
from registry_git.core.keys import DeploymentKey, ModelKey, VersionKey
from registry_git.core.model import Deployment, Key
from registry_git.core.names import ModelName
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import list_files
from registry_git.manifests.layout import Layout, key_of, path_of
from registry_git.registry.entries import companion_of, entry_problem
from registry_git.registry.finding import Finding


def check(
    repository: Repository, snapshot: GitSnapshot, progress: Callable[[int], None] | None = None
) -> Iterator[Finding]:
    """What is wrong with the registry at a commit; nothing when all is well. `progress` is told of each file."""
    keys: list[Key] = []
    models: set[ModelName] = set()
    seen: set[str] = set()
    for path, mode, blob in list_files(snapshot.tree, read=repository.read):
        if progress is not None:
            progress(1)
        seen.add(path)
        fault = entry_problem(path, mode, blob, snapshot.layout)
        if fault is not None:
            yield fault
            continue
        key = key_of(path, snapshot.layout)
        if key is None:
            continue
        if isinstance(key, ModelKey):
            models.add(key.model)  # one that cannot be read is there nevertheless
        problem = unreadable(snapshot, path, key, mode, blob)
        if problem is not None:
            yield problem
            continue
        keys.append(key)
    yield from _alone(keys, seen, snapshot)
    yield from _orphans(keys, models, snapshot)
    yield from _untrue(snapshot, keys)
    yield from alike(models, snapshot.layout)


def unreadable(snapshot: GitSnapshot, path: str, key: Key, mode: str, blob: str) -> Finding | None:
    """What is wrong with the content of a manifest, with its line; None when it can be read."""
    try:
        snapshot.read(path, key, mode, blob)
    except Corrupt as problem:
        message = f"{problem.json_path}: {problem.message}" if problem.json_path else problem.message
        return Finding(level="error", path=path, message=message, fix=problem.hint, line=problem.line)
    return None


def _alone(keys: list[Key], seen: set[str], snapshot: GitSnapshot) -> Iterator[Finding]:
    """Pointers without the file that lets kustomize take them."""
    for key in keys:
        beside = companion_of(key, snapshot.layout)
        if beside and beside not in seen:
            yield Finding(
                level="error", path=beside, message="It is missing beside its pointer.", fix="registry-git doctor --fix"
            )


def _orphans(keys: list[Key], models: set[ModelName], snapshot: GitSnapshot) -> Iterator[Finding]:
    told: set[ModelName] = set()
    for key in keys:
        if isinstance(key, VersionKey) and key.model not in models | told:
            told.add(key.model)
            yield Finding(
                level="error",
                path=path_of(key, snapshot.layout),
                message=f"{key.model} has versions but no model.yaml.",
            )


def _untrue(snapshot: GitSnapshot, keys: list[Key]) -> Iterator[Finding]:
    for key in keys:
        try:
            for _, sentence in disagreements(snapshot, [key]):
                yield Finding(
                    level="error",
                    path=path_of(key, snapshot.layout),
                    message=f"{sentence[0].upper()}{sentence[1:]}.",
                    fix="registry-git doctor --fix",
                )
            deployment = snapshot.find(key) if isinstance(key, DeploymentKey) else None
            if isinstance(deployment, Deployment):
                yield from _left(snapshot, deployment)
        except RegistryError:
            continue  # what it refers to cannot be read, and that was said already


def _left(snapshot: GitSnapshot, deployment: Deployment) -> Iterator[Finding]:
    """A deployment that was left behind by force: it runs, and nobody should rely on that."""
    now, stands = used(deployment), standing(snapshot, deployment)
    if now is None or stands not in (Standing.DELETED, Standing.DANGLING):
        return
    why = "which was deleted" if stands is Standing.DELETED else f"and {reference(deployment)} holds nothing any more"
    yield Finding(
        level="warning",
        path=path_of(deployment.key, snapshot.layout),
        message=f"Deployment {label(deployment)} uses v{now} of {deployment.model}, {why}.",
        fix=f"registry-git deployment pin {deployment.environment} {deployment.name} VERSION",
    )


def alike(models: Iterable[ModelName], layout: Layout) -> Iterator[Finding]:
    """Names that some file systems, or some eyes, take for the same."""
    seen: dict[str, ModelName] = {}
    for model in sorted(models):
        folded = unicodedata.normalize("NFKC", model).casefold()
        if folded in seen:
            yield Finding(
                level="warning",
                path=path_of(ModelKey(model=model), layout),
                message=f"The names {seen[folded]!r} and {model!r} differ only by case or Unicode form.",
                fix="Rename one of them: registry-git rename OLD NEW",
            )
        seen.setdefault(folded, model)
