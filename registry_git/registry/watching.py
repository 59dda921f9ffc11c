"""Following the pointers of a registry: each change at least once and in order, across restarts too."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

from registry_git.core.errors import Corrupt, Invalid, NotFound, Unavailable
from registry_git.core.model import ModelKey
from registry_git.core.names import ModelName
from registry_git.core.pointing import PointerChange, Wanted, pointer_changes
from registry_git.gitstore.history import Rewritten, moves
from registry_git.gitstore.lock import OWN_DIRECTORY
from registry_git.gitstore.repository import Repository
from registry_git.gitstore.store import Store
from registry_git.registry.cursor import Cursor, CursorFile
from registry_git.registry.differences import differences_between
from registry_git.registry.past import find_commit

NOW, START = "now", "start"
LOCAL_SECONDS, REMOTE_SECONDS = 1.0, 10.0  # between two looks, where nothing else is asked for
_LONGEST_SECONDS = 60.0  # between two tries to reach a remote that is away

# waits for so many seconds; False when the watch is to end
Pause = Callable[[float], bool]


class Watch:
    """The changes of pointers, one after the other.

    Asking for the next change says that the last one was dealt with; only then is the place in the history moved.
    Whoever fails, or dies, before that is given the same change again.
    """

    def __init__(self, store: Store, cursor: CursorFile, wanted: Wanted) -> None:
        self._store = store
        self._cursor = cursor
        self._wanted = wanted

    @property
    def remote(self) -> str:
        """The URL that is followed; empty when the registry is here."""
        return self._store.following.remote.url if self._store.following else ""

    def forget(self) -> None:
        """Forgets the place in the history. Raises: Conflict: a watch of this name is running; Unavailable."""
        with self._cursor.held():
            self._cursor.forget()

    def changes(
        self,
        *,
        since: str = NOW,
        initial: bool = False,
        interval_seconds: float | None = None,
        once: bool = False,
        pause: Pause | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> Generator[PointerChange, None, None]:
        """The changes from where a watch of this name stopped, and then those that come.

        Args:
            since: where to begin when there is no such place yet: `now`, `start` (of the history), or a commit or date.
            initial: when there is none yet: what the pointers say now comes first.
            interval_seconds: between two looks; by default 1, and 10 where each look is a fetch.
            once: ends when all that is there was delivered.
            pause: waits between two looks and says whether to go on; by default it sleeps, for ever.
            warn: is told what did not stop the watch: a remote that cannot be reached, a pointer that cannot be read.

        Raises:
            Corrupt: the history was rewritten, here or at the remote, or the place is unreadable: nothing is skipped.
            Conflict: a watch of this name is running; commits or edits here are in the way of what the remote has.
            Invalid: `since` is no part of the history; NotFound.
            Unavailable: with `once`, the remote cannot be reached.
        """
        wait = pause or _sleep
        seconds = interval_seconds or (REMOTE_SECONDS if self._store.following else LOCAL_SECONDS)
        failures = 0
        with self._cursor.held():
            cursor = self._cursor.load()
            if (
                self._wanted.model
                and self._store.snapshot().find(ModelKey(model=ModelName(self._wanted.model))) is None
            ):
                warn(f"There is no model {self._wanted.model}; it is waited for.{self._meant()}")
            while True:
                try:
                    self._store.refresh()
                    failures = 0
                except Unavailable as problem:
                    if once:
                        raise
                    failures += 1
                    if failures == 1:
                        warn(f"{problem.message} It is tried again.")
                if not failures or cursor is not None:
                    if cursor is None:
                        cursor = self._begin(since, initial=initial)
                    for change, after in self._pending(cursor, warn):
                        if change is not None:
                            yield change
                        cursor = after
                        self._cursor.save(cursor)
                if once or not wait(min(seconds * 2 ** min(failures, 10), max(seconds, _LONGEST_SECONDS))):
                    return

    def _meant(self) -> str:
        """What somebody may have meant who follows a model that is not there; as the end of a sentence."""
        name, at, alias = self._wanted.model.partition("@")
        snapshot = self._store.snapshot()
        if name and at and snapshot.find(ModelKey(model=ModelName(name))) is not None:
            return f" An alias of {name} is followed with: --alias {alias}"
        from difflib import get_close_matches  # only a slip pays for it

        near = get_close_matches(self._wanted.model, snapshot.models(), 1, 0.6)
        return f" Did you mean {near[0]}?" if near else ""

    def _begin(self, since: str, *, initial: bool) -> Cursor:
        main = self._store.snapshot().commit
        if initial:
            cursor = Cursor(commit=None, moving_to=main)
        elif since == START:
            cursor = Cursor(commit=None)
        else:
            commit = main if since == NOW else find_commit(self._store, since)
            if not self._store.repository.is_ancestor(commit, main):
                raise Invalid(f"{since} is no part of the history of main.", hint="Name a commit of main, or a date.")
            cursor = Cursor(commit=commit)
        self._cursor.save(cursor)
        return cursor

    def _pending(self, cursor: Cursor, warn: Callable[[str], None]) -> Iterator[tuple[PointerChange | None, Cursor]]:
        """Each change that is not delivered yet, with the cursor that is true once it is; None where there is none."""
        repository = self._store.repository
        main = self._store.snapshot().commit
        if cursor.moving_to:
            if not repository.is_ancestor(cursor.moving_to, main):
                raise self._alarm(Rewritten(cursor.moving_to, main))
            yield from self._move(cursor, cursor.commit, cursor.moving_to, warn)
            cursor = Cursor(commit=cursor.moving_to)
        if cursor.commit == main:
            return
        try:
            ahead = moves(repository, since=cursor.commit, until=main)
        except Rewritten as problem:
            raise self._alarm(problem) from None
        quiet = None
        for before, after in ahead:
            quiet = Cursor(commit=after)
            for change, reached in self._move(Cursor(commit=before), before, after, warn):
                if change is not None:
                    quiet = None
                    yield change, reached
        if quiet is not None:
            yield None, quiet  # nothing in these commits concerns us: the place is moved once, not for each

    def _alarm(self, problem: Rewritten) -> Corrupt:
        return Corrupt(
            f"{problem.message[:-1]} by the watch {self._cursor.name!r}; nothing was delivered from there on.",
            hint=f"{problem.hint} Then begin anew with --reset, and --since COMMIT for what may have been missed.",
        )

    def _move(
        self, cursor: Cursor, before: str | None, after: str, warn: Callable[[str], None]
    ) -> Iterator[tuple[PointerChange | None, Cursor]]:
        found = [
            change
            for change in changes_between(self._store.repository, before, after, self._wanted, warn)
            if change.pointer not in cursor.delivered
        ]
        done = Cursor(commit=before, moving_to=after, delivered=cursor.delivered)
        for change in found[:-1]:
            done = replace(done, delivered=done.delivered | {change.pointer})
            yield change, done
        yield (found[-1] if found else None), Cursor(commit=after)


def changes_between(
    repository: Repository, before: str | None, after: str, wanted: Wanted, warn: Callable[[str], None]
) -> list[PointerChange]:
    """The wanted pointers that name something else at `after` than at `before` (None: where nothing was).

    `warn` is told of those that cannot be read at `after`; they tell nothing until they can be read again.
    """
    commit = repository.commit(after)
    differences = differences_between(repository, before, after, wanted, warn)
    return list(pointer_changes(differences, commit=after, by=commit.author, at=commit.at * 1000))


def open_watch(store: Store, wanted: Wanted, name: str, state: Path | None) -> Watch:
    """A watch under a name, whose place is kept in the directory `state`, by default inside of the repository.

    Raises:
        Invalid: no name; NotFound: the policy has no such stage.
    """
    known = {stage.name.casefold(): stage.name for stage in store.snapshot().policy().stages}
    for stage in wanted.stages:
        if stage.casefold() not in known:
            raise NotFound(f"The registry has no stage {stage!r}.", hint=f"Its stages: {', '.join(known.values())}.")
    directory = state if state is not None else store.repository.git_dir / OWN_DIRECTORY / "watch"
    return Watch(store, CursorFile(directory, name), wanted)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return True
