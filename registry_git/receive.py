"""What git's pre-receive hook asks: which repository is pushed to, and by whom."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from registry_git.app import ACTOR_VARIABLE
from registry_git.gitstore.repository import Repository
from registry_git.registry.judging.faults import Fault
from registry_git.registry.judging.pushed import push_faults
from registry_git.registry.judging.receiving import find_pusher, parse_moves


def judge_push(moves: str) -> list[Fault]:
    """What forbids the push that git's pre-receive hook tells about, by the lines of its standard input.

    Raises:
        PermissionDenied: nobody is named as the one who pushes; Corrupt; Unavailable.
    """
    quarantine = os.environ.pop("GIT_QUARANTINE_PATH", "")
    for name in ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"):
        os.environ.pop(name, None)  # what git starts from here is told by the repository which objects it sees
    repository = _hooked()
    if quarantine:
        repository.borrow(Path(quarantine))
    pusher = find_pusher(
        repository,
        web_user=os.environ.get("REMOTE_USER", ""),
        named=os.environ.get(ACTOR_VARIABLE, ""),
        system_user=_system_user(),
    )
    return push_faults(repository, parse_moves(moves), pusher)


def _hooked() -> Repository:
    """The repository that git runs a hook for."""
    return Repository(Path(os.environ.get("GIT_DIR", ".")).resolve())


def _system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
