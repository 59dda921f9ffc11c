"""What lies between two commits, read once: files, the entities that differ, and what is none of the registry's."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.changes.proposal import Touch
from registry_git.core.changes.touched import touched
from registry_git.core.errors import Corrupt, RegistryError
from registry_git.core.events import Difference
from registry_git.core.model import Action, Entity, Key, RequestKey, TransitionRequest
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import FileChange, compare_trees, list_files
from registry_git.manifests.layout import is_ours, key_of, path_of
from registry_git.manifests.yaml_reader import lines

_FILE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change from one commit to another. `outside` are files that the registry does not keep, as a README."""

    repository: Repository
    before: GitSnapshot
    after: GitSnapshot
    files: tuple[FileChange, ...]
    differences: tuple[Difference, ...]
    outside: tuple[str, ...]

    def touches(self) -> tuple[Touch, ...]:
        """What rules must look at. Files outside of the registry are judged by the rules on `edit` for all models."""
        found = touched(self.differences, self.before, self.after)
        return (*found, Touch(action=Action.EDIT, model=None)) if self.outside else found

    def new_requests(self) -> list[TransitionRequest]:
        """The records that were not there before."""
        return [
            d.after
            for d in self.differences
            if isinstance(d.key, RequestKey) and d.before is None and isinstance(d.after, TransitionRequest)
        ]

    def path(self, key: Key) -> str:
        """Where the manifest is after the change."""
        return path_of(key, self.after.layout)

    def line(self, key: Key, field: str) -> int:
        """The line of a field in the manifest after the change; 0 when that cannot be told."""
        entry = self.repository.entry(self.after.tree, self.path(key)) if field else None
        return lines(self.repository.read(entry[1])).get(f"$.{field}", 0) if entry else 0


def read_changed(repository: Repository, before: str, after: str) -> Changed:
    """What changed between two commits. Raises: Corrupt when the policy of either cannot be read."""
    old, new = GitSnapshot(repository, before), GitSnapshot(repository, after)
    files = _files(repository, old, new)
    was: dict[Key, FileChange] = {}
    now: dict[Key, FileChange] = {}
    outside = []
    for file in files:
        if not is_ours(file.path):
            outside.append(file.path)
        if file.before and (key := key_of(file.path, old.layout)) is not None:
            was[key] = file
        if file.after and (key := key_of(file.path, new.layout)) is not None:
            now[key] = file
    found = []
    for key in dict.fromkeys([*was, *now]):
        then, later = was.get(key), now.get(key)
        if then and later and _stays(then, later):
            continue
        first, _ = _entity(old, key, then.path, then.mode_before, then.before) if then and then.before else (None, "")
        last, why = _entity(new, key, later.path, later.mode, later.after) if later and later.after else (None, "")
        found.append(Difference(key=key, before=first, after=last, unreadable=why))
    return Changed(
        repository=repository,
        before=old,
        after=new,
        files=files,
        differences=tuple(found),
        outside=tuple(outside),
    )


def _files(repository: Repository, old: GitSnapshot, new: GitSnapshot) -> tuple[FileChange, ...]:
    """The files that differ, and under another layout also those that stay: there they may mean nothing any more."""
    differ = list(compare_trees(old.tree, new.tree, read=repository.read))
    if old.layout is new.layout:
        return tuple(differ)
    known = {file.path for file in differ}
    for path, mode, blob in list_files(new.tree, read=repository.read):
        if path not in known and is_ours(path):
            differ.append(FileChange(path=path, before=blob, after=blob, mode=mode, mode_before=mode))
    return tuple(differ)


def _stays(then: FileChange, later: FileChange) -> bool:
    """Whether a manifest only moved between layouts, or is where both layouts have it."""
    return then.before == later.after and (then.path != later.path or then.mode_before == later.mode)


def _entity(at: GitSnapshot, key: Key, path: str, mode: str, blob: str) -> tuple[Entity | None, str]:
    if mode != _FILE:
        return None, f"it has the mode {mode}"
    try:
        return at.read(path, key, mode, blob), ""
    except Corrupt as problem:
        return None, problem.message
    except RegistryError as problem:
        return None, problem.message
