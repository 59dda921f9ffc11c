"""Stays: which version was in which stage, from when until when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A version in a stage. Times are milliseconds; `until` is None while it is still there.

    `by` is who brought it there (`Name <email>`), with the commit on `main`; `request` is the one that asked for it,
    empty for a direct change.
    """

    stage: str
    version: int
    since: int
    until: int | None
    by: str
    request: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """The stays of a model's versions, newest first.

    `held` are all that last still, `newest` those that began last, among them ones of `held`; `total` counts all.
    """

    held: tuple[Stay, ...]
    newest: tuple[Stay, ...]
    total: int
