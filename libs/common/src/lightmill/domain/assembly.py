"""Steps that put together what earlier steps of their job have rendered.

Their engine is `assembly`; which of those it puts together how stands in the settings of the work.
"""

from collections.abc import Iterator
from enum import StrEnum

from lightmill.domain.frames import MAX_FRAMES, FrameListError, FrameSet, Run

ASSEMBLY = "assembly"
"""The engine."""
_MOST_RUNS = 10_000
_LARGEST = 2**31 - 1


class Assembly(StrEnum):
    """What becomes of the images, as `settings.assemble` says."""

    STITCH = "stitch"
    FILM = "film"
    CONTACT_SHEET = "contact-sheet"


def tile_frames(frames: FrameSet, tiles: int) -> FrameSet:
    """Return the numbers of the tiles of `frames`, a frame's tiles in a row.

    Tile 0, 1 … of frame f is number f x `tiles`, f x `tiles` + 1 … `render_node.core.tiles` reads
    them so.

    Raises:
        FrameListError: they are too many for a job, or too large for a number of a frame.
    """
    if len(frames) * tiles > MAX_FRAMES:
        raise FrameListError(f"{len(frames) * tiles} tiles; a job has at most {MAX_FRAMES}")
    runs = tuple(run for frame_run in frames.runs for run in _tiled(frame_run, tiles))
    if len(runs) > _MOST_RUNS:
        raise FrameListError(f"tiles of a frame list with more than {_MOST_RUNS} gaps")
    if any(abs(run.at(place)) > _LARGEST for run in runs for place in (0, run.count - 1)):
        raise FrameListError("frame numbers are too large to be cut into so many tiles")
    return FrameSet(runs)


def inputs_of(ordinal: int, frames: int, inputs: int) -> range:
    """Return which ordinals of an input step belong to an ordinal of the step that works on it.

    They are shared out evenly and in order: a film of one frame gets all of them, and each of the
    stills in four tiles gets four.

    Args:
        ordinal: Of the step that works.
        frames: How many frames that step has.
        inputs: How many the input step has.
    """
    return range(ordinal * inputs // frames, (ordinal + 1) * inputs // frames)


def _tiled(run: Run, tiles: int) -> Iterator[Run]:
    if run.step == 1:
        yield Run(run.first * tiles, run.count * tiles)
        return
    for place in range(run.count):
        yield Run(run.at(place) * tiles, tiles)
