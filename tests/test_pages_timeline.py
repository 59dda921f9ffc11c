"""Where everything of the timeline is drawn: lanes, rows, bars, labels and the axis."""

from __future__ import annotations

from itertools import pairwise

import pytest

from registry_git.core.stays import Stay, Stays
from registry_git.server.pages.time_axis import ticks
from registry_git.server.pages.timeline import SUB_LANES, WIDTH, Lane, Timeline, draw

DAY = 86_400_000
NOVEMBER = 1_793_491_200_000  # 2026-11-01 00:00 UTC
STAGES = ("Staging", "Production", "Archived")


def stay(version: int, stage: str, since: int, until: int | None = None) -> Stay:
    """A stay by Alice; times in days since November began."""
    end = None if until is None else NOVEMBER + until * DAY
    return Stay(
        stage=stage, version=version, since=NOVEMBER + since * DAY, until=end, by="Alice <a@b.c>", request="", commit=""
    )


def drawn(*newest_first: Stay, end: int = 30, total: int = 0, held: tuple[Stay, ...] = ()) -> Timeline:
    stays = Stays(
        newest=newest_first,
        held=held or tuple(one for one in newest_first if one.until is None),
        total=total or len(newest_first),
    )
    found = draw(stays, stages=STAGES, end=NOVEMBER + end * DAY)
    assert found is not None
    return found


def rows(lane: Lane) -> list[list[int]]:
    """The versions of each row, from left to right."""
    found: dict[float, list[tuple[float, int]]] = {}
    for bar in lane.bars:
        found.setdefault(bar.y, []).append((bar.x, bar.stay.version))
    return [[version for _, version in sorted(found[y])] for y in sorted(found)]


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw(Stays(held=(), newest=(), total=0), stages=STAGES, end=NOVEMBER) is None


def test_a_stage_is_a_lane_in_the_order_of_the_policy_and_unknown_ones_come_last() -> None:
    found = drawn(stay(1, "Ålesund", 4), stay(2, "Archived", 3), stay(3, "a b", 2, 3), stay(4, "Staging", 1, 2), end=10)
    assert [lane.stage for lane in found.lanes] == ["Staging", "Archived", "a b", "Ålesund"]
    assert all(one.y + one.height <= other.heading_y for one, other in pairwise(found.lanes))
    assert found.axis_y < found.height


def test_bars_go_from_when_they_began_to_when_they_ended_or_to_the_end() -> None:
    found = drawn(stay(2, "Production", 15), stay(1, "Production", 0, 15), end=30)
    newer, older = found.lanes[0].bars
    assert older.x < newer.x
    assert older.x + older.width == pytest.approx(newer.x, abs=0.2)
    assert newer.width == pytest.approx(older.width, abs=0.2)
    assert newer.x + newer.width <= WIDTH


def test_versions_one_after_the_other_share_a_row_and_versions_at_once_do_not() -> None:
    found = drawn(stay(3, "Staging", 6), stay(2, "Staging", 4, 8), stay(1, "Staging", 0, 4), end=10)
    assert rows(found.lanes[0]) == [[1, 3], [2]]
    for row in {bar.y for bar in found.lanes[0].bars}:
        bars = sorted((bar for bar in found.lanes[0].bars if bar.y == row), key=lambda bar: bar.x)
        assert all(one.x + one.width <= other.x + 0.2 for one, other in pairwise(bars))


def test_a_version_has_one_colour_in_all_stages() -> None:
    found = drawn(stay(7, "Production", 4), stay(8, "Staging", 3), stay(7, "Staging", 0, 4))
    colours = {(bar.stay.version, bar.colour) for lane in found.lanes for bar in lane.bars}
    assert colours == {(7, 1), (8, 2)}


def test_a_label_stands_in_its_bar_or_beside_it_or_nowhere() -> None:
    wide = drawn(stay(12, "Staging", 0), end=10).lanes[0].bars[0]
    assert (wide.label, wide.place) == ("v12", "inside")
    assert wide.x < wide.label_x < wide.x + wide.width
    short = drawn(stay(2, "Production", 100), stay(1, "Production", 0, 1), end=200).lanes[0].bars[1]
    assert (short.label, short.place) == ("v1", "after")
    late = drawn(stay(2, "Production", 999), stay(1, "Staging", 0, 1), end=1000)
    assert late.lanes[1].bars[0].place == "before"
    crowded = drawn(*(stay(number, "Production", number, number + 1) for number in range(199, -1, -1)), end=200)
    assert sum(bar.place == "" for bar in crowded.lanes[0].bars) > 100
    assert all(bar.width >= 3 for bar in crowded.lanes[0].bars)


def test_too_many_at_once_are_counted_instead_of_drawn_the_oldest_first() -> None:
    found = drawn(*(stay(number, "Archived", number) for number in range(20, 0, -1)))
    assert found.lanes[0].sub_lanes == SUB_LANES
    assert found.hidden == 20 - SUB_LANES
    assert {bar.stay.version for bar in found.lanes[0].bars} == set(range(13, 21))
    assert len(found.stays) == 20


def test_what_still_serves_is_drawn_however_long_ago_it_began() -> None:
    old = stay(1, "Production", 0)
    newest = tuple(stay(number, "Staging", number, number + 1) for number in range(40, 20, -1))
    found = drawn(*newest, held=(old,), total=300, end=50)
    assert [lane.stage for lane in found.lanes] == ["Staging", "Production"]
    assert found.start == old.since
    assert (len(found.stays), found.total) == (21, 300)


def test_hundreds_of_moves_stay_a_picture_of_bounded_size() -> None:
    found = drawn(*(stay(number, STAGES[number % 3], number, number + 400) for number in range(200, 0, -1)), end=700)
    assert found.height < 3 * (SUB_LANES * 24 + 40) + 60
    assert sum(len(lane.bars) for lane in found.lanes) + found.hidden == 200


def test_a_stay_without_length_has_a_bar_within_the_picture() -> None:
    found = drawn(stay(1, "Staging", 3, 3), end=3)
    assert found.lanes[0].bars[0].width >= 3
    assert found.end > found.start


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (0.0001, "00:00:00"),
        (0.02, "1 Nov 00:00"),
        (1, "1 Nov 00:00"),
        (5, "1 Nov"),
        (30, "2 Nov"),
        (200, "Nov 2026"),
        (3000, "2028"),
        (30_000, "2040"),
    ],
)
def test_ticks_are_round_and_few(days: float, first: str) -> None:
    found = ticks(NOVEMBER, NOVEMBER + int(days * DAY), at_most=7)
    assert 2 <= len(found) <= 7
    assert found[0][1] == first
    assert all(NOVEMBER <= at <= NOVEMBER + days * DAY for at, _ in found)
    assert [at for at, _ in found] == sorted(at for at, _ in found)


def test_weeks_begin_on_monday() -> None:
    found = ticks(NOVEMBER, NOVEMBER + 28 * DAY, at_most=7)
    assert [label for _, label in found] == ["2 Nov", "9 Nov", "16 Nov", "23 Nov"]
