"""Frame lists as arithmetic runs: a million frames weigh as much as one.

`fileseq`, the field's usual parser, expands every list into a tuple, which makes accepting a
long job cost as much as the job is long. The syntax read here is the subset that Flamenco and
OpenJD share with it: `47`, `1-30`, `1-100x10`, `3, 5-10, 47-327`, negative frames, and
descending runs `30-1`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from typing_extensions import override

MAX_FRAMES = 1_000_000
_MAX_HOLES = 10_000
_MANY_PARTS = 50
_PART = re.compile(r"(?P<first>-?\d{1,9})(?:-(?P<last>-?\d{1,9})(?:[x:](?P<step>-?\d{1,9}))?)?")


class FrameListError(ValueError):
    """A frame list that cannot be read, or is longer than a job may be."""


@dataclass(frozen=True, slots=True)
class Run:
    """`count` frames from `first`, each `step` after the one before; `step` may be negative."""

    first: int
    count: int
    step: int = 1

    def at(self, position: int) -> int:
        """Return the frame number at `position`, counted from 0."""
        return self.first + position * self.step

    def position(self, frame: int) -> int | None:
        """Return where `frame` stands in this run, or None."""
        quotient, remainder = divmod(frame - self.first, self.step)
        return quotient if remainder == 0 and 0 <= quotient < self.count else None


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Distinct frame numbers in the order in which they are rendered.

    The position of a frame in it is its *ordinal*.
    """

    runs: tuple[Run, ...]

    @staticmethod
    def parse(text: str) -> "FrameSet":
        """Return the frames that `text` names, in the order written, repeats dropped.

        Raises:
            FrameListError: `text` is no frame list, or names more than `MAX_FRAMES` frames.
        """
        parts = [_run(part) for part in (piece.strip() for piece in text.split(",")) if part]
        if not parts:
            raise FrameListError("a frame list names at least one frame, such as 1-100")
        named = sum(part.count for part in parts)
        if named > 2 * MAX_FRAMES:  # repeats included, which would be dropped, but take time
            raise FrameListError(f"{named} frames; a job has at most {MAX_FRAMES}")
        frames = _joined(parts) if len(parts) <= _MANY_PARTS else _listed(parts)
        if len(frames) > MAX_FRAMES:
            raise FrameListError(f"{len(frames)} frames; a job has at most {MAX_FRAMES}")
        return frames

    def __len__(self) -> int:
        return sum(run.count for run in self.runs)

    def __iter__(self) -> Iterator[int]:
        for run in self.runs:
            for position in range(run.count):
                yield run.at(position)

    def __contains__(self, frame: int) -> bool:
        return any(run.position(frame) is not None for run in self.runs)

    @override
    def __str__(self) -> str:
        return ",".join(map(_text, self.runs))

    def at(self, ordinal: int) -> int:
        """Return the frame number at `ordinal`.

        Raises:
            IndexError: there is no such ordinal.
        """
        for run in self.runs:
            if ordinal < run.count:
                return run.at(ordinal)
            ordinal -= run.count
        raise IndexError(ordinal)

    def without(self, other: "FrameSet") -> "FrameSet":
        """Return the frames of this set that `other` does not hold, in the same order.

        Raises:
            FrameListError: the two interleave in more places than is sensible to keep.
        """
        if len(other.runs) > _MANY_PARTS:
            left_out = set(other)
            return _packed(frame for frame in self if frame not in left_out)
        runs = self.runs
        for taken in other.runs:
            runs = tuple(rest for run in runs for rest in _cut(run, taken))
            if len(runs) > _MAX_HOLES:
                raise FrameListError("the frame list overlaps itself in too many places")
        return FrameSet(runs)

    def ascending(self) -> "FrameSet":
        """Return the same frames by their number."""
        upward = (
            Run(run.at(run.count - 1), run.count, -run.step) if run.step < 0 else run
            for run in self.runs
        )
        runs = sorted(upward, key=lambda run: run.first)
        if all(a.at(a.count - 1) < b.first for a, b in pairwise(runs)):
            return FrameSet(tuple(runs))
        return _packed(sorted(self))

    def descending(self) -> "FrameSet":
        """Return the same frames, last ordinal first."""
        turned = (Run(run.at(run.count - 1), run.count, -run.step) for run in self.runs)
        return FrameSet(tuple(turned)[::-1])


