"""How the journal of a repository is found, by whoever opens that: mostly there is nothing to be done."""

from __future__ import annotations

import os
import time
from enum import Enum
from functools import cache
from pathlib import Path
from struct import Struct

from registry_git.gitstore.lock import OWN_DIRECTORY

MAGIC = b"rg-jrnl1"
HEAD = Struct(">8s16sIII")  # magic, boot, check of the entry before, bytes that follow, check: CRC-32 of all that
_NAME = "journal"
_ABANDONED_SECONDS = 30.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def journal_path(git_dir: Path) -> str:
    """Where the journal of a repository is."""
    return f"{os.fspath(git_dir)}/{OWN_DIRECTORY}/{_NAME}"


@cache
def boot_id() -> bytes:
    """16 bytes that are others after each start of the machine; where that cannot be known, of the process."""
    try:
        return bytes.fromhex(_BOOT.read_text(encoding="ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return os.urandom(16)


class State(Enum):
    """What is to be done about a journal that is found: nothing, or what its writers did not come to do."""

    FINE = "empty, or its writers are at work"
    ABANDONED = "its writers were killed: settle it"
    LEFT_OVER = "of before the machine started: make again what it tells"


def state_of(git_dir: Path) -> State:
    """How the journal of a repository is found."""
    try:
        fd = os.open(journal_path(git_dir), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return State.FINE
    try:
        head = os.pread(fd, HEAD.size, 0)
        age = time.time() - os.fstat(fd).st_mtime
    finally:
        os.close(fd)
    if not head.startswith(MAGIC) or len(head) < HEAD.size:
        return State.FINE
    if HEAD.unpack(head)[1] != boot_id():
        return State.LEFT_OVER
    return State.ABANDONED if age > _ABANDONED_SECONDS else State.FINE
