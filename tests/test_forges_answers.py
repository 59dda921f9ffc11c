"""What a forge answers is read strictly: absent is empty, another type is an error, times come in many forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_git.core.errors import Unavailable
from registry_git.core.times import Timestamp
from registry_git.forges.answers import Answer
from registry_git.forges.base import Person


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-23T06:14:11Z", "2026-11-23T06:14:11.000Z"),
        ("2026-11-23T06:14:11.4Z", "2026-11-23T06:14:11.400Z"),
        ("2026-11-23T06:14:11.412345678+02:00", "2026-11-23T04:14:11.412Z"),
        ("2026-11-23 06:14:11 UTC", "2026-11-23T06:14:11.000Z"),
        ("1431414800", "2015-05-12T07:13:20.000Z"),
        ("1431414800.0157", "2015-05-12T07:13:20.015Z"),
        (1431414800, "2015-05-12T07:13:20.000Z"),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_read_in_every_form_that_a_forge_writes(written: object, expected: str | None) -> None:
    found = Answer({"at": written}).moment("at")
    assert (found.text() if found is not None else None) == expected


@pytest.mark.parametrize("written", ["yesterday", "2026-13-01T00:00:00Z", True, [], {}, "999999999999", -5])
def test_what_is_no_time_is_an_error_of_ours(written: object) -> None:
    with pytest.raises(Unavailable, match="at is not a time"):
        Answer({"at": written}).moment("at")


def test_what_is_not_there_is_empty_at_any_depth() -> None:
    empty = Answer({"user": None})
    assert (empty.text("user", "login"), empty.number("x", "y"), empty.flag("x"), list(empty.items("x"))) == (
        "",
        0,
        False,
        [],
    )
    assert not empty.at("user")


@pytest.mark.parametrize(("value", "read"), [(5, "text"), ("5", "number"), (True, "number"), ("x", "items")])
def test_another_type_is_an_error_that_names_the_place(value: object, read: str) -> None:
    with pytest.raises(Unavailable, match=r"a\.b is not"):
        list(getattr(Answer({"a": {"b": value}}), read)("a", "b") or ())


@given(st.text())
def test_any_time_is_read_or_refused(written: str) -> None:
    try:
        found = Answer({"at": written}).moment("at")
    except Unavailable:
        return
    assert found is None or isinstance(found, Timestamp)


@given(st.text(max_size=20), st.text(min_size=1, max_size=10))
def test_a_person_with_an_address_can_be_written_into_a_record(name: str, login: str) -> None:
    found = Person(login=f"x{login}", name=name, email="bob@acme.io").actor
    assert found is not None
    assert found.email == "bob@acme.io"
    assert Person(login=login, name=name).actor is None
