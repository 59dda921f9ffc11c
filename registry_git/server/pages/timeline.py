"""The chart of which version held which stage when: where everything of it is drawn. The template only puts it down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry_git.core.stays import Stay, Stays
from registry_git.server.pages.time_axis import ticks

WIDTH = 760  # all measures are in units of the drawing, about a pixel each
COLOURS = 6
SUB_LANES = 8  # that one stage may have
_LEFT, _RIGHT, _TOP = 8, 12, 8
_HEADING, _ROW, _BAR, _GAP, _AXIS = 20, 24, 20, 10, 26
_LETTER, _INSET = 7.6, 5  # how wide a letter of a label is, and what is free beside it
_NARROWEST = 3
_TICKS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stay. `colour` is from 1 up, the same for a version in all stages; `place` says where its label stands."""

    stay: Stay
    x: float
    y: float
    width: float
    height: float
    colour: int
    label: str
    label_x: float
    label_y: float
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A stage. `sub_lanes` counts the rows that it needs for the versions that shared it."""

    stage: str
    heading_y: float
    y: float
    height: float
    sub_lanes: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A moment on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The chart. `stays` are those that it is about, newest first, of `total`; `hidden` of them have no bar."""

    width: float
    height: float
    start: int
    end: int
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    axis_y: float
    stays: tuple[Stay, ...]
    total: int
    hidden: int


@dataclass(frozen=True, slots=True)
class _Scale:
    start: int
    end: int

    def x(self, at: int) -> float:
        """Where a moment is drawn."""
        span = max(self.end - self.start, 1)
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (min(max(at, self.start), self.end) - self.start) / span, 1)


def draw(stays: Stays, *, stages: Sequence[str], end: int) -> Timeline | None:
    """The chart of stays up to `end` (milliseconds), with the stages in the order given; None: there is nothing yet.

    Drawn are the newest, and in each stage the newest that still lasts, however long ago it began.
    """
    chosen = _chosen(stays)
    if not chosen:
        return None
    start = min(stay.since for stay in chosen)
    end = max(end, start + 1, *(stay.until or stay.since for stay in chosen))
    scale = _Scale(start, end)
    lanes: list[Lane] = []
    y: float = _TOP
    for stage in _in_order(stages, {stay.stage for stay in chosen}):
        lane = _lane(stage, [stay for stay in chosen if stay.stage == stage], scale, y)
        lanes.append(lane)
        y = lane.y + lane.height + _GAP
    drawn = sum(len(lane.bars) for lane in lanes)
    return Timeline(
        width=WIDTH,
        height=y + _AXIS,
        start=start,
        end=end,
        lanes=tuple(lanes),
        ticks=tuple(_ticks(scale)),
        axis_y=y,
        stays=tuple(chosen),
        total=stays.total,
        hidden=len(chosen) - drawn,
    )


def _chosen(stays: Stays) -> list[Stay]:
    newest_held: dict[str, Stay] = {}
    for stay in stays.held:
        newest_held.setdefault(stay.stage, stay)
    return list(dict.fromkeys([*stays.newest, *newest_held.values()]))


def _in_order(stages: Sequence[str], used: set[str]) -> list[str]:
    return [*(stage for stage in stages if stage in used), *sorted(used - set(stages))]


def _lane(stage: str, stays: list[Stay], scale: _Scale, top: float) -> Lane:
    """Rows are filled from the newest stay back, so that what finds no row is the oldest."""
    y = top + _HEADING
    rows: list[list[Stay]] = []
    for stay in stays:
        free = next((row for row in rows if _end(stay, scale) <= row[-1].since), None)
        if free is not None:
            free.append(stay)
        elif len(rows) < SUB_LANES:
            rows.append([stay])
    bars = [bar for number, row in enumerate(rows) for bar in _bars(row, scale, y + number * _ROW)]
    return Lane(stage=stage, heading_y=top + 14, y=y, height=len(rows) * _ROW, sub_lanes=len(rows), bars=tuple(bars))


def _end(stay: Stay, scale: _Scale) -> int:
    return scale.end if stay.until is None else stay.until


def _bars(row: list[Stay], scale: _Scale, y: float) -> Iterable[Bar]:
    """The bars of one row, newest first. A label stands in its bar, or beside it where there is room."""
    right: float = WIDTH  # what is beside the bar begins here
    for place, stay in enumerate(row):
        x = scale.x(stay.since)
        width = max(scale.x(_end(stay, scale)) - x, _NARROWEST)
        left = scale.x(_end(row[place + 1], scale)) if place + 1 < len(row) else 0.0
        label = f"v{stay.version}"
        needs = len(label) * _LETTER + 2 * _INSET
        if width >= needs:
            where, label_x = "inside", x + _INSET
        elif right - (x + width) >= needs:
            where, label_x = "after", x + width + _INSET
        elif x - left >= needs:
            where, label_x = "before", x - _INSET
        else:
            where, label_x = "", x
        right = x - needs if where == "before" else x
        yield Bar(
            stay=stay,
            x=x,
            y=y,
            width=round(width, 1),
            height=_BAR,
            colour=(stay.version - 1) % COLOURS + 1,
            label=label,
            label_x=round(label_x, 1),
            label_y=y + 14.5,
            place=where,
        )


def _ticks(scale: _Scale) -> Iterable[Tick]:
    for at, label in ticks(scale.start, scale.end, at_most=_TICKS):
        yield Tick(x=scale.x(at), label=label)
