"""A registry's tree with all its files: the manifests, and what lies beside them."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.gitstore.repository import Repository
from registry_git.gitstore.snapshot import GitSnapshot
from registry_git.gitstore.trees import list_files
from registry_git.manifests.layout import Layout
from registry_git.registry.entries import FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The registry at one commit: `snapshot` for the manifests, `read` and `below` for the files beside them."""

    snapshot: GitSnapshot
    repository: Repository

    @property
    def layout(self) -> Layout:
        """How the directories of the models are laid out."""
        return self.snapshot.layout

    def read(self, path: str) -> bytes | None:
        """The content of a plain file, or None."""
        entry = self.repository.entry(self.snapshot.tree, path)
        return self.repository.read(entry[1]) if entry is not None and entry[0] == FILE else None

    def below(self, top: str) -> dict[str, bytes]:
        """The plain files below a directory: path to content."""
        entry = self.repository.entry(self.snapshot.tree, top)
        if entry is None or entry[0] == FILE:
            return {}
        return {
            f"{top}/{path}": self.repository.read(blob)
            for path, mode, blob in list_files(entry[1], read=self.repository.read)
            if mode == FILE
        }
