import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.api.core import cursor
from lightmill.api.core.problem import ProblemError


@given(st.integers(), st.text())
def test_a_cursor_holds_what_was_put_in(number: int, text: str) -> None:
    assert cursor.decode(cursor.encode(number, text), int, str) == (number, text)


@given(st.text())
def test_what_no_list_has_given_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        cursor.decode(text, int, int, int)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(ProblemError):
        cursor.decode(cursor.encode("a"), int)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-22T00:00:00"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        cursor.moment(text)
