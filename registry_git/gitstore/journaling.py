"""The journal as one store uses it: which writes it answers for, and what they wait for."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pygit2

from registry_git.core.errors import Invalid
from registry_git.gitstore import disk
from registry_git.gitstore.growing import Growth
from registry_git.gitstore.journal import Entry, Full, Journal, LeftOver
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.refread import value_of
from registry_git.gitstore.remote import RefMove
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.settling import settle, settle_soon

_SETTING = "registry-git.journal"
_WRITING = "write to the registry"
_MOST_BYTES = 1 << 18  # of objects; more are better off flushed where they are
_LOG = logging.getLogger(__name__)


class Journaling:
    """The writes of one store that the journal answers for. Whoever writes holds the writer's lock."""

    def __init__(self, repository: Repository) -> None:
        self._git_dir = repository.git_dir
        self._config = repository.git.config
        self._journal = Journal(repository.git_dir)
        self._wrote = False
        self._usable: bool | None = None

    def takes(self, staging: Staging) -> bool:
        """Whether the journal is to answer for a write of these objects.

        Not for the first one of a store: a command that writes once leaves git's files flushed, and no journal. And for
        none where git's configuration says `registry-git.journal=false`, or the file cannot be made.

        Raises:
            Invalid: the configuration says neither true nor false.
        """
        if not self._wrote:
            self._wrote = True
            return False
        if self._usable is None:
            self._usable = self._is_usable()
        return self._usable and sum(len(data) for _, data in staging.objects.values()) < _MOST_BYTES

    def _is_usable(self) -> bool:
        try:
            if _SETTING in self._config and not self._config.get_bool(_SETTING):
                return False
        except (ValueError, pygit2.GitError):
            raise Invalid(
                f"{_SETTING} is {self._config[_SETTING]!r} in git's configuration, which is neither true nor false.",
                hint=f"Set it with: git config {_SETTING} false",
            ) from None
        try:
            self._journal.make()
        except OSError as problem:
            _LOG.info("There is no room for a journal, so each write flushes git's files: %s", problem)
            return False
        return True

    @contextmanager
    def answering(self, main: RefMove, growth: Growth) -> Iterator[tuple[Growth, Callable[[], None]]]:
        """Inside it, the write can be made. Where `main` does not move, it is taken back.

        Gives what is to be written, which knows what was flushed to make room in the journal, and what is to be called
        before any of it has its name: then the write is safe.

        Raises:
            Unavailable: on entry, or by the call; the disk does not take it.
        """
        old, new = main.old or "", main.new or ""
        with disk.explained(_WRITING):
            made = growth.pack if growth.content else ""
            entry = Entry(old=old, new=new, pack=made, replaced=growth.replaced, objects=growth.objects)
            if self._begin(entry):
                growth = replace(growth, flushed=growth.replaced)
        try:
            yield growth, self._flush
        except BaseException:
            if value_of(os.fspath(self._git_dir), main.name) != new:
                self._journal.cancel()
            raise
        finally:
            settle_soon(self._git_dir)

    def _begin(self, entry: Entry) -> bool:
        """Whether all that was there before had to be flushed first."""
        try:
            self._journal.begin(entry)
            return False
        except Full:
            settle(self._git_dir, writing=True)
        except LeftOver:  # of another machine, where several share the disk
            from registry_git.gitstore.recovery import make_again

            make_again(self._git_dir)
        self._journal.begin(entry)
        return True

    def _flush(self) -> None:
        with disk.explained(_WRITING):
            self._journal.flush()
