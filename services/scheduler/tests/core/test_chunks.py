"""How many frames a node gets at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.scheduler.core.chunks import LEAST_SECONDS, MOST_FRAMES, TARGET_SECONDS
from lightmill.scheduler.core.timing import Timing
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import Stage


def chunks(seconds: float, frames: int = 1000, chunk: int | None = None) -> list[int]:
    farm = Stage(machine("a", cores=1))
    farm.report()
    farm.ask("job", f"1-{frames}", chunk=chunk)
    for _ in range(frames):
        node = farm.nodes["a"]
        for attempt_id in list(node.held):
            node.running.add(attempt_id)
            node.finish(attempt_id, seconds=seconds)
        farm.report()
        if not node.held:
            break
    return [len(order.frames) for order in farm.assigned]


def test_the_first_frames_go_one_by_one_and_the_last_in_small_pieces() -> None:
    sizes = chunks(0.1)
    assert sizes[0] == 1
    assert max(sizes) == TARGET_SECONDS / 0.1
    assert sizes[-1] <= LEAST_SECONDS / 0.1
    assert sum(sizes) == 1000


def test_no_piece_of_cheap_frames_is_shorter_than_handing_it_out() -> None:
    measured = [size for size in chunks(0.01, frames=1000) if size > 1]
    assert min(measured[:-1]) >= int(LEAST_SECONDS * MOST_FRAMES / TARGET_SECONDS)


def test_long_frames_go_one_by_one() -> None:
    assert set(chunks(60.0, frames=20)) == {1}


def test_no_chunk_is_larger_than_a_node_should_lose_at_once() -> None:
    assert max(chunks(0.0, frames=5000)) == MOST_FRAMES


@pytest.mark.parametrize(("seconds", "on_the_node"), [(1.0, 2), (60.0, 1)])
def test_what_is_known_to_be_long_does_not_wait_on_a_node(
    seconds: float, on_the_node: int
) -> None:
    farm = Stage(machine("a", cores=1))
    farm.report()
    farm.ask("job", "1-100", chunk=1)
    for attempt_id in list(farm.nodes["a"].held):
        farm.nodes["a"].finish(attempt_id, seconds=seconds)
    farm.report()
    assert len(farm.nodes["a"].held) == on_the_node


def test_what_the_owner_asked_for_holds() -> None:
    assert chunks(0.1, frames=10, chunk=4) == [4, 4, 2]


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=200))
def test_the_mean_lies_between_the_least_and_the_most(seconds: list[float]) -> None:
    timing = Timing()
    for one in seconds:
        timing.add(one)
    assert min(seconds) * 0.999 <= timing.mean <= max(seconds) * 1.001
    assert timing.spread >= 0


def test_recent_frames_weigh_more() -> None:
    timing = Timing()
    for _ in range(200):
        timing.add(1.0)
    for _ in range(100):
        timing.add(10.0)
    assert timing.mean == pytest.approx(10.0, rel=0.2)