def bisected(count: int, place: int) -> int:
    """Return which of `count` positions comes at `place` when halves are halved.

    The first and the last come first, then the middle, the quarters and so on: whoever looks at
    the frames sees the whole of a shot early. Costs log `count`; no list is made.

    Raises:
        IndexError: there is no such place.
    """
    if not 0 <= place < count:
        raise IndexError(place)
    if place < 2:  # noqa: PLR2004  # the two ends
        return 0 if place == 0 else count - 1
    level = (place - 1).bit_length() - 1
    return 1 + _middle(count - 2, level, place - 1 - 2**level)


def _middle(size: int, level: int, place: int) -> int:
    """Return the `place`-th middle on `level` of the halves of `size` positions."""
    start = 0
    for below in range(level - 1, -1, -1):
        left = (size - 1) // 2
        filled = max(0, min(2**below, left - (2**below - 1)))
        if place < filled:
            size = left
        else:
            place, start, size = place - filled, start + left + 1, size - 1 - left
    return start + (size - 1) // 2


def _joined(parts: list[Run]) -> FrameSet:
    """Return the frames of `parts`, cut by arithmetic: the cost grows with parts squared."""
    frames = FrameSet(())
    for part in parts:
        frames = FrameSet(frames.runs + FrameSet((part,)).without(frames).runs)
    return frames


def _listed(parts: list[Run]) -> FrameSet:
    """Return the frames of `parts`, looked at one by one: the cost grows with the frames."""
    return _packed(dict.fromkeys(frame for part in parts for frame in FrameSet((part,))))


def _packed(frames: Iterable[int]) -> FrameSet:
    """Return distinct `frames` as runs, each as long as it goes."""
    runs: list[Run] = []
    first = step = count = 0
    for frame in frames:
        if count == 1:
            step = frame - first
        if count and frame == first + count * step:
            count += 1
            continue
        if count:
            runs.append(Run(first, count, step if count > 1 else 1))
        first, step, count = frame, 0, 1
    if count:
        runs.append(Run(first, count, step if count > 1 else 1))
    return FrameSet(tuple(runs))


def _run(part: str) -> Run:
    found = _PART.fullmatch(part.replace(" ", ""))
    if found is None:
        raise FrameListError(f"{part!r} is no frame or range; write 47, 1-30 or 1-100x10")
    first = int(found["first"])
    last = first if found["last"] is None else int(found["last"])
    step = int(found["step"] or (1 if last >= first else -1))
    if step == 0 or (last - first) * step < 0:
        raise FrameListError(f"{part!r} never reaches its last frame")
    return Run(first, (last - first) // step + 1, step)


def _text(run: Run) -> str:
    if run.count == 1:
        return str(run.first)
    span = f"{run.first}-{run.at(run.count - 1)}"
    return span if abs(run.step) == 1 else f"{span}x{run.step}"


def _cut(run: Run, taken: Run) -> Iterator[Run]:
    """Yield what remains of `run` without the frames of `taken`."""
    start = 0
    for hole_start, hole_end in _holes(run, taken):
        if hole_start > start:
            yield Run(run.at(start), hole_start - start, run.step)
        start = hole_end
    if start < run.count:
        yield Run(run.at(start), run.count - start, run.step)


def _holes(run: Run, taken: Run) -> Iterator[tuple[int, int]]:
    """Yield the stretches of positions in `run` that `taken` covers, ascending."""
    low, high = sorted((taken.first, taken.at(taken.count - 1)))
    ends = sorted(((low - run.first) / run.step, (high - run.first) / run.step))
    first, last = max(0, -int(-ends[0] // 1)), min(run.count - 1, int(ends[1] // 1))
    if run.step % taken.step == 0:  # all of the overlap or none of it
        if first <= last and taken.position(run.at(first)) is not None:
            yield first, last + 1
        return
    period = abs(taken.step) // gcd(run.step, taken.step)
    if last - first >= MAX_FRAMES or (last - first) // period > _MAX_HOLES:
        raise FrameListError("the frame list overlaps itself in too many places")
    for position in range(first, last + 1):
        if taken.position(run.at(position)) is not None:
            yield position, position + 1
