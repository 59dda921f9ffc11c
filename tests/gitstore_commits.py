"""What the tests of references share: some commits to point at, and what no move may leave behind."""

from __future__ import annotations

from pathlib import Path

from registry_git.core.names import Actor
from registry_git.gitstore.objects import Staging, write_loose

PROJECT = Path(__file__).parent.parent
MAIN = "refs/heads/main"
BOB = Actor.parse("Bob <bob@acme.io>")


def commits(git_dir: Path, count: int = 4) -> list[str]:
    """The ids of `count` commits, each the child of the one before."""
    staging = Staging()
    tree = staging.tree(b"")
    made: list[str] = []
    for number in range(count):
        made.append(
            staging.commit(
                tree=tree, parents=made[-1:], author=BOB, committer=BOB, at_seconds=number + 1, message=f"{number}"
            )
        )
    write_loose(git_dir / "objects", staging)
    return made


def locks(git_dir: Path) -> list[Path]:
    """Every lock and draft of a reference that there is."""
    return [*git_dir.rglob("*.lock"), *(git_dir / "registry-git" / "locks").glob("*"), *git_dir.glob("packed-refs.new")]
