"""The index of a registry: a SQLite file beside the objects, keyed by the commit that it shows.

Losing it costs a rebuild, never data: it is thrown away whenever it is damaged, of another version, or of a history
that is not this one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from registry_git.gitstore.history import Sideways
from registry_git.gitstore.repository import MAIN, Repository
from registry_git.index.search_sql import register_functions
from registry_git.index.tables import SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    from registry_git.index.advance import Progress

_FILE = f"index-{SCHEMA_VERSION}.sqlite"
_BUSY_SECONDS = 60
_NEAR = 16  # commits that are looked at before all of history is


class Index:
    """The read model of one repository, brought to a commit before it answers.

    Where the directory cannot be written (a read-only registry), the index lives in memory.
    """

    def __init__(self, repository: Repository, *, in_memory: bool = False) -> None:
        self._repository = repository
        self._path: Path | None = None if in_memory else repository.git_dir / "registry-git" / _FILE
        self._db: sqlite3.Connection | None = None

    def at(self, commit: str, progress: Progress | None = None) -> sqlite3.Connection:
        """The database, showing exactly `commit` or a later commit of the same history that was indexed already.

        Raises:
            Corrupt: the history cannot be read.
        """
        try:
            db = self._connection()
            self._forward(db, commit, progress)
        except sqlite3.DatabaseError as problem:
            if "locked" in str(problem):
                self.close()
                self._path = None  # somebody builds it, and takes longer than we wait: one in memory has no rivals
            else:
                self.drop()  # damaged, or another program's file: what it held is derivable, so it goes
            db = self._connection()
            self._forward(db, commit, progress)
        return db

    def at_hand(self) -> sqlite3.Connection | None:
        """The database as it is, whatever it shows; None where there is none, or a damaged one (`at` mends it)."""
        if self._db is not None:
            return self._db
        if self._path is None or not self._path.exists():
            return None  # who asks only for this makes none
        try:
            return self._connection()
        except sqlite3.DatabaseError:
            return None

    def as_good_as(self, commit: str, paths: Sequence[str]) -> str:
        """A commit that `at` has less to do for, and at which all below `paths` has the same story as at `commit`.

        It is what the database shows, if that is one of the last commits and none since has changed anything there.
        """
        try:
            db = self.at_hand()
            shown = None if db is None else self._shown(db)
        except sqlite3.DatabaseError:
            return commit  # damaged, which `at` mends
        at, read = commit, self._repository
        for _ in range(_NEAR if shown else 0):
            if at == shown:
                return shown
            parents = read.commit(at).parents
            if not parents:
                break
            now, before = read.tree_of(at), read.tree_of(parents[0])
            if any(read.entry(now, path) != read.entry(before, path) for path in paths):
                break
            at = parents[0]
        return commit

    def drop(self) -> None:
        """Throws the index away; the next read rebuilds it."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._path is not None:
            for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm"):
                with suppress(OSError):
                    (self._path.parent / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = self._opened()
        return self._db

    def _opened(self) -> sqlite3.Connection:
        if self._path is not None:
            try:
                self._path.parent.mkdir(exist_ok=True)
                db = _connect(str(self._path))
            except (OSError, sqlite3.OperationalError):
                self._path = None
        if self._path is None:
            db = _connect(":memory:")
        return db

    def _forward(self, db: sqlite3.Connection, commit: str, progress: Progress | None) -> None:
        if self._shown(db) == commit:
            return
        from registry_git.index.advance import Advance  # slow to import, and often there is nothing to bring

        db.execute("BEGIN IMMEDIATE")
        try:
            shown = self._shown(db)
            if shown is not None and shown != commit:
                known = db.execute("SELECT 1 FROM commits WHERE id = ?", (commit,)).fetchone()
                main = self._repository.ref(MAIN)
                if known and main and self._continues(shown, main):
                    db.execute("COMMIT")
                    return
                if known or not self._continues(shown, commit):
                    _empty(db)
                    shown = None
            if shown != commit:
                try:
                    Advance(self._repository, db).run(shown, commit, progress)
                except Sideways:
                    _empty(db)
                    Advance(self._repository, db).run(None, commit, progress)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _continues(self, shown: str, commit: str) -> bool:
        # nearly always it is one of the last, and these are read anyway
        at = commit
        for _ in range(_NEAR):
            parents = self._repository.commit(at).parents
            if not parents:
                break
            at = parents[0]
            if at == shown:
                return True
        return self._repository.has(shown) and self._repository.is_ancestor(shown, commit)

    def _shown(self, db: sqlite3.Connection) -> str | None:
        found = db.execute("SELECT value FROM meta WHERE key = 'commit'").fetchone()
        return found[0] if found else None


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    register_functions(db)
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        for statement in SCHEMA.split(";\n"):
            if statement.strip():
                db.execute(statement)
    db.execute("COMMIT")
    return db


def _empty(db: sqlite3.Connection) -> None:
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        db.execute(f'DELETE FROM "{table}"')  # noqa: S608 - names of our own schema
