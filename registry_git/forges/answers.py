"""What a forge answered, read member by member: an absent or null one is empty, one of another type is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from registry_git.core.errors import Invalid, Unavailable
from registry_git.core.times import Timestamp

_WRITTEN = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z| ?UTC| ?[+-][0-9]{2}:?[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Answer:
    """A JSON value that a forge (or whoever says to be one) sent."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def at(self, *path: str) -> Answer:
        """The value under the keys of `path`; one that holds None where a key is not there."""
        value = self.value
        for key in path:
            if value is None:
                break
            if not isinstance(value, dict):
                raise _strange(".".join(path), "a mapping")
            value = value.get(key)
        return Answer(value)

    def text(self, *path: str) -> str:
        """The text there; empty when there is none."""
        value = self.at(*path).value
        if value is None:
            return ""
        if not isinstance(value, str):
            raise _strange(".".join(path), "text")
        return value

    def number(self, *path: str) -> int:
        """The whole number there; 0 when there is none."""
        value = self.at(*path).value
        if value is None:
            return 0
        if type(value) is not int:
            raise _strange(".".join(path), "a whole number")
        return value

    def flag(self, *path: str) -> bool:
        """Whether true is there."""
        return self.at(*path).value is True

    def moment(self, *path: str) -> Timestamp | None:
        """The time there, as ISO 8601 or in seconds since 1970 (a number, or text); None when there is none."""
        value = self.at(*path).value
        if value is None or value == "":
            return None
        seconds = re.fullmatch(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?", str(value))
        if seconds and not isinstance(value, bool):
            return Timestamp.of(int(seconds[1]) * 1000 + int((seconds[2] or "0")[:3].ljust(3, "0")))
        found = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise _strange(".".join(path), "a time")
        zone = "+0000" if found[4].strip() in ("Z", "UTC") else found[4].strip().replace(":", "")
        try:
            exact = datetime.strptime(f"{found[1]} {found[2]} {zone}", "%Y-%m-%d %H:%M:%S %z")
            milliseconds = int((found[3] or ".0")[1:4].ljust(3, "0"))
            # a forge writes the year 1 for "never"
            return (
                Timestamp.of((exact - _EPOCH) // timedelta(milliseconds=1) + milliseconds) if exact > _EPOCH else None
            )
        except (ValueError, Invalid):
            raise _strange(".".join(path), "a time") from None

    def items(self, *path: str) -> Iterator[Answer]:
        """The values of the list there; none when there is no list."""
        value = self.at(*path).value
        if value is None:
            return
        if not isinstance(value, list):
            raise _strange(".".join(path), "a list")
        for item in value:
            yield Answer(item)

    def __bool__(self) -> bool:
        return self.value is not None


def _strange(place: str, expected: str) -> Unavailable:
    return Unavailable(
        f"The forge answered something else than its interface says: {place or 'the answer'} is not {expected}.",
        hint="Check that the url in registry.yaml's `forge` is that of the forge, and its kind.",
    )
