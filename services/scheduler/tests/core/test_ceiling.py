"""The ceiling of seed 003: its rule line by line, and the figures that it has by default."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.policy import Scaling
from lightmill.scheduler.core.ceiling import LUMINA, STANDARD, Ceiling


@dataclass(frozen=True)
class Row:
    """What waits at which second, and what may run afterwards."""

    second: float
    pending: int
    current: int


UP_WHILE_TWICE_AS_MUCH_WAITS = [
    Row(10, 21, 10),  # the interval has not passed
    Row(60, 20, 10),  # not more than twice as much
    Row(70, 21, 15),
    Row(80, 1000, 15),  # 10 s after the last step
    Row(130, 30, 15),
    Row(140, 31, 20),
    Row(200, 1000, 25),
    Row(260, 1000, 30),
    Row(320, 1000, 35),
    Row(380, 1000, 40),
    Row(440, 1000, 45),
    Row(500, 1000, 50),
    Row(560, 1000, 50),  # maxConcurrentTasks
]

DOWN_WHILE_LESS_THAN_HALF_WAITS = [
    Row(60, 100, 15),
    Row(120, 100, 20),
    Row(170, 0, 20),  # 180 s from the start have not passed
    Row(180, 10, 20),  # exactly half
    Row(190, 9, 15),
    Row(200, 0, 15),
    Row(360, 0, 15),  # 170 s after the last step
    Row(370, 0, 10),
    Row(600, 0, 10),  # never below initialConcurrentTasks
]

LUMINA_GOES_BY_TWO_IN_TWO_MINUTES = [
    Row(60, 100, 2),
    Row(110, 100, 2),
    Row(120, 4, 2),
    Row(130, 5, 4),
    Row(240, 100, 4),
    Row(250, 100, 6),
    Row(310, 2, 4),
    Row(320, 0, 4),
    Row(490, 0, 2),
    Row(900, 0, 2),
]

A_STEP_STOPS_AT_THE_BOUNDS = [
    Row(60, 100, 15),
    Row(120, 100, 17),
    Row(180, 0, 12),
    Row(360, 0, 10),
]


@pytest.mark.parametrize(
    ("scaling", "table"),
    [
        (STANDARD, UP_WHILE_TWICE_AS_MUCH_WAITS),
        (STANDARD, DOWN_WHILE_LESS_THAN_HALF_WAITS),
        (LUMINA, LUMINA_GOES_BY_TWO_IN_TWO_MINUTES),
        (Scaling(maximum=17), A_STEP_STOPS_AT_THE_BOUNDS),
    ],
    ids=["up", "down", "lumina", "bounds"],
)
def test_the_rule_of_seed_003(scaling: Scaling, table: list[Row]) -> None:
    ceiling = Ceiling(scaling, 0.0)
    seen = [Row(row.second, row.pending, ceiling.adjust(row.pending, row.second)) for row in table]
    assert seen == table


def test_the_figures_of_seed_003() -> None:
    standard = (STANDARD.initial, STANDARD.maximum, STANDARD.step)
    assert (*standard, STANDARD.up_interval, STANDARD.down_interval) == (10, 50, 5, 60.0, 180.0)
    lumina = (LUMINA.initial, LUMINA.maximum, LUMINA.step)
    assert (*lumina, LUMINA.up_interval, LUMINA.down_interval) == (2, 50, 2, 120.0, 180.0)


def test_the_queue_is_looked_at_every_ten_seconds() -> None:
    ceiling = Ceiling(STANDARD, 0.0)
    assert ceiling.adjust(0, 55.0) == 10
    assert ceiling.adjust(100, 60.0) == 10  # 5 s after the last look
    assert ceiling.adjust(100, 65.0) == 15


def test_a_clock_set_back_holds_it_for_no_longer_than_its_interval() -> None:
    ceiling = Ceiling(STANDARD, 1_000_000.0)
    assert ceiling.adjust(100, 0.0) == 10
    assert ceiling.adjust(100, 60.0) == 15


def test_other_figures_hold_at_once() -> None:
    ceiling = Ceiling(STANDARD, 0.0)
    ceiling.adjust(100, 60.0)
    ceiling.reform(Scaling(maximum=12))
    assert ceiling.current == 12
    ceiling.reform(Scaling(initial=20))
    assert ceiling.current == 20


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1000)), max_size=60))
def test_it_never_leaves_its_bounds_and_moves_by_a_step_at_most(
    looks: list[tuple[int, float]],
) -> None:
    ceiling, now = Ceiling(STANDARD, 0.0), 0.0
    for pending, later in looks:
        now, before = now + later, ceiling.current
        after = ceiling.adjust(pending, now)
        assert STANDARD.initial <= after <= STANDARD.maximum
        assert abs(after - before) in {0, STANDARD.step}
