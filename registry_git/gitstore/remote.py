"""The registry elsewhere that a clone follows: `origin`.

A write is fetch, decide, push with the expected old values; whoever loses decides again. A remote whose `main` is no
longer a descendant of what was last seen is an alarm, never merged over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from registry_git.core.errors import Conflict, Corrupt, PermissionDenied
from registry_git.gitstore.porcelain import GitFailed, Porcelain
from registry_git.gitstore.refs import Moved
from registry_git.gitstore.repository import MAIN, Repository

ORIGIN = "origin"
TRACKED_MAIN = "refs/remotes/origin/main"
TRACKED_REQUESTS = "refs/remotes/origin/request/"
# What git and the forges say when another push was first.
_LOST = re.compile(
    r"non-fast-forward|fetch first|cannot lock ref|incorrect old value provided|stale info|failed to update ref|"
    r"reference already exists|failed to lock|remote ref updated since checkout|atomic push failed"
)
_REFUSED = re.compile(
    r"pre-receive hook declined|update hook declined|hook declined|protected branch|GH006|not allowed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefMove:
    """A reference that is to move from `old` (None: absent) to `new` (None: deleted)."""

    name: str
    old: str | None
    new: str | None


class Remote:
    """`origin` of a repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._git = Porcelain(repository.git_dir)

    @classmethod
    def of(cls, repository: Repository) -> Remote | None:
        """The remote that the repository follows; None when it has none and so is the registry itself."""
        return cls(repository) if f"remote.{ORIGIN}.url" in repository.git.config else None

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._repository.git.config[f"remote.{ORIGIN}.url"])

    def fetch(self) -> None:
        """Brings the remote's `main` and request branches here, as `refs/remotes/origin/…`.

        Raises:
            Corrupt: the remote's history was rewritten: an alarm, nothing is moved.
            Unavailable: it cannot be reached.
        """
        status, _, stderr = self._git.run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--prune",
            "--no-auto-maintenance",
            "--no-write-fetch-head",
            ORIGIN,
            f"{MAIN}:{TRACKED_MAIN}",
            f"+refs/heads/request/*:{TRACKED_REQUESTS}*",
            ok=range(256),
        )
        if status == 0:
            return
        if "non-fast-forward" in stderr or "[rejected]" in stderr:
            raise Corrupt(
                f"The history of main at {self.url} was rewritten: it no longer continues what was seen here.",
                hint=f"Find out who forced a push. What was seen here is kept at {TRACKED_MAIN}.",
            )
        raise GitFailed("fetch", status, stderr)

    def push(self, moves: Sequence[RefMove]) -> None:
        """Moves references at the remote, all or none, if each is where it is expected.

        Raises:
            Moved: another push was first.
            PermissionDenied: a hook or a branch protection refused it, in its words.
            Unavailable: the remote cannot be reached.
        """
        leases = [f"--force-with-lease={move.name}:{move.old or ''}" for move in moves]
        specs = [f"{move.new or ''}:{move.name}" for move in moves]
        status, out, stderr = self._git.run(
            "push", "--porcelain", "--atomic", "--no-verify", *leases, ORIGIN, *specs, ok=range(256)
        )
        if status == 0:
            return
        said = f"{out}\n{stderr}"
        if _REFUSED.search(said):
            remarks = [line.removeprefix("remote:").strip() for line in said.split("\n") if line.startswith("remote:")]
            reason = " ".join(filter(None, remarks)) or "a hook or branch protection declined it"
            raise PermissionDenied(f"{self.url} refused the push: {reason}", hint="Ask for it with a request.")
        if _LOST.search(said):
            raise Moved(moves[0].name, expected=moves[0].old, actual=None)
        raise GitFailed("push", status, stderr or out)


def diverged(ahead: int) -> Conflict:
    """The error for a clone whose `main` has commits that the remote lacks."""
    return Conflict(
        f"main here has {ahead} commit{'s' if ahead > 1 else ''} that the remote lacks.",
        hint="Send them with: registry-git sync",
    )
