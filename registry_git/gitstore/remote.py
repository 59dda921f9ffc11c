"""The registry elsewhere that a clone follows: `origin`.

A write is fetch, decide, push with the expected old values; whoever loses decides again. A remote whose `main` is no
longer a descendant of what was last seen is an alarm, never merged over.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from registry_git.core.errors import Corrupt, NotFound, PermissionDenied, Unavailable
from registry_git.gitstore.lock import WriterLock
from registry_git.gitstore.porcelain import GitFailed, Porcelain, is_url, without_password
from registry_git.gitstore.refs import Moved
from registry_git.gitstore.repository import MAIN, TRACKED_MAIN, Repository

ORIGIN = "origin"
REQUESTS = "refs/heads/request/"
TRACKED_REQUESTS = "refs/remotes/origin/request/"
OBSERVATIONS = "refs/heads/observations"
# as a pattern, since git refuses to fetch a branch by name that is not there
TRACKED_OBSERVATIONS = "refs/remotes/origin/observations"
# Plain git may move its own view of a remote backwards, where a clone is configured so; this one only goes forward.
SEEN_MAIN = "refs/registry-git/seen/main"
# What git and the forges say when another push was first.
_LOST = re.compile(
    r"non-fast-forward|fetch first|cannot lock ref|incorrect old value provided|stale info|failed to update ref|"
    r"reference already exists|failed to lock|remote ref updated since checkout|atomic push failed"
)
_REFUSED = re.compile(r"hook declined|push declined|protected branch|GH006|GH013|not allowed")
_CHECKED_OUT = re.compile(r"refusing to update checked out branch|branch is currently checked out")
_REASON = re.compile(r"^!\t.*\[(?:remote )?rejected\] \((.*)\)$", re.MULTILINE)


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
        """Where it is, as people may see it: without a password or token that its address holds."""
        return without_password(self._address)

    @property
    def _address(self) -> str:
        return str(self._repository.git.config[f"remote.{ORIGIN}.url"])

    def rewritten(self, kept: str) -> Corrupt:
        """The alarm that `main` there no longer continues what the reference `kept` here shows."""
        return Corrupt(
            f"The history of main at {self.url} was rewritten: it no longer continues what was seen here.",
            hint=f"Find out who forced a push. What was seen here is kept at {kept}.",
        )

    def turn(self, *, timeout_seconds: float) -> AbstractContextManager[object]:
        """The writers' lock of a remote that is a path on this machine: there one can wait for one's turn.

        Raises:
            Unavailable: on entry; others kept it for longer than that.
        """
        path = Path(self._address)
        git_dir = path / ".git" if (path / ".git").is_dir() else path
        if is_url(self._address) or not (git_dir / "HEAD").is_file() or not os.access(git_dir, os.W_OK):
            return nullcontext()
        return WriterLock(git_dir, timeout_seconds=timeout_seconds)

    def fetch(self) -> None:
        """Brings the remote's `main` and request branches here, as `refs/remotes/origin/…`.

        Raises:
            Corrupt: the remote's history was rewritten, or is gone: an alarm, nothing is moved.
            NotFound: it never had a branch main.
            Unavailable: it cannot be reached.
        """
        for pause in (0.02, 0.1, 0.4, None):
            status, _, stderr = self._git.run(
                "fetch",
                "--no-tags",
                "--prune",
                "--atomic",
                "--no-auto-maintenance",
                "--no-write-fetch-head",
                ORIGIN,
                f"{MAIN}:{TRACKED_MAIN}",
                f"+refs/heads/request/*:{TRACKED_REQUESTS}*",
                f"+{OBSERVATIONS}*:{TRACKED_OBSERVATIONS}*",
                ok=range(256),
            )
            if status == 0:
                return
            if pause is None or "cannot lock ref" not in stderr:
                break
            time.sleep(pause)  # another git here moved the reference meanwhile, such as a push whose caller was killed
        if "non-fast-forward" in stderr or "[rejected]" in stderr:
            raise self.rewritten(TRACKED_MAIN)
        if f"couldn't find remote ref {MAIN}" in stderr:
            if self._repository.ref(TRACKED_MAIN) is None:
                raise NotFound(f"{self.url} holds no registry: it has no branch main.", hint="Check the address.")
            raise Corrupt(
                f"The branch main at {self.url} is gone.",
                hint=f"Find out who deleted it. What was seen here is kept at {TRACKED_MAIN}.",
            )
        raise GitFailed("fetch", status, stderr)

    def fetch_branch(self, name: str) -> bool:
        """Brings one branch here, as `refs/remotes/origin/…`; False when the remote has none. Raises: Unavailable."""
        options = ("--no-tags", "--no-auto-maintenance", "--no-write-fetch-head")
        for pause in (0.02, 0.1, 0.4, None):
            status, _, stderr = self._git.run("fetch", *options, ORIGIN, f"+{name}:{tracked(name)}", ok=range(256))
            if status == 0:
                return True
            if f"couldn't find remote ref {name}" in stderr:
                return False
            if pause is None or "cannot lock ref" not in stderr:
                break
            time.sleep(pause)
        raise GitFailed("fetch", status, stderr)

    def _as_author(self, moves: Sequence[RefMove]) -> dict[str, str]:
        """Who pushes, for a hook at the end of a path; other transports know it themselves and do not pass it on."""
        tips = [move.new for move in moves if move.new]
        return {"REGISTRY_GIT_ACTOR": str(self._repository.commit(tips[0]).author)} if tips else {}

    def push(self, moves: Sequence[RefMove]) -> None:
        """Moves references at the remote, all or none, if each is where it is expected.

        Raises:
            Moved: another push was first.
            PermissionDenied: a hook or a branch protection refused it, in its words.
            Unavailable: the remote cannot be reached, or cannot take it, as one that has `main` checked out.
        """
        leases = [f"--force-with-lease={move.name}:{move.old or ''}" for move in moves]
        specs = [f"{move.new or ''}:{move.name}" for move in moves]
        status, out, stderr = self._git.run(
            "push",
            "--porcelain",
            "--atomic",
            "--no-verify",
            *leases,
            ORIGIN,
            *specs,
            extra=self._as_author(moves),
            ok=range(256),
        )
        if status == 0:
            return
        said = f"{out}\n{stderr}"
        if _REFUSED.search(said):
            raise _refusal(self.url, said)
        if _LOST.search(said):
            raise Moved(moves[0].name, expected=moves[0].old, actual=None)
        if _CHECKED_OUT.search(said):
            raise _checked_out(self.url)
        reasons = "; ".join(dict.fromkeys(_REASON.findall(out)))
        if reasons:
            hint = "Mend it at the other end, which says so, and try again."
            raise Unavailable(f"{self.url} did not take the push: {reasons}.", hint=hint)
        raise GitFailed("push", status, stderr or out)


def _refusal(url: str, said: str) -> PermissionDenied:
    """The error that a remote's refusal becomes: in its own words, with its own hint where it gives one."""
    remarks = [line.removeprefix("remote:").strip() for line in said.split("\n") if line.startswith("remote:")]
    hints = [remark.removeprefix("hint: ") for remark in remarks if remark.startswith("hint: ")]
    reasons = [remark.removeprefix("error: ") for remark in remarks if remark and not remark.startswith("hint: ")]
    reason = " ".join(reasons) or "a hook or branch protection declined it"
    hint = "Ask for it with a request, or let the account do it that the branch protection lets past."
    return PermissionDenied(f"{url} refused the push: {reason}", hint=hints[0] if hints else hint)


def _checked_out(url: str) -> Unavailable:
    return Unavailable(
        f"{url} has a work tree with main in it, and git lets nobody push there.",
        hint="Share a bare repository; or set there: git config receive.denyCurrentBranch updateInstead",
    )


def tracked(name: str) -> str:
    """The reference here that shows a branch of the remote: `refs/heads/main` is `refs/remotes/origin/main`."""
    return f"refs/remotes/{ORIGIN}/{name.removeprefix('refs/heads/')}"
