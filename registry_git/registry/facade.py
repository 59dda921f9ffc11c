"""The registry as callers hold it: every use case as a method, gathered from the parts that hold them."""

from __future__ import annotations

from pathlib import Path

from registry_git.registry.asking import Asking
from registry_git.registry.commenting import Commenting
from registry_git.registry.curating import Curating
from registry_git.registry.landing import Landing
from registry_git.registry.past import PastReading, find_commit
from registry_git.registry.placing import Placing
from registry_git.registry.registering import Progress
from registry_git.registry.resolving import Resolution
from registry_git.registry.upkeep import Upkeep


class Registry(Curating, Placing, Asking, Commenting, Landing, Upkeep):
    """A model registry in a Git repository.

    Every write is one commit on `main` (a request: on a branch of its own) by the actor, durable when it returns. `id`
    marks a write: a retry with the same id does nothing twice. All methods raise the errors of
    `registry_git.core.errors`; a method that raises has changed nothing.
    """

    def at(self, moment: str) -> PastReading:
        """A read-only view of the registry at a date, a commit, or (as a preview) a request's id or branch.

        Raises:
            Invalid: none of these; NotFound: nothing was there then.
        """
        return PastReading(self._store, self._index, find_commit(self._store, moment))

    def download(self, uri: str, destination: str | Path, *, progress: Progress | None = None) -> Resolution:
        """Copies the files of the version that a URI names, and verifies their digest.

        Raises:
            NotFound; Corrupt: the files are not the registered ones, nothing is left behind; AlreadyExists: something
            is at the destination; Unavailable.
        """
        from registry_git.artifacts.download import download  # slow to import, and most calls need no files

        found = self.resolve(uri)
        download(found.source, Path(destination), expected=found.digest or None, progress=progress)
        return found
