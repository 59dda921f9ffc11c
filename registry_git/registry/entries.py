"""What may stand in a registry's tree: plain files, none that change how git reads, none that no registry writes."""

from __future__ import annotations

from functools import lru_cache

from registry_git.core.keys import Key
from registry_git.gitstore.objects import Staging
from registry_git.manifests.layout import Layout, companions, is_companion, is_ours, key_of
from registry_git.registry.finding import Finding

FILE = "100644"
_FORBIDDEN = frozenset({".gitattributes", ".gitmodules", ".mailmap", ".lfsconfig"})
_MODES = {
    "120000": "a symbolic link",
    "160000": "a submodule",
    "100755": "an executable",
    "40000": "an empty directory",
}


def entry_problem(path: str, mode: str, blob: str, layout: Layout) -> Finding | None:
    """What is wrong with an entry of a tree, before its content is looked at; None when it may be there."""
    name = path.rpartition("/")[2]
    # git itself takes these names in any case where the file system does
    if name.lower() in _FORBIDDEN:
        return _error(path, f"{name} changes how git reads files.", f"git rm {path}")
    if mode != FILE:
        what = _MODES.get(mode, f"an entry of the mode {mode}")
        return _error(path, f"It is {what}; a registry holds plain files.", "Make it a plain file.")
    if not is_ours(path) or key_of(path, layout) is not None:
        return None
    if not is_companion(path, layout):
        return _error(path, "No registry writes this file.", "Remove it.")
    pointer = key_of(path.rpartition("/")[0] + "/pointer.yaml", layout)
    if pointer is None or _companion(pointer, layout).get(path) != blob:
        return _error(path, "It is not what the registry writes beside a pointer.", "registry-git doctor --fix")
    return None


def companion_of(pointer: Key, layout: Layout) -> str:
    """The path of the file that lives and dies with a pointer; empty for other manifests."""
    return next(iter(companions(pointer, layout)), "")


@lru_cache(maxsize=64)
def _companion(pointer: Key, layout: Layout) -> dict[str, str]:
    return {path: Staging().blob(data) for path, data in companions(pointer, layout).items()}


def _error(path: str, message: str, fix: str) -> Finding:
    return Finding(level="error", path=path, message=message, fix=fix)
