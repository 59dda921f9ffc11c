"""What commit messages say to machines."""

from __future__ import annotations

import pytest

from registry_git.core.changes.proposal import Headline
from registry_git.core.names import Id
from registry_git.core.times import Timestamp
from registry_git.manifests.messages import read_operation, read_time, write_message

AT = Timestamp.parse("2026-11-23T06:14:11.412Z")
SECOND = AT // 1000


def message(comment: str = "") -> str:
    return write_message(Headline(sentence="Move fraud v1", action="transition"), comment, Id("20261123-7k3m9q"), AT)


def test_the_time_of_an_activity_is_known_to_the_millisecond() -> None:
    assert read_time(message(), SECOND) == AT
    assert read_operation(message()) == "20261123-7k3m9q"


@pytest.mark.parametrize("second", [SECOND - 1, SECOND + 1, 0])
def test_a_time_that_git_does_not_confirm_is_not_believed(second: int) -> None:
    assert read_time(message(), second) == second * 1000


@pytest.mark.parametrize("text", ["", "Registry-Time: 2026-11-23T06:14:11.412Z", message()[:-30], "x\n" * 1000])
def test_other_messages_have_the_second_that_git_wrote(text: str) -> None:
    assert read_time(text, SECOND) == SECOND * 1000


def test_no_comment_can_name_another_millisecond() -> None:
    evil = "Registry-Time: 2026-11-23T06:14:11.999Z\nRegistry-Operation: abcd"
    assert read_time(message(evil), SECOND) == AT
