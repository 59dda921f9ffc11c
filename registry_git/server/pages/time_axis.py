"""A time axis: round moments between two others, few enough to be read, and their words. All in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_STEPS = (
    *(count * _SECOND for count in (1, 5, 15, 30)),
    *(count * _MINUTE for count in (1, 5, 15, 30)),
    *(count * _HOUR for count in (1, 3, 6, 12)),
    *(count * _DAY for count in (1, 2, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
_MONTH = 31 * _DAY
_MONDAY = 4 * _DAY  # the first one; weeks begin on it


def ticks(start: int, end: int, *, at_most: int) -> list[tuple[int, str]]:
    """The round moments from `start` to `end`, in milliseconds, with their words; never more than `at_most`."""
    for step in _STEPS:
        if (end - start) // step < at_most:
            return [(at, _words(at, step)) for at in _every(start, end, step)]
    for months in _MONTHS:
        found = list(_every_months(start, end, months))
        if len(found) <= at_most:
            return [(at, _words(at, _MONTH * months)) for at in found]
    return []


def _every(start: int, end: int, step: int) -> Iterator[int]:
    offset = _MONDAY if step % (7 * _DAY) == 0 else 0
    at = start + (offset - start) % step
    while at <= end:
        yield at
        at += step


def _every_months(start: int, end: int, step: int) -> Iterator[int]:
    first = _date(start)
    month = first.year * 12 + first.month - 1
    month -= month % step
    while True:
        year = month // 12
        if year > datetime.max.year:
            return
        at = int(datetime(max(year, 1), month % 12 + 1, 1, tzinfo=timezone.utc).timestamp() * 1000)
        if at > end:
            return
        if at >= start:
            yield at
        month += step


def _words(at: int, step: int) -> str:
    """As `14:05:00`, `5 Oct 14:05`, `5 Oct`, `Oct 2026` or `2026`, whatever the step needs."""
    date = _date(at)
    if step < _MINUTE:
        return f"{date:%H:%M:%S}"
    if step < _DAY:
        return f"{date.day} {date:%b %H:%M}"
    if step < _MONTH:
        return f"{date.day} {date:%b}"
    return f"{date:%b} {date.year}" if step < 12 * _MONTH else str(date.year)


def _date(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, tz=timezone.utc)
