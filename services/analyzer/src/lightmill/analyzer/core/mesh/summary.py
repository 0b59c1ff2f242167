"""What is told of a model, whatever its format."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lightmill.analyzer.core.broken import BrokenSceneError

Point = Sequence[float]


@dataclass(slots=True)
class Box:
    """The lowest and the highest corner of points, as they come."""

    low: list[float] = field(default_factory=lambda: [math.inf] * 3)
    high: list[float] = field(default_factory=lambda: [-math.inf] * 3)

    def take(self, points: Iterable[Point]) -> None:
        """Make the box hold these points too.

        Raises:
            BrokenSceneError: one is no place.
        """
        for axis, values in enumerate(zip(*points, strict=True)):
            self.low[axis] = min(self.low[axis], *values)
            self.high[axis] = max(self.high[axis], *values)
            if any(map(math.isnan, values)) or not math.isfinite(self.high[axis] - self.low[axis]):
                raise BrokenSceneError("is damaged: a vertex stands nowhere")

    def document(self) -> dict[str, list[float]] | None:
        """Return the box as JSON; None while nothing is in it."""
        if not math.isfinite(self.low[0]):
            return None
        return {"min": list(self.low), "max": list(self.high)}


def summary(
    kind: str, box: Box, triangles: int, materials: Iterable[str] = ()
) -> dict[str, object]:
    """Return what is told of a model without cameras.

    Raises:
        BrokenSceneError: there is nothing to be seen of it.
    """
    if triangles < 1:
        raise BrokenSceneError("holds no triangle: there is nothing to be rendered")
    return {
        "format": kind,
        "bounds": box.document(),
        "triangles": triangles,
        "materials": list(dict.fromkeys(materials)),
        "cameras": [],
    }
