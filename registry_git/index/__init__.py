"""The read model: SQLite, derived from a commit, thrown away and rebuilt at will."""
