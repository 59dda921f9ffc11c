"""Who was seen to use which version: one record for each consumer, beside `main`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry_git.core.keys import ConsumerKey
from registry_git.core.names import ConsumerName, ModelName
from registry_git.core.times import Timestamp

USES_MAX = 1_000  # of one consumer; the branch's history keeps what is dropped
_DAY = 86_400_000  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A version that a consumer asked for, as `asked` (`fraud/Production`), first and last when."""

    model: ModelName
    version: int
    asked: str
    first: Timestamp
    last: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What one consumer was seen to use, by model and version."""

    consumer: ConsumerName
    uses: tuple[Use, ...] = ()

    @property
    def key(self) -> ConsumerKey:
        """The identity."""
        return ConsumerKey(consumer=self.consumer)

    def with_uses(self, uses: Iterable[Use]) -> Observations:
        """These and the other uses as one record: none is lost, and to take up the same twice changes nothing.

        The version that is current is told of once a day, in UTC; one that comes back, whenever it does. Where there
        would be too many versions, those that were left first are left out.
        """
        found = {(use.model, use.version): use for use in self.uses}
        for use in sorted(uses, key=lambda one: (one.last, one.model, one.version)):
            place = (use.model, use.version)
            known = found.get(place)
            if known is None:
                found[place] = use
                continue
            later = use.last > known.last
            if later and day_of(use.last) == day_of(known.last) and known in _current(found.values()):
                later = False
            latest = use if later else known
            found[place] = replace(latest, first=min(known.first, use.first))
        newest = sorted(found.values(), key=lambda use: (-use.last, use.model, use.version))[:USES_MAX]
        return replace(self, uses=tuple(sorted(newest, key=lambda use: (use.model, use.version))))

    def current(self) -> tuple[Use, ...]:
        """For each model the version that was asked for last."""
        return tuple(_current(self.uses))


def day_of(at: int) -> int:
    """The day of a time in milliseconds, in UTC, counted from 1970-01-01."""
    return at // _DAY


def _current(uses: Iterable[Use]) -> list[Use]:
    newest: dict[ModelName, Use] = {}
    for use in uses:
        known = newest.get(use.model)
        if known is None or (use.last, use.version) > (known.last, known.version):
            newest[use.model] = use
    return list(newest.values())
