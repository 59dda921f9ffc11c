"""Questions about stays: which version was in which stage, from when until when."""

from __future__ import annotations

from registry_git.core.stays import Stay, Stays
from registry_git.index.queries import Queries

_COLUMNS = 'stage, version, since, until, brought_by, request, "commit"'


class Stayed(Queries):
    """Reads of the table of stays."""

    def stays(self, model: str, *, limit: int) -> Stays:
        """The stays of a model's versions; of those that began last, `limit`."""
        find = f"SELECT {_COLUMNS} FROM stays WHERE model = ?"  # noqa: S608
        newest_first = "ORDER BY seq DESC"
        with self._together():
            held = self._rows(f"{find} AND until IS NULL {newest_first}", (model,))
            newest = self._rows(f"{find} {newest_first} LIMIT ?", (model, limit))
            total = self._number("SELECT count(*) FROM stays WHERE model = ?", model)
        return Stays(held=tuple(map(_stay, held)), newest=tuple(map(_stay, newest)), total=total)


def _stay(row: tuple[object, ...]) -> Stay:
    names = ("stage", "version", "since", "until", "by", "request", "commit")
    return Stay(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
