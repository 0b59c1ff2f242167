"""Where a design is looked at from, in the words of seed 000's `POST /jobs`."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from typing_extensions import override

FARTHEST = 1e9
"""Largest coordinate, so that single-precision renderers still tell points apart."""

NARROWEST, WIDEST = 1.0, 179.0
_NEAREST = 1e-9
_PARALLEL = 1e-5  # sine of the angle under which `up` no longer says where up is


class CameraError(ValueError):
    """A camera that sees nothing or cannot be turned upright.

    Attributes:
        field: What is wrong: `position`, `target`, `up` or `fov`.
        message: Why, and what to do, for a person.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    @override
    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Point(NamedTuple):
    """A point or a direction: Y is up, as in glTF; lengths in the model's units."""

    x: float
    y: float
    z: float


_IN_FRONT, _ORIGIN, _UPWARD = Point(0.0, 0.0, 5.0), Point(0.0, 0.0, 0.0), Point(0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A perspective camera; the defaults are the contract's.

    Attributes:
        position: Where it stands.
        target: What it looks at; comes to the middle of the image.
        up: What is upward in the image; need not be at right angles to the view.
        fov: Vertical field of view in degrees.

    Raises:
        CameraError: on making one that could not render anything.
    """

    position: Point = _IN_FRONT
    target: Point = _ORIGIN
    up: Point = _UPWARD
    fov: float = 45.0

    def __post_init__(self) -> None:
        for name in ("position", "target", "up"):
            _require_near(name, getattr(self, name))
        if not NARROWEST <= self.fov <= WIDEST:  # refuses NaN too
            raise CameraError("fov", "must be from 1 to 179 degrees")
        self._require_view()

    def _require_view(self) -> None:
        view = Point(*(to - at for to, at in zip(self.target, self.position, strict=True)))
        if math.hypot(*view) <= _NEAREST:
            raise CameraError("target", "must not be where the camera stands (position)")
        if math.hypot(*self.up) <= _NEAREST:
            raise CameraError("up", "must have a length; (0, 1, 0) is usual")
        if math.hypot(*_cross(_unit(view), _unit(self.up))) <= _PARALLEL:
            raise CameraError(
                "up", "must not be parallel to the view from position to target; try (0, 0, 1)"
            )

    def document(self) -> dict[str, object]:
        """Return the camera as JSON, in the spelling of `POST /jobs`."""
        return {
            "position": self.position._asdict(),
            "target": self.target._asdict(),
            "up": self.up._asdict(),
            "fov": self.fov,
        }


def _require_near(name: str, point: Point) -> None:
    for axis, value in point._asdict().items():
        if not abs(value) <= FARTHEST:  # refuses NaN too
            raise CameraError(name, f"{axis} must be a number from -1e9 to 1e9")


def _unit(vector: Point) -> Point:
    length = math.hypot(*vector)
    return Point(*(part / length for part in vector))


def _cross(a: Point, b: Point) -> Point:
    return Point(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
