"""The process that records what was noted, apart from who reads: it takes together what comes within a moment."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from registry_git.core.errors import RegistryError
from registry_git.core.names import Actor
from registry_git.gitstore.store import Store
from registry_git.registry.observing import flush
from registry_git.registry.spool import Spool

_TOGETHER_SECONDS = 1.0


def main() -> None:
    """Records until nothing waits, for the repository and the author that the command line names."""
    place, author = sys.argv[1:3]
    try:
        run(Path(place), Actor.parse(author))
    except (RegistryError, OSError) as problem:
        # nobody listens; what was noted stays, and `registry-git observations flush` says why
        sys.exit(str(problem))


def run(git_dir: Path, author: Actor) -> None:
    """As `main`. Raises: RegistryError, OSError: what was noted stays."""
    spool = Spool(git_dir)
    while spool.waiting().uses:
        with spool.held(wait=False) as free:
            if not free:
                return
            time.sleep(_TOGETHER_SECONDS)
            if not flush(Store(git_dir), spool, author).uses:
                return
