"""FrameSet against plain lists of frame numbers."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.frames import MAX_FRAMES, FrameListError, FrameSet, Run, bisected
from lightmill.domain.job import After, FrameOrder, arranged, steps_with_test

numbers = st.integers(-60, 60)


@st.composite
def parts(draw: st.DrawFn) -> tuple[str, list[int]]:
    """Give a part of a frame list and the frames it names."""
    first, last = draw(numbers), draw(numbers)
    kind = draw(st.sampled_from(["one", "range", "stepped"]))
    if kind == "one":
        return str(first), [first]
    sign = 1 if last >= first else -1
    if kind == "range":
        return f"{first}-{last}", list(range(first, last + sign, sign))
    step = draw(st.integers(1, 9)) * sign
    separator = draw(st.sampled_from("x:"))
    return f"{first}-{last}{separator}{step}", list(range(first, last + sign, step))


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, list[int]]:
    """Give a frame list and the distinct frames it names, in the order written."""
    chosen = draw(st.lists(parts(), min_size=1, max_size=5))
    separator = draw(st.sampled_from([",", ", ", " , ", ",,"]))
    frames = [frame for _, named in chosen for frame in named]
    return separator.join(text for text, _ in chosen), list(dict.fromkeys(frames))


@given(lists())
def test_a_list_is_read_as_written_without_repeats(pair: tuple[str, list[int]]) -> None:
    text, frames = pair
    parsed = FrameSet.parse(text)
    assert list(parsed) == frames
    assert len(parsed) == len(frames)


@given(lists())
def test_an_ordinal_finds_its_frame(pair: tuple[str, list[int]]) -> None:
    text, frames = pair
    parsed = FrameSet.parse(text)
    assert [parsed.at(ordinal) for ordinal in range(len(parsed))] == frames
    with pytest.raises(IndexError):
        parsed.at(len(frames))


@given(lists(), numbers)
def test_membership(pair: tuple[str, list[int]], frame: int) -> None:
    text, frames = pair
    assert (frame in FrameSet.parse(text)) == (frame in frames)


@given(lists(), lists())
def test_without(one: tuple[str, list[int]], other: tuple[str, list[int]]) -> None:
    rest = FrameSet.parse(one[0]).without(FrameSet.parse(other[0]))
    assert list(rest) == [frame for frame in one[1] if frame not in other[1]]
    assert len(rest) == len(list(rest))


@given(lists())
def test_descending(pair: tuple[str, list[int]]) -> None:
    assert list(FrameSet.parse(pair[0]).descending()) == pair[1][::-1]


@given(lists())
def test_its_own_spelling_is_read_back_as_the_same(pair: tuple[str, list[int]]) -> None:
    parsed = FrameSet.parse(pair[0])
    assert list(FrameSet.parse(str(parsed))) == list(parsed)


@given(lists(), lists())
def test_no_frame_is_in_two_steps_and_none_is_missing(
    wanted: tuple[str, list[int]], test: tuple[str, list[int]]
) -> None:
    steps = steps_with_test(FrameSet.parse(wanted[0]), FrameSet.parse(test[0]), stop=True)
    frames = [frame for step in steps for frame in step.frames]
    assert sorted(frames) == sorted({*wanted[1], *test[1]})
    assert list(steps[0].frames) == test[1]
    assert [step.after for step in steps[1:]] == [(After(step="test", must_succeed=True),)] * (
        len(steps) - 1
    )


def test_without_test_frames_there_is_one_step() -> None:
    (step,) = steps_with_test(FrameSet.parse("1-10"), None, stop=True)
    assert (step.name, list(step.frames)) == ("frames", list(range(1, 11)))


@given(numbers, st.integers(1, 50), st.integers(-9, 9).filter(bool), numbers)
def test_a_run_knows_where_each_frame_stands(
    first: int, count: int, step: int, frame: int
) -> None:
    frames = list(range(first, first + count * step, step))
    expected = frames.index(frame) if frame in frames else None
    assert Run(first, count, step).position(frame) == expected


@pytest.mark.parametrize(
    "text",
    ["5-1x0", "", " , ", "a", "1-", "1--", "1-10x", "1-10x-1", "10-1x1", "1..5", "1-2-3", "1.5",
     "9" * 10],
)  # fmt: skip
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(FrameListError):
        FrameSet.parse(text)


@given(st.text(alphabet="0123456789-x:, ", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parsed = FrameSet.parse(text)
    except FrameListError:
        return
    assert 1 <= len(parsed) <= MAX_FRAMES


@given(st.lists(parts(), min_size=51, max_size=80))
def test_a_list_of_many_parts_is_read_the_same_way(chosen: list[tuple[str, list[int]]]) -> None:
    frames = list(dict.fromkeys(frame for _, named in chosen for frame in named))
    parsed = FrameSet.parse(",".join(text for text, _ in chosen))
    assert list(parsed) == frames
    assert list(FrameSet.parse(str(parsed))) == frames


@pytest.mark.parametrize(
    "text",
    [
        ",".join(str(frame * frame) for frame in range(20_000)),
        "1-999999x2,1-1000000",
        "1-1000000x2,2-1000000x3",
        ",".join(["1-1000000"] * 60),
    ],
    ids=["squares", "odd-then-all", "interleaved", "repeated"],
)
def test_no_list_takes_long(text: str) -> None:
    """Read or refused, within the second that a request may take."""
    start = time.process_time()
    with contextlib.suppress(FrameListError):
        FrameSet.parse(text)
    assert time.process_time() - start < 1


def test_taking_many_single_frames_out_of_a_long_job_takes_no_time() -> None:
    start = time.process_time()
    test = FrameSet.parse(",".join(str(frame * frame) for frame in range(1, 1000)))
    rest = FrameSet.parse("1-1000000").without(test)
    assert time.process_time() - start < 2
    assert len(rest) == MAX_FRAMES - 999
    assert not any(frame in rest for frame in (1, 4, 9, 998_001))


def test_the_ceiling_is_a_million_frames_and_not_one_more() -> None:
    assert len(FrameSet.parse(f"1-{MAX_FRAMES}")) == MAX_FRAMES
    with pytest.raises(FrameListError, match="1000001 frames; a job has at most 1000000"):
        FrameSet.parse(f"1-{MAX_FRAMES + 1}")


def test_a_million_frames_weigh_as_much_as_one() -> None:
    assert _seconds("1-1000000") < 50 * max(_seconds("1"), 1e-5)
    assert FrameSet.parse("1-1000000").runs == (Run(1, 1_000_000),)


def _seconds(text: str) -> float:
    taken = []
    for _ in range(5):
        start = time.process_time()
        FrameSet.parse(text)
        taken.append(time.process_time() - start)
    return min(taken)


@given(st.integers(1, 2000))
def test_bisection_hands_out_every_position_once(count: int) -> None:
    assert sorted(bisected(count, place) for place in range(count)) == list(range(count))


def test_bisection_shows_the_ends_the_middle_and_the_quarters_first() -> None:
    (step,) = steps_with_test(FrameSet.parse("1-100"), None, stop=True, order=FrameOrder.BISECTION)
    assert [step.frame_at(ordinal) for ordinal in range(5)] == [1, 100, 50, 25, 75]


@given(lists())
def test_ascending_and_descending_sort_whatever_was_written(pair: tuple[str, list[int]]) -> None:
    frames = FrameSet.parse(pair[0])
    assert list(arranged(frames, FrameOrder.ASCENDING)) == sorted(pair[1])
    assert list(arranged(frames, FrameOrder.DESCENDING)) == sorted(pair[1], reverse=True)
