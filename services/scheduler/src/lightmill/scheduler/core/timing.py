"""How long the frames of a step take, as measured."""

from dataclasses import dataclass
from math import sqrt

_MEMORY = 50
"""Frames that weigh as much as everything before them: a scene grows heavier as it goes on."""


@dataclass(slots=True)
class Timing:
    """Mean and spread of seconds a frame, recent frames first."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0

    @property
    def spread(self) -> float:
        """Return the standard deviation, in seconds."""
        return sqrt(self.variance)

    def add(self, seconds: float, frames: int = 1) -> None:
        """Take in `frames` that took `seconds` each."""
        self.count += frames
        weight = frames / min(self.count, _MEMORY + frames)
        off = seconds - self.mean
        self.mean += weight * off
        self.variance = (1 - weight) * (self.variance + weight * off * off)
