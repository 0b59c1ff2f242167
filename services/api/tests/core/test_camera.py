import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.api.core.camera import Camera, CameraError, Point

COORDINATES = st.floats(-1e6, 1e6)
POINTS = st.builds(Point, COORDINATES, COORDINATES, COORDINATES)


def test_defaults_are_the_contracts() -> None:
    assert Camera().document() == {
        "position": {"x": 0, "y": 0, "z": 5},
        "target": {"x": 0, "y": 0, "z": 0},
        "up": {"x": 0, "y": 1, "z": 0},
        "fov": 45,
    }


@pytest.mark.parametrize("fov", [1, 45.5, 179])
def test_every_angle_from_1_to_179_is_taken(fov: float) -> None:
    assert Camera(fov=fov).fov == fov


@pytest.mark.parametrize("fov", [0.99, 179.01, 0, -45, math.nan, math.inf])
def test_other_angles_are_refused(fov: float) -> None:
    with pytest.raises(CameraError) as error:
        Camera(fov=fov)
    assert error.value.field == "fov"


def test_a_camera_at_its_target_is_refused() -> None:
    with pytest.raises(CameraError) as error:
        Camera(position=Point(1, 2, 3), target=Point(1, 2, 3))
    assert error.value.field == "target"


@pytest.mark.parametrize("up", [Point(0, 0, 1), Point(0, 0, -7), Point(0, 0, 0)])
def test_an_up_that_says_nothing_is_refused(up: Point) -> None:
    with pytest.raises(CameraError) as error:
        Camera(up=up)
    assert error.value.field == "up"


@pytest.mark.parametrize("field", ["position", "target", "up"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.1e9])
def test_numbers_that_are_none_are_refused(field: str, value: float) -> None:
    with pytest.raises(CameraError) as error:
        Camera(**{field: Point(0.0, value, 1.0)})  # type: ignore[arg-type]  # one of the points
    assert error.value.field == field


@given(POINTS, POINTS, POINTS)
def test_an_accepted_camera_has_a_view_and_an_up_across_it(a: Point, b: Point, up: Point) -> None:
    try:
        camera = Camera(position=a, target=b, up=up)
    except CameraError as error:
        assert error.field in {"target", "up"}  # noqa: PT017  # either outcome is allowed
        return
    view = [to - at for at, to in zip(camera.position, camera.target, strict=True)]
    dot = sum(p * q for p, q in zip(view, camera.up, strict=True))
    assert abs(dot) < math.hypot(*view) * math.hypot(*camera.up)
