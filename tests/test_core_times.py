"""Points in time are written as the calendar has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from registry_git.core.times import Timestamp


@given(st.integers(0, 253402300799999))
@example(0)
@example(951_782_399_999)  # before a 29th of February
@example(253402300799999)
def test_a_time_is_written_as_the_calendar_has_it_and_read_back(milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=milliseconds)
    text = Timestamp.of(milliseconds).text()
    assert text == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert Timestamp.parse(text) == milliseconds
