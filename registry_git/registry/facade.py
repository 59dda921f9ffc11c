"""The registry as callers hold it: every use case as a method, gathered from the parts that hold them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from registry_git.registry.beside import Beside
from registry_git.registry.bundling import Bundling, artifact_places
from registry_git.registry.commenting import Commenting
from registry_git.registry.curating import Curating
from registry_git.registry.deploying import Deploying
from registry_git.registry.foreseeing import Foreseeing
from registry_git.registry.importing import Importing
from registry_git.registry.landing import Landing
from registry_git.registry.making_room import MakingRoom
from registry_git.registry.past import PastReading, find_commit
from registry_git.registry.permitting import Permitting
from registry_git.registry.placing import Placing
from registry_git.registry.registering import Progress
from registry_git.registry.resolving import Resolution
from registry_git.registry.running import RunningReads

if TYPE_CHECKING:
    from registry_git.registry.watching import Watch


class Registry(
    Curating,
    Placing,
    Deploying,
    Commenting,
    Landing,
    Importing,
    MakingRoom,
    Permitting,
    Foreseeing,
    RunningReads,
    Beside,
    Bundling,
):
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
        return PastReading(self._store, find_commit(self._store, moment))

    def download(
        self, uri: str, destination: str | Path, *, consumer: str | None = None, progress: Progress | None = None
    ) -> Resolution:
        """Copies the files of the version that a URI names, and verifies their digest. `consumer` as in `resolve`.

        They come from the version's source; where git's setting `registry-git.artifacts` names places that hold files
        by their digests, as `apply_bundle` sets it, from there first.

        Raises:
            NotFound; Corrupt: the files are not the registered ones, nothing is left behind; AlreadyExists: something
            is at the destination; Unavailable.
        """
        from registry_git.artifacts.download import download  # slow to import, and most calls need no files
        from registry_git.artifacts.held import held

        found = self.resolve(uri, consumer=consumer)
        source = held(found.digest, artifact_places(self._store.repository)) or found.source
        download(source, Path(destination), expected=found.digest or None, progress=progress)
        return found

    def watch(
        self,
        name: str = "watch",
        *,
        model: str = "",
        stages: Collection[str] = (),
        aliases: Collection[str] = (),
        state: str | Path | None = None,
    ) -> Watch:
        """Follows what stages and aliases name: `for change in registry.watch("deployer").changes(): …`.

        Args:
            name: under which the place in the history is kept, so that the next watch of that name goes on from there.
            model: one model; by default all.
            stages: only these; with neither stages nor aliases, all pointers.
            aliases: only these.
            state: the directory of the place; by default the repository, or the user's state directory for a URL.

        Raises:
            Invalid: a bad name; NotFound: the policy has no such stage.
        """
        from registry_git.core.names import ModelName
        from registry_git.core.pointing import Wanted
        from registry_git.registry.watching import open_watch

        wanted = Wanted(
            model=ModelName.parse(model) if model else "", stages=frozenset(stages), aliases=frozenset(aliases)
        )
        place = Path(state) if state is not None else self._surroundings.state
        return open_watch(self._store, wanted, name, place)
