"""What pushes leave behind: a pack each, which are merged when there are many.

Imported by a hook that runs for every push, so it imports little.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PACKS_MAX = 50  # git's own default


def merge_pushed(git_dir: Path) -> bool:
    """Starts to merge packs when pushes have left many, and does not wait for it; whether it has started.

    Raises:
        NotFound, Unavailable: there are many, and the repository cannot be opened.
    """
    packs = 0
    with suppress(OSError):  # it is asked again at the next push
        packs = sum(name.endswith(".pack") for name in os.listdir(git_dir / "objects" / "pack"))
    if packs <= PACKS_MAX:
        return False
    from registry_git.gitstore.repacking import merge_when_many  # slow to import, and few pushes find many
    from registry_git.gitstore.repository import Repository

    return merge_when_many(Repository(git_dir))
