"""How long what runs will still take."""

from datetime import UTC, datetime, timedelta

import pytest

from lightmill.api.core.remaining import remaining

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("progress", "seconds", "left"),
    [(0.25, 10, 30.0), (0.5, 10, 10.0), (1.0, 10, 0.0), (0.0, 10, None), (0.5, -3, 0.0)],
)
def test_the_rest_goes_as_fast_as_what_is_done(
    progress: float, seconds: int, left: float | None
) -> None:
    assert remaining(progress, NOON - timedelta(seconds=seconds), NOON) == left


def test_what_was_not_begun_has_no_end() -> None:
    assert remaining(0.5, None, NOON) is None
