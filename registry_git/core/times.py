"""Points in time: milliseconds since 1970 in UTC, written as `2026-11-23T06:14:11.412Z`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from registry_git.core.errors import Invalid

_WRITTEN = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DAY = 86_400_000  # ms
_LAST = 253402300799999  # 9999-12-31T23:59:59.999Z: the last that a four-digit year can write


class Timestamp(int):
    """Milliseconds since 1970-01-01 UTC; at most the end of the year 9999."""

    __slots__ = ()

    @classmethod
    def of(cls, milliseconds: int) -> Timestamp:
        """The checked timestamp.

        Raises:
            Invalid: it lies before 1970 or after the year 9999.
        """
        if not 0 <= milliseconds <= _LAST:
            raise Invalid(
                f"{milliseconds} is no time that a registry can write.",
                hint="Give milliseconds since 1970, up to the year 9999.",
            )
        return cls(milliseconds)

    @classmethod
    def parse(cls, text: str) -> Timestamp:
        """The time that `text` writes, in exactly the form of `text()`.

        Raises:
            Invalid: any other form, or a date that does not exist.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise Invalid(f"{text!r} is no time.", hint="Write it as 2026-11-23T06:14:11.412Z.")
        try:
            moment = _midnight(text[:10]) + _within_day(*map(int, found.groups()[3:]))
        except ValueError as problem:
            raise Invalid(f"{text!r} is no time: {problem}.", hint="Write it as 2026-11-23T06:14:11.412Z.") from None
        return cls.of(moment)

    def text(self) -> str:
        """The written form, in UTC with milliseconds: `2026-11-23T06:14:11.412Z`."""
        days, left = divmod(int(self), _DAY)
        seconds, milli = divmod(left, 1000)
        minutes, second = divmod(seconds, 60)
        return f"{_date(days)}T{minutes // 60:02}:{minutes % 60:02}:{second:02}.{milli:03}Z"


@lru_cache(maxsize=1024)
def _date(days: int) -> str:
    """The day that begins so many days after 1970 did."""
    return (_EPOCH + timedelta(days=days)).date().isoformat()


@lru_cache(maxsize=1024)
def _midnight(date: str) -> int:
    """Milliseconds since 1970 when the day began: one day is in thousands of manifests. Raises: ValueError."""
    year, month, day = map(int, date.split("-"))
    return (datetime(year, month, day, tzinfo=timezone.utc) - _EPOCH) // timedelta(milliseconds=1)


def _within_day(hour: int, minute: int, second: int, milli: int) -> int:
    """Milliseconds since the day began. Raises: ValueError."""
    if hour > 23 or minute > 59 or second > 59:
        what, most = ("hour", 23) if hour > 23 else ("minute", 59) if minute > 59 else ("second", 59)
        raise ValueError(f"{what} must be in 0..{most}")
    return ((hour * 60 + minute) * 60 + second) * 1000 + milli
