"""`check`: whether every manifest of a commit is valid and true."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.integrity import disagreements
from registry_git.core.keys import ModelKey, VersionKey
from registry_git.core.model import Key, PolicyKey
from registry_git.core.names import ModelName
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import list_files
from registry_git.manifests.layout import is_companion, is_ours, key_of, path_of
from registry_git.registry.views import Finding

_FORBIDDEN = (".gitattributes", ".gitmodules", ".mailmap", ".lfsconfig")


def check(
    repository: Repository, snapshot: GitSnapshot, progress: Callable[[int], None] | None = None
) -> Iterator[Finding]:
    """What is wrong with the registry at a commit; nothing when all is well. `progress` is told of each file."""
    keys: list[Key] = []
    models: set[ModelName] = set()
    for path, mode, blob in list_files(snapshot.tree, read=repository.read):
        if progress is not None:
            progress(1)
        name = path.rpartition("/")[2]
        if name in _FORBIDDEN:
            yield Finding(
                level="error", path=path, message=f"{name} changes how git reads files.", fix=f"git rm {path}"
            )
        elif mode != "100644":
            yield Finding(level="error", path=path, message=f"It has the mode {mode}.", fix="Make it a plain file.")
        else:
            key = PolicyKey() if path == "registry.yaml" else key_of(path, snapshot.layout)
            if key is None:
                if is_ours(path) and not is_companion(path, snapshot.layout):
                    yield Finding(level="error", path=path, message="No registry writes this file.", fix="Remove it.")
                continue
            problem = _unreadable(snapshot, path, key, mode, blob)
            if problem is not None:
                yield problem
                continue
            keys.append(key)
            if isinstance(key, ModelKey):
                models.add(key.model)
    yield from _orphans(keys, models)
    yield from _untrue(snapshot, keys)
    yield from _alike(models)


def _unreadable(snapshot: GitSnapshot, path: str, key: Key, mode: str, blob: str) -> Finding | None:
    try:
        snapshot.read(path, key, mode, blob)
    except Corrupt as problem:
        message = f"{problem.json_path}: {problem.message}" if problem.json_path else problem.message
        return Finding(level="error", path=path, message=message, fix=problem.hint, line=problem.line)
    return None


def _orphans(keys: list[Key], models: set[ModelName]) -> Iterator[Finding]:
    for key in keys:
        model = getattr(key, "model", None)
        if isinstance(key, VersionKey) and model not in models:
            yield Finding(level="error", path=str(model), message=f"{model} has versions but no model.yaml.")


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
        except RegistryError:
            continue  # what it refers to cannot be read, and that was said already


def _alike(models: set[ModelName]) -> Iterator[Finding]:
    """Names that some file systems, or some eyes, take for the same."""
    seen: dict[str, ModelName] = {}
    for model in sorted(models):
        folded = unicodedata.normalize("NFKC", model).casefold()
        if folded in seen:
            yield Finding(
                level="warning",
                path=model,
                message=f"The names {seen[folded]!r} and {model!r} differ only by case or Unicode form.",
                fix="Rename one of them: registry-git rename OLD NEW",
            )
        seen.setdefault(folded, model)
