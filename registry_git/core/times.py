"""Points in time: milliseconds since 1970 in UTC, written as `2026-11-23T06:14:11.412Z`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from registry_git.core.errors import Invalid

_WRITTEN = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
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
        year, month, day, hour, minute, second, milli = (int(part) for part in found.groups())
        try:
            moment = datetime(year, month, day, hour, minute, second, milli * 1000, tzinfo=timezone.utc)
        except ValueError as problem:
            raise Invalid(f"{text!r} is no time: {problem}.", hint="Write it as 2026-11-23T06:14:11.412Z.") from None
        return cls.of((moment - _EPOCH) // timedelta(milliseconds=1))

    def text(self) -> str:
        """The written form, in UTC with milliseconds: `2026-11-23T06:14:11.412Z`."""
        moment = _EPOCH + timedelta(milliseconds=int(self))
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(self) % 1000:03d}Z".rjust(24, "0")
